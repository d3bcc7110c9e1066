"""What a message says, with plain names. Sources: OwnTracks booklet tech/json."""

from __future__ import annotations

from typing import Any

from tracker_codecs import jsontext
from tracker_codecs.contract import Message
from tracker_codecs.families.owntracks import wire
from tracker_codecs.text import clean

#: Key -> name. Times in s since 1970; -1 means unknown for battery and speed.
_PLAIN = {
    "tst": "fix_time",
    "created_at": "created_at",
    "lat": "lat",
    "lon": "lon",
    "acc": "accuracy_m",
    "vac": "vertical_accuracy_m",
    "alt": "altitude_m",
    "vel": "speed_kmh",
    "cog": "course",
    "batt": "battery_pct",
    "bs": "battery_status",
    "t": "trigger",
    "m": "monitoring",
    "tid": "tracker_id",
    "_id": "id",
    "desc": "description",
    "event": "event",
    "action": "action",
}


def plain(value: Any, depth: int = 4) -> Any:
    """A JSON value of a peer with its texts cleaned; what is nested deeper than `depth` is left out."""
    if isinstance(value, str):
        return clean(value)
    if depth and isinstance(value, dict):
        return {clean(key, 60): plain(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list):
        return [plain(item, depth - 1) for item in value]
    return None if isinstance(value, dict | list) else value


def fields(message: Message) -> dict[str, Any]:
    """Everything said that has a name here. Raises PeerError for a frame that is no OwnTracks message."""
    kind, content = wire.typed(jsontext.parse(message.frame), message.frame)
    told: dict[str, Any] = {"message": clean(kind, 60)}
    if message.device_id:
        told["device_id"] = message.device_id
    if kind in ("dump", "configuration"):
        inner = content.get("configuration") if kind == "dump" else content
        return told | {"values": _values(inner)}
    told |= {name: plain(content[key]) for key, name in _PLAIN.items() if key in content}
    if kind == "location":
        told["monitoring_reported"] = "m" in content
        told["usable"] = wire.usable(content)
    elif kind == "cmd" and isinstance(content.get("configuration"), dict):
        told["sets"] = _values(content["configuration"])
    elif kind == "status":
        told |= {key: plain(content[key]) for key in ("android", "iOS") if key in content}
    elif kind == "encrypted":
        told["readable"] = False
    return told


def _values(found: Any) -> dict[str, Any]:
    """A configuration without its type; secrets masked."""
    if not isinstance(found, dict):
        return {}
    return {clean(key, 60): plain(wire.redacted({key: value})[key]) for key, value in found.items() if key != "_type"}
