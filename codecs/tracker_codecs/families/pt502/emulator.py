"""An emulated PT502: says its firmware, reports, takes #PTI and answers nothing."""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Emulator, Faults, Settings, Value
from tracker_codecs.families.pt502.dialogue import INTERVAL, MAX_COMMAND

_PTI = re.compile(rb"#PTI(\d{1,5})").fullmatch
_FACTORY = 30


class BofanEmulator(Emulator):
    """One unit."""

    def __init__(self, device_id: str, settings: Settings, faults: Faults) -> None:
        self.device_id = device_id
        self.faults = faults
        self._interval = int(settings.get(INTERVAL, _FACTORY))
        self._rest = b""

    @property
    def settings(self) -> dict[str, Value]:
        """The interval, in seconds."""
        return {INTERVAL: self._interval}

    def connect(self) -> list[Datum]:
        """The firmware line."""
        self._rest = b""
        return [Datum(f"$FUS{self.device_id},510-V1.12,A11-V3.0\r\n".encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        line = f"$POS,{self.device_id},{now:%H%M%S}.000,A,3258.1738,S,02755.4350,E,0.00,215.88,{now:%d%m%y},,,A"
        return [Datum(f"{line}/0000,0//232300//5b3/\r\n".encode("ascii"))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Obeys #PTI, says nothing."""
        *lines, rest = (self._rest + data).split(b"\r\n")
        self._rest = rest[-MAX_COMMAND:]
        for line in lines:
            found = _PTI(line)
            if found and not self.faults.silent and INTERVAL not in self.faults.ignore | self.faults.refuse:
                low, high = self.faults.clamp.get(INTERVAL, (0, 99999))
                self._interval = int(min(max(int(found[1]), low), high))
        return []
