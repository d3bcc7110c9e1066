"""A believable lock: asks for the time, reports, answers P04; and a unit of the older generation, which obeys nothing.

Where it would refuse it is silent, because no error answer is published. Its report copies the manual's example, with
its own ID, time and serial; that of the older unit copies a recorded one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.jointech import frame as wire
from tracker_codecs.families.jointech import settings as values

_STATE = bytes.fromhex("22348310113550543f12980000002d060000000020e028109228661f000100000f0f0f0f0f0f0f0f000001cc01")
_PLACE = "T,22.564025,N,113.242329,E,5.21,152,9,32%,00000000000011,10133,5173,22,100"


class GpUnit(Device):
    """A unit that reports in `U01` texts; see the module."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self._serial = 0

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        self._serial += 1
        return [Datum(f"({self.device_id},U01,{now:%d%m%y,%H%M%S},{_PLACE},{self._serial})".encode("ascii"))]


class JointechEmulator(Device):
    """One unit; see the module."""

    factory: ClassVar[Mapping[str, Value]] = {values.FIELD: 60}
    ears = wire.JointechStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.wake_up = values.WAKE_UP
        self._serial = 0

    def _say(self, text: str) -> Datum:
        return Datum(f"({self.device_id},{text})".encode("ascii"))

    def login(self) -> list[Datum]:
        """It asks for the time."""
        return [self._say("P22,2")]

    def heartbeat(self) -> list[Datum]:
        """Its keep-alive."""
        return [self._say("@JT")]

    def report(self, now: datetime) -> list[Datum]:
        """A position that wants an answer."""
        self._serial = (self._serial + 1) & 0xFF
        head = b"$" + bytes.fromhex(self.device_id) + b"\x19\x11\x00\x34"
        return [Datum(head + bytes.fromhex(f"{now:%d%m%y%H%M%S}") + _STATE + bytes((self._serial,)))]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a text."""
        word, *arguments = wire.parts(message.frame)
        return self._obey(word, arguments)

    def _obey(self, word: str, arguments: list[str]) -> list[Datum]:
        if word == "P22":
            return [self._say("P22,1")]
        if word != values.WORD or not all(each.isascii() and each.isdigit() for each in arguments):
            return []
        numbers = [int(each[:9]) for each in arguments]
        if len(numbers) == 3 and numbers[0] == 1:
            if self.refuses(values.FIELD):
                return []
            if values.FIELD not in self.faults.ignore:
                low, high = self.faults.clamp.get(values.FIELD, (5, 60000))
                self.held[values.FIELD], self.wake_up = int(min(max(numbers[1], low), high)), numbers[2]
        elif numbers != [0]:
            return []
        return [self._say(f"{values.WORD},{self.held[values.FIELD]},{self.wake_up}")]
