"""What Meitrack frames say beyond the four things of the hot path: reports, answers, commands.

Sources: MEITRACK GPRS Protocol V1.6 / V1.7 and T622 edition V1.2 (AAA, commands); traccar/traccar Meitrack decoder and
tests (CCC, CCE).
"""

from __future__ import annotations

import re
import struct
from datetime import datetime, timedelta
from typing import Any

from construct import ConstructError, Int8ul, Int16sl, Int16ul, Int32sl, Int32ul, Struct

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.meitrack import frame as wire

#: Little endian; degrees x 1e6, seconds since 2000-01-01, volts x 100, HDOP x 10.
RECORD = Struct(
    "event" / Int8ul,
    "latitude" / Int32sl,
    "longitude" / Int32sl,
    "time" / Int32ul,
    "valid" / Int8ul,
    "satellites" / Int8ul,
    "rssi" / Int8ul,
    "speed" / Int16ul,
    "course" / Int16ul,
    "hdop" / Int16ul,
    "altitude" / Int16sl,
    "mileage" / Int32ul,
    "run_time" / Int32ul,
    "mcc" / Int16ul,
    "mnc" / Int16ul,
    "lac" / Int16ul,
    "cell" / Int16ul,
    "status" / Int16ul,
    "ad" / Int16ul,
    "battery" / Int16ul,
    "power" / Int16ul,
    "fence" / Int32ul,
).compile()
RECORD_SIZE = 52
EVENTS = {
    31: "heartbeat",
    32: "cornering report",
    33: "track by distance",
    34: "answer to a position request",
    35: "track by time",
}
_NUMBER = re.compile(r"[-+]?\d{1,12}(?:\.\d{1,12})?", re.ASCII).fullmatch
_EPOCH = datetime(2000, 1, 1)
#: Identifiers of CCE records: key and, where it is not 1, what the number is divided by.
_CCE = {
    0x01: ("event", 1),
    0x40: ("event", 1),
    0x05: ("valid", 1),
    0x06: ("satellites", 1),
    0x07: ("rssi", 1),
    0x08: ("speed_kmh", 1),
    0x09: ("course", 1),
    0x0A: ("hdop", 10),
    0x0B: ("altitude_m", 1),
    0x19: ("battery_v", 100),
    0x1A: ("power_v", 100),
    0x02: ("latitude", 1_000_000),
    0x03: ("longitude", 1_000_000),
    0x0C: ("mileage_m", 1),
    0x0D: ("run_time_s", 1),
    0xFE69: ("battery_percent", 1),
}
_SIGNED = frozenset((0x02, 0x03, 0x0B))
#: Commands that ask for something.
_QUERIES = frozenset(("A70", "B93", "B97", "E91", "C48", "D16"))
#: Arguments of settings commands: key of the first one.
_ARGUMENT = {
    "A11": "heartbeat_minutes",
    "A12": "interval_units_10s",
    "A13": "angle_degrees",
    "A14": "distance_m",
    "A15": "parking_interval_argument",
    "A16": "parking_interval_on",
    "A73": "sleep_level",
}


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a cut frame, as JSON values. Raises PeerError for a broken content."""
    frame = message.frame
    found = wire.parse(frame)
    told: dict[str, Any] = {"flag": found.flag, "device_id": found.device_id}
    if found.content[:4] not in wire.BINARY:
        told["command"] = found.command
    try:
        if frame[:2] == b"@@":
            return told | _command(found)
        return told | _said(found)
    except (ConstructError, struct.error, OverflowError, ValueError) as fault:
        raise PeerError(f"content too short or malformed: {type(fault).__name__}") from None


def _said(found: wire.Content) -> dict[str, Any]:
    kind = found.content[:4]
    if kind == b"CCC,":
        return {"command": "CCC"} | _records(found.content)
    if kind == b"CCE,":
        return {"command": "CCE"} | _cce(found.content[4:])
    if kind == b"D00,":
        return {"type": "picture", "command": "D00", "bytes": len(found.content) - 4}
    arguments = found.arguments
    if found.command == "AAA":
        return _report(arguments)
    if found.command == "AAC":
        return {"type": "AAC", "value": ",".join(arguments)}
    if len(arguments) == 1 and arguments[0].upper() == "OK":
        return {"type": "ack", "status": "ok"}
    values: dict[str, Any] = {"value": arguments[0]} if len(arguments) == 1 else {"values": arguments}
    return {"type": "query_answer"} | values


def _command(found: wire.Content) -> dict[str, Any]:
    name, arguments = found.command, found.arguments
    if name in _QUERIES or (name == "B99" and arguments[-1:] == ["get"]):
        return {"type": "query"} | ({"arguments": arguments} if arguments else {})
    told: dict[str, Any] = {"type": "command"}
    if not arguments:
        return told
    if name == "A19":
        return told | {"wake_by_vibration": arguments[0] == "1"}
    if (key := _ARGUMENT.get(name)) and arguments[0].isdigit():
        told[key] = int(arguments[0])
        if name == "A12":
            told["interval_seconds"] = told[key] * 10
        arguments = arguments[1:]
    return told | ({"arguments": arguments} if arguments else {})


def _number(text: str) -> int | float | None:
    """The number; None for a field that is none."""
    if not _NUMBER(text):
        return None
    return float(text) if "." in text else int(text)


def _decimal(text: str) -> float | None:
    value = _number(text)
    return None if value is None else float(value)


def _moment(text: str) -> str | None:
    """`yymmddhhmmss` in ISO form; None where there is no such time."""
    try:
        return datetime.strptime(text, "%y%m%d%H%M%S").isoformat()
    except ValueError:
        return None


def _report(parts: list[str]) -> dict[str, Any]:
    """AAA. Analog values are volts where they have a decimal point; the hexadecimal ones are model dependent.

    A number, place or time that is none is told as None.
    """
    if len(parts) < 4:
        raise PeerError("a report without position")
    event = int(parts[0]) if parts[0].isascii() and parts[0].isdigit() else None
    told: dict[str, Any] = {"type": "heartbeat" if event == 31 else "data", "event": event}
    if event in EVENTS:
        told["event_meaning"] = EVENTS[event]
    told |= {"latitude": _decimal(parts[1]), "longitude": _decimal(parts[2]), "time": _moment(parts[3])}
    told["valid"] = parts[4:5] == ["A"]
    names = ("satellites", "rssi", "speed_kmh", "course", "hdop", "altitude_m", "mileage_m", "run_time_s")
    told |= {name: _number(part) for name, part in zip(names, parts[5:13], strict=False) if part}
    told |= {name: part for name, part in zip(("cell", "io_status", "analog"), parts[13:16], strict=False) if part}
    volts = parts[15].split("|") if len(parts) > 15 else []
    if len(volts) == 5 and "." in volts[0]:  # recorded: battery first, external power second
        told |= {"battery_v": _decimal(volts[0]), "power_v": _decimal(volts[1])}
    if parts[16:]:
        told["rest"] = parts[16:]
    return told


def _records(content: bytes) -> dict[str, Any]:
    size, count = wire.records_of(content)
    told: dict[str, Any] = {"type": "data", "records": count, "cached": int.from_bytes(content[8:12], "little")}
    if size != RECORD_SIZE:
        return told | {"record_size": size, "content": content[12:].hex()}
    found = [_record(RECORD.parse(content[12 + at * size : 12 + (at + 1) * size])) for at in range(count)]
    return told | {"positions": found} | ({"event": found[0]["event"]} if found else {})


def _record(found: Any) -> dict[str, Any]:
    return {
        "event": found.event,
        "latitude": found.latitude / 1e6,
        "longitude": found.longitude / 1e6,
        "time": (_EPOCH + timedelta(seconds=found.time)).isoformat(),
        "valid": found.valid in (1, 0x41),
        "satellites": found.satellites,
        "speed_kmh": found.speed,
        "course": found.course,
        "altitude_m": found.altitude,
        "battery_v": found.battery / 100,
    }


def _cce(data: bytes) -> dict[str, Any]:
    """Remaining cache u32, record count u16, then records of four groups (1, 2, 4 bytes, variable) of id and value."""
    if len(data) < 6:
        raise PeerError("a CCE packet without header")
    cached, count = struct.unpack_from("<IH", data)
    positions: list[dict[str, Any]] = []
    pos = 6
    while pos + 2 <= len(data) and len(positions) < count:
        size = int.from_bytes(data[pos : pos + 2], "little")
        positions.append(_groups(data[pos + 4 : pos + 2 + size]))
        pos += 2 + size
    told: dict[str, Any] = {"type": "data", "records": count, "cached": cached, "positions": positions}
    return told | ({"event": positions[0]["event"]} if positions and "event" in positions[0] else {})


def _groups(data: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {}
    pos = 0
    for width in (1, 2, 4, 0):
        if pos >= len(data):
            break
        count, pos = data[pos], pos + 1
        for _ in range(count):
            if pos + 2 > len(data):
                raise PeerError("a CCE record is cut short")
            ident, pos = data[pos], pos + 1
            if ident == 0xFE:
                ident, pos = 0xFE00 | data[pos], pos + 1
            size = width
            if not width:
                size, pos = data[pos : pos + 1][0] if pos < len(data) else 0, pos + 1
            raw, pos = data[pos : pos + size], pos + size
            if len(raw) < size:
                raise PeerError("a CCE record is cut short")
            _note(told, ident, raw, width)
    return told


def _note(told: dict[str, Any], ident: int, raw: bytes, width: int) -> None:
    number = int.from_bytes(raw, "little", signed=ident in _SIGNED)
    if not width:
        told[f"id_{ident:02x}"] = raw.hex()
    elif ident == 0x04:
        told["time"] = (_EPOCH + timedelta(seconds=number)).isoformat()
    elif ident in _CCE:
        key, scale = _CCE[ident]
        told[key] = number if scale == 1 else number / scale
    else:
        told[f"id_{ident:02x}"] = number


def normalise(frame: bytes) -> bytes:
    """The frame with its data identifier and sum blanked: both follow the command number."""
    if frame[:2] not in (b"$$", b"@@") or not frame.endswith(b"\r\n") or len(frame) < 20:
        return frame
    return frame[:2] + b"?" + frame[3:-4] + b"??\r\n"


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The frame with another device id of the same length and a right sum (in the case it was written)."""
    try:
        found = wire.parse(frame)
    except PeerError:
        return frame
    if found.device_id != old or len(old) != len(new):
        return frame
    bare = frame[:-2] if frame.endswith(b"\r\n") else frame
    body = bare[:-2].replace(old.encode(), new.encode(), 1)
    digits = b"%02x" if bare[-2:] != bare[-2:].upper() else b"%02X"
    return body + digits % wire.checksum(body) + frame[len(bare) :]
