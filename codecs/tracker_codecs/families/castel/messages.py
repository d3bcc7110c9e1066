"""What a frame says, for people; and the bodies of setting and querying.

Sources: traccar/traccar Castel decoder and tests (positions, alarm, recorded query answer); a public C# telematics
server (set message, interval tag, answer to it); public notes on the login of an IDD-213W (its parts).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.castel import frame as wire
from tracker_codecs.text import clean

_ITEM = struct.Struct("<6BiiHHB")
#: Behind a place of the set CC: status, battery, odometer, three of fences and flags, area and cell.
_CC_STATE = struct.Struct("<IBI3BHH")
_CC_SIZE = _ITEM.size + _CC_STATE.size
#: Where the place stands in a body of the set MPIP.
_MPIP_AT = {0x4001: 0, 0x2001: 9, 0x4201: 0, 0x4202: 0, 0x4206: 0}
_STATUS = struct.Struct("<IIIIIHI")
_STATUS_NAMES = ("acc_on_time", "time", "odometer", "trip", "total_fuel", "current_fuel", "status")
#: Where the count of positions stands in a body of the set SC.
_COUNT_AT = {wire.LOGIN: 34, 0x4001: 35, wire.ALARM: 38}
_NAMES = {
    "sc": {
        **{0x1001: "login", 0x1002: "logout", 0x1003: "heartbeat", 0x4001: "gps", 0x4007: "alarm", 0x4009: "sleep_gps"},
        **{0x401F: "comprehensive", 0xA001: "set_ack", 0xA002: "query_answer", 0x9001: "login_reply", 0x2001: "set"},
        **{0x9003: "heartbeat_reply", 0xC007: "alarm_reply", 0x2002: "query"},
    },
    "cc": {
        **{0x4001: "login_cc", 0x4206: "heartbeat_cc", 0x4583: "petrol_control"},
        **{0x8001: "login_reply_cc", 0x8206: "heartbeat_reply_cc"},
    },
    "mpip": {0x4001: "gps_mpip", 0x2001: "gps_mpip_ack_owed", 0x1001: "gps_mpip_ack"},
}


class Written(NamedTuple):
    """An answer to a set message: its sequence and the tags that were taken."""

    sequence: int
    tags: tuple[int, ...]


class Told(NamedTuple):
    """A part of an answer to a query: its sequence, which part of how many, refused tags, values by tag."""

    sequence: int
    parts: int
    part: int
    failed: tuple[int, ...]
    values: Mapping[int, bytes]


def _tags(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 2}H", data)


def set_body(sequence: int, values: Mapping[int, bytes]) -> bytes:
    """Body of a set message: sequence, count, then tag, length and value of each."""
    items = b"".join(struct.pack("<HH", tag, len(value)) + value for tag, value in values.items())
    return struct.pack("<HB", sequence, len(values)) + items


def query_body(sequence: int, tags: tuple[int, ...]) -> bytes:
    """Body of a query: sequence, count, tags. The order is inferred from the set message and the query's answer."""
    return struct.pack(f"<HB{len(tags)}H", sequence, len(tags), *tags)


def written(body: bytes) -> Written:
    """An answer A001. Raises PeerError when its length is not what its count says."""
    if len(body) < 3 or len(body) != 3 + 2 * body[2]:
        raise PeerError("an answer to a set message of a wrong length", discarded=body[:64])
    return Written(body[0] | body[1] << 8, _tags(body[3:]))


def told(body: bytes) -> Told:
    """An answer A002. Raises PeerError when its parts do not fill it, or a tag stands twice."""
    values: dict[int, bytes] = {}
    wrong = PeerError("an answer to a query whose parts do not fill it", discarded=body[:64])
    if len(body) < 6:
        raise wrong
    end = 5 + 2 * body[4]
    if len(body) <= end:
        raise wrong
    pos = end + 1
    for _ in range(body[end]):
        if pos + 4 > len(body):
            raise wrong
        tag, size = struct.unpack_from("<HH", body, pos)
        if tag in values or pos + 4 + size > len(body):
            raise wrong
        values[tag] = body[pos + 4 : pos + 4 + size]
        pos += 4 + size
    if pos != len(body):
        raise wrong
    return Told(body[0] | body[1] << 8, body[2], body[3], _tags(body[5:end]), values)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame. Raises PeerError for an answer that is broken."""
    frame = message.frame
    version, kind, body = wire.version_of(frame), wire.type_of(frame), wire.body_of(frame)
    family = "mpip" if version in (None, 0xFF) else "sc" if version in wire.SC_VERSIONS else "cc"
    out: dict[str, Any] = {
        "message": _NAMES[family].get(kind, "other"),
        "set": family,
        "version": None if version is None else f"0x{version:02x}",
        "device_id": message.device_id,
        "type": f"0x{kind:04x}",
    }
    if family == "cc":
        return {**out, **_cc(kind, body)}
    if family == "mpip":
        places = _positions(body[_MPIP_AT[kind] :], 1) if kind in _MPIP_AT else []
        return {**out, **({"positions": places} if places else {}), "body": body.hex()}
    if kind == wire.SET_ANSWER:
        ack = written(body)
        return {**out, "sequence": ack.sequence, "ok_tags": [f"0x{tag:04x}" for tag in ack.tags]}
    if kind == wire.QUERY_ANSWER:
        answer = told(body)
        out |= {"sequence": answer.sequence, "response_count": answer.parts, "response_index": answer.part}
        out["failed_tags"] = [f"0x{tag:04x}" for tag in answer.failed]
        out["values"] = [{"tag": f"0x{tag:04x}", "value": _shown(value)} for tag, value in answer.values.items()]
        return out
    if kind in (wire.ALARM, 0xC007) and len(body) >= 4:
        out["alarm_index"] = int.from_bytes(body[:4], "little")
    if kind == 0x9001 and len(body) == 10:
        ip = ".".join(map(str, body[:4]))
        return {**out, "ip": ip, "port": body[4] | body[5] << 8, "utc": int.from_bytes(body[6:], "little")}
    if kind in _COUNT_AT and len(body) > _COUNT_AT[kind]:
        at = _COUNT_AT[kind]
        out |= dict(zip(_STATUS_NAMES, _STATUS.unpack_from(body, at - 34), strict=True))
        out["positions"] = _positions(body[at + 1 :], body[at])
        if kind == wire.LOGIN:
            out |= _login(body[at + 1 + body[at] * _ITEM.size :])
    elif kind == 0x4009 and len(body) >= 4 + _ITEM.size:
        out |= {"time": int.from_bytes(body[:4], "little"), "positions": _positions(body[4:], 1)}
    else:
        out["body"] = body.hex()
    return out


def _cc(kind: int, body: bytes) -> dict[str, Any]:
    """A login (one place, two versions) or a heartbeat (a mark, a count, places) of the set CC; else the body."""
    if kind == wire.CC_LOGIN and len(body) >= _CC_SIZE:
        software, _, rest = body[_CC_SIZE:].partition(b"\0")
        return {"positions": [_cc_place(body)], "software": clean(software), "hardware": clean(rest.rstrip(b"\0"))}
    if kind == wire.CC_HEARTBEAT and len(body) >= 2 and len(body) == 2 + body[1] * _CC_SIZE:
        places = [_cc_place(body[at : at + _CC_SIZE]) for at in range(2, len(body), _CC_SIZE)]
        return {"history": body[0] == 1, "positions": places}
    return {"body": body.hex()}


def _cc_place(data: bytes) -> dict[str, Any]:
    status, battery, odometer, *_, area, cell = _CC_STATE.unpack_from(data, _ITEM.size)
    (place,) = _positions(data, 1)
    return {**place, "status": f"0x{status:08x}", "battery": battery, "odometer": odometer, "lac": area, "cell": cell}


def _shown(value: bytes) -> str:
    return clean(value) if value.isalnum() and len(value) > 4 else value.hex()


def _positions(data: bytes, count: int) -> list[dict[str, Any]]:
    """Items of 19 bytes; only whole ones."""
    out = []
    for at in range(0, min(count * _ITEM.size, len(data) - _ITEM.size + 1), _ITEM.size):
        day, month, year, hour, minute, second, latitude, longitude, speed, course, flag = _ITEM.unpack_from(data, at)
        out.append(
            {
                "time": f"20{year:02}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z",
                "latitude": round((1 if flag & 2 else -1) * latitude / 3.6e6, 6),
                "longitude": round((1 if flag & 1 else -1) * longitude / 3.6e6, 6),
                "speed_kmh": round(speed * 0.036, 1),
                "course": course / 10,
                "satellites": flag >> 4,
            }
        )
    return out


def _login(rest: bytes) -> dict[str, Any]:
    """Versions and the tags that the unit says it has; their count has two bytes in recorded logins."""
    software, _, rest = rest.partition(b"\0")
    hardware, _, rest = rest.partition(b"\0")
    out: dict[str, Any] = {"software": clean(software), "hardware": clean(hardware)}
    if len(rest) >= 2 and len(rest) == 2 + 2 * (rest[0] | rest[1] << 8):
        out["tags"] = [f"{tag:04x}" for tag in _tags(rest[2:])]
    return out


def normalise(frame: bytes) -> bytes:
    """Sequence of a command, time of a login answer and checksum zeroed."""
    if len(frame) < 31 or frame[:2] != b"@@":
        return frame
    kind, body = wire.type_of(frame), wire.body_of(frame)
    if kind in (wire.SET, wire.QUERY):
        body = bytes(2) + body[2:]
    elif kind == 0x9001:
        body = body[:6] + bytes(4)
    return frame[: wire.id_at(frame) + 22] + body + bytes(2) + frame[-2:]


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The frame with another id and a right checksum."""
    if len(frame) < 30:
        return frame
    at = wire.id_at(frame)
    if frame[at : at + 20].rstrip(b"\0") != old.encode("ascii"):
        return frame
    return wire.seal(frame[:at] + new.encode("ascii").ljust(20, b"\0"), wire.type_of(frame), wire.body_of(frame))
