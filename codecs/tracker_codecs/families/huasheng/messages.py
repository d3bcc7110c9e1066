"""What a frame says, for people. Sources: those of `frame`."""

from __future__ import annotations

import struct
from typing import Any

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.huasheng import frame as wire
from tracker_codecs.text import clean

_POSITION = struct.Struct(">HH12siiHHHH")
_NAMES = {
    wire.POSITION: "position",
    wire.LOGIN: "login",
    wire.SET: "SET_REQ",
    wire.FAULTS: "fault codes",
    wire.HEARTBEAT: "heartbeat",
    wire.OLD_HEARTBEAT: "heartbeat (older firmware)",
    wire.LOGIN_ANSWER: "login reply",
    wire.SET_ANSWER: "set reply",
}
#: Parameters of a login that are shown; those of the access point may hold a password.
_LOGIN = {0x0001: "firmware", 0x0002: "vin", 0x0003: "imei", 0x0009: "iccid"}


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. Raises PeerError for a content that does not fit."""
    body = wire.body_of(message.frame)
    if body is None or len(body) < wire.HEAD:
        raise PeerError("no frame", discarded=message.frame[:64])
    flag, kind, index = wire.head_of(body)
    content = body[wire.HEAD :]
    out: dict[str, Any] = {"message": _NAMES.get(kind, "other"), "message_type": f"0x{kind:04X}", "flag": flag}
    out |= {"length": int.from_bytes(body[2:4], "big"), "index": index}
    if message.data == "server":
        if kind == wire.LOGIN_ANSWER and content:
            out["result"], content = content[0], content[1:]
            if content:
                out["message"] = "login reply with settings"
        return out | (_set(dict(wire.parameters(content))) if kind in (wire.SET, wire.LOGIN_ANSWER) and content else {})
    if kind == wire.LOGIN:
        found = dict(wire.parameters(content))
        return out | {name: clean(found[number]) for number, name in _LOGIN.items() if number in found}
    if kind == wire.POSITION:
        return out | _position(content)
    if kind == wire.FAULTS:
        codes = [value for number, value in wire.parameters(content) if number == 1]
        return out | {"dtcs": " ".join(_code(value[at : at + 2]) for value in codes for at in range(0, len(value), 2))}
    if kind == wire.SET_ANSWER:
        return out | {"status": "refused" if content[:1] > b"\0" else "ok"}
    return out


def _set(found: dict[int, bytes]) -> dict[str, Any]:
    out: dict[str, Any] = {"parameters": {f"{number:04x}": value.hex() for number, value in found.items()}}
    for number, name in ((2, "report_interval_s"), (3, "sleep_wake_interval_min"), (0x42, "angle_deg")):
        if number in found:
            out[name] = int.from_bytes(found[number], "big")
    return out


def _position(content: bytes) -> dict[str, Any]:
    if len(content) < _POSITION.size:
        raise PeerError("a position that is too short", discarded=content[:64])
    status, event, when, longitude, latitude, speed, course, altitude, _ = _POSITION.unpack_from(content)
    return {
        "status": status,
        "valid": bool(status & 0x8000),
        "ignition": bool(status & 0x4000),
        "event": event,
        "time_yymmddhhmmss": clean(when),
        "longitude": longitude / 100000,
        "latitude": latitude / 100000,
        "speed_kmh": speed,
        "course": course,
        "altitude": altitude,
        "parameter_types": [f"{number:04x}" for number, _ in wire.parameters(content[_POSITION.size :])],
    }


def _code(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    return f"{'PCBU'[number >> 14]}{number >> 12 & 3}{number & 0xFFF:03X}"
