"""An emulated PT502: says its firmware, reports, takes #PTI and answers nothing."""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum
from tracker_codecs.device import Device
from tracker_codecs.interval import FIELD

_FACTORY = {FIELD: 30}
_PTI = re.compile(rb"#PTI(\d{1,5})").fullmatch


class BofanEmulator(Device):
    """One unit."""

    factory = _FACTORY
    line_end = b"\r\n"

    def login(self) -> list[Datum]:
        """The firmware line."""
        return [Datum(f"$FUS{self.device_id},510-V1.12,A11-V3.0\r\n".encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        line = f"$POS,{self.device_id},{now:%H%M%S}.000,A,3258.1738,S,02755.4350,E,0.00,215.88,{now:%d%m%y},,,A"
        return [Datum(f"{line}/0000,0//232300//5b3/\r\n".encode("ascii"))]

    def hear_line(self, line: bytes) -> list[Datum]:
        """Obeys #PTI, says nothing."""
        if found := _PTI(line):
            self.obey(FIELD, int(found[1]))
        return []
