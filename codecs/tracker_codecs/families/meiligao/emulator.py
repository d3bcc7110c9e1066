"""A believable unit: login, positions, heartbeats; obeys 4102, 4303 and 4136 and tells its interval.

Its positions copy the printed example; answers follow the document's layouts. It does not insist on its login being
answered.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.device import Device
from tracker_codecs.errors import LocalError
from tracker_codecs.families.meiligao import frame as wire
from tracker_codecs.families.meiligao import settings as values

_FACTORY = {values.INTERVAL: 30, values.DISTANCE: 0, values.ANGLE: 0}


class MeiligaoEmulator(Device):
    """One unit; see the module. Its own id is what its frames tell: an IMEI gets the check digit it should have."""

    ears = wire.MeiligaoStream
    factory = _FACTORY

    def begin(self) -> None:
        """See `Device.begin`."""
        self._who = wire.address(self.device_id)
        name = wire.name_of(self._who)
        if name is None:
            raise LocalError("must be an IMEI, or up to 14 digits", parameter="device_id")
        self.device_id = name

    @property
    def report_interval(self) -> float:
        """Seconds between reports."""
        return float(self.held[values.INTERVAL] or 3600)

    def _say(self, command: int, data: bytes = b"") -> Datum:
        return Datum(wire.build(self._who, command, data, wire.DEVICE))

    def login(self) -> list[Datum]:
        """The login."""
        return [self._say(wire.LOGIN)]

    def heartbeat(self) -> list[Datum]:
        """One byte."""
        return [Datum(b"\0")]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        place = f"{now:%H%M%S}.000,A,2232.6083,N,11404.8137,E,0.00,,{now:%d%m%y},,*1C|11.5|194|0000|0000,0000"
        return [self._say(wire.POSITION, place.encode("ascii"))]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command to this unit, or to any."""
        if message.frame[4:11] not in (self._who, wire.ANYBODY):
            return []
        return self._obey(wire.command_of(message.frame), wire.data_of(message.frame))

    def _obey(self, command: int, data: bytes) -> list[Datum]:
        if command == values.SET_INTERVAL and len(data) == 2:
            done = self._store(values.INTERVAL, int.from_bytes(data, "big") * values.UNIT, values.UNIT)
            return [self._say(values.INTERVAL_SET, done + data)]
        if command == values.READ_INTERVAL and not data:
            return [self._say(command, (self.held[values.INTERVAL] // values.UNIT).to_bytes(2, "big"))]
        for name, number in values.COMMANDS.items():
            if command == number:
                fits = data.isdigit() and len(data) <= 10
                return [self._say(command, self._store(name, int(data)) if fits else b"\0")]
        return []

    def _store(self, name: str, value: int, step: int = 1) -> bytes:
        """Takes a value as the faults say, in whole steps; gives the flag."""
        if self.refuses(name):
            return b"\0"
        if name not in self.faults.ignore:
            low, high = self.faults.clamp.get(name, (0, 2**32))
            self.held[name] = int(min(max(value, low), high)) // step * step
        return b"\x01"
