"""An emulated node: tells its configuration, takes admin messages in a transaction, restarts after the commit.

As the firmware does it replaces the position section whole: what a set_config leaves out becomes 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.meshtastic import packets, proto
from tracker_codecs.families.meshtastic import settings as values
from tracker_codecs.families.meshtastic.packets import Packet, Said
from tracker_codecs.families.meshtastic.proto import FIXED32, LEN, VARINT, Field
from tracker_codecs.families.meshtastic.stream import MeshtasticStream

#: Factory state: position flags 811 and an enabled GPS are no settings of ours.
_OTHERS = {7: 811, 13: 1}
_FACTORY = {
    "tracking_interval": 900,
    "smart_position": True,
    "gps_interval": 120,
    "tracking_distance": 100,
    "smart_min_interval": 30,
}
_LOG = b"\x1b[32mINFO \x1b[0m| ??:??:?? 0 S:B:43,2.7.11\r\n"


class MeshtasticEmulator(Device):
    """One node. Options: `managed` (false) true refuses local admin; `echo` (false) true sends back what it hears."""

    factory = _FACTORY
    ears = MeshtasticStream

    def begin(self) -> None:
        """`position` is the stored position section."""
        self.node = packets.number_of(self.device_id)
        had = [Field(at, VARINT, value) for at, value in _OTHERS.items()]
        self.position = values.changed(had, self.held)
        self._pending: list[Field] | None = None
        self._editing = False
        self._count = 0

    @property
    def settings(self) -> dict[str, Value]:
        """The stored settings."""
        return values.decode(self.position)

    def login(self) -> list[Datum]:
        """A node says nothing of its own before it is asked."""
        self._pending, self._editing = None, False
        return []

    def _say(self, said: Field) -> Datum:
        self._count += 1
        return Datum(packets.frame(proto.build([Field(1, VARINT, self._count), said])))

    def _packet(self, port: int, said: Sequence[Field], request: int = 0, to: int = 0) -> Datum:
        decoded = [Field(1, VARINT, port), proto.inside(2, *said)]
        if request:
            decoded.append(Field(6, FIXED32, request))
        packet = [Field(1, FIXED32, self.node), Field(2, FIXED32, to or self.node), proto.inside(4, *decoded)]
        return self._say(proto.inside(2, *packet, Field(6, FIXED32, 0x55667700 + self._count)))

    def report(self, now: datetime) -> list[Datum]:
        """Its own position, as it is broadcast."""
        place = [Field(1, FIXED32, 488583300), Field(2, FIXED32, 22951300), Field(3, VARINT, 35)]
        place.append(Field(4, FIXED32, int(now.timestamp())))
        return [self._packet(packets.POSITION_APP, place, to=packets.BROADCAST)]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Its port may send back what it hears."""
        said = [Datum(data)] if self.options.get("echo") else []
        return said + super().receive(data, channel)

    def hear(self, message: Message) -> list[Datum]:
        """Answers want_config_id and admin messages."""
        heard: Said = message.data
        if heard.variant == "want_config_id" and isinstance(heard.value, int):
            return self._dump(heard.value)
        return self._admin(heard.packet) if heard.packet and heard.packet.to == self.node else []

    def _dump(self, nonce: int) -> list[Datum]:
        said = (
            proto.inside(3, Field(1, VARINT, self.node)),
            proto.inside(13, Field(1, LEN, b"2.7.11.ee68575"), Field(9, VARINT, 43)),
            proto.inside(5, proto.inside(1)),
            proto.inside(5, proto.inside(2, *self.position)),
            proto.inside(5, proto.inside(8, Field(2, LEN, b"private key of the node"))),
            Field(7, VARINT, nonce),
        )
        return [self._say(each) for each in said]

    def _admin(self, packet: Packet) -> list[Datum]:
        if packet.port != packets.ADMIN_APP:
            return []
        if self.options.get("managed"):
            return [self._routing(packet.number, 33)]
        fields = proto.parse(packet.payload)
        if proto.number(fields, 5) == packets.POSITION_CONFIG:
            config = proto.inside(6, proto.inside(2, *self.position))
            return [self._packet(packets.ADMIN_APP, [config], packet.number)]
        if proto.number(fields, 64):
            self._editing = True
        wanted = packets.position_of(proto.part(fields, 34) or b"")
        if wanted is not None:
            if any(self._differs(name, wanted) for name in self.faults.refuse):
                return [self._routing(packet.number, 32)]
            self._pending = wanted
        said = [self._routing(packet.number, 0)]
        if self._pending is not None and (proto.number(fields, 65) or not self._editing):
            self._store(self._pending)
            self._pending, self._editing = None, False
            said += [Datum(_LOG), self._say(Field(8, VARINT, 1))]
        return said

    def _differs(self, name: str, wanted: list[Field]) -> bool:
        at = values.NUMBERS[name]
        return proto.number(wanted, at) != proto.number(self.position, at)

    def _routing(self, request: int, error: int) -> Datum:
        # A bare radio acknowledgement has error 0 as well; the field is there even so, as in the published messages.
        return self._packet(packets.ROUTING_APP, [Field(3, VARINT, error)], request)

    def _store(self, wanted: list[Field]) -> None:
        told = values.decode(wanted)
        for name, value in told.items():
            told[name] = self.settings[name] if name in self.faults.ignore else self.clamped(name, value)
        self.position = values.changed(wanted, told)
