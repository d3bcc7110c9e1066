"""The wire as `construct` structs, in both directions: what emulator and tests build and take apart.

All integers are big endian. The hot path and `records` read the same layouts with plain `struct`, an order of magnitude
faster; tests hold the two against each other over every frame from outside.
Source: Teltonika wiki, Data Sending Protocols (codecs 8, 8 extended, 12, 13, 14, 16; UDP channel; worked examples).
"""

from __future__ import annotations

from typing import Any

import construct as cs

from tracker_codecs.families.teltonika import frame as wire

LOGIN = cs.PascalString(cs.Int16ub, "ascii")


def _values(identifier: Any, value: Any, count: Any) -> Any:
    return cs.PrefixedArray(count, cs.Struct("id" / identifier, "value" / value))


def _record(codec: int) -> Any:
    identifier = cs.Int8ub if codec == wire.AVL_8 else cs.Int16ub
    count = cs.Int16ub if codec == wire.AVL_8E else cs.Int8ub
    groups = [
        f"io{size}" / _values(identifier, value, count)
        for size, value in ((1, cs.Int8ub), (2, cs.Int16ub), (4, cs.Int32ub), (8, cs.Int64ub))
    ]
    if codec == wire.AVL_8E:
        groups.append("variable" / _values(identifier, cs.Prefixed(cs.Int16ub, cs.GreedyBytes), cs.Int16ub))
    return cs.Struct(
        "timestamp_ms" / cs.Int64ub,
        "priority" / cs.Int8ub,
        "lon_1e7" / cs.Int32sb,
        "lat_1e7" / cs.Int32sb,
        "altitude_m" / cs.Int16sb,
        "angle_deg" / cs.Int16ub,
        "satellites" / cs.Int8ub,
        "speed_kmh" / cs.Int16ub,
        "event_io" / identifier,
        *(["generation_type" / cs.Int8ub] if codec == wire.AVL_16 else []),
        "io_total" / count,
        *groups,
    )


RECORDS = {codec: _record(codec) for codec in (wire.AVL_8, wire.AVL_8E, wire.AVL_16)}


def _avl(codec: int) -> Any:
    return cs.Struct(
        "records" / cs.PrefixedArray(cs.Int8ub, RECORDS[codec]),
        "count_again" / cs.Rebuild(cs.Int8ub, lambda this: len(this.records)),
    )


def _text(*before: Any) -> Any:
    """Quantity, type, size of the rest, what stands before the text, the text, quantity again."""
    return cs.Struct(
        "quantity" / cs.Const(1, cs.Int8ub),
        "type" / cs.Int8ub,
        "content" / cs.Prefixed(cs.Int32ub, cs.Struct(*before, "text" / cs.GreedyBytes)),
        "quantity_again" / cs.Const(1, cs.Int8ub),
    )


_IMEI = "imei_field" / cs.Hex(cs.Bytes(8))
_TIME = "time" / cs.Int32ub
#: From codec id to second quantity.
BODY = cs.Struct(
    "codec" / cs.Int8ub,
    "data"
    / cs.Switch(
        cs.this.codec,
        {
            **{codec: _avl(codec) for codec in RECORDS},
            wire.TEXT_12: _text(),
            wire.TEXT_13: _text(_TIME),
            wire.TEXT_14: _text(_IMEI),
            wire.TEXT_15: _text(_TIME, _IMEI),
        },
        default=cs.Error,
    ),
)
_BODY_BYTES = "body" / cs.RawCopy(BODY)
#: A data frame over TCP.
PACKET = cs.Struct(
    cs.Const(wire.PREAMBLE),
    "framed" / cs.Prefixed(cs.Int32ub, cs.Struct(_BODY_BYTES)),
    "crc" / cs.Checksum(cs.Int32ub, wire.crc, lambda this: this.framed.body.data),
)
#: An AVL packet over UDP.
DATAGRAM = cs.Prefixed(
    cs.Int16ub,
    cs.Struct(
        "packet_id" / cs.Int16ub,
        cs.Const(1, cs.Int8ub),
        "avl_packet_id" / cs.Int8ub,
        "imei" / cs.PascalString(cs.Int16ub, "ascii"),
        _BODY_BYTES,
    ),
)


def packet(codec: int, data: Any) -> bytes:
    """A data frame over TCP around this content."""
    return bytes(PACKET.build({"framed": {"body": {"value": {"codec": codec, "data": data}}}}))


def text_packet(codec: int, kind: int, text: bytes, **before: Any) -> bytes:
    """A frame of codec 12 to 15: `kind` is the type byte, `before` the time or IMEI field that its codec has."""
    return packet(codec, {"type": kind, "content": {"text": text, **before}})
