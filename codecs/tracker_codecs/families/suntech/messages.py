"""What a line says, for people.

Fields of reports: traccar/traccar Suntech protocol decoder and recorded lines. `ST3xx`, `ST500` and `ST600` name the
model code; `ST500` has no cell, `ST600` has five fields for it. Groups of settings: see `settings`.
"""

from __future__ import annotations

import re
from typing import Any

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.suntech import settings as values
from tracker_codecs.families.suntech.frame import ERROR, GROUPS
from tracker_codecs.text import clean

_LAST = {"STT": "mode", "EMG": "emergency", "EVT": "event", "ALT": "alert"}
#: Reports of universal units; which values stand in them their own map of bits says, which is not read here.
_UNIVERSAL = frozenset(("STT", "ALT", "BLE", "UEX"))
_PLACE = ("latitude", "longitude", "speed_kmh", "course")
_REPORTS_9 = ("Location", "Emergency", "Alert")
_DATE = re.compile(r"20\d{6}", re.ASCII).fullmatch
#: A cell is ten hexadecimal digits; a latitude has a sign and a point.
_CELL = re.compile(r"[0-9A-Fa-f]{10}", re.ASCII).fullmatch
_NUMBER = re.compile(r"[-+]?\d{1,9}(?:\.\d{1,9})?", re.ASCII).fullmatch
_WHOLE = re.compile(r"[-+]?\d{1,15}", re.ASCII).fullmatch
_QUERIES = frozenset(("Preset", "PresetA", "PRESET", "StatusReq"))


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a line of either direction. Raises PeerError for a report with too few fields.

    A number of a report that is none is told as None.
    """
    if message.data == "zip":
        zipped = {"message": "zip report", "bytes": len(message.frame)}
        return zipped if message.device_id is None else {**zipped, "device_id": message.device_id}
    if message.data == "binary":
        return {"message": "report", "family": "universal", "content_hex": message.frame.hex()}
    line = clean(message.frame[:-1], 2048)
    parts = line.split(";")
    if message.data == "server":
        return _server(parts)
    if line == ERROR:
        return {"message": "ack", "status": "error"}
    try:
        if parts[0] == "RES":
            head = {"message": "ack", "family": "universal", "device_id": parts[1]}
            return {**head, "command": ";".join(parts[2:4]), "text": ";".join(parts[4:])}
        if parts[0] in _UNIVERSAL:
            head = {"message": "report", "family": "universal", "report": parts[0], "device_id": parts[1]}
            return {**head, "values": parts[2:]}
        if parts[0].startswith("ST9") and len(parts[0]) == 5:
            return _answer_9(parts) if parts[1] == "RES" else _report_9(parts)
        if len(parts) > 1 and parts[1] == "Res":
            return _answer(parts)
        return _report(parts)
    except (ValueError, IndexError, StopIteration):
        raise PeerError("a line whose fields are none", discarded=message.frame[:64]) from None


def _report(parts: list[str]) -> dict[str, Any]:
    prefix, word = parts[0][:5], parts[0][5:]
    out: dict[str, Any] = {"message": "report", "prefix": prefix, "report": word, "device_id": parts[1]}
    if word == "ALV":
        return out | {"message": "heartbeat"}
    if word not in (*_LAST, "UEX"):
        return out | {"values": parts[2:]}
    rest = iter(parts[2:])
    if prefix[:3] == "ST3" or prefix in ("ST500", "ST600"):
        out["model_code"] = next(rest)
    for name in ("software_version", "date_yyyymmdd", "time"):
        out[name] = next(rest)
    if not _DATE(out["date_yyyymmdd"]):  # another layout, such as that of ST410: what stands where is not known
        return {"message": "report", "prefix": prefix, "report": word, "device_id": parts[1], "values": parts[2:]}
    for name in () if prefix == "ST500" else ("cell", "mcc", "mnc", "lac", "rssi") if prefix == "ST600" else ("cell",):
        out[name] = next(rest)
    for name in _PLACE:
        out[name] = _number(next(rest))
    out["satellites"] = _whole(next(rest))
    out["fix"] = next(rest) == "1"
    out["distance_m"] = _whole(next(rest))
    out["supply_v"] = _number(next(rest))
    out["io"] = next(rest)
    if word in _LAST:
        out[_LAST[word]] = _whole(next(rest))
    return out | {"more": list(rest)}


def _report_9(parts: list[str]) -> dict[str, Any]:
    """A report of ST9xx: version and cell may be missing or there, the date tells where the rest begins."""
    out: dict[str, Any] = {"message": "report", "prefix": parts[0], "report": parts[1], "device_id": parts[2]}
    start = 3 if _DATE("".join(parts[3:4])) else 4
    rest = parts[start + 2 :]
    if parts[1] not in _REPORTS_9 or len(rest) < 5 or not _DATE(parts[start]):
        return out | {"values": parts[3:]}
    if start == 4:
        out["software_version"] = parts[3]
    out |= {"date_yyyymmdd": parts[start], "time": parts[start + 1]}
    if _CELL(rest[0]):
        out["cell"] = rest.pop(0)
    return out | dict(zip(_PLACE, map(_number, rest), strict=False))


def _number(text: str) -> float | None:
    """The number; None for a field that is none."""
    return float(text) if _NUMBER(text) else None


def _whole(text: str) -> int | None:
    """The whole number; None for a field that is none."""
    return int(text) if _WHOLE(text) else None


def _answer(parts: list[str]) -> dict[str, Any]:
    word = parts[0][5:]
    out: dict[str, Any] = {"message": "ack", "prefix": parts[0][:5], "group": word, "device_id": parts[2]}
    out["software_version"] = parts[3]
    if word != "CMD":
        return out | {"values": parts[4:], **_named(word, parts[4:])}
    if parts[4] in _QUERIES:
        return out | {"message": "query_answer", "query": parts[4], **_groups(parts[5:])}
    return out | {"command": ";".join(parts[4:])}


def _answer_9(parts: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {"message": "ack", "prefix": parts[0], "group": parts[2], "device_id": parts[3]}
    if parts[2] in _QUERIES:
        return out | {"message": "query_answer", "query": parts[2], **_groups(parts[4:])}
    return out | {"values": parts[4:], **_named(parts[2], parts[4:])}


def _groups(parts: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    at = ""
    for part in parts:
        if part in GROUPS:
            at = part
            out[at] = []
        elif at:
            out[at].append(part)
    for group in ("RPT", "REPORT"):
        out |= _named(group, out.get(group, []))
    return out


def _named(group: str, found: list[str]) -> dict[str, Any]:
    """The values of a report group by name, where their count is one that is known."""
    layout = values.LAYOUTS.get("st300" if group == "RPT" else "st910" if group == "REPORT" else "")
    if layout is None or len(found) not in layout.counts:
        return {}
    return {
        name: whole if (whole := values.whole(text)) is not None and "threshold" not in name else text
        for name, text in zip(layout.names, found, strict=False)
    }


def _server(parts: list[str]) -> dict[str, Any]:
    head = parts[0]
    if head.startswith("ST9") and len(head) == 5 and len(parts) > 2:
        out: dict[str, Any] = {"message": "command", "prefix": head, "group": parts[1], "device_id": parts[2]}
        if parts[1] in _QUERIES:
            return out | {"message": "query", "query": parts[1]}
        return out | {"values": parts[3:], **_named(parts[1], parts[3:])}
    if len(parts) < 2:
        return {"message": "unknown"}
    out = {"message": "command", "prefix": head[:5], "group": head[5:], "device_id": parts[1]}
    if head[5:] == "ACK" or len(parts) < 4:
        return out
    out["version"] = parts[2]
    if head[5:] == "CMD":
        query = parts[3] in _QUERIES
        return out | ({"message": "query", "query": parts[3]} if query else {"command": ";".join(parts[3:])})
    return out | {"values": parts[3:], **_named(head[5:], parts[3:])}
