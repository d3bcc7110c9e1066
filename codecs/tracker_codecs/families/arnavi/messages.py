"""What frames of Arnavi units say. Sources: those of `frame`.

Of tags (one byte, four bytes of value) latitude and longitude (IEEE floats) are read; the others are told as they are.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from struct import unpack
from typing import Any

from tracker_codecs.cells import moment
from tracker_codecs.contract import Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.arnavi import frame as wire
from tracker_codecs.text import clean

_NAMES = {wire.PING: "ping", wire.TAGS: "tags", wire.TEXT: "text", wire.FILE: "file", wire.BINARY: "binary"}
#: Time, place, speed, course and date, alike in V2 and V4.
_PLACE = re.compile(
    r",(\d{6}),(\d{2})(\d\d\.\d{4})([NS]),(\d{3})(\d\d\.\d{4})([EW]),(\d+\.\d+),(\d+\.\d+),(\d{6}),", re.ASCII
)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. Times are UTC; speed and course in the unit's own measure.

    Raises PeerError for tags that do not fill their record.
    """
    frame = message.frame
    if message.data == "server":
        told: dict[str, Any] = {"message": "answer", "number": frame[2] if len(frame) > 2 else None}
        return {**told, "time": _time(frame[4:8])} if len(frame) == 9 else told
    if frame[0] == 0x24:
        return _sentence(message)
    if frame[0] == 0x5B:
        if frame[1] == wire.RESULT:
            return {"message": "result", "code": frame[2]}
        return {"message": "package", "number": frame[1], "records": _records(frame)}
    if message.kind is Kind.LOGIN:
        return {"message": "header", "version": frame[1], "device_id": message.device_id}
    return {"message": "more of the header", "content": frame.hex()}


def _records(frame: bytes) -> list[dict[str, Any]]:
    found = []
    at = 2
    while frame[at] != 0x5D:
        start, stop = at + 7, at + 7 + (frame[at + 1] | frame[at + 2] << 8)
        data = frame[start:stop]
        record: dict[str, Any] = {"type": _NAMES[frame[at]], "time": _time(frame[at + 3 : start])}
        record["checksum_ok"] = sum(frame[at + 3 : stop]) & 0xFF == frame[stop]
        if frame[at] == wire.TEXT:
            record["text"] = clean(data)
        elif frame[at] == wire.TAGS:
            record |= _tags(data)
        elif data:
            record["content"] = data.hex()
        found.append(record)
        at = stop + 1
    return found


def _tags(data: bytes) -> dict[str, Any]:
    if len(data) % 5:
        raise PeerError("tags that do not fill their record", discarded=data[:64])
    told: dict[str, Any] = {"tags": [[data[at], data[at + 1 : at + 5].hex()] for at in range(0, len(data), 5)]}
    for tag, value in told["tags"]:
        if tag in (3, 4):
            degrees = unpack("<f", bytes.fromhex(value))[0]
            if abs(degrees) <= (90 if tag == 3 else 180):
                told["latitude" if tag == 3 else "longitude"] = round(degrees, 6)
    return told


def _sentence(message: Message) -> dict[str, Any]:
    text = clean(message.frame, 300).rsplit("*", 1)[0]
    cells = text.split(",")
    told: dict[str, Any] = {"message": cells[1], "device_id": message.device_id}
    place = _PLACE.search(text)
    if place:
        latitude, longitude = (int(place[at]) + float(place[at + 1]) / 60 for at in (2, 5))
        when = moment(place[10] + place[1], "%d%m%y%H%M%S")
        told["time"] = when and f"{when}Z"
        told["latitude"] = round(-latitude if place[4] == "S" else latitude, 6)
        told["longitude"] = round(-longitude if place[7] == "W" else longitude, 6)
        told |= {"speed": float(place[8]), "course": float(place[9])}
    elif cells[1] == "V3DI":
        told["imei"] = next((cell for cell in cells[3:] if re.fullmatch(r"\d{15}", cell, re.ASCII)), None)
    return {**told, "values": cells[3:]}


def _time(data: bytes) -> str:
    return datetime.fromtimestamp(int.from_bytes(data, "little"), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
