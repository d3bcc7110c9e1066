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
from tracker_codecs.text import clean

_KMH = 1.852
_REPORT = re.compile(
    r"\$([A-Z]{3}),(\d+),(\d{6})\.\d{3},([AV]),(\d\d)(\d\d\.\d{1,6}),([NS]),(\d{3})(\d\d\.\d{1,6}),([EW]),"
    r"(\d{1,4}(?:\.\d{1,4})?),(\d{1,3}(?:\.\d{1,4})?),(\d{6}),(.*)",
    re.ASCII,
).fullmatch
_FIRMWARE = re.compile(r"\$FUS(\d+),([^,]*),(.*)", re.ASCII).fullmatch
_COMMAND = re.compile(r"#([A-Z]{3})(.*)", re.ASCII).fullmatch
_TAIL = ("inputs_outputs", "analog_inputs", "odometer", "rfid", "state")


def fields(message: Message) -> dict[str, Any]:
    """Everything a line of either direction says. Raises PeerError for a report whose content is broken."""
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
        raise PeerError("a report whose content is broken", discarded=text[:64].encode("latin-1"))
    event, device_id, clock, valid, lat, lat_min, north, lon, lon_min, east, knots, heading, day, tail = found.groups()
    try:
        time = datetime.strptime(day + clock, "%d%m%y%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise PeerError("a report with no such time", discarded=clean(day + clock).encode()) from None
    mode, *parts = tail.split("/")
    return {
        "message": "report",
        "event": event,
        "device_id": device_id,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "valid": valid == "A",
        "latitude": round((int(lat) + float(lat_min) / 60) * (1 if north == "N" else -1), 6),
        "longitude": round((int(lon) + float(lon_min) / 60) * (1 if east == "E" else -1), 6),
        "speed_kmh": round(float(knots) * _KMH, 2),
        "heading": float(heading),
        "mode": clean(mode.lstrip(",")),
        **{name: clean(part) for name, part in zip(_TAIL, parts, strict=False) if part},
    }


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """Commands, a line each."""
    return [
        Message(Kind.OTHER, line) if line[:1] == b"#" else PeerError("no command", discarded=line[:32])
        for line in data.splitlines(keepends=True)
    ]
