"""A believable Hua Sheng unit: login, heartbeats, positions in the form of recorded ones; obeys AA04.

The content of its answers is what the codec takes for yes (0) and no (1); no recorded one is public.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.families.huasheng import frame as wire
from tracker_codecs.families.huasheng import settings as values
from tracker_codecs.families.huasheng.frame import HuashengStream

_FACTORY = {"tracking_interval": 30, "psm_interval": 3600, "tracking_angle": 15}
#: Position, speed, course, altitude, and the parameters 1 and 5 of a recorded report.
_PLACE = bytes.fromhex("e6d4f9ffcc78c700000022003600000001001500000000000000000000059bffffffffff0005000a040300000253")


class HuashengEmulator(Device):
    """One unit; see the module."""

    factory = _FACTORY
    ears = HuashengStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self._index = 0

    def login(self) -> list[Datum]:
        """Login with firmware and IMEI."""
        content = wire.parameter(1, b"3G1_H1.1_V1.07.T") + wire.parameter(wire.IMEI, self.device_id.encode("ascii"))
        return [self._say(wire.LOGIN, content)]

    def heartbeat(self) -> list[Datum]:
        """Type AA14."""
        return [self._say(wire.HEARTBEAT)]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        return [self._say(wire.POSITION, b"\x80\0\0\0" + f"{now:%y%m%d%H%M%S}".encode("ascii") + b"\0" + _PLACE)]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a set."""
        body = wire.body_of(message.frame)
        if body is None:
            return []
        _, kind, index = wire.head_of(body)
        return [Datum(wire.build(wire.SET_ANSWER, index, self._obey(body[wire.HEAD :])))] if kind == wire.SET else []

    def _obey(self, content: bytes) -> bytes:
        try:
            asked = values.told(dict(wire.parameters(content)))
        except PeerError:
            return b"\1"
        if self.refuses(*asked):
            return b"\1"
        for name, value in asked.items():
            self.obey(name, value)
        return b"\0"

    def _say(self, kind: int, content: bytes = b"") -> Datum:
        self._index = (self._index + 1) & 0xFFFFFFFF
        return Datum(wire.build(kind, self._index, content))
