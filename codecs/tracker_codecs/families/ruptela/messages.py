"""What a packet says, for people.

Layout of a record: time u32 s, extension u8, (68 only: record extension u8), priority u8, longitude i32 and latitude
i32 (1e-7 degree), altitude u16 (0.1 m), course u16 (0.01 degree), satellites u8, speed u16 km/h, HDOP u8 (0.1), event
id, then four groups of values of 1, 2, 4 and 8 bytes: count u8, each an id and a value. Ids are u8 in command 1 and
u16 in 68.
Source: traccar/traccar Ruptela decoder and tests; recorded packets are used up by it to the last byte.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.ruptela import frame as wire
from tracker_codecs.text import clean

_PLACE = struct.Struct(">iiHHBHB")


def fields(message: Message) -> dict[str, Any]:
    """Everything that the packet says. Raises PeerError for records that run past its end."""
    frame = message.frame
    length = frame[0] << 8 | frame[1]
    if message.device_id is None:
        return _server(frame[2], frame[3:-2])
    command, payload = frame[10], frame[11:-2]
    told: dict[str, Any] = {
        "message": wire.NAMES.get(command, f"command_{command}"),
        "length_field": length,
        "imei": message.device_id,
        "command": command,
    }
    if command == wire.SMS_ANSWER:
        return {**told, "text": clean(payload)}
    if command not in (wire.RECORDS, wire.EXTENDED):
        return {**told, "payload": payload.hex()}
    found = records(payload, extended=command == wire.EXTENDED)
    told |= {"records_left": payload[0], "record_count": len(found)}
    if found:
        told |= {"first_time": found[0]["time"], "first_time_utc": found[0]["time_utc"]}
    return {**told, "records": found}


def _server(command: int, payload: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"message": wire.SERVER_NAMES[command], "command": command}
    if command == wire.SMS:
        return {**told, "text": clean(payload)}
    if told["message"] == "server_ack" and len(payload) == 1:
        return {**told, "status": payload[0]}
    return {**told, "payload": payload.hex()}


class _Reader:
    """Takes numbers off the payload."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0

    def take(self, size: int) -> bytes:
        part = self.data[self.pos : self.pos + size]
        if len(part) != size:
            raise PeerError("records run past the end of their packet", discarded=self.data[-64:])
        self.pos += size
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


def records(payload: bytes, *, extended: bool) -> list[dict[str, Any]]:
    """The records of a packet of command 1 or 68. Raises PeerError where bytes lack or are left over."""
    reader = _Reader(payload)
    reader.take(1)
    wide = 2 if extended else 1
    out = []
    for _ in range(reader.number(1)):
        seconds = reader.number(4)
        record: dict[str, Any] = {
            "time": seconds,
            "time_utc": datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "time_extension": reader.number(1),
        }
        if extended:
            record["record_extension"] = reader.number(1)
        record["priority"] = reader.number(1)
        longitude, latitude, altitude, course, satellites, speed, hdop = _PLACE.unpack(reader.take(_PLACE.size))
        record |= {"longitude": longitude / 1e7, "latitude": latitude / 1e7, "altitude_m": altitude / 10}
        record |= {"course": course / 100, "satellites": satellites, "speed_kmh": speed, "hdop": hdop / 10}
        record["event"] = reader.number(wide)
        record["io"] = {
            str(reader.number(wide)): reader.number(size) for size in (1, 2, 4, 8) for _ in range(reader.number(1))
        }
        out.append(record)
    if reader.pos != len(payload):
        raise PeerError("bytes follow the last record", discarded=payload[reader.pos :][:64])
    return out


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The packet with another IMEI and a right checksum; others and what a server says stay."""
    if len(frame) < 13 or not old.isdecimal() or frame[2:10] != int(old).to_bytes(8, "big"):
        return frame
    return wire.seal(int(new).to_bytes(8, "big") + frame[10:-2])
