"""What a message says, for people.

Report `REV`: event, GPS week, day of week, seconds of day, latitude and longitude (sign, degrees, five decimals),
speed in mph, heading, fix mode, age of the fix. Reports of other makers' TAIP units are told as text.
Source: traccar/traccar TaipProtocolDecoder and its tests.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from tracker_codecs.contract import Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.syrus import layout
from tracker_codecs.families.syrus.frame import MAX_FRAME
from tracker_codecs.text import clean

_REPORT = re.compile(r"(\d\d)(\d{4})(\d)(\d{5})([+-]\d{7})([+-]\d{8})(\d{3})(\d{3})(\d)(\d)", re.ASCII)
GPS_EPOCH = datetime(1980, 1, 6)
_MPH = 1.609344


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a message of either direction. Times are GPS time. Raises PeerError for a broken report."""
    if message.data == "acknowledgement":
        return {"message": "acknowledgement", "device_id": message.device_id}
    parts = clean(message.frame[1:-1], MAX_FRAME).split(";")
    head = parts[0]
    found: dict[str, Any] = {"message": _name(message, head), "qualifier": head[0], "code": head[1:3], "body": head}
    attributes = {}
    for part in parts[1:]:
        key, equals, value = part.partition("=")
        if part.startswith("#"):
            found["number"] = part
        elif part.startswith("*"):
            found["checksum"] = part[1:]
        elif equals:
            attributes[key] = value
    if attributes:
        found["attributes"] = attributes
    if head.startswith("REV") and message.kind is Kind.REPORT:
        return found | _report(head[3:], message.frame)
    return found | _settings(message.text[1:])


def _name(message: Message, head: str) -> str:
    if message.kind is not Kind.OTHER:
        return message.kind.value
    return {"Q": "query", "S": "set", "A": "acknowledgement"}.get(head[0], "other")


def _report(text: str, frame: bytes) -> dict[str, Any]:
    found = _REPORT.fullmatch(text)
    if found is None:
        raise PeerError("a report in another form", discarded=frame[:64])
    event, week, day, seconds, north, east, speed, course, mode, age = (int(each) for each in found.groups())
    return {
        "event": event,
        "gps_time": (GPS_EPOCH + timedelta(weeks=week, days=day, seconds=seconds)).isoformat(),
        "latitude": north / 1e5 if abs(north) <= 90e5 else None,
        "longitude": east / 1e5 if abs(east) <= 180e5 else None,
        "speed_kmh": round(speed * _MPH, 1),
        "course": course,
        "fix_mode": mode,
        "age": age,
    }


def _settings(text: str) -> dict[str, Any]:
    counter, row, angle = layout.counter(text), layout.row(text), layout.heading(text)
    if counter is not None:
        return {"counter": counter._asdict()}
    if row is not None:
        return {"row": row._asdict(), "counters": list(row.counters)}
    return {} if angle is None else {"heading": angle}
