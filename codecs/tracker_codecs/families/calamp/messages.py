"""What LM Direct messages and console lines say, for people.

Layouts: traccar/traccar CalAmpProtocolDecoder, checked against its recorded frames. Times are Unix seconds, positions
1e-7 degrees, altitudes cm, speeds cm/s (mini event report: km/h), headings degrees; all big-endian.
"""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime
from typing import Any

import construct as c

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.calamp import frame as wire
from tracker_codecs.text import clean

_POSITION = (
    "update_time" / c.Int32ub,
    "fix_time" / c.Int32ub,
    "latitude" / c.Int32sb,
    "longitude" / c.Int32sb,
    "altitude" / c.Int32sb,
    "speed" / c.Int32ub,
    "heading" / c.Int16ub,
    "satellites" / c.Int8ub,
    "fix_status" / c.Int8ub,
    "carrier" / c.Int16ub,
    "rssi" / c.Int16sb,
    "comm_state" / c.Int8ub,
    "hdop" / c.Int8ub,
    "inputs" / c.Int8ub,
    "unit_status" / c.Int8ub,
)
#: Bits 0 to 5: how many accumulators follow; bits 6 and 7: their type, where 1 puts threshold and mask first.
_COUNT = ("count" / c.Int8ub, "spare" / c.Int8ub, "accumulators" / c.GreedyBytes)
EVENT = c.Struct(*_POSITION, "event_index" / c.Int8ub, "event_code" / c.Int8ub, *_COUNT).compile()
LOCATE = c.Struct(*_POSITION, *_COUNT).compile()
USER_DATA = c.Struct(
    *_POSITION, "route" / c.Int8ub, "user_message_id" / c.Int8ub, "text" / c.Prefixed(c.Int16ub, c.GreedyBytes)
)  # not compiled: that would take a text shorter than its length
MINI_EVENT = c.Struct(
    "update_time" / c.Int32ub,
    "latitude" / c.Int32sb,
    "longitude" / c.Int32sb,
    "heading" / c.Int16ub,
    "speed_kmh" / c.Int8ub,
    "fix" / c.Int8ub,
    "comm_state" / c.Int8ub,
    "inputs" / c.Int8ub,
    "event_code" / c.Int8ub,
    "count" / c.Int8ub,
    "accumulators" / c.GreedyBytes,
).compile()
ACK = c.Struct("acked_type" / c.Int8ub, "ack_status" / c.Int8ub)
_BODIES = {
    wire.ACK: ACK,
    wire.EVENT: EVENT,
    wire.LOCATE: LOCATE,
    wire.USER_DATA: USER_DATA,
    wire.MINI_EVENT: MINI_EVENT,
}
_ACTIONS = {0: "read_request", 1: "write_request", 2: "read_response", 3: "write_response", 255: "error"}
_INVALID_FIX, _MINI_INVALID, _IGNITION = 0x08, 0x20, 0x01
_AT = re.compile(r"AT\$APP PARAM(\?)? (\d+)(?:,(\d+|\*))?(?:,(.+))?", re.ASCII).fullmatch
_VALUE = re.compile(r"(\d+),(\d+),(.+)", re.ASCII).fullmatch


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a message of either direction. Raises PeerError for a body that is cut off."""
    if isinstance(message.data, wire.Head):
        return _datagram(message.frame, message.data)
    return _line(message.text)


def _datagram(data: bytes, head: wire.Head) -> dict[str, Any]:
    name = wire.TYPES[head.type][0] if head.type < len(wire.TYPES) else f"type_{head.type}"
    found: dict[str, Any] = {
        "message": name,
        "service_type": head.service,
        "message_type": head.type,
        "sequence": head.sequence,
    }
    if head.options:
        found |= {"options_byte": f"{head.options[0]:#04x}", "mobile_id": head.mobile_id}
    if head.id_type is not None:
        found["mobile_id_type"] = head.id_type
    body = data[head.body :]
    layout = _BODIES.get(head.type)
    if layout is not None:
        try:
            said = dict(layout.parse(body))
        except (c.ConstructError, struct.error):  # what is compiled raises the latter
            raise PeerError(f"{name}: a body of {len(body)} bytes is too short", discarded=body[:32]) from None
        said.pop("_io", None)
        found |= _plain(said)
    elif head.type == wire.PARAMETER and body:
        found |= {"action": _ACTIONS.get(body[0], str(body[0])), "body": body[1:].hex()}
    elif body:
        found["body"] = body.hex()
    return found


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    """The values of a body in the units of people."""
    for name in ("update_time", "fix_time"):
        if name in said:
            said[f"{name}_utc"] = datetime.fromtimestamp(said[name], UTC).isoformat()[:19] + "Z"
    for name in ("latitude", "longitude"):
        if name in said:
            said[name] /= 1e7
    if "altitude" in said:
        said["altitude_m"] = said.pop("altitude") / 100
        said["speed_kmh"] = round(said.pop("speed") * 0.036, 2)
        said["valid"] = not said["fix_status"] & _INVALID_FIX
    if "fix" in said:
        fix = said.pop("fix")
        said |= {"satellites": fix & 0x0F, "valid": not fix & _MINI_INVALID}
    if "inputs" in said:
        said["ignition"] = bool(said["inputs"] & _IGNITION)
    if "text" in said:
        said["text"] = clean(said["text"])
    if "count" in said:
        said.pop("spare", None)
        said["accumulators"] = _accumulators(said.pop("count"), said["accumulators"])
    return said


def _accumulators(count: int, data: bytes) -> list[int]:
    """As many as are there; one recorded unit sends fewer than it counts."""
    start = 8 if count >> 6 == 1 else 0
    words = [data[at : at + 4] for at in range(start, start + (count & 0x3F) * 4, 4)]
    return [int.from_bytes(word, "big") for word in words if len(word) == 4]


def _line(text: str) -> dict[str, Any]:
    if text in ("OK", "ERROR"):
        return {"message": "at_result", "status": text}
    if found := _AT(text):
        query, parameter, index, value = found.groups()
        said: dict[str, Any] = {
            "message": "at_query" if query else "at_command",
            "action": "read" if query else "write",
        }
        said |= {"param_id": int(parameter), "index": int(index) if index and index.isdigit() else index or 0}
        return said | ({"value": _number(value)} if value else {})
    if found := _VALUE(text):
        return {
            "message": "at_query_answer",
            "param_id": int(found[1]),
            "index": int(found[2]),
            "value": _number(found[3]),
        }
    return {"message": "line", "text": text}


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else text
