"""A believable IntelliTrac unit: sync packets, positions, TRACKING written and told, errors as documented.

Option `password`: its own, 0000 if none is given. Option `readable` (0): it answers the query with an error. Option
`communication` (0): an answer of five values, as of units that have no sixth.
"""

from __future__ import annotations

import re
import struct
from datetime import datetime

from tracker_codecs.contract import Datum, Value
from tracker_codecs.device import Device
from tracker_codecs.families.intellitrac.frame import MAX_FRAME, SYNC
from tracker_codecs.families.intellitrac.settings import DISTANCE, INTERVAL, MODES, TYPE, Tracking, changed, told

_LINE = re.compile(r"\$ST\+([A-Z]+)=(\w*)(?:,([0-9,?]*))?", re.ASCII)
_WRITE = re.compile(r"(\d),(\d{1,9}),(\d{1,5}),(\d{1,5}),([01])(?:,(\d))?", re.ASCII)


class IntellitracEmulator(Device):
    """One unit; see the module."""

    line_end = b"\n"
    longest = MAX_FRAME

    def begin(self) -> None:
        """See `Device.begin`."""
        last = 3 if self.variant == "x1" and self.options.get("communication") != 0 else None
        self.tracking = Tracking(MODES[self.held.get(TYPE, "distance")], 120, 1000, 0, 1, last)
        self.tracking = changed(
            self.tracking, {name: self.held[name] for name in (INTERVAL, DISTANCE) if name in self.held}
        )
        self._sequence = 0

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        found = told(self.tracking)
        return found if self.variant == "x1" else {name: found[name] for name in (INTERVAL, DISTANCE)}

    def login(self) -> list[Datum]:
        """A sync packet."""
        return self.heartbeat()

    def heartbeat(self) -> list[Datum]:
        """A sync packet with the next sequence."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        return [Datum(SYNC + struct.pack("<HI", self._sequence, int(self.device_id) & 0xFFFFFFFF))]

    def report(self, now: datetime) -> list[Datum]:
        """Standing still."""
        return [
            self._say(f"$RP:{self._sequence},{self.device_id},{now:%Y%m%d%H%M%S},121.646102,25.061398,0,0,61,7,2,1,0")
        ]

    def hear_line(self, line: bytes) -> list[Datum]:
        """Obeys a line."""
        found = _LINE.fullmatch(line.rstrip(b"\r").decode("latin-1"))
        return [self._say(self._obey(*found.groups()))] if found else []

    def _say(self, text: str) -> Datum:
        return Datum(text.encode("ascii") + b"\r\n")

    def _obey(self, name: str, password: str, arguments: str | None) -> str:
        if password != str(self.options.get("password", "0000")):
            return "$ERR:ACCESS DENIED"
        if name != "TRACKING":
            return f"$OK:{name}"
        if arguments == "?":
            return "$ERR:PARAMETER" if self.options.get("readable") == 0 else f"$TRACKING={self.tracking.text}"
        found = _WRITE.fullmatch(arguments or "")
        if found is None or self.faults.refuse:
            return "$ER:TRACKING=2"
        *numbers, last = found.groups()
        mode, time, distance, reports, persist = (int(each) for each in numbers)
        wish = Tracking(mode, time, distance, reports, persist, None if last is None else int(last))
        was = self.tracking
        self.tracking = wish._replace(
            mode=was.mode if TYPE in self.faults.ignore else wish.mode,
            time=was.time if INTERVAL in self.faults.ignore else self._clamped(INTERVAL, wish.time),
            distance=was.distance if DISTANCE in self.faults.ignore else self._clamped(DISTANCE, wish.distance),
        )
        return "$OK:TRACKING"

    def _clamped(self, name: str, value: int) -> int:
        low, high = self.faults.clamp.get(name, (0, 65535))
        return int(min(max(value, low), high))
