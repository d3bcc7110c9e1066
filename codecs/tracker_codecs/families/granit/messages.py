"""What frames of Granit units say, for people.

+RRCB: id u16, time u32 (UTC seconds), a record. +DDAT: id u16, format u8, blocks u8, pack u16; a block is the time of
its first record u32, six records, and the seconds between them u16. A record has 20 bytes; one that begins with FE is
empty.
Source: traccar/traccar, GranitProtocolDecoder and its test.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from tracker_codecs.contract import Message
from tracker_codecs.families.granit.frame import ARCHIVE, NOW
from tracker_codecs.text import clean

_NOW = struct.Struct("<HI")
_ARCHIVE = struct.Struct("<HBBH")
#: Flags, satellites and PDOP, degrees and minutes x 1000 of both coordinates, speed, course, distance, analogue inputs
#: with their high bits, altitude, outputs, buffer.
_RECORD = struct.Struct("<BBBBHHBBh5BBBB")
_BLOCK, _SIZE = 126, 20


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    if message.data is None:
        return {"message": "line", "text": message.text or clean(message.frame.rstrip(b"\r\n"))}
    head, body = message.data
    found: dict[str, Any] = {"message": head.rstrip(b"~").decode("ascii")}
    if head == NOW:
        number, seconds = _NOW.unpack_from(body)
        return found | {"device_id": str(number), "unix_time": seconds, "record": _record(body[6:], seconds)}
    if head == ARCHIVE:
        number, form, blocks, pack = _ARCHIVE.unpack_from(body)
        found |= {"device_id": str(number), "format": form, "blocks": blocks, "pack": pack}
        return found | ({"records": _archive(body[6:])} if form == 4 else {"body_hex": body[6:].hex()})
    return found | {"body_hex": body.hex()}


def _archive(body: bytes) -> list[dict[str, Any]]:
    records = []
    for start in range(0, len(body), _BLOCK):
        block = body[start : start + _BLOCK]
        seconds, step = int.from_bytes(block[:4], "little"), int.from_bytes(block[-2:], "little")
        for place in range(6):
            data = block[4 + _SIZE * place :][:_SIZE]
            if data[0] != 0xFE:
                records.append(_record(data, seconds + place * step))
    return records


def _record(data: bytes, seconds: int) -> dict[str, Any]:
    flags, quality, lon, lat, lon_min, lat_min, knots, course, distance, *rest = _RECORD.unpack(data)
    latitude, longitude = lat + lat_min / 60000, lon + lon_min / 60000
    valid = bool(flags & 0x80)
    return {
        "time": datetime.fromtimestamp(seconds, UTC).isoformat(),
        "valid": valid,
        "alarm": bool(flags & 2),
        "satellites": quality >> 4,
        "pdop": quality & 15,
        "latitude": round(-latitude if valid and not flags & 0x10 else latitude, 6),
        "longitude": round(-longitude if valid and not flags & 0x20 else longitude, 6),
        "speed_knots": knots,
        "course": course + (256 if flags & 0x40 else 0),
        "distance": distance,
        "analogues": [rest[at] | (rest[4] >> 2 * at & 3) << 8 for at in range(4)],
        "altitude_m": rest[5] * 10,
        "outputs": rest[6],
    }
