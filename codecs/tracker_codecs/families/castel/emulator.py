"""A believable IDD-213: login, heartbeat, positions, set and query of the interval; and a PT-690, which obeys nothing.

Login and position copy recorded ones (IDD-213W, and an older unit; traccar/traccar tests); id and time are its own.
Options: `version` (4): its version byte, and the only one it answers; `queries` (true): false keeps silent on queries.
The PT-690's frames copy recorded ones, too. Option `version` (12): its version byte.
"""

from __future__ import annotations

import struct
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
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
_FACTORY = 30


class CastelEmulator(Device):
    """One unit; see the module."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self.version = int(self.options.get("version", 4))
        self.interval = int(self.held.get(values.FIELD, _FACTORY))
        self._stream = wire.CastelStream(self.transport, server=True)

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {values.FIELD: self.interval}

    def _say(self, kind: int, body: bytes = b"") -> Datum:
        return Datum(wire.build(self.version, self.device_id, kind, body))

    def connect(self) -> list[Datum]:
        """The login."""
        self._stream = wire.CastelStream(self.transport, server=True)
        return [self._say(wire.LOGIN, _LOGIN)]

    def heartbeat(self) -> list[Datum]:
        """A heartbeat without a body."""
        return [self._say(wire.HEARTBEAT)]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        return [self._say(0x4001, _POSITION + _time(now) + _PLACE)]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`."""
        said: list[Datum] = []
        for event in self._stream.feed(data):
            if not isinstance(event, Message) or self.faults.silent or event.device_id != self.device_id:
                continue
            if wire.version_of(event.frame) != self.version:
                continue
            kind, body = wire.type_of(event.frame), wire.body_of(event.frame)
            if kind == wire.SET and len(body) >= 3:
                said.append(self._set(body))
            elif kind == wire.QUERY and len(body) >= 3 and self.options.get("queries", True):
                said.append(self._query(body))
        return said

    def _set(self, body: bytes) -> Datum:
        taken = []
        for tag, value in _items(body):
            if tag == values.TAG and len(value) == 2 and values.FIELD not in self.faults.refuse:
                taken.append(tag)
                low, high = self.faults.clamp.get(values.FIELD, (0, 0xFFFF))
                if values.FIELD not in self.faults.ignore:
                    self.interval = int(min(max(int.from_bytes(value, "little"), low), high))
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

    def connect(self) -> list[Datum]:
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
