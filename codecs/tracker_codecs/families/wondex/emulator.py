"""A believable WondeX unit: positions and keep-alives in recorded form, TRACK and its query.

The form of the query's answer is the one that `dialogue` takes; no source prints it. Options: `mode` (9): its tracking
mode; `told` (true) false: it answers the query with `$OK:TRACK` alone; `password` (`0000`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.wondex import frame as wire
from tracker_codecs.families.wondex.dialogue import PLACES, Track


class WondexEmulator(Device):
    """One unit; see the module."""

    ears = wire.WondexStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.track = Track(int(self.options.get("mode", 9)), 120, 150, 0, 1, 4, 15)
        self.track = self.track._replace(**{PLACES[n]: int(value) for n, value in self.held.items() if n in PLACES})
        self._sequence = 10

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        told = self.track._asdict()
        return {name: told[place] for name, place in PLACES.items()}

    def login(self) -> list[Datum]:
        """No login: a keep-alive, or a position of a clock not yet set where the id does not fit one."""
        return self.heartbeat() or self.report(datetime(1999, 9, 25, 6, 38, 30, tzinfo=UTC))

    def heartbeat(self) -> list[Datum]:
        """A keep-alive; an id beyond 32 bits does not fit one."""
        number = int(self.device_id)
        if number >= 1 << 32:
            return []
        self._sequence = (self._sequence + 1) & 0xFFFF
        return [Datum(wire.KEEP_ALIVE + self._sequence.to_bytes(2, "little") + number.to_bytes(4, "little"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        return [self._say(f"{self.device_id},{now:%Y%m%d%H%M%S},76.948633,43.354700,0,140,15,9,2,1325,125.4,10.5,0.0")]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to an order."""
        if message.data[0] != "order":
            return []
        word = message.data[1]
        pin, *arguments = message.frame.rstrip(b"\r\n").decode("ascii").partition("=")[2].split(",")
        if pin != self.options.get("password", "0000"):
            return [self._say(f"$ERR:{word}=1")]
        return [self._say(self._obey(arguments) if word == "TRACK" else f"$OK:{word}")]

    def _obey(self, arguments: list[str]) -> str:
        if arguments == ["?"]:
            told = "=" + ",".join(map(str, self.track)) if self.options.get("told", True) else ""
            return f"$OK:TRACK{told}"
        if len(arguments) != len(Track._fields) or not all(each.isdecimal() for each in arguments):
            return "$ERR:TRACK=1"
        new = Track(*map(int, arguments))
        asked = new._asdict()
        changed = {name for name, place in PLACES.items() if asked[place] != self.track._asdict()[place]}
        if changed & self.faults.refuse:
            return "$ERR:TRACK=1"
        for name, place in PLACES.items():
            low, high = self.faults.clamp.get(name, (0, 1 << 32))
            asked[place] = int(min(max(asked[place], low), high))
            if name in self.faults.ignore:
                asked[place] = self.track._asdict()[place]
        self.track = Track(**asked)
        return "$OK:TRACK"

    @staticmethod
    def _say(text: str) -> Datum:
        return Datum(wire.line(text))
