"""What GT06 messages say beyond the four things of the hot path: contents, decoded when somebody asks.

Sources: Concox GPS Tracker Communication Protocol v1.8.1 (login, status, position, alarm); Jimi VL03/VL103M protocol
(login with time zone, 0x22, 0x94, 0x8A); Traccar Gt06 and Gt02 decoders (0xA0, GT02).
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any

from construct import Bytes, ConstructError, GreedyBytes, Int8ub, Int16ub, Int32ub, Struct

from tracker_codecs.contract import Message
from tracker_codecs.defaults import renamed_text
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.gt06 import console, texts
from tracker_codecs.families.gt06 import frame as wire
from tracker_codecs.text import clean

#: Longest text shown of a message; PARAM# answers are long.
TEXT = 2000

TIME = Struct("year" / Int8ub, "month" / Int8ub, "day" / Int8ub, "hour" / Int8ub, "minute" / Int8ub, "second" / Int8ub)
#: Short login, and what follows in the long one: type code and time zone / language.
LOGIN = Struct("imei" / Bytes(8), "rest" / GreedyBytes)
STATUS = Struct("info" / Bytes(1), "voltage_level" / Int8ub, "gsm_level" / Int8ub, "rest" / GreedyBytes)
#: Opening of 0x12, 0x22, 0xA0 and the alarms; compiled, it is read in a fifth of the time. Degrees in 1/30000 minute.
#: Course: bit 12 fix, 11 west, 10 north.
POSITION = Struct(
    "time" / TIME,
    "satellites" / Int8ub,
    "latitude" / Int32ub,
    "longitude" / Int32ub,
    "speed" / Int8ub,
    "course" / Int16ub,
    "rest" / GreedyBytes,
).compile()
#: What follows in 0x22: one cell (MCC 2, MNC 1, LAC 2, cell 3), then ACC, upload mode, re-upload.
POSITION_2_REST = Struct(
    "cell" / Bytes(8), "acc" / Int8ub, "upload_mode" / Bytes(1), "re_upload" / Int8ub, "rest" / GreedyBytes
).compile()
GT02_POSITION = Struct(
    "time" / TIME,
    "latitude" / Int32ub,
    "longitude" / Int32ub,
    "speed" / Int8ub,
    "course" / Int16ub,
    "reserved" / Bytes(3),
    "flags" / Bytes(4),
).compile()
_GT02_POSITION_SIZE = GT02_POSITION.sizeof()
PER_DEGREE = 60 * 30000

_UPLOAD_MODES = {0: "fixed time interval", 1: "fixed distance", 2: "corner", 3: "ACC change"}
_NAMES = {
    wire.LOGIN: "login",
    wire.STATUS: "heartbeat",
    wire.HEARTBEAT: "heartbeat",
    wire.ALARM: "alarm",
    wire.ALARM_2: "alarm",
    wire.ALARM_3: "alarm",
    wire.POSITION: "location",
    wire.POSITION_2: "location",
    wire.POSITION_4G: "location",
    wire.OLD_ANSWER: "command_reply",
    wire.PORTABLE_ANSWER: "command_reply",
    wire.ANSWER: "command_reply",
    wire.COMMAND: "command",
    wire.TIME: "time",
    wire.INFORMATION: "info",
    wire.LBS: "lbs",
    wire.WIFI: "wifi",
    wire.ADDRESS: "address_request",
    wire.MODULAR: "modular",
}


def _moment(time: Any) -> str | None:
    """The time; None for one of zeros only, which a unit sends that has none yet."""
    if not any((time.year, time.month, time.day, time.hour, time.minute, time.second)):
        return None
    try:
        moment = datetime(2000 + time.year, time.month, time.day, time.hour, time.minute, time.second)
    except ValueError as fault:
        raise PeerError(f"no such time: {fault}") from None
    return moment.isoformat(" ")


def _zone(word: int) -> str:
    """Time zone of a long login: bits 15..4 are hours x 100 (plus minutes), bit 3 set is west."""
    hours, minutes = divmod(word >> 4, 100)
    sign = "-" if word & 8 else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


def _position(content: bytes, number: int) -> dict[str, Any]:
    found = POSITION.parse(content)
    sign_lat = 1 if found.course & 0x0400 else -1
    sign_lon = -1 if found.course & 0x0800 else 1
    told: dict[str, Any] = {
        # v1.8.1 does not say in which zone 0x12 counts; the later ones are UTC
        "time_utc_or_device" if number == wire.POSITION else "time": _moment(found.time),
        "fixed": bool(found.course & 0x1000),
        "satellites": found.satellites & 0x0F,
        "latitude": round(sign_lat * found.latitude / PER_DEGREE, 6),
        "longitude": round(sign_lon * found.longitude / PER_DEGREE, 6),
        "speed_kmh": found.speed,
        "course": found.course & 0x03FF,
    }
    rest = found.rest
    if number == wire.POSITION_2 and len(rest) >= 11:
        more = POSITION_2_REST.parse(rest)
        told |= {"acc": more.acc, "upload_mode": more.upload_mode.hex(), "re_upload": more.re_upload}
        if meaning := _UPLOAD_MODES.get(more.upload_mode[0]):
            told["upload_mode_meaning"] = meaning
        told["cell"] = more.cell.hex()
        rest = more.rest
    if rest:
        told["rest"] = rest.hex()
    return told


def _login(content: bytes) -> dict[str, Any]:
    if not content:
        return {"message": "login_reply"}
    found = LOGIN.parse(content)
    told = {"imei": wire.imei_of(found.imei)}
    if len(found.rest) >= 2:
        told["type_code"] = found.rest[:2].hex()
    if len(found.rest) >= 4:
        told["timezone_language"] = found.rest[2:4].hex()
        told["timezone"] = _zone(int.from_bytes(found.rest[2:4], "big"))
    return told


def _heartbeat(content: bytes, number: int) -> dict[str, Any]:
    if not content:
        return {"message": "heartbeat_reply"}
    if number == wire.HEARTBEAT or len(content) < 3:
        return {"info": content[:1].hex(), "rest": content[1:].hex()}
    found = STATUS.parse(content)
    told = {"info": found.info.hex(), "voltage_level": found.voltage_level, "gsm_level": found.gsm_level}
    if len(found.rest) >= 2:
        told["alarm_language"] = found.rest[:2].hex()
    if found.rest[2:]:
        told["rest"] = found.rest[2:].hex()
    return told


def _answer(number: int, content: bytes) -> dict[str, Any]:
    found = wire.answer_of(number, content)
    told: dict[str, Any] = {"server_flag": f"{found.flag:08x}", "text": clean(found.text, TEXT)}
    if number == wire.ANSWER:
        told["code"] = found.code
        if found.code == 2:
            told["text_encoding"] = "utf-16-be"
    elif found.language:
        told["language"] = found.language.hex()
    return told | {"status": texts.status(found.text)} | texts.explained(found.text)


def _command(content: bytes) -> dict[str, Any]:
    found = wire.COMMAND_CONTENT.parse(content)
    if len(found.language) not in (0, 2):
        raise PeerError("inner length of the command is wrong")
    text = clean(found.text, TEXT)
    return {"server_flag": found.flag.hex(), "text": text, "language": found.language.hex() or None}


def _time(content: bytes) -> dict[str, Any]:
    if not content:
        return {"message": "time_request"}
    return {"message": "time_reply", "utc": _moment(TIME.parse(content))}


def _information(content: bytes) -> dict[str, Any]:
    if not content:
        raise PeerError("information packet without subtype")
    if content[0] != 4:
        return {"subtype": content[0], "content": content[1:].hex()}
    text = content[1:].decode("latin-1")
    return {"subtype": 4, "text": clean(text, TEXT), **texts.explained(text)}


def _gt02(frame: bytes) -> dict[str, Any]:
    if frame == wire.GT02_ANSWER:
        return {"message": "heartbeat_reply", "header": "5468"}
    found = wire.GT02_FRAME.parse(frame)
    told: dict[str, Any] = {
        "message": {0x10: "location", 0x1A: "heartbeat", 0x1C: "command_reply"}.get(found.type, "other"),
        "header": "6868",
        "type": found.type,
        "imei": wire.imei_of(found.imei),
        "serial": found.serial,
        "power": found.power,
        "gsm": found.gsm,
    }
    if found.type == 0x10:
        if len(found.content) < _GT02_POSITION_SIZE:
            raise PeerError("GT02 position is too short")
        place = GT02_POSITION.parse(found.content)
        # which flag bits carry the hemisphere is not in the published layout: degrees without sign
        told |= {
            "time": _moment(place.time),
            "latitude_unsigned": round(place.latitude / PER_DEGREE, 6),
            "longitude_unsigned": round(place.longitude / PER_DEGREE, 6),
            "speed_kmh": place.speed,
            "course": place.course,
            "flags": place.flags.hex(),
        }
    elif found.type == 0x1C:
        text = found.content[1:].decode("latin-1")
        told |= {"text": clean(text, TEXT), "status": texts.status(text)}
    else:
        told["content"] = found.content.hex()
    return told


def _content(number: int, content: bytes) -> dict[str, Any]:
    if number == wire.LOGIN:
        return _login(content)
    if number in (wire.STATUS, wire.HEARTBEAT):
        return _heartbeat(content, number)
    if number in (wire.ALARM, wire.ALARM_2, wire.ALARM_3) and not content:
        return {"message": "alarm_reply"}
    if number in (wire.POSITION, wire.POSITION_2, wire.POSITION_4G, wire.ALARM, wire.ALARM_2, wire.ALARM_3):
        return _position(content, number)
    if number in wire.ANSWERS:
        return _answer(number, content)
    if number == wire.COMMAND:
        return _command(content)
    if number == wire.TIME:
        return _time(content)
    if number == wire.INFORMATION:
        return _information(content)
    return {"content": content.hex()}


def fields(frame: bytes) -> dict[str, Any]:
    """Everything known of a cut frame, of either direction, as JSON values. Raises PeerError for a broken content."""
    try:
        if frame[0] not in (0x78, 0x79):
            return _gt02(frame)
        if frame[0] == 0x78 and frame[2] == 0:
            return {"message": "wifi", "protocol": f"0x{frame[3]:02x}", "content": frame[4:-2].hex()}
        number, content, serial = wire.parts(frame)
        told = {"message": _NAMES.get(number, "other"), "protocol": f"0x{number:02x}"}
        return told | _content(number, content) | {"serial": serial}
    except (ConstructError, struct.error) as fault:  # the latter from compiled layouts
        raise PeerError(f"content too short or malformed: {type(fault).__name__}") from None


def normalise(frame: bytes) -> bytes:
    """The frame with serial, checksum and (in a time answer) the time zeroed."""
    if frame[:2] == wire.GT02 and len(frame) >= 18:
        return frame[:13] + b"\0\0" + frame[15:]
    if len(frame) < 10 or frame[0] not in (0x78, 0x79) or (frame[2:3] == b"\0" and frame[0] == 0x78):
        return frame
    if frame[0] == 0x78 and frame[3] == wire.TIME and len(frame) == 16:
        frame = frame[:4] + bytes(6) + frame[10:]
    return frame[:-6] + bytes(4) + frame[-2:]


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The frame with `old` called `new`, of equal length, and a right checksum; see `Family.rename`.

    Texts are replaced as ASCII and UTF-16; an id of 15 digits also as the 8 BCD bytes of logins and GT02 frames.
    Raises LocalError where the lengths differ or a new id of 15 is not decimal.
    """
    if len(old) != len(new) or not (old.isascii() and new.isascii()):
        raise LocalError("must be ASCII and as long as before", parameter="device_id")
    out = frame.replace(old.encode(), new.encode()).replace(old.encode("utf-16-be"), new.encode("utf-16-be"))
    if len(old) == 15 and old.isdigit():
        if not new.isdigit():
            raise LocalError("must be 15 digits", parameter="device_id")
        out = out.replace(bytes.fromhex("0" + old), bytes.fromhex("0" + new))
    sealed = frame[0] in (0x78, 0x79) and len(frame) >= 10 and (frame[0] == 0x79 or frame[2] > 0)
    return wire.reseal(out) if out != frame and sealed else out


def fields_of(message: Message) -> dict[str, Any]:
    """Everything known of a frame, or a line of a serial port, of either direction."""
    if console.is_line(message.frame):
        return console.fields(message)
    return fields(message.frame)


def normalised(frame: bytes) -> bytes:
    """Serial, checksum and the time of a time answer zeroed."""
    return frame if console.is_line(frame) else normalise(frame)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """In logins and GT02 frames (BCD), and in texts, also UTF-16; the checksum is put right."""
    if console.is_line(frame):
        return renamed_text(frame, old, new)
    return rename(frame, old, new)
