"""AVL records of codecs 8, 8 extended and 16: decoded when somebody asks.

Sources: Teltonika wiki, Data Sending Protocols (record layouts, worked examples); traccar/traccar Teltonika protocol
decoder and its test (16-byte values behind a codec 8 record).
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tracker_codecs.errors import PeerError
from tracker_codecs.families.teltonika import frame as wire

#: ms since 1970 UTC, priority, longitude and latitude (1e-7 degree), altitude (m), angle (degree), satellites, km/h.
HEAD = struct.Struct(">QBiihHBH")
#: Event id and total of values (codec 16: a generation type between them).
_EVENTS = {wire.AVL_8: struct.Struct(">BB"), wire.AVL_8E: struct.Struct(">HH"), wire.AVL_16: struct.Struct(">HBB")}
_COUNTS = {wire.AVL_8: struct.Struct(">B"), wire.AVL_8E: struct.Struct(">H"), wire.AVL_16: struct.Struct(">B")}
_PAIRS = {
    codec: tuple(struct.Struct(f">{id_}{value}") for value in "BHIQ")
    for codec, id_ in ((wire.AVL_8, "B"), (wire.AVL_8E, "H"), (wire.AVL_16, "H"))
}
_VARIABLE = struct.Struct(">HH")
#: A 16-byte value of codec 8.
_WIDE = struct.Struct(">B16s")
PRIORITIES = {0: "low", 1: "high", 2: "panic"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Times beyond the year 9999 are shown as a number only.
_MOST = 253402300799999


class _CutShort(Exception):
    """A record goes beyond its packet."""


def utc(ms: int) -> str | None:
    """`2019-06-10T10:04:46.000Z` from milliseconds since 1970; None beyond the year 9999."""
    if ms > _MOST:
        return None
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


class _Walk(NamedTuple):
    """Records one after the other: each with its offset, and where the last one ends."""

    found: list[tuple[int, dict[str, Any]]]
    stop: int


def decode(body: bytes) -> list[dict[str, Any]]:
    """The records of the bytes from codec id to second quantity. Raises PeerError where they do not add up."""
    walk = _walked(body)
    if walk.stop != len(body) - 1:
        raise PeerError("AVL records and packet length disagree", discarded=body[:64])
    return [record for _, record in walk.found]


def starts(body: bytes) -> list[int]:
    """Offset of each record in these bytes. Raises PeerError where they are cut short."""
    return [start for start, _ in _walked(body).found]


def _walked(body: bytes) -> _Walk:
    """The records; with the fifth group of values where they add up only so.

    Some units end their codec 8 records with a group of 16-byte values, and nothing in the packet says so.
    """
    walk = _walk(body, wide=False)
    if body[0] == wire.AVL_8 and (walk is None or walk.stop != len(body) - 1):
        wider = _walk(body, wide=True)
        if wider is not None and wider.stop == len(body) - 1:
            return wider
    if walk is None:
        raise PeerError("an AVL record is cut short", discarded=body[:64])
    return walk


def _walk(body: bytes, *, wide: bool) -> _Walk | None:
    """The records, in this layout; None where one is cut short."""
    pos, end, found = 2, len(body) - 1, []
    try:
        for _ in range(body[1]):
            start = pos
            record, pos = _record(body, start, end, wide=wide)
            found.append((start, record))
    except (struct.error, _CutShort):
        return None
    return _Walk(found, pos)


def _record(body: bytes, pos: int, end: int, *, wide: bool) -> tuple[dict[str, Any], int]:
    codec = body[0]
    ms, priority, lon, lat, altitude, angle, satellites, speed = HEAD.unpack_from(body, pos)
    pos += HEAD.size
    record: dict[str, Any] = {
        "timestamp_ms": ms,
        "utc": utc(ms),
        "priority": priority,
        "longitude": lon / 1e7,
        "latitude": lat / 1e7,
        "lon_1e7": lon,
        "lat_1e7": lat,
        "altitude_m": altitude,
        "angle_deg": angle,
        "satellites": satellites,
        "speed_kmh": speed,
    }
    event = _EVENTS[codec].unpack_from(body, pos)
    pos += _EVENTS[codec].size
    record["event_io"], record["io_total"] = event[0], event[-1]
    if codec == wire.AVL_16:
        record["generation_type"] = event[1]
    values: dict[str, Any] = {}
    count = _COUNTS[codec]
    for pair in _PAIRS[codec]:
        (number,) = count.unpack_from(body, pos)
        pos += count.size
        if number:
            stop = pos + number * pair.size
            if stop > end:
                raise _CutShort
            for key, value in pair.iter_unpack(body[pos:stop]):
                values[str(key)] = value
            pos = stop
    if codec == wire.AVL_8E:
        (number,) = count.unpack_from(body, pos)
        pos += 2
        for _ in range(number):
            key, size = _VARIABLE.unpack_from(body, pos)
            pos += 4
            if pos + size > end:
                raise _CutShort
            values[str(key)] = body[pos : pos + size].hex()
            pos += size
    if wide:
        (number,) = count.unpack_from(body, pos)
        pos += count.size
        stop = pos + number * _WIDE.size
        if stop > end:
            raise _CutShort
        for key, value in _WIDE.iter_unpack(body[pos:stop]):
            values[str(key)] = value.hex()
        pos = stop
    record["io"] = values
    return record, pos
