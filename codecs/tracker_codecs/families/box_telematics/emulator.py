"""A believable BOX-tracker: header, logs in batches that are sent again until confirmed, CONFIG and the settings.

Lines have the form of recorded and printed ones; the listing holds the printed tail of the document's and the settings
that are written. How it refuses is not public, so it is silent where it would. Options: `gpshc` (text): what GPSHC
lists, or `absent`; `echo` (true): a write tells its row before OK, and a serial port sends back what it hears. On a
serial port nothing is said unasked.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message, Transport, Value
from tracker_codecs.device import Device
from tracker_codecs.families.box_telematics import settings as values
from tracker_codecs.families.box_telematics.frame import BoxStream

_LISTING = {
    "GPSHC": "20",
    "SERVER1_PASS": "password",
    "SPEEDALM": "0",
    "UPLOADD": "0",
    "UPLOADHC": "0",
    "UPLOADI": "300",
    "UPLOADI_BOFF": "86400",
    "UPLOADI_IOFF": "86400",
    "VALIDATE_KEY": "1",
    "VBAT12": "1",
}
_FIELDS = {word: name for name, words in values.WORDS.items() for word in words}


class BoxEmulator(Device):
    """One unit; see the module."""

    ears = BoxStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self._wired = self.transport is Transport.SERIAL
        self.stored = dict(_LISTING)
        shown = self.options.get("gpshc")
        if shown == "absent":
            del self.stored["GPSHC"]
        elif shown is not None:
            self.stored["GPSHC"] = str(shown)
        if "tracking_interval" in self.held:
            self.stored["UPLOADI"] = str(self.held["tracking_interval"])
        if "tracking_angle" in self.held:
            self.stored |= {"GPSHC": str(self.held["tracking_angle"]), "UPLOADHC": "1"}
        self._batch = 0
        self._waiting: list[bytes] = []

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`; an angle that is switched off is 0."""
        return values.told(self.stored)

    def login(self) -> list[Datum]:
        """The header line."""
        if self._wired:
            return []
        return [Datum(f"H,BT,{self.device_id},081028142432,F5813D19,6D6E6DC2\r".encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """The logs that nobody confirmed and a new one, then the end mark."""
        if self._wired:
            return []
        self._batch += 1
        log = f"L,{now:%y%m%d%H%M%S},G,52.51084,-1.70849,0,170,0,1,0\r".encode("ascii")
        self._waiting = [*self._waiting[-15:], log]
        return [*(Datum(line) for line in self._waiting), Datum(f"E,{self._batch}\r".encode("ascii"))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`; with its echo before the answers."""
        echo = [Datum(data)] if self._wired and self.options.get("echo") else []
        return echo + super().receive(data, channel)

    def acknowledged(self, message: Message) -> bool:
        """A confirmed batch is not sent again."""
        if message.frame == f"A,{self._batch}\r".encode("ascii"):
            self._waiting.clear()
        return message.frame.startswith(b"A,")

    def hear(self, message: Message) -> list[Datum]:
        """The lines that answer a command."""
        return [Datum(f"{each}\r".encode("ascii")) for each in self._obey(message.frame[:-1].decode("ascii"))]

    def _obey(self, line: str) -> list[str]:
        """The lines that answer a command; none where it would refuse."""
        word, comma, text = line.partition(",")
        if line == "CONFIG":
            return [*(f"{name} {value}" for name, value in self.stored.items()), "OK"]
        name = _FIELDS.get(word, "")
        value = values.number(text)
        if not comma or word not in self.stored or value is None or name in self.faults.refuse:
            return []
        if word == values.ANGLE_ON and value > 1:
            return []
        if name not in self.faults.ignore:
            self.stored[word] = str(value if word == values.ANGLE_ON else self.clamped(name, min(value, 2**32)))
        return [f"{word} {self.stored[word]}", "OK"] if self.options.get("echo") else ["OK"]
