"""A believable terminal: head packet, records, answers to WrPeriod and Turning; repeats what nobody confirmed.

Its records copy a recorded one (traccar/traccar tests); only IMEI, number and time are its own. Answers have the form
printed in the Satellite v4.0 manual. How it refuses is not public, so it is silent where it would. Options: `queries`
(true) false: a command without arguments gets no answer.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.galileosky import frame as wire
from tracker_codecs.families.galileosky.texts import Period, Turning

#: Behind record number and time: position, speed, altitude, HDOP, status, voltages, inputs.
_RECORD = bytes.fromhex("300570172f03bc7dfd023363002604343e00351c400092414a6842af0e4324450000460300")
_PLACES = {"tracking_interval": ("wrperiod", 0), "tracking_angle": ("turning", 1), "tracking_distance": ("turning", 2)}
_UNCONFIRMED = 4


class GalileoskyEmulator(Device):
    """One terminal; see the module."""

    ears = wire.GalileoskyStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.stored: dict[str, list[int]] = {"wrperiod": [60, 180], "turning": [3, 10, 300, 60, 20]}
        self._unconfirmed: list[bytes] = []
        self._record = 0
        for name, value in self.held.items():
            if name in _PLACES:
                word, at = _PLACES[name]
                self.stored[word][at] = int(value)

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {name: self.stored[word][at] for name, (word, at) in _PLACES.items()}

    def _say(self, payload: bytes) -> Datum:
        frame = wire.seal(payload)
        self._unconfirmed = [*self._unconfirmed[1 - _UNCONFIRMED :], frame]
        return Datum(frame)

    def _who(self) -> bytes:
        return bytes((wire.IMEI,)) + self.device_id.encode("ascii") + bytes((wire.NUMBER, 50, 0))

    def login(self) -> list[Datum]:
        """The head packet: hardware, firmware, IMEI, device number."""
        self._unconfirmed.clear()
        return [self._say(bytes((wire.HARDWARE, 130, wire.FIRMWARE, 19)) + self._who())]

    def report(self, now: datetime) -> list[Datum]:
        """A record; before it what nobody confirmed."""
        self._record = (self._record + 1) & 0xFFFF
        again = [Datum(frame) for frame in self._unconfirmed]
        time = int(now.timestamp()).to_bytes(4, "little")
        record = b"\x10" + self._record.to_bytes(2, "little") + b"\x20" + time + _RECORD
        return [*again, self._say(self._who() + record)]

    def acknowledged(self, message: Message) -> bool:
        """A packet that the server has is not sent again."""
        mine = len(message.frame) == 3
        if mine:
            self._unconfirmed = [each for each in self._unconfirmed if each[-2:] != message.frame[1:]]
        return mine

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command with its number."""
        asked = message.data
        if not isinstance(asked, wire.Answer) or message.device_id != self.device_id:
            return []
        text = self._obey(asked.text)
        if not text:
            return []
        head = self._who() + bytes((wire.COMMAND_NUMBER,)) + (asked.number or 0).to_bytes(4, "little")
        return [self._say(head + bytes((wire.COMMAND_TEXT, len(text))) + text.encode("ascii"))]

    def _obey(self, text: str) -> str:
        """The answer to a command; empty: none."""
        word, _, rest = text.lower().partition(" ")
        if word not in self.stored:
            return ""
        if not rest:
            return self._told(word) if self.options.get("queries", True) else ""
        parts = rest.split(",")
        names = {at: name for name, (owner, at) in _PLACES.items() if owner == word}
        if len(parts) != len(self.stored[word]) or not all(part.isdecimal() for part in parts):
            return ""
        if any(name in self.faults.refuse and int(parts[at]) != self.stored[word][at] for at, name in names.items()):
            return ""
        for at, part in enumerate(parts):
            name = names.get(at, "")
            if name not in self.faults.ignore:
                self.stored[word][at] = int(self.clamped(name, int(part)))
        return self._told(word)

    def _told(self, word: str) -> str:
        if word == "wrperiod":
            period = Period(*self.stored[word])
            return f"WRPERIOD move={period.move} parking={period.parking}"
        turn = Turning(*self.stored[word])
        return (
            f"TURNING:Speed={turn.speed},Angle={turn.angle},Distance={turn.distance},"
            f"SpeedEx={turn.excess},SpeedDelta={turn.step};"
        )
