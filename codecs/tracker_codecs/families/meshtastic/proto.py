"""Protocol Buffers at the level of the wire: enough to read a handful of fields and to keep all the others.

A message is a list of (number, wire type, value): varints and fixed numbers as int, length-delimited as bytes. What is
not understood goes back as it came. Source: the public Protocol Buffers encoding document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tracker_codecs.errors import PeerError

VARINT, FIXED64, LEN, FIXED32 = 0, 1, 2, 5
#: More fields than any message of this family has.
MAX_FIELDS = 512


class Field(NamedTuple):
    """One field as it stands on the wire."""

    number: int
    wire: int
    value: int | bytes


def _varint(data: bytes, pos: int) -> tuple[int, int]:
    if pos < len(data) and data[pos] < 0x80:
        return data[pos], pos + 1
    value = 0
    for shift in range(0, 70, 7):
        if pos >= len(data):
            raise PeerError("a protobuf number breaks off")
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, pos
    raise PeerError("a protobuf number that is too long")


def parse(data: bytes) -> list[Field]:
    """The fields of a message, in order. Raises PeerError for bytes that are none."""
    return [Field(*each) for each in scan(data)]


def scan(data: bytes) -> list[tuple[int, int, int | bytes]]:
    """`parse` for the hot path: plain tuples cost a third of `Field`, and there are ten a frame."""
    fields: list[tuple[int, int, int | bytes]] = []
    pos, end = 0, len(data)
    while pos < end:
        key = data[pos]  # one byte for most fields
        pos += 1
        if key > 0x7F:
            key, pos = _varint(data, pos - 1)
        number, wire = key >> 3, key & 7
        if not 0 < number < 1 << 29 or len(fields) == MAX_FIELDS:
            raise PeerError("a protobuf message with an impossible field")
        value: int | bytes
        if wire == VARINT:
            if pos < end and data[pos] < 0x80:  # most are of one byte
                value = data[pos]
                pos += 1
            else:
                value, pos = _varint(data, pos)
            fields.append((number, wire, value))
            continue
        if wire == FIXED32:
            size = 4
        elif wire == LEN:
            if pos < end and data[pos] < 0x80:
                size = data[pos]
                pos += 1
            else:
                size, pos = _varint(data, pos)
        elif wire == FIXED64:
            size = 8
        else:
            size = end  # no such wire type
        stop = pos + size
        if stop > end:
            raise PeerError("a protobuf field that does not fit its message")
        part = data[pos:stop]
        fields.append((number, wire, part if wire == LEN else int.from_bytes(part, "little")))
        pos = stop
    return fields


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def build(fields: Iterable[Field]) -> bytes:
    """The bytes of these fields, in their order."""
    out = b""
    for number, wire, value in fields:
        out += _encoded(number << 3 | wire)
        if isinstance(value, bytes):
            out += _encoded(len(value)) + value
        elif wire == VARINT:
            out += _encoded(value)
        else:
            out += value.to_bytes(8 if wire == FIXED64 else 4, "little")
    return out


def inside(at: int, *fields: Field) -> Field:
    """The field that holds a message of these fields."""
    return Field(at, LEN, build(fields))


def number(fields: Sequence[Field], wanted: int, wire: int = VARINT) -> int:
    """The last value of a number field, 0 where it is absent (as proto3 has it)."""
    for field in reversed(fields):
        if field.number == wanted and field.wire == wire and isinstance(field.value, int):
            return field.value
    return 0


def part(fields: Sequence[Field], wanted: int) -> bytes | None:
    """The last value of a length-delimited field; None where it is absent."""
    for field in reversed(fields):
        if field.number == wanted and isinstance(field.value, bytes):
            return field.value
    return None


def replaced(fields: Sequence[Field], values: dict[int, int]) -> list[Field]:
    """The fields with these varints in place of their old values, in order of their numbers; 0 leaves one out."""
    kept = [field for field in fields if field.number not in values]
    kept += [Field(at, VARINT, value) for at, value in values.items() if value]
    return sorted(kept, key=lambda field: field.number)
