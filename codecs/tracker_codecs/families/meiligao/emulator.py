"""A believable unit: login, positions, heartbeats; obeys 4102, 4303 and 4136 and tells its interval.

Its positions copy the printed example; answers follow the document's layouts. It does not insist on its login being
answered.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.errors import LocalError
from tracker_codecs.families.meiligao import frame as wire
from tracker_codecs.families.meiligao import settings as values

_FACTORY = {values.INTERVAL: 30, values.DISTANCE: 0, values.ANGLE: 0}


class MeiligaoEmulator(Device):
    """One unit; see the module. Its own id is what its frames tell: an IMEI gets the check digit it should have."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self._who = wire.address(self.device_id)
        name = wire.name_of(self._who)
        if name is None:
            raise LocalError("must be an IMEI, or up to 14 digits", parameter="device_id")
        self.device_id = name
        self._state: dict[str, int] = dict(_FACTORY)
        self._state |= {key: int(value) for key, value in self.held.items() if key in _FACTORY}
        self._stream = self._listen()

    def _listen(self) -> wire.MeiligaoStream:
        return wire.MeiligaoStream(self.transport, server=True)

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return dict(self._state)

    @property
    def report_interval(self) -> float:
        """Seconds between reports."""
        return float(self._state[values.INTERVAL] or 3600)

    def _say(self, command: int, data: bytes = b"") -> Datum:
        return Datum(wire.build(self._who, command, data, wire.DEVICE))

    def connect(self) -> list[Datum]:
        """The login."""
        self._stream = self._listen()
        return [self._say(wire.LOGIN)]

    def heartbeat(self) -> list[Datum]:
        """One byte."""
        return [Datum(b"\0")]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        place = f"{now:%H%M%S}.000,A,2232.6083,N,11404.8137,E,0.00,,{now:%d%m%y},,*1C|11.5|194|0000|0000,0000"
        return [self._say(wire.POSITION, place.encode("ascii"))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`."""
        said = []
        for event in self._stream.feed(data):
            if isinstance(event, Message) and event.frame[4:11] in (self._who, wire.ANYBODY) and not self.faults.silent:
                said += self._obey(wire.command_of(event.frame), wire.data_of(event.frame))
        return said

    def _obey(self, command: int, data: bytes) -> list[Datum]:
        if command == values.SET_INTERVAL and len(data) == 2:
            done = self._store(values.INTERVAL, int.from_bytes(data, "big") * values.UNIT, lambda v: v // 10 * 10)
            return [self._say(values.INTERVAL_SET, done + data)]
        if command == values.READ_INTERVAL and not data:
            return [self._say(command, (self._state[values.INTERVAL] // values.UNIT).to_bytes(2, "big"))]
        for name, number in values.COMMANDS.items():
            if command == number:
                fits = data.isdigit() and len(data) <= 10
                return [self._say(command, self._store(name, int(data), int) if fits else b"\0")]
        return []

    def _store(self, name: str, value: int, rounded: Callable[[float], float]) -> bytes:
        """Takes a value as the faults say; gives the flag."""
        if name in self.faults.refuse:
            return b"\0"
        if name not in self.faults.ignore:
            low, high = self.faults.clamp.get(name, (0, 2**32))
            self._state[name] = int(rounded(min(max(value, low), high)))
        return b"\x01"
