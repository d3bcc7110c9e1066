"""What a JSON payload says, with plain names. Source: Teltonika wiki Codec_JSON; recorded records.

Recorded payloads carry altitude, angle, satellites and speed as numbers in one set and as text in another.
"""

from __future__ import annotations

import math
from typing import Any

from tracker_codecs import jsontext
from tracker_codecs.contract import Message
from tracker_codecs.families.teltonika import messages as avl
from tracker_codecs.families.teltonika import texts
from tracker_codecs.families.teltonika.frame import PREAMBLE
from tracker_codecs.text import clean

#: ms since 1970; metres, degrees, km/h; priority 0 low, 1 high, 2 panic.
_NAMES = {
    "ts": "timestamp_ms",
    "pr": "priority",
    "evt": "event_avl_id",
    "alt": "altitude",
    "ang": "angle",
    "sat": "satellites",
    "sp": "speed_kmh",
}


def fields(message: Message) -> dict[str, Any]:
    """Everything said; binary packets are told as by `teltonika`. Raises PeerError for a broken content."""
    if message.frame[:4] == PREAMBLE:
        return avl.fields(message)
    found = jsontext.parse(message.frame)
    told: dict[str, Any] = {"imei": message.device_id} if message.device_id else {}
    if "CMD" in found:
        return told | {"message": "command", "text": clean(str(found["CMD"]), 2000)}
    if "RSP" in found:
        return told | {"message": "response", "text": clean(str(found["RSP"]), 2000)} | _answer(str(found["RSP"]))
    record = found["state"]["reported"]
    told["message"] = "avl_data"
    told |= {name: _number(record[key]) for key, name in _NAMES.items() if key in record}
    if "latlng" in record:
        told |= _place(record["latlng"])
    told["io"] = {key: _plain(value) for key, value in record.items() if key.isascii() and key.isdigit()}
    return told


def _answer(text: str) -> dict[str, Any]:
    told = texts.parse(text, ())
    if told is None:
        return {}
    return {"missing": sorted(told.missing), "refused": told.refused}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    return value if isinstance(value, int | float) or value is None else clean(str(value))


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return clean(value)
    return _plain(value)


def _place(text: Any) -> dict[str, Any]:
    """`<lat>,<lon>` in degrees; 0,0 means no fix. What is no place on earth is told as None."""
    nowhere = {"latitude": None, "longitude": None, "has_fix": False}
    try:
        lat, lon = map(float, str(text).split(","))
    except ValueError:
        return nowhere
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        return nowhere
    return {"latitude": lat, "longitude": lon, "has_fix": (lat, lon) != (0.0, 0.0)}
