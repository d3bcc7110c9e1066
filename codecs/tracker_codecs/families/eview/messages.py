"""What a packet says, for people. Items that nobody has described are given as bytes.

Sources: traccar/traccar Minifinder2 decoder (keys of data). It reads the three numbers of key 44 big endian, which the
recorded configuration contradicts: its port and all its other numbers are little endian, and so these are read here.
"""

from __future__ import annotations

import struct
from typing import Any

from tracker_codecs.contract import Message
from tracker_codecs.families.eview import frame as wire
from tracker_codecs.text import clean

_NAMES = {
    wire.DATA: "data",
    wire.CONFIGURATION: "configuration",
    wire.SERVICES: "services",
    wire.SYSTEM: "system",
    wire.FIRMWARE: "firmware",
    wire.RESPONSE: "response",
}
#: Bit 31 of the heartbeat is a switch.
SWITCH = 1 << 31
_NUMBERS = struct.Struct("<III")
_PLACE = struct.Struct("<iiHHhHIB")


def intervals(value: bytes) -> tuple[int, int, int]:
    """Heartbeat with its switch, upload interval, lazy interval (seconds) of the 12 bytes of key 44."""
    heartbeat, upload, lazy = _NUMBERS.unpack(value)
    return heartbeat, upload, lazy


def packed(heartbeat: int, upload: int, lazy: int) -> bytes:
    """The 12 bytes of key 44; see `intervals`."""
    return _NUMBERS.pack(heartbeat, upload, lazy)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a packet of either direction. Raises PeerError for an item beyond the packet's end."""
    frame = message.frame
    body = frame[wire.HEAD :]
    command = body[0]
    found: dict[str, Any] = {"message": _NAMES[command], "sequence": message.data, "answer_wanted": bool(frame[1] & 16)}
    if message.device_id is not None:
        found["device_id"] = message.device_id
    if command == wire.RESPONSE:
        return found | ({"result": body[2]} if len(body) == 3 else {})
    shown = []
    for key, value in wire.items(body):
        shown.append({"key": f"{key:02X}", "value": "***" if key in wire.HIDDEN and value else value.hex()})
        found |= _data(key, value) if command in (wire.DATA, wire.SERVICES) else {}
        found |= _configuration(key, value) if command == wire.CONFIGURATION else {}
    return found | {"items": shown}


def _data(key: int, value: bytes) -> dict[str, Any]:
    if key == 0x01:
        return {"imei": clean(value)}
    if key == 0x14 and len(value) >= 3:
        return {"battery_percent": value[0], "battery_mv": int.from_bytes(value[1:3], "little")}
    if key == 0x20 and len(value) >= _PLACE.size:
        north, east, speed, course, height, hdop, odometer, satellites = _PLACE.unpack_from(value)
        return {
            "latitude": round(north / 1e7, 7),
            "longitude": round(east / 1e7, 7),
            "speed_kmh": speed,
            "course": course,
            "altitude_m": height,
            "hdop_raw": hdop,
            "odometer_m": odometer,
            "satellites": satellites,
        }
    if key == 0x24 and len(value) >= 8:
        time, status = struct.unpack_from("<II", value)
        return {"time_unix": time, "status": status, "battery_percent": status >> 24}
    return {}


def _configuration(key: int, value: bytes) -> dict[str, Any]:
    if key == 0x03:
        return {"imei": clean(value)}
    if key == 0x43 and len(value) > 3:
        return {"flag": value[0], "port": int.from_bytes(value[1:3], "little"), "server": clean(value[3:])}
    if key == 0x44 and len(value) == _NUMBERS.size:
        heartbeat, upload, lazy = intervals(value)
        return {
            "heartbeat_raw": f"0x{heartbeat:08X}",
            "heartbeat_s": heartbeat & ~SWITCH,
            "upload_interval": upload,
            "lazy_interval": lazy,
        }
    return {}
