"""A believable Omni scooter: checks in, reports its place, takes D1 without a word.

No public document tells an answer to D1, so there is none here either.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.families.xrb28.frame import from_server
from tracker_codecs.interval import FIELD, IntervalDevice


class Xrb28Emulator(IntervalDevice):
    """One unit; see the module. Option `header` as in the family."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self._header = "HBCR" if self.options.get("header") == "HBCS" else "SCOR"

    def _say(self, text: str) -> list[Datum]:
        return [Datum(f"*{self._header},OM,{self.device_id},{text}#\n".encode("ascii"))]

    def connect(self) -> list[Datum]:
        """The check-in."""
        return self._say("Q0,412,80,28")

    def heartbeat(self) -> list[Datum]:
        """Unlocked, voltage, signal, charge."""
        return self._say("H0,0,412,28,80,0")

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = "A,2238.5905,N,11401.0890,E,9,0.69"
        return self._say(f"D0,0,{now:%H%M%S}.00,{place},{now:%d%m%y},30.3,M,A")

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """D1 with a number; a line cut in two is lost."""
        for event in from_server(data):
            if not isinstance(event, Message) or event.device_id != self.device_id or self.faults.silent:
                continue
            word, rest = event.data[6], event.data[7]
            if word == b"D1" and rest and rest.isdigit() and len(rest) < 8:
                self.obey(FIELD, int(rest))
        return []
