"""A believable EV-07B: data packets that want an answer, its configuration, key 44.

Its data copies a recorded packet; its configuration holds the keys of the recorded one that are understood. The code of
a refusal is not public; 1 stands for it. Option `repeats` (false) true: answers repeat the command's sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.eview import dialogue
from tracker_codecs.families.eview import frame as wire
from tracker_codecs.families.eview.messages import intervals, packed

_STATUS = bytes.fromhex("42535a18")
_SERVER = wire.item(0x43, b"\x80\x43\x14gps.example.org")

_FACTORY: Mapping[str, Value] = {dialogue.MOVING: dialogue.EXAMPLE[1], dialogue.PARKED: dialogue.EXAMPLE[2]}


class EviewEmulator(Device):
    """One unit; see the module."""

    factory = _FACTORY
    ears = wire.EviewStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.heartbeat_raw = dialogue.EXAMPLE[0]
        self._sequence = 0

    def _data(self, tail: bytes) -> Datum:
        self._sequence = (self._sequence + 1) & 0xFFFF
        body = bytes((wire.DATA,)) + wire.item(0x01, self.device_id.encode("ascii")) + tail
        return Datum(wire.seal(body, self._sequence, wire.WANTS_ANSWER))

    def login(self) -> list[Datum]:
        """A request for the time, as recorded: it names the unit."""
        body = bytes((wire.SERVICES,)) + wire.item(0x01, self.device_id.encode("ascii")) + wire.item(0x12, b"")
        return [Datum(wire.seal(body, 1, wire.WANTS_ANSWER))]

    def report(self, now: datetime) -> list[Datum]:
        """Time, status and place."""
        time = int(now.timestamp()).to_bytes(4, "little")
        place = bytes.fromhex("f0b4f22300af0e0c0000000012000a0000000000") + b"\x09"
        return [self._data(wire.item(0x24, time + _STATUS) + wire.item(0x20, place))]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a configuration package."""
        body = message.frame[wire.HEAD :]
        if body[0] != wire.CONFIGURATION:
            return []
        number = message.data if self.options.get("repeats") else 0
        return [Datum(wire.seal(self._obey(body), number))]

    def _obey(self, body: bytes) -> bytes:
        if body == dialogue.READ_ALL:
            value = packed(self.heartbeat_raw, self.held[dialogue.MOVING], self.held[dialogue.PARKED])
            known = wire.item(0x03, self.device_id.encode("ascii")) + _SERVER + wire.item(dialogue.INTERVALS, value)
            return bytes((wire.CONFIGURATION,)) + known
        written = wire.value_of(body, dialogue.INTERVALS, dialogue.INTERVALS_SIZE)
        if written is None:
            return b"\x7f\x01\x01"
        heartbeat, upload, lazy = intervals(written)
        asked = {dialogue.MOVING: upload, dialogue.PARKED: lazy}
        if any(asked[name] != self.held[name] for name in self.faults.refuse & asked.keys()):
            return b"\x7f\x01\x01"
        self.heartbeat_raw = heartbeat
        for name, seconds in asked.items():
            if name not in self.faults.ignore:
                low, high = self.faults.clamp.get(name, dialogue.RANGE)
                self.held[name] = int(min(max(seconds, low), high))
        return b"\x7f\x01\x00"
