"""What a packet says, for people. Coordinates in degrees, speed in km/h, altitude in metres, times UTC.

Sources: Meiligao GPRS Communication Protocol V2.1; traccar/traccar Meiligao decoder tests.
"""

from __future__ import annotations

import re
from typing import Any

from tracker_codecs import nmea
from tracker_codecs.contract import Message
from tracker_codecs.errors import LocalError
from tracker_codecs.families.meiligao import frame as wire
from tracker_codecs.families.meiligao import settings as values
from tracker_codecs.text import clean

#: Commands whose data are decimal digits, and what they count.
_COUNTED = {
    0x4131: "log_interval_seconds",
    0x4132: "minutes",
    0x4135: "sensitivity",
    0x4136: "angle_degrees",
    0x4303: "distance_m",
    0x5199: "heartbeat_minutes",
}
_QUERIES = frozenset((0x9001, 0x9002, 0x9003))
_PHONE = 16
_EXTRA = ("hdop", "altitude", "state", "voltages")
_NUMBER = re.compile(r"-?\d{1,6}(\.\d{1,3})?", re.ASCII).fullmatch


def fields(message: Message) -> dict[str, Any]:
    """Everything that the packet says."""
    frame = message.frame
    if len(frame) < wire.LEAST:
        return {"type": "heartbeat"}
    command, data = wire.command_of(frame), wire.data_of(frame)
    digits = frame[4:11].hex().rstrip("f")
    told: dict[str, Any] = {"type": "", "command": f"0x{command:04x}", "device_id": digits or None}
    if len(digits) == 14 and message.device_id:
        told["imei"] = message.device_id
    if frame[:2] == wire.SERVER:
        return told | _from_server(command, data)
    if command == wire.LOGIN:
        told["type"] = "login"
    elif command == wire.ACK:
        told["type"] = "heartbeat"
    elif command == wire.ASK_SERVER:
        told["type"] = "server_request"
    elif command in (wire.POSITION, wire.ALARM):
        told["type"] = "data"
        if command == wire.ALARM and data:
            told["alarm"], data = f"0x{data[0]:02x}", data[1:]
        told |= position(data)
    elif command in _QUERIES:
        told |= {"type": "query_answer", **_queried(command, data)}
    elif command == values.INTERVAL_SET and len(data) == 3:
        told |= {"type": "ack", **_flag(data[0]), "answers": f"0x{values.SET_INTERVAL:04x}", **_interval(data[1:])}
    elif 0x4000 <= command < 0x6000 and len(data) == 1:
        told |= {"type": "ack", **_flag(data[0])}
    else:
        told |= {"type": "data", "data_hex": data.hex()}
    return told


def _flag(flag: int) -> dict[str, Any]:
    return {"flag": flag, "status": {0: "failed", 1: "ok"}.get(flag, "unknown")}


def _interval(data: bytes) -> dict[str, Any]:
    units = int.from_bytes(data, "big")
    return {"interval_units_10s": units, "interval_seconds": units * values.UNIT}


def _from_server(command: int, data: bytes) -> dict[str, Any]:
    if command == wire.LOGIN_REPLY and data:
        return {"type": "login_reply", "flag": data[0]}
    told: dict[str, Any] = {"type": "query" if command in _QUERIES else "command"}
    if command == values.SET_INTERVAL and len(data) == 2:
        told |= _interval(data)
    elif command == 0x4113 and len(data) == 1:
        told["sleep_level"] = data[0]
    elif command in _COUNTED and data.isdigit() and len(data) <= 10:
        told |= {_COUNTED[command]: int(data), "text": clean(data)}
    elif data:
        told["data_hex"] = data.hex()
    return told


def _queried(command: int, data: bytes) -> dict[str, Any]:
    if command == values.READ_INTERVAL and len(data) == 2:
        return _interval(data)
    if command == 0x9003 and len(data) == 2 * _PHONE:
        sms, call = (clean(part.rstrip(b"\0")) for part in (data[:_PHONE], data[_PHONE:]))
        return {"sms_number": sms, "call_number": call}
    return {"text": clean(data)}


def position(data: bytes) -> dict[str, Any]:
    """An RMC sentence without its name, then `|` and HDOP, altitude, state, voltages; `extra` is what clones add."""
    text, *rest = data.decode("latin-1").split("|")
    told: dict[str, Any] = {"text": clean(data)}
    found = nmea.fields(b"GPRMC," + text.encode("ascii", "replace"))
    for name in ("valid", "time", "latitude", "longitude", "speed_kmh", "course"):
        told[name] = found.get(name)
    for name, value in zip(_EXTRA, rest, strict=False):
        told[name] = float(value) if name in ("hdop", "altitude") and _NUMBER(value) else clean(value)
    if len(rest) > len(_EXTRA):
        told["extra"] = [clean(value) for value in rest[len(_EXTRA) : 16]]
    return told


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The packet with another ID and a right checksum. Raises LocalError for an ID that does not fit."""
    if len(frame) < wire.LEAST or frame[4:11] != wire.address(old):
        return frame
    if min(len(old), 14) != min(len(new), 14):
        raise LocalError("must be as long as the old one", parameter="device_id")
    return wire.build(wire.address(new), wire.command_of(frame), wire.data_of(frame), frame[:2])
