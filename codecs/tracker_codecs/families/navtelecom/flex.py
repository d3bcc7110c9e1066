"""FLEX messages: how long they are, what they are owed, what a record says. All integers are little endian.

`~`, a letter, content, CRC-8 (polynomial 31, start FF) over all before it. `A` count u8 and records, `T` event index
u32 and a record, `C` a record, `E` count u8 and extra records, `X` event index u32 and an extra record. A record holds
the fields of the mask that was negotiated on this link, most significant bit first. An extra record begins with its
length u16: traccar reads it big endian in one place and little endian in another, and no recorded message has one; it
is taken as little endian, as all else is. Owed: `A` and `E` their count, `T` and `X` their index, `C` nothing but
itself (traccar adds the record's index there; a public integration plan, checked with a unit, does not).
Sources: traccar/traccar Navis frame decoder, decoder (sizes of 122 fields, FLEX 1.0 and 2.0) and their tests;
wiki.navtelecom.ru, developers/flex_examples.
"""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime
from typing import Any, NamedTuple

from fastcrc import crc8

from tracker_codecs.errors import PeerError

crc = crc8.nrsc_5

#: Bytes of fields 1 to 69 (FLEX 1.0), then 70 to 122 (2.0).
SIZES = bytes(
    (
        *(4, 2, 4, 1, 1, 1, 1, 1, 4, 4, 4, 4, 4, 2, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 4, 4, 2),
        *(2, 4, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 2, 1, 4, 2, 2, 2, 2, 2, 1, 1, 1, 2, 4, 2, 1),
        *(8, 2, 1, 16, 4, 2, 4, 37, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 6, 12, 24, 48, 1, 1, 1, 1, 4, 4, 1),
        *(4, 2, 6, 2, 6, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 1),
    )
)
FLEX, VERSIONS, BEST = 0xB0, (0x0A, 0x14), 0x14
_INDEXED, _COUNTED = b"TX", b"AE"


class Mask(NamedTuple):
    """What was negotiated: numbers of the fields that are present, from 1, and the bytes of a record."""

    fields: tuple[int, ...]
    size: int


def negotiate(body: bytes) -> tuple[Mask | None, bytes]:
    """What `*>FLEX` asks for, and the body of the answer. An unknown version is answered with 2.0: the unit asks again.

    Raises PeerError for a body that is cut, another protocol, and more fields than the version has.
    """
    if len(body) < 10 or body[6] != FLEX:
        raise PeerError("no FLEX negotiation", discarded=body[:64])
    protocol, structure, count = body[7:10]
    if protocol not in VERSIONS or structure not in VERSIONS:
        return None, b"*<FLEX" + bytes((FLEX, BEST, BEST))
    mask = body[10 : 10 + math.ceil(count / 8)]
    if count > len(SIZES) or len(mask) * 8 < count:
        raise PeerError("FLEX mask does not fit its version", discarded=body[:64])
    present = tuple(at + 1 for at in range(count) if mask[at >> 3] & 0x80 >> (at & 7))
    return Mask(present, sum(SIZES[at - 1] for at in present)), b"*<FLEX" + body[6:9]


def measure(data: bytes, pos: int, mask: Mask) -> int:
    """Size of the message that starts here; 0: none does; below 0: so many bytes (negated) are needed first."""
    left = len(data) - pos
    if left < 3:
        return -3
    letter = data[pos + 1]
    if letter == 0x41:
        return 4 + data[pos + 2] * mask.size
    if letter == 0x54:
        return 7 + mask.size
    if letter == 0x43:
        return 3 + mask.size
    if letter not in b"EX":
        return 0
    total, count = (3, data[pos + 2]) if letter == 0x45 else (6, 1)
    for _ in range(count):
        if left < total + 2:
            return -total - 2
        total += 2 + int.from_bytes(data[pos + total : pos + total + 2], "little")
    return total + 1


def answer_size(letter: int) -> int:
    """Size of a server's answer; 0 for an unknown letter."""
    return 7 if letter in _INDEXED else 4 if letter in _COUNTED else 3 if letter == 0x43 else 0


def owed(frame: bytes) -> bytes:
    """The answer to a message."""
    letter = frame[1]
    said = frame[: 6 if letter in _INDEXED else 3 if letter in _COUNTED else 2]
    return said + bytes((crc(said),))


_NUMBERS = {1: "index", 2: "event", 4: "status", 7: "gsm", 14: "course", 19: "power_mv", 20: "battery_mv", 29: "inputs"}
_DEGREES = {10: "latitude", 11: "longitude"}


def record(data: bytes, mask: Mask) -> dict[str, Any]:
    """What a record says. Raises PeerError where it is cut."""
    out: dict[str, Any] = {}
    pos = 0
    for number in mask.fields:
        value = data[pos : pos + SIZES[number - 1]]
        pos += len(value)
        if len(value) != SIZES[number - 1]:
            raise PeerError("a record is cut", discarded=data[:64])
        if number in _NUMBERS:
            out[_NUMBERS[number]] = int.from_bytes(value, "little")
        elif number in (3, 9):
            seconds = int.from_bytes(value, "little")
            text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            out["event_time_utc" if number == 3 else "time_utc"] = text
        elif number == 8:
            out |= {"valid": bool(value[0] & 2), "satellites": value[0] >> 2}
        elif number in _DEGREES:
            out[_DEGREES[number]] = int.from_bytes(value, "little", signed=True) / 600000
        elif number == 12:
            out["altitude_m"] = int.from_bytes(value, "little", signed=True) / 10
        elif number == 13:
            speed = struct.unpack("<f", value)[0]
            out["speed_kmh"] = round(speed, 2) if math.isfinite(speed) else None
        else:
            out.setdefault("fields", {})[str(number)] = value.hex()
    return out


def fields(frame: bytes, mask: Mask | None) -> dict[str, Any]:
    """What a message of a device says. Raises PeerError where a record is cut."""
    letter = chr(frame[1])
    told: dict[str, Any] = {"message": "flex_telemetry", "framing": "FLEX", "type": "~" + letter}
    start = 3 if letter in "AE" else 6 if letter in "TX" else 2
    if letter in "AE":
        told["count"] = frame[2]
    elif letter in "TX":
        told["event_index"] = int.from_bytes(frame[2:6], "little")
    content = frame[start:-1]
    if mask is None or letter in "EX":
        return {**told, "content": content.hex()}
    told["records"] = [record(content[at : at + mask.size], mask) for at in range(0, len(content), mask.size or 1)]
    return told
