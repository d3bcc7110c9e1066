"""What the node and its client say to each other: ToRadio, FromRadio and the few messages inside.

Numbers of fields: meshtastic/protobufs (mesh, admin, config, portnums; 2.7). Every frame is `94 C3`, the length in two
bytes big-endian, and a protobuf of at most 512 bytes (meshtastic/python, stream_interface).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tracker_codecs.contract import Ids, Message
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.meshtastic import proto
from tracker_codecs.families.meshtastic.proto import FIXED32, LEN, VARINT, Field
from tracker_codecs.text import clean

IDS = Ids("!?[0-9a-fA-F]{8}", "must be a node number: eight hex digits")
START = b"\x94\xc3"
MAX_PAYLOAD = 512
#: Woken by 32 of these, then a pause of 100 ms.
WAKE_UP = b"\xc3" * 32
BROADCAST = 0xFFFFFFFF
POSITION_APP, ROUTING_APP, ADMIN_APP = 3, 5, 6
POSITION_CONFIG = 1
ERRORS = {0: "NONE", 8: "NO_RESPONSE", 32: "BAD_REQUEST", 33: "NOT_AUTHORIZED"}
ERRORS |= {36: "ADMIN_BAD_SESSION_KEY", 37: "ADMIN_PUBLIC_KEY_UNAUTHORIZED"}
#: Variants of FromRadio by field number and wire type.
FROM_RADIO = {
    (2, LEN): "packet",
    (3, LEN): "my_info",
    (4, LEN): "node_info",
    (5, LEN): "config",
    (6, LEN): "log",
    (7, VARINT): "config_complete_id",
    (8, VARINT): "rebooted",
    (9, LEN): "module_config",
    (10, LEN): "channel",
    (11, LEN): "queue_status",
    (13, LEN): "metadata",
}
#: Variants of ToRadio. None of them has number and wire type of a FromRadio: an echo cannot be taken for an answer.
TO_RADIO = {(1, LEN): "packet", (3, VARINT): "want_config_id", (4, VARINT): "disconnect", (7, LEN): "heartbeat"}
#: PositionConfig: number -> name.
POSITION = {
    1: "position_broadcast_secs",
    2: "position_broadcast_smart_enabled",
    3: "fixed_position",
    5: "gps_update_interval",
    7: "position_flags",
    8: "rx_gpio",
    9: "tx_gpio",
    10: "broadcast_smart_minimum_distance",
    11: "broadcast_smart_minimum_interval_secs",
    12: "gps_en_gpio",
    13: "gps_mode",
}
_GPS_MODES = {0: "DISABLED", 1: "ENABLED", 2: "NOT_PRESENT"}
_FLAGS = frozenset({2, 3})
#: What `proto.scan` gives.
Fields = list[tuple[int, int, int | bytes]]


def frame(payload: bytes) -> bytes:
    """The frame of a protobuf."""
    return START + len(payload).to_bytes(2, "big") + payload


def node_id(node: int) -> str:
    """A node number as we write device ids: eight hex digits, without Meshtastic's leading `!`."""
    return f"{node:08x}"


def number_of(device_id: str) -> int:
    """The node number of a device id. Raises LocalError for an id that is none."""
    number = int(device_id.removeprefix("!"), 16) if re.fullmatch(IDS.pattern, device_id) else 0
    if number in (0, BROADCAST):
        raise LocalError(IDS.reason, parameter="device_id")
    return number


class Packet(NamedTuple):
    """A MeshPacket that is not encrypted, as far as it matters here."""

    sender: int
    to: int
    number: int
    port: int
    payload: bytes
    request: int

    @classmethod
    def parse(cls, data: bytes) -> Packet | None:
        """Raises PeerError for broken bytes; None for an encrypted packet."""
        sender = to = number = 0
        inner: bytes | None = None
        for at, wire, value in proto.scan(data):
            if isinstance(value, bytes):
                inner = value if at == 4 else inner
            elif wire == FIXED32:
                if at == 1:
                    sender = value
                elif at == 2:
                    to = value
                elif at == 6:
                    number = value
        if inner is None:
            return None
        port = request = 0
        payload = b""
        for at, wire, value in proto.scan(inner):
            if isinstance(value, bytes):
                payload = value if at == 2 else payload
            elif at == 1 and wire == VARINT:
                port = value
            elif at == 6 and wire == FIXED32:
                request = value
        return cls(sender, to, number, port, payload, request)


class Said(NamedTuple):
    """One frame: its variant and value; `packet` where it is one and can be read."""

    variant: str
    value: int | bytes
    packet: Packet | None = None
    from_client: bool = False


def understand(payload: bytes) -> Said:
    """A frame of the node. Raises PeerError for bytes that are no FromRadio."""
    fields = proto.scan(payload)
    return _first(fields, FROM_RADIO) or _client(fields)


def understand_client(payload: bytes) -> Said:
    """A frame of a client. Raises PeerError for bytes that are no ToRadio."""
    return _client(proto.scan(payload))


def _first(fields: Fields, variants: Mapping[tuple[int, int], str], *, from_client: bool = False) -> Said | None:
    """The first field that is one of these variants."""
    for number, wire, data in fields:
        variant = variants.get((number, wire))
        if variant:
            packet = Packet.parse(data) if variant == "packet" and isinstance(data, bytes) else None
            return Said(variant, data, packet, from_client)
    return None


def _client(fields: Fields) -> Said:
    said = _first(fields, TO_RADIO, from_client=True)
    if said:
        return said
    if fields and all(number > 1 for number, _, _ in fields):
        return Said("unknown", 0)  # a variant of newer firmware
    raise PeerError("a frame that says nothing known")


# -- from the client -------------------------------------------------------------------------------------------------
def want_config(nonce: int) -> bytes:
    """Asks for everything that is stored; the node ends with config_complete_id and the same number."""
    return frame(proto.build([Field(3, VARINT, nonce)]))


def admin(node: int, number: int, payload: bytes) -> bytes:
    """An AdminMessage to a node, which its admin module has to answer (want_response)."""
    decoded = proto.inside(4, Field(1, VARINT, ADMIN_APP), Field(2, LEN, payload), Field(3, VARINT, 1))
    packet = proto.inside(1, Field(2, FIXED32, node), decoded, Field(6, FIXED32, number), Field(10, VARINT, 1))
    return frame(proto.build([packet]))


GET_POSITION = proto.build([Field(5, VARINT, POSITION_CONFIG)])
BEGIN_EDIT = proto.build([Field(64, VARINT, 1)])
COMMIT_EDIT = proto.build([Field(65, VARINT, 1)])


def set_position(config: list[Field]) -> bytes:
    """The AdminMessage that replaces the whole PositionConfig: what is left out becomes 0."""
    return proto.build([proto.inside(34, proto.inside(2, *config))])


# -- from the node ---------------------------------------------------------------------------------------------------
def routing_error(packet: Packet) -> int | None:
    """Error reason of a Routing message; None for another one (a route)."""
    fields = proto.parse(packet.payload)
    return None if proto.part(fields, 1) is not None or proto.part(fields, 2) is not None else proto.number(fields, 3)


def position_of(config: bytes) -> list[Field] | None:
    """PositionConfig of a Config; None for another section."""
    found = proto.part(proto.parse(config), 2)
    return None if found is None else proto.parse(found)


def metadata(data: bytes) -> tuple[str, int]:
    """Firmware version and number of the hardware model of a DeviceMetadata."""
    fields = proto.parse(data)
    return clean(proto.part(fields, 1) or b"", 40), proto.number(fields, 9)


def shown(config: list[Field]) -> dict[str, Any]:
    """A PositionConfig for people: what is not 0, by name."""
    out: dict[str, Any] = {}
    for field in config:
        if isinstance(field.value, int):
            name = POSITION.get(field.number, f"field_{field.number}")
            out[name] = bool(field.value) if field.number in _FLAGS else field.value
    if "gps_mode" in out:
        out["gps_mode"] = _GPS_MODES.get(out["gps_mode"], out["gps_mode"])
    return out


def check(said: Said) -> None:
    """Whether the frame makes sense to its last byte. Raises PeerError where `fields` would."""
    packet = said.packet
    if packet is None:
        if isinstance(said.value, bytes):
            inner = proto.parse(said.value)
            if said.variant == "config" and (section := proto.part(inner, 2)) is not None:
                proto.parse(section)
    elif packet.port == ROUTING_APP:
        proto.parse(packet.payload)
    elif packet.port == ADMIN_APP:
        for number, _, value in proto.scan(packet.payload):
            if number in (6, 34) and isinstance(value, bytes):
                position_of(value)


def fields(message: Message) -> dict[str, Any]:
    """See `Family.fields`."""
    said: Said = message.data
    found = _packet(said.packet, said.from_client) if said.packet else _plain(said)
    return found | ({"text": message.text} if message.text else {})


def _plain(said: Said) -> dict[str, Any]:
    found: dict[str, Any] = {"message": said.variant}
    if said.variant == "want_config_id" or said.variant == "config_complete_id":
        found["nonce"] = said.value
    elif said.variant == "my_info" and isinstance(said.value, bytes):
        found["node"] = node_id(proto.number(proto.parse(said.value), 1) & 0xFFFFFFFF)
    elif said.variant == "config" and isinstance(said.value, bytes):
        config = position_of(said.value)
        if config is not None:
            found["position"] = shown(config)
    elif said.variant == "metadata" and isinstance(said.value, bytes):
        found["firmware"], found["hardware_model"] = metadata(said.value)
    return found


def _packet(packet: Packet, from_client: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"message": "packet", "port": packet.port, "packet_id": f"{packet.number:08x}"}
    for name, node in (("from", packet.sender), ("to", packet.to)):
        if node:
            found[name] = node_id(node)
    if packet.request:
        found["request_id"] = f"{packet.request:08x}"
    if packet.port == ADMIN_APP:
        found |= _admin(packet.payload)
    elif packet.port == ROUTING_APP:
        error = routing_error(packet)
        if error is not None:
            found |= {"message": "routing", "error": ERRORS.get(error, str(error))}
    elif packet.port == POSITION_APP and not from_client:
        found |= {"message": "position"} | _position(packet.payload)
    return found


def _admin(payload: bytes) -> dict[str, Any]:
    parsed = proto.parse(payload)
    words = {(5, VARINT): "get_config_request", (6, LEN): "get_config_response", (34, LEN): "set_config"}
    words |= {(64, VARINT): "begin_edit_settings", (65, VARINT): "commit_edit_settings"}
    found: dict[str, Any] = {"message": "admin"}
    for field in parsed:
        word = words.get((field.number, field.wire))
        if word:
            found["message"] = f"admin {word}"
            if isinstance(field.value, bytes):
                config = position_of(field.value)
                found |= {} if config is None else {"position": shown(config)}
            elif word == "get_config_request":
                found["config"] = "POSITION_CONFIG" if field.value == POSITION_CONFIG else field.value
    return found


def _position(payload: bytes) -> dict[str, Any]:
    """Degrees, metres, and the time as seconds since 1970 (UTC)."""
    parsed = proto.parse(payload)
    found: dict[str, Any] = {}
    for name, at in (("latitude", 1), ("longitude", 2)):
        value = proto.number(parsed, at, FIXED32)
        found[name] = (value - (value >> 31 << 32)) / 1e7
    altitude = proto.number(parsed, 3)
    found["altitude"] = altitude - (altitude >> 63 << 64)
    found["time"] = proto.number(parsed, 4, FIXED32)
    return found
