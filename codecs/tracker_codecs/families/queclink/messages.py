"""What frames say: the full decode, for people, for matching of replies and for tests. Not on the hot path.

Sources as in `frame` and `layout`; replies are read from the end (serial third from last), as the VIN and further
fields may stand in front: GL300 @Tracker Air Interface Protocol R1.02 and jaayesta/queclink-parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from construct import ConstructError

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.queclink import frame as cut
from tracker_codecs.families.queclink import layout
from tracker_codecs.text import clean

#: Causes of a refusal (one public parser, jaayesta/queclink-parser; newer units only).
NACK_CAUSES = {"0": "wrong password or parameter", "1": "unknown command", "2": "not allowed now"}

#: Sub commands of AT+GTRTO and the words that acknowledge them (GL300 text).
_WORDS = ("GPS", "RTL", "READ", "REBOOT", "RESET", "PWROFF", "CID", "CSQ", "VER", "BAT", "TMZ", "INF", "GSV", "GSM")
OPERATIONS = dict(zip("0123456789ABEF", _WORDS, strict=True))

_TIME = re.compile(r"[0-9]{14}").fullmatch
_COUNT = re.compile(r"[0-9A-Fa-f]{4}").fullmatch
_SECTION = re.compile(r"[A-Z]{3}").fullmatch
_SERVER = re.compile(rb"(?:AT\+GT|\+SACK|\+SRVACK|\+RESP:GTHBD)[^$\0]*")


class Answer(NamedTuple):
    """A text frame that may answer a command: `ACK`, `NACK` or a settings report (`ALS`, `ALL`)."""

    kind: str
    word: str  # command acknowledged, or section reported
    version: str
    device_id: str
    serial: str  # upper case; empty for reports
    send_time: str
    extra: str = ""  # sub command word of an RTO acknowledgement; cause of a NACK
    values: tuple[str, ...] = ()  # fields of the reported section, or of the whole report


def split(message: Message) -> list[str]:
    """The comma-separated fields of a text frame, without terminator and blanks."""
    return [part.strip() for part in cut.body_of(message.frame).decode("latin-1").split(",")]


def is_text(frame: bytes) -> bool:
    """ASCII frame, as opposed to HEX format and new binary."""
    return frame[:5] == b"+ACK:" or (frame[1:2] != b"\0" and frame[:4] not in cut.HEX_LENGTH)


def answer(message: Message) -> Answer | None:
    """A modern text reply, read strictly; None where anything does not fit (a damaged reply proves nothing)."""
    if not is_text(message.frame):
        return None
    parts = split(message)
    head, _, word = parts[0].partition(":GT")
    if len(parts) < 6 or not _TIME(parts[-2]) or not _COUNT(parts[-1]) or len(parts[1]) not in (0, 6, 8, 10):
        return None
    version, device_id, send_time = parts[1], parts[2], parts[-2]
    if head == "+RESP" and word == "ALL":
        return Answer("ALL", "", version, device_id, "", send_time, values=tuple(parts[4:-2]))
    if head == "+RESP" and word == "ALS":
        # The VIN of the GV500 family moves the section name by one.
        places = (5, 4) if version[:2] in layout.VIN_VERSIONS else (4, 5)
        at = next((place for place in places if place < len(parts) - 2 and _SECTION(parts[place])), 0)
        if not at:
            return None
        return Answer("ALS", parts[at], version, device_id, "", send_time, values=tuple(parts[at + 1 : -2]))
    # Some units leave out the sub command of an acknowledged RTO.
    extras = {"+ACK": 1 if word == "RTO" and len(parts) > 7 else 0, "+NACK": 1}.get(head)
    # version, id, name, [VIN], [sub command or cause], serial, send time, count
    if extras is None or len(parts) - 7 - extras not in (0, 1) or not _COUNT(parts[-3]):
        return None
    extra = parts[-4] if extras else ""
    return Answer(head[1:], word, version, device_id, parts[-3].upper(), send_time, extra)


def hex_answer(message: Message) -> tuple[str, str] | None:
    """Command word and serial of a HEX format acknowledgement; None for other frames."""
    if message.frame[:4] != b"+ACK" or is_text(message.frame) or message.frame[5] & 0x6F != 0x6F:
        return None
    try:
        found = layout.HexAck.parse(message.frame)
    except ConstructError:
        return None
    return layout.HEX_COMMANDS.get(found.message_type, ""), f"{found.serial:04X}"


def old_answer(message: Message) -> tuple[str, str] | None:
    """Command word and echoed send time of an old-dialect acknowledgement; None for other frames.

    `+ACK:GTTRI,<id>,<send time of the command>,<ack time>,<count>,<version>`.
    """
    if not message.frame.startswith(b"+ACK:GT"):
        return None
    parts = split(message)
    if len(parts) != 6 or not cut.is_id(parts[1].encode("latin-1")) or not _TIME(parts[2]) or not _TIME(parts[3]):
        return None
    return parts[0][7:], parts[2]


# -- full decode -----------------------------------------------------------------------------------------------------
def fields(message: Message) -> dict[str, Any]:
    """See `Family.fields`. Report contents are given as `values`, since their layouts differ by model and firmware."""
    data = message.frame
    if not is_text(data):
        return _binary_fields(data) if data[1] == 0 else _hex_fields(data)
    parts = split(message)
    head = parts[0]
    if head.startswith("AT+GTHBD="):
        return _old_fields(parts)
    if head.startswith(("AT+GT", "+SACK", "+SRVACK", "+RESP:GTHBD")):
        return _server_fields(parts)
    if len(parts) < 4:
        raise PeerError(f"too few fields in {clean(data)}")
    if cut.is_id(parts[1].encode("latin-1")):
        return _old_fields(parts)
    word = head.partition(":")[2]
    out: dict[str, Any] = {"message": "report", "type": word, "protocol_version": parts[1], "imei": parts[2]}
    out |= {"send_time": parts[-2], "count": parts[-1].upper()}
    out["buffered"] = head.startswith("+BUFF")
    if message.data is True:
        out["resent"] = True
    if head.startswith("+ACK:GTHBD"):
        out["message"] = "heartbeat"
    elif head.startswith(("+ACK", "+NACK")):
        found = answer(message)
        if found is None:
            raise PeerError(f"an acknowledgement that cannot be read: {clean(data)}")
        out |= {"message": f"command_{found.kind.lower()}", "command": word, "serial": parts[-3]}
        if word == "GTRTO" and found.kind == "ACK":
            out["sub_command"] = found.extra
        if found.kind == "NACK":
            out |= {"cause": found.extra, "reason": NACK_CAUSES.get(found.extra.lstrip("0") or "0", "unknown cause")}
    name_at = 3
    if out["message"] == "report" and parts[1][:2] in layout.VIN_VERSIONS and len(parts) > 6:
        out["vin"] = parts[3]
        name_at = 4
    if len(parts) > name_at + 2:
        out["device_name"] = parts[name_at]
        out |= _contents(out, word, parts[name_at + 1 : -2])
    return out


def _contents(out: dict[str, Any], word: str, values: Sequence[str]) -> dict[str, Any]:
    if out["message"] != "report":
        return {}
    if word == "GTALL":
        return {"message": "settings_all", "sections": layout.split_sections(values)}
    at = next((place for place, value in enumerate(values) if _SECTION(value)), -1)
    if word in ("GTALS", "GTALM", "GTALC") and at >= 0:
        kind = "settings_one" if word == "GTALS" else "settings_part"
        return {"message": kind, "section": values[at], "values": list(values[at + 1 :])}
    return {"values": list(values)}


def _old_fields(parts: list[str]) -> dict[str, Any]:
    head = parts[0]
    if head.startswith("AT+GTHBD="):
        if len(parts) < 5:
            raise PeerError("a heartbeat with too few fields")
        keys = ("imei", "send_time", "count", "version")
        return {"message": "heartbeat", "dialect": "gl100", **dict(zip(keys, parts[1:5], strict=True))}
    out: dict[str, Any] = {"imei": parts[1]}
    word = head.partition(":")[2]
    # GL100 ends with count, version; the recorded GT300 frame with version, send time, count.
    if len(parts[-1]) == 10:
        out |= {"dialect": "gl100", "count": parts[-2].upper(), "version": parts[-1]}
        tail = 2
    else:
        if len(parts) < 5:
            raise PeerError("too few fields for the old dialect")
        out |= {"dialect": "gt300", "version": parts[-3], "send_time": parts[-2], "count": parts[-1].upper()}
        tail = 3
    if head.startswith("+ACK"):
        out |= {"message": "command_ack", "command": word}
        times = parts[2:-tail]
        out |= dict(zip(("echoed_send_time", "ack_time"), times[-2:], strict=False))
        return out
    return {"message": "report", "type": word, **out, "values": parts[2:-tail]}


def _server_fields(parts: list[str]) -> dict[str, Any]:
    head = parts[0]
    if head.startswith("+SRVACK:"):
        return {"message": "sack", "dialect": "gl100", "count": head[8:]}
    if head.startswith("+RESP:GTHBD"):
        return {"message": "heartbeat_ack", "dialect": "gl100", "values": parts[1:]}
    if head.startswith("+SACK:GTHBD") and len(parts) == 3:
        return {"message": "heartbeat_ack", "protocol_version": parts[1], "count": parts[2]}
    if head.startswith("+SACK:"):
        return {"message": "sack", "count": head[6:]}
    command, _, password = head.partition("=")
    word, values, last = command[5:], parts[1:-1], parts[-1]
    out: dict[str, Any] = {"message": "command", "command": command[3:], "password": password}
    if word in layout.OLD_NAMES and _TIME(last):
        names = layout.OLD_NAMES[word]
        return {**out, "dialect": "gl100", "settings": layout.named(names, values), "send_time": last}
    out |= {"fields_between_password_and_serial": len(values), "serial": last, "values": values}
    if word == "RTO":
        if not values:
            raise PeerError("a real-time operation without a sub command")
        single = values[1] if len(values) > 1 else ""
        return out | {"sub_command": values[0], "sub": OPERATIONS.get(values[0], ""), "single": single}
    return out | {"settings": layout.named(layout.names_of(word, len(values), password), values)}


def _hex_fields(data: bytes) -> dict[str, Any]:
    head = data[:4]
    at, size = cut.HEX_LENGTH[head]
    out: dict[str, Any] = {"message": "hex_format", "header": head.decode("ascii"), "message_type": data[4]}
    out |= {"length": int.from_bytes(data[at : at + size], "big"), "count": data[-6:-4].hex().upper()}
    time = data[-13:-6]
    year = int.from_bytes(time[:2], "big")
    out["send_time"] = f"{year:04d}{time[2]:02d}{time[3]:02d} {time[4]:02d}:{time[5]:02d}:{time[6]:02d}"
    device_id = cut.hex_id(data)
    if device_id:
        out["imei"] = device_id
    if head == b"+ACK":
        out["serial"] = data[-15:-13].hex().upper()
        out["command"] = layout.HEX_COMMANDS.get(data[4], "")
    return out


def _binary_fields(data: bytes) -> dict[str, Any]:
    try:
        found = layout.NewBinary.parse(data)
    except ConstructError as error:
        raise PeerError(f"a new binary frame that cannot be read: {clean(str(error))}") from None
    rest = found.rest
    return {
        "message": "hex_new",
        "length": found.length,
        "imei": found.id.hex()[1:],
        "device_type": f"{found.device_type:04X}",
        "protocol_version": f"{found.protocol_version:04X}",
        "buffered": found.start == 0x2D,
        "count": rest[-4:-2].hex().upper(),
        "records": rest[:-4].hex(),
        "check_matches": cut.binary_checksum(data) == data[-2],
    }


def server_events(data: bytes, channel: str = "") -> list[Event]:
    """Frames of the other direction: commands and acknowledgements, each up to `$`, 00 or the end."""
    events: list[Event] = []
    position = 0
    for found in _SERVER.finditer(data[: 8 * cut.MAX_FRAME]):
        if data[position : found.start()].strip(b"\r\n \0$"):
            events.append(PeerError("bytes that start no server frame", discarded=data[position : found.start()][:32]))
        end = found.end() + (data[found.end() : found.end() + 1] in (b"$", b"\0") and found.end() < len(data))
        events.append(Message(Kind.OTHER, data[found.start() : end]))
        position = end
    if data[position:].strip(b"\r\n \0$"):
        events.append(PeerError("bytes that start no server frame", discarded=data[position:][:32]))
    return events
