"""What lines say, for people. Layout: traccar/traccar Pt502ProtocolDecoder and its recorded lines.

`$<event>,<id>,<hhmmss.sss>,<A|V>,<ddmm.mmmm>,<N|S>,<dddmm.mmmm>,<E|W>,<knots>,<degrees>,<ddmmyy>,,,<mode>/<inputs>,
<outputs>/<analog inputs, hex>/<odometer>/<rfid>/<state, hex>/`. The unit of the odometer is not documented.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.pt502.frame import line_of
from tracker_codecs.geo import from_minutes
from tracker_codecs.text import clean

_KMH = 1.852
_REPORT = re.compile(
    r"\$([A-Z]{3}),(\d+),(\d{6})\.\d{3},([AV]),([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),(.*)",
    re.ASCII,
).fullmatch
_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,4})?", re.ASCII).fullmatch
_DAY = re.compile(r"\d{6}", re.ASCII).fullmatch
_FIRMWARE = re.compile(r"\$FUS(\d+),([^,]*),(.*)", re.ASCII).fullmatch
_COMMAND = re.compile(r"#([A-Z]{3})(.*)", re.ASCII).fullmatch
_TAIL = ("inputs_outputs", "analog_inputs", "odometer", "rfid", "state")


def fields(message: Message) -> dict[str, Any]:
    """Everything a line of either direction says. Raises PeerError for a report with too few fields.

    A field of a report that is empty or none is told as None.
    """
    line = line_of(message.frame)
    if line.startswith(b"$PHD"):
        return {"message": "photo_part", "bytes": len(line)}
    text = line.decode("latin-1")
    if message.kind is Kind.LOGIN and (found := _FIRMWARE(text)):
        return {
            "message": "firmware",
            "event": "FUS",
            "device_id": found[1],
            "firmware": clean(found[2]),
            "hardware": clean(found[3]),
        }
    if message.kind is Kind.REPORT:
        return _report(text)
    if found := _COMMAND(text):
        return {"message": "command", "command": found[1], "argument": clean(found[2])}
    return {"message": "line", "text": clean(text)}


def _report(text: str) -> dict[str, Any]:
    found = _REPORT(text)
    if found is None:
        raise PeerError("a report with too few fields", discarded=text[:64].encode("latin-1"))
    event, device_id, clock, valid, lat, north, lon, east, knots, heading, day, tail = found.groups()
    speed = _number(knots)
    mode, *parts = tail.split("/")
    return {
        "message": "report",
        "event": event,
        "device_id": device_id,
        "time": _time(day, clock),
        "valid": valid == "A",
        "latitude": from_minutes(lat, north),
        "longitude": from_minutes(lon, east),
        "speed_kmh": None if speed is None else round(speed * _KMH, 2),
        "heading": _number(heading),
        "mode": clean(mode.lstrip(",")),
        **{name: clean(part) for name, part in zip(_TAIL, parts, strict=False) if part},
    }


def _number(text: str) -> float | None:
    """The number; None for a field that is empty or none."""
    return float(text) if _NUMBER(text) else None


def _time(day: str, clock: str) -> str | None:
    """`ddmmyy` and `hhmmss` in ISO form; None where there is no such time."""
    if not _DAY(day):
        return None
    try:
        time = datetime.strptime(day + clock, "%d%m%y%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%S")


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """Commands, a line each."""
    return [
        Message(Kind.OTHER, line) if line[:1] == b"#" else PeerError("no command", discarded=line[:32])
        for line in data.splitlines(keepends=True)
    ]
