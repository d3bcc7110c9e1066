"""A believable IDD-213: login, heartbeat, positions, set and query of the interval; and a PT-690, which obeys nothing.

Login and position copy recorded ones (IDD-213W, and an older unit; traccar/traccar tests); id and time are its own.
Options: `version` (4): its version byte, and the only one it answers; `queries` (true): false keeps silent on queries.
The PT-690's frames copy recorded ones, too. Option `version` (12): its version byte.
"""

from __future__ import annotations

import struct
from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.device import Device
from tracker_codecs.families.castel import frame as wire
from tracker_codecs.families.castel import settings as values

_LOGIN = (
    bytes.fromhex("831c1c58b1fc1c58ae94040012220000f60400005800000000000763016800008484 00")
    + b"IDD_213W01_S V1.0.7\0IDD_213W01_H V1.0.7\0"
    + bytes.fromhex("0100 0211")
)
_POSITION = bytes.fromhex("01c1f06952e7f069529c9111000000000069830000070000000400036401014c00030001")
_PLACE = bytes.fromhex("1480d60488c57218000000009f01e803")
_CC_LOGIN = bytes.fromhex("1c0a0f0e362dca53cd0860831303000000000300000000ff000000000000007ba083a6") + (
    b"PT-690_V1.1.2\0PT-690 V1.2\0"
)
_CC_MARK = b"\0\1"
_CC_PLACE = bytes.fromhex("864fcd08c07a13030100640acf000004000a000000000000007ba083a6")
#: The vendor's factory interval in seconds.
_FACTORY = {values.FIELD: 30}


class CastelEmulator(Device):
    """One unit; see the module."""

    ears = wire.CastelStream
    factory = _FACTORY

    def begin(self) -> None:
        """See `Device.begin`."""
        self.version = int(self.options.get("version", 4))

    @property
    def interval(self) -> int:
        """Seconds between reports."""
        return int(self.held[values.FIELD])

    def _say(self, kind: int, body: bytes = b"") -> Datum:
        return Datum(wire.build(self.version, self.device_id, kind, body))

    def login(self) -> list[Datum]:
        """The login."""
        return [self._say(wire.LOGIN, _LOGIN)]

    def heartbeat(self) -> list[Datum]:
        """A heartbeat without a body."""
        return [self._say(wire.HEARTBEAT)]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        return [self._say(0x4001, _POSITION + _time(now) + _PLACE)]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a set message or a query that bears its id and version byte."""
        if message.device_id != self.device_id or wire.version_of(message.frame) != self.version:
            return []
        kind, body = wire.type_of(message.frame), wire.body_of(message.frame)
        if kind == wire.SET and len(body) >= 3:
            return [self._set(body)]
        if kind == wire.QUERY and len(body) >= 3 and self.options.get("queries", True):
            return [self._query(body)]
        return []

    def _set(self, body: bytes) -> Datum:
        taken = []
        for tag, value in _items(body):
            fits = tag == values.TAG and len(value) == 2
            if fits and self.obey(values.FIELD, int.from_bytes(value, "little")):
                taken.append(tag)
        return self._say(wire.SET_ANSWER, body[:2] + struct.pack(f"<B{len(taken)}H", len(taken), *taken))

    def _query(self, body: bytes) -> Datum:
        asked = struct.unpack_from(f"<{min(body[2], (len(body) - 3) // 2)}H", body, 3)
        failed = [tag for tag in asked if tag != values.TAG]
        value = self.interval.to_bytes(2, "little")
        good = b"".join(struct.pack("<HH", tag, 2) + value for tag in dict.fromkeys(asked) if tag == values.TAG)
        head = body[:2] + struct.pack(f"<BBB{len(failed)}HB", 1, 0, len(failed), *failed, bool(good))
        return self._say(wire.QUERY_ANSWER, head + good)


class CcUnit(Device):
    """A PT-690; see the module."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self._version = int(self.options.get("version", 0x0C))

    def login(self) -> list[Datum]:
        """The login."""
        return [Datum(wire.build(self._version, self.device_id, wire.CC_LOGIN, _CC_LOGIN))]

    def report(self, now: datetime) -> list[Datum]:
        """A heartbeat with a position: these units have no other report."""
        body = _CC_MARK + _time(now) + _CC_PLACE
        return [Datum(wire.build(self._version, self.device_id, wire.CC_HEARTBEAT, body))]


def _time(now: datetime) -> bytes:
    return bytes((now.day, now.month, now.year % 100, now.hour, now.minute, now.second))


def _items(body: bytes) -> list[tuple[int, bytes]]:
    """Tags and values of a set message, as far as they are whole."""
    out: list[tuple[int, bytes]] = []
    pos = 3
    while pos + 4 <= len(body) and len(out) < body[2]:
        tag, size = struct.unpack_from("<HH", body, pos)
        out.append((tag, body[pos + 4 : pos + 4 + size]))
        pos += 4 + size
    return out
