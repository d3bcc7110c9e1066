"""What a package says, for people. Times UTC, coordinates in degrees (1/1800000 on the wire), speed in km/h.

Sources: traccar/traccar Eelink decoder and tests; EELINK DEVICE PROTOCOL V2.0 to V2.3 (package ids).
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from tracker_codecs.contract import Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.eelink import frame as wire
from tracker_codecs.text import clean

_NAMES = {
    0x01: "login",
    0x02: "gps",
    0x03: "heartbeat",
    0x04: "alarm",
    0x05: "state",
    0x06: "sms",
    0x07: "obd_short",
    0x08: "time_calibration",
    0x12: "location",
    0x14: "warning",
    0x15: "report",
    0x16: "text",
    0x17: "obd_data",
    0x18: "obd_body",
    0x19: "obd_fault",
    0x1A: "pedometer",
    0x1B: "parameter_set",
    0x1E: "camera_info",
    0x1F: "camera_data",
    0x80: "command_reply",
    0x81: "broadcast_data",
    0x82: "list",
    0x91: "base_stations",
}
_OLD = struct.Struct(">IiiBHHHH3sB")
_PLACE = struct.Struct(">iihHHB")
_SCALE = 1_800_000
#: Sizes of the parts behind the place, by their bit of the mask: three cells, three access points.
_PARTS = {1: 11, 2: 7, 3: 7, 4: 7, 5: 7, 6: 7}
_OLD_REPORTS = (wire.POSITION, 0x04, wire.STATE)
_NEW_REPORTS = (wire.LOCATION, wire.WARNING, wire.REPORT)


def fields(message: Message) -> dict[str, Any]:
    """Everything that the package says. Raises PeerError for contents that end too early."""
    frame = message.frame
    number, content = frame[2], frame[wire.HEAD :]
    if message.kind is Kind.OTHER and (message.data is not None or number in wire.OF_DEVICES):
        return _from_server(message)
    told: dict[str, Any] = {
        "message": _NAMES.get(number, "other"),
        "type": f"0x{number:02x}",
        "serial": int.from_bytes(frame[5:7], "big"),
        "imei": message.device_id,
    }
    if isinstance(message.data, wire.Answer):
        told |= {"content_type": 1, "server_flag": f"{message.data.uid:08x}", "text": clean(message.data.text)}
        return told
    try:
        if number == wire.LOGIN and len(content) >= wire.V1_LOGIN:
            told |= _login(content)
        elif number == wire.HEARTBEAT and content:
            told["status"] = content.hex()
        elif number in _OLD_REPORTS:
            told |= _old(number, content)
        elif number in _NEW_REPORTS:
            told |= _new(number, content)
        elif content:
            told["content"] = content[:256].hex()
    except (struct.error, IndexError, OverflowError, OSError, ValueError):
        raise PeerError("a package that ends too early", discarded=frame[:64]) from None
    return told


def _from_server(message: Message) -> dict[str, Any]:
    frame = message.frame
    number, content = frame[2], frame[wire.HEAD :]
    told: dict[str, Any] = {"type": f"0x{number:02x}", "serial": int.from_bytes(frame[5:7], "big")}
    if message.device_id:
        told["imei"] = message.device_id
    if isinstance(message.data, wire.Answer):
        text = clean(message.data.text)
        told |= {"message": "command", "content_type": 1, "server_flag": f"{message.data.uid:08x}", "text": text}
        return told | ({"query": True} if text.endswith("?") else {})
    told["message"] = f"{_NAMES.get(number, 'other')}_reply"
    if number == wire.LOGIN and len(content) == 7:
        told |= {"utc": int.from_bytes(content[:4], "big"), "version": content[5], "action": content[6]}
    return told


def _login(content: bytes) -> dict[str, Any]:
    if len(content) == wire.V1_LOGIN:
        return {"layout": "v1", "body_rest": content[8:].hex()}
    zone = content[9] - 256 if content[9] > 127 else content[9]
    return {"layout": "v2", "language": content[8], "timezone_quarters": zone}


def _old(number: int, content: bytes) -> dict[str, Any]:
    """Time, place, cell, validity, then what the kind of package adds."""
    time, latitude, longitude, speed, course, mcc, mnc, area, cell, valid = _OLD.unpack_from(content)
    told = {
        "time": _time(time),
        "latitude": _degrees(latitude),
        "longitude": _degrees(longitude),
        "speed_kmh": speed,
        "course": course,
        "cell": [mcc, mnc, area, int.from_bytes(cell, "big")],
        "valid": bool(valid & 1),
    }
    rest = content[_OLD.size :]
    if number != wire.POSITION and rest:
        told["alarm" if number == 0x04 else "event"] = f"0x{rest[0]:02x}"
    return told


def _new(number: int, content: bytes) -> dict[str, Any]:
    """Time, a mask of the parts that follow, those parts, then the warning or kind of report, and the status."""
    told: dict[str, Any] = {"time": _time(int.from_bytes(content[:4], "big"))}
    mask, pos = content[4], 5
    if mask & 1:
        latitude, longitude, altitude, speed, course, satellites = _PLACE.unpack_from(content, pos)
        told |= {
            "latitude": _degrees(latitude),
            "longitude": _degrees(longitude),
            "altitude": altitude,
            "speed_kmh": speed,
            "course": course,
            "satellites": satellites,
        }
        pos += _PLACE.size
    if mask & 0x80:
        return told  # cells and access points of a newer form; what follows is left alone
    pos += sum(size for bit, size in _PARTS.items() if mask & 1 << bit)
    if number != wire.LOCATION:
        told["warning" if number == wire.WARNING else "event"] = f"0x{content[pos]:02x}"
        pos += 1
    if pos + 2 <= len(content):
        status = content[pos] << 8 | content[pos + 1]
        told |= {"status": f"{status:04x}", "valid": bool(status & 1)}
    return told


def _degrees(units: int) -> float:
    return round(units / _SCALE, 6)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def normalise(frame: bytes) -> bytes:
    """Time of a login answer, serial and UID of commands and answers, and the checksum of their datagram zeroed."""
    head = frame[:14] if frame[:2] == wire.ENVELOPE else b""
    body = frame[len(head) :]
    if len(body) >= 12 and body[:3] == b"gg\x80":
        body = body[:5] + bytes(2) + body[7:8] + bytes(4) + body[12:]
    elif len(body) == 14 and body[:5] == b"gg\x01\0\x09":
        body = body[:7] + bytes(4) + body[11:]
    else:
        return frame
    return head[:4] + bytes(2) + head[6:] + body if head else body


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The login or datagram with another IMEI and a right checksum. Raises LocalError for what is no IMEI."""
    was, now = wire.bcd(old), wire.bcd(new)
    if frame[:2] == wire.ENVELOPE and frame[6:14] == was:
        packages = frame[14:]
        if packages[:3] == b"gg\x01" and packages[7:15] == was:
            packages = packages[:7] + now + packages[15:]
        return wire.envelope(new, packages)
    if frame[:3] == b"gg\x01" and frame[7:15] == was:
        return frame[:7] + now + frame[15:]
    return frame
