"""What JT/T 808 messages say beyond the four things of the hot path, in both directions.

Sources: JT/T 808-2013 (message bodies, parameter table), -2019 (registration, authentication); recorded frames in
SmallChi/JT808, yezhihao/jt808-server and traccar/traccar (answers with a wrong count, serial 0 or 0x8104, fragments).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from construct import Bytes, ConstructError, GreedyBytes, Int8ub, Int16ub, Int32ub, Struct

from tracker_codecs.contract import Message
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.jt808 import frame as wire
from tracker_codecs.families.jt808.frame import Frame
from tracker_codecs.text import clean

TEXT = 1000


def _register(maker: int, model: int, terminal: int) -> Any:
    return Struct(
        "province" / Int16ub,
        "city" / Int16ub,
        "maker" / Bytes(maker),
        "model" / Bytes(model),
        "terminal_id" / Bytes(terminal),
        "plate_color" / Int8ub,
        "plate" / GreedyBytes,
    ).compile()


REGISTER_2011, REGISTER_2013, REGISTER_2019 = _register(5, 8, 7), _register(5, 20, 7), _register(11, 30, 30)
#: Degrees x 1e6, metres, km/h x 10; the time is BCD, in GMT+8 unless the terminal is set otherwise.
POSITION = Struct(
    "alarm" / Int32ub,
    "status" / Int32ub,
    "latitude" / Int32ub,
    "longitude" / Int32ub,
    "altitude" / Int16ub,
    "speed" / Int16ub,
    "course" / Int16ub,
    "time" / Bytes(6),
    "rest" / GreedyBytes,
).compile()
_NAMES = {
    wire.REGISTER: "register",
    wire.REGISTER_ANSWER: "register_reply",
    wire.AUTHENTICATE: "auth",
    wire.HEARTBEAT: "heartbeat",
    wire.LOG_OUT: "log_out",
    wire.PLATFORM_ANSWER: "general_response",
    wire.TERMINAL_ANSWER: "terminal_general_response",
    wire.POSITION: "location",
    wire.POSITIONS: "location_batch",
    wire.SET: "set_parameters",
    wire.QUERY_ALL: "query_all_parameters",
    wire.QUERY: "query_parameters",
    wire.PARAMETERS: "parameters",
    wire.HUABAO_SET: "hb_parameter_setting",
    wire.TIME_REQUEST: "time_request",
    wire.TIME_ANSWER: "time_reply",
    wire.TEXT: "text",
    wire.TEXT_ANSWER: "text_reply",
    wire.TEXT_ANSWER_2: "text_reply",
    wire.COMMAND_ANSWER: "command_reply",
    0x8105: "terminal_control",
    0x8202: "temporary_tracking",
    0x8900: "transparent_down",
}


class Parameters(NamedTuple):
    """An answer 0x0104: `values` by parameter id, as bytes; `announced` is their count as told (not to be trusted)."""

    serial: int
    announced: int
    values: Mapping[int, bytes]
    present: int


def join(frames: Iterable[Frame]) -> Frame | None:
    """The whole message of these fragments, in any order (a last one counts); None where one is missing."""
    by_number = {frame.number: frame for frame in frames}
    first = by_number.get(1) or by_number.get(0)
    if first is None or not first.total:
        return first
    if any(number not in by_number for number in range(1, first.total + 1)):
        return None
    body = b"".join(by_number[number].body for number in range(1, first.total + 1))
    return first._replace(body=body, total=0, number=0)


def parameters(body: bytes) -> Parameters:
    """Items up to the end of the body, or up to the first broken one: counts lie, and tails are malformed.

    The first value of an id counts. Raises PeerError for a body without its head.
    """
    if len(body) < 3:
        raise PeerError("an answer with parameters is too short", discarded=body)
    serial, count = struct.unpack_from(">HB", body)
    values: dict[int, bytes] = {}
    present, pos = 0, 3
    while pos + 5 <= len(body):
        ident, size = struct.unpack_from(">IB", body, pos)
        pos += 5
        if pos + size > len(body):
            break
        if ident:
            values.setdefault(ident, body[pos : pos + size])
        present += 1
        pos += size
    return Parameters(serial, count, values, present)


def set_body(values: Mapping[int, int]) -> bytes:
    """Body of 0x8103, each value a DWORD."""
    return bytes((len(values),)) + b"".join(struct.pack(">IBI", ident, 4, value) for ident, value in values.items())


def query_body(idents: Iterable[int]) -> bytes:
    """Body of 0x8106."""
    wanted = tuple(idents)
    return bytes((len(wanted),)) + b"".join(ident.to_bytes(4, "big") for ident in wanted)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a cut frame, as JSON values. Raises PeerError for a broken content."""
    raw = message.frame
    if raw[:1] == b"(":
        asks = raw.endswith(b",TIME)")
        return {"message": "time_request" if asks else "lock_text", "text": clean(raw, TEXT)}
    frame = wire.parse(raw)
    told: dict[str, Any] = {
        "message": _NAMES.get(frame.id, "other"),
        "msg_id": f"0x{frame.id:04x}",
        "phone_field": frame.phone.hex(),
        "serial": frame.serial,
        "version": "2011/2013" if frame.version is None else "2019",
    }
    if frame.version is not None:
        told["protocol_version"] = frame.version
    if frame.total:
        told["message"] += "_fragment"
        return told | {"fragment": {"total": frame.total, "seq": frame.number}, "content": frame.body.hex()}
    if frame.properties & 0x1C00:
        return told | {"encrypted": True, "content": frame.body.hex()}
    try:
        return told | _body(frame)
    except (ConstructError, struct.error, ValueError, IndexError) as fault:
        raise PeerError(f"content too short or malformed: {type(fault).__name__}") from None


def _text(data: bytes, encoding: str = "gbk") -> str:
    text = data.decode(encoding, "replace").rstrip("\0\r\n")
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text[:TEXT])


def _time(digits: bytes) -> str:
    return datetime.strptime(digits.hex(), "%y%m%d%H%M%S").isoformat(" ")


def _value(data: bytes) -> int | str:
    if len(data) in (1, 2, 4):
        return int.from_bytes(data, "big")
    return data.hex() if b"\0" in data.rstrip(b"\0") else _text(data)


def _listed(found: Mapping[int, bytes]) -> dict[str, Any]:
    return {f"0x{ident:04x}": _value(value) for ident, value in found.items()}


def _body(frame: Frame) -> dict[str, Any]:
    body = frame.body
    match frame.id:
        case wire.REGISTER:
            return _registration(frame)
        case wire.REGISTER_ANSWER:
            serial, result = struct.unpack_from(">HB", body)
            return {"answer_serial": serial, "result": result, "auth_code": _text(body[3:]) or None}
        case wire.AUTHENTICATE if frame.version is None:
            return {"auth_code": _text(body)}
        case wire.AUTHENTICATE:
            end = 1 + body[0]
            return {"auth_code": _text(body[1:end]), "imei": _text(body[end : end + 15])}
        case wire.PLATFORM_ANSWER | wire.TERMINAL_ANSWER:
            serial, ident, result = struct.unpack_from(">HHB", body)
            told = {"answer_serial": serial, "answer_id": f"0x{ident:04x}", "result": result}
            return told | {"status": wire.RESULTS.get(result, "unknown").replace(" ", "_")}
        case wire.POSITION:
            return _position(body)
        case wire.POSITIONS:
            return {"positions": _positions(body)}
        case wire.SET:
            return {"params": _listed(parameters(b"\0\0" + body).values)}
        case wire.PARAMETERS:
            found = parameters(body)
            told = {"answer_serial": found.serial, "item_count_field": found.announced}
            return told | {"items_really_present": found.present, "params": _listed(found.values)}
        case wire.QUERY:
            return {"ids": [f"0x{body[at : at + 4].hex()}" for at in range(1, len(body) - 3, 4)]}
        case wire.HUABAO_SET:
            return {"param": f"0x{body[1]:02x}", "interval_s": int.from_bytes(body[3:7], "big")}
        case wire.TIME_ANSWER:
            year, *rest = struct.unpack_from(">H5B", body)
            return {"utc": datetime(year, *rest).isoformat(" ")}
        case 0x8105:
            return {"command_word": body[0], "arguments": _text(body[1:])}
        case 0x8202:
            interval = int.from_bytes(body[:2], "big")
            return {"interval_s": interval, "valid_s": int.from_bytes(body[2:6], "big")}
        case wire.TEXT if frame.version is None:
            return {"flag": body[0], "text": _text(body[1:])}
        case wire.TEXT:
            return {"flag": body[0], "text_type": body[1], "text": _text(body[2:])}
        case 0x8900:
            return {"type": f"{body[0]:02x}", "text": _text(body[1:])}
        case wire.TEXT_ANSWER:
            told = {"answer_serial": int.from_bytes(body[:2], "big"), "text": _text(body[2:], "utf-16-be")}
            return told | {"text_encoding": "utf-16-be"} | _status(told["text"])
        case wire.TEXT_ANSWER_2:
            return {"encoding_byte": body[0], "text": _text(body[1:])}
        case wire.COMMAND_ANSWER:
            text = _text(body[4:])
            return {"text": text} | _status(text)
    return {"content": body.hex()} if body else {}


def _status(text: str) -> dict[str, str]:
    return {"status": "ok"} if text.upper().endswith("OK!") else {}


def _registration(frame: Frame) -> dict[str, Any]:
    layout = REGISTER_2019 if frame.version is not None else REGISTER_2013
    if frame.version is None and len(frame.body) < 37:
        layout = REGISTER_2011
    found = layout.parse(frame.body)
    told = {"province": found.province, "city": found.city, "maker": _text(found.maker).strip("\0")}
    told |= {"model": _text(found.model), "terminal_id": _text(found.terminal_id)}
    return told | {"plate_color": found.plate_color, "plate": _text(found.plate)}


def _position(body: bytes) -> dict[str, Any]:
    found = POSITION.parse(body)
    south, west = found.status & 4, found.status & 8
    return {
        "alarm": found.alarm,
        "acc": bool(found.status & 1),
        "fixed": bool(found.status & 2),
        "latitude": (-1 if south else 1) * found.latitude / 1e6,
        "longitude": (-1 if west else 1) * found.longitude / 1e6,
        "altitude_m": found.altitude,
        "speed_kmh": found.speed / 10,
        "course": found.course,
        "time_gmt8": _time(found.time),
        "extra": found.rest.hex(),
    }


def _positions(body: bytes) -> list[dict[str, Any]]:
    """Batch: count u16, type u8, then length u16 and position each."""
    found, pos = [], 3
    while pos + 2 <= len(body):
        size = int.from_bytes(body[pos : pos + 2], "big")
        found.append(_position(body[pos + 2 : pos + 2 + size]))
        pos += 2 + size
    return found


def normalise(raw: bytes) -> bytes:
    """The frame with its serial (and the time of a time answer) zeroed, its check byte right."""
    try:
        frame = wire.parse(raw)
    except PeerError:
        return raw
    body = bytes(len(frame.body)) if frame.id == wire.TIME_ANSWER else frame.body
    return wire.build(frame._replace(serial=0, body=body))


def rename(raw: bytes, old: str, new: str) -> bytes:
    """The frame with another device number, also where it serves as authentication code."""
    try:
        frame = wire.parse(raw)
    except PeerError:
        return raw.replace(old.encode(), new.encode())
    if wire.id_of(frame.phone) != old:
        return raw
    if len(old) != len(new):
        raise LocalError("must be as long as the old one", parameter="device_id")
    phone = wire.phone_of(new, new=len(frame.phone) == 10)
    return wire.build(frame._replace(phone=phone, body=frame.body.replace(old.encode(), new.encode())))
