"""Payloads of the few UBX messages that are spoken here; all numbers little-endian.

Sources: semuconsulting/pyubx2 (message tables, configuration key database, tests); u-blox names are used. The layout
of NAV-PVT is held by a recorded frame of a public parser's tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from construct import Array, Bytes, Const, GreedyBytes, Int8ul, Int16ul, Int32sl, Int32ul, Struct

from tracker_codecs import nmea
from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.ubx import frame as wire
from tracker_codecs.text import clean

#: ms between measurements, measurements a fix, reference (0 UTC, 1 GPS, ...).
RATE = Struct("period" / Int16ul, "cycles" / Int16ul, "reference" / Int16ul)
VALSET = Struct("version" / Const(b"\x00"), "layers" / Int8ul, "reserved" / Bytes(2), "pairs" / GreedyBytes)
VALGET = Struct("version" / Int8ul, "layer" / Int8ul, "position" / Int16ul, "pairs" / GreedyBytes)
PVT = Struct(
    "time_of_week" / Int32ul,
    "year" / Int16ul,
    "month_to_second" / Array(5, Int8ul),
    "valid" / Int8ul,
    "accuracy" / Int32ul,
    "nanosecond" / Int32sl,
    "fix_type" / Int8ul,
    "flags" / Int8ul,
    "flags_2" / Int8ul,
    "satellites" / Int8ul,
    "longitude" / Int32sl,
    "latitude" / Int32sl,
    "rest" / GreedyBytes,
)
_VERSION = Struct("software" / Bytes(30), "hardware" / Bytes(10), "extensions" / GreedyBytes)

PERIOD, CYCLES, REFERENCE = 0x30210001, 0x30210002, 0x20210003
RAM, BATTERY, FLASH = 1, 2, 4
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
_NAMES = {
    wire.ACK_NAK: "ACK-NAK",
    wire.ACK_ACK: "ACK-ACK",
    wire.CFG_RATE: "CFG-RATE",
    wire.CFG_VALSET: "CFG-VALSET",
    wire.CFG_VALGET: "CFG-VALGET",
    wire.MON_VER: "MON-VER",
    wire.SEC_UNIQID: "SEC-UNIQID",
    wire.NAV_PVT: "NAV-PVT",
    wire.NAV_POSLLH: "NAV-POSLLH",
}
_POLLED = frozenset({wire.CFG_RATE, wire.MON_VER, wire.SEC_UNIQID, wire.NAV_PVT})


def size_of(key: int) -> int:
    """Bytes of a value, from bits 28 to 30 of its key; 0 for a key that tells none."""
    return _SIZES.get(key >> 28 & 7, 0)


def pairs(data: bytes) -> tuple[dict[int, int], int | None]:
    """Keys and values of a VALGET answer or a VALSET; and the key that the data breaks off behind, if it does."""
    found: dict[int, int] = {}
    pos = 0
    while pos < len(data):
        key = int.from_bytes(data[pos : pos + 4], "little")
        size = size_of(key)
        value = data[pos + 4 : pos + 4 + size]
        if len(data) - pos < 4 or not size or len(value) != size:
            return found, key
        found[key] = int.from_bytes(value, "little")
        pos += 4 + size
    return found, None


def valset(layers: int, values: dict[int, int]) -> bytes:
    """The CFG-VALSET that writes these into the layers (bit 0 RAM, 1 battery-backed RAM, 2 flash)."""
    data = b"".join(key.to_bytes(4, "little") + value.to_bytes(size_of(key), "little") for key, value in values.items())
    return wire.build(wire.CFG_VALSET, VALSET.build({"layers": layers, "reserved": bytes(2), "pairs": data}))


def valget(keys: Sequence[int], layer: int = 0) -> bytes:
    """The CFG-VALGET that asks for these keys in a layer (0: RAM, what is in use)."""
    data = b"".join(key.to_bytes(4, "little") for key in keys)
    return wire.build(wire.CFG_VALGET, VALGET.build({"version": 0, "layer": layer, "position": 0, "pairs": data}))


def rate(period: int, cycles: int, reference: int) -> bytes:
    """The CFG-RATE that sets all three."""
    return wire.build(wire.CFG_RATE, RATE.build({"period": period, "cycles": cycles, "reference": reference}))


def version(payload: bytes) -> dict[str, Any] | None:
    """What a MON-VER answer says: software, hardware, and the extensions of the form NAME=value."""
    if len(payload) < 40 or (len(payload) - 40) % 30:
        return None
    found = _VERSION.parse(payload)
    lines = [_text(found.extensions[at : at + 30]) for at in range(0, len(found.extensions), 30)]
    named = dict(line.split("=", 1) for line in lines if "=" in line)
    return {"software": _text(found.software), "hardware": _text(found.hardware), "extensions": lines, "named": named}


def _text(raw: bytes) -> str:
    return clean(raw.split(b"\0", 1)[0])


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. Raises PeerError for a payload of the wrong size."""
    kind, payload = wire.kind_of(message.frame), wire.payload_of(message.frame)
    if not kind:
        return nmea.fields(nmea.body_of(message.frame))
    found: dict[str, Any] = {
        "protocol": "ubx",
        "message": _NAMES.get(kind, f"{kind[0]:02X}-{kind[1]:02X}"),
        "class": f"{kind[0]:02x}",
        "id": f"{kind[1]:02x}",
        "payload_length": len(payload),
    }
    if kind in _POLLED and not payload:
        return found | {"message": f"{found['message']} poll"}
    return found | _decoded(kind, payload)


def _decoded(kind: bytes, payload: bytes) -> dict[str, Any]:
    if kind in (wire.ACK_ACK, wire.ACK_NAK) and len(payload) == 2:
        return {"acked": [f"{payload[0]:02x}", f"{payload[1]:02x}"]}
    if kind == wire.CFG_RATE and len(payload) == RATE.sizeof():
        told = RATE.parse(payload)
        return {"meas_rate_ms": told.period, "nav_rate": told.cycles, "time_ref": told.reference}
    if kind == wire.CFG_VALSET and len(payload) >= 4:
        values, broken = pairs(payload[4:])
        return {"layers": payload[1], "values": _shown(values), **_truncated(broken)}
    if kind == wire.CFG_VALGET and len(payload) >= 4:
        return _valget(payload)
    if kind == wire.MON_VER and (told := version(payload)):
        return {key: told[key] for key in ("software", "hardware", "extensions")}
    if kind == wire.SEC_UNIQID and (told := wire.unique_id(payload)):
        return {"unique_id": told}
    if kind == wire.NAV_PVT and len(payload) >= 84:
        return _pvt(payload)
    if kind in _NAMES and kind != wire.NAV_POSLLH:
        raise PeerError(f"{_NAMES[kind]} with a payload of {len(payload)} bytes")
    return {}


def _valget(payload: bytes) -> dict[str, Any]:
    told = VALGET.parse(payload)
    found = {"version": told.version, "layer": told.layer, "position": told.position}
    values, broken = pairs(told.pairs)
    if told.version == 0 and len(told.pairs) % 4 == 0 and broken is not None:  # a poll: keys alone
        keys = [told.pairs[at : at + 4] for at in range(0, len(told.pairs), 4)]
        return found | {
            "message": "CFG-VALGET poll",
            "keys": [f"0x{int.from_bytes(key, 'little'):08x}" for key in keys],
        }
    return found | {"values": _shown(values), **_truncated(broken)}


def _shown(values: dict[int, int]) -> dict[str, int]:
    return {f"0x{key:08x}": value for key, value in values.items()}


def _truncated(key: int | None) -> dict[str, str]:
    return {} if key is None else {"truncated_key": f"0x{key:08x}"}


def _pvt(payload: bytes) -> dict[str, Any]:
    told = PVT.parse(payload)
    month, day, hour, minute, second = told.month_to_second
    found = {"valid": bool(told.flags & 1), "fix_type": told.fix_type, "satellites": told.satellites}
    found |= {"latitude": told.latitude / 1e7, "longitude": told.longitude / 1e7}
    if told.valid & 3 == 3:
        found["time"] = f"{told.year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"
    return found
