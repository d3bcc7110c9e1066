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
from tracker_codecs.families.intellitrac.settings import (
    DISTANCE,
    INTERVAL,
    MODES,
    TYPE,
    Tracking,
    changed,
    told,
    tracking,
)

_LINE = re.compile(r"\$ST\+([A-Z]+)=(\w*)(?:,([0-9,?]*))?", re.ASCII)
#: What the numbers of time and distance can hold.
_MOST = 65535


class IntellitracEmulator(Device):
    """One unit; see the module."""

    line_end = b"\n"
    longest = MAX_FRAME

    def begin(self) -> None:
        """See `Device.begin`."""
        last = 3 if self.variant == "x1" and self.options.get("communication") != 0 else None
        self.tracking = Tracking(MODES[self.held.get(TYPE, "distance")], 120, 1000, 0, 1, last)
        given = {name: self.held[name] for name in (INTERVAL, DISTANCE) if name in self.held}
        self.tracking = changed(self.tracking, given)
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
        wish = tracking(f"$TRACKING={arguments}")
        if wish is None or self.faults.refuse:
            return "$ER:TRACKING=2"
        was, ignored = self.tracking, self.faults.ignore
        time, distance = min(wish.time, _MOST), min(wish.distance, _MOST)
        self.tracking = wish._replace(
            mode=was.mode if TYPE in ignored else wish.mode,
            time=was.time if INTERVAL in ignored else self.clamped(INTERVAL, time),
            distance=was.distance if DISTANCE in ignored else self.clamped(DISTANCE, distance),
        )
        return "$OK:TRACKING"
