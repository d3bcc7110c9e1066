"""What an ATrack packet says, for people.

A record holds times, place, heading, report number, odometer, HDOP, inputs, speed, outputs, analog value, driver,
two temperatures and a text; fields of the unit's own choice may follow, and units can be set to another form of dates.
Records that do not fill their report exactly in the plain form are told as hex.
Source: traccar/traccar AtrackProtocolDecoder and its tests.
"""

from __future__ import annotations

import struct
from typing import Any

from tracker_codecs.contract import Kind, Message
from tracker_codecs.families.atrack import frame as wire
from tracker_codecs.text import clean

_RECORD = struct.Struct(">IIIiiHBIHBHBH")
_TEMPERATURES = struct.Struct(">hh")
_NAMES = (
    *("gps_time", "rtc_time", "send_time", "longitude", "latitude", "course", "report_id", "odometer_100m"),
    *("hdop_tenths", "inputs", "speed_kmh", "outputs", "analog_mv", "driver", "temperature_1_tenths"),
    *("temperature_2_tenths", "text"),
)


def fields(message: Message) -> dict[str, Any]:
    """See `Family.fields`. Times are Unix seconds where the unit sends numbers."""
    frame = message.frame
    if frame[:2] == b"\xfe\x02":
        name = "acknowledgement" if message.data == "server" else "keep_alive"
        return {"message": name, "unit_id": message.device_id, "sequence": frame[10] << 8 | frame[11]}
    if message.kind is Kind.REPORT:
        return _ascii(message) if wire.is_text(frame) else _binary(message)
    word, equals, value = message.text.removeprefix("AT").removeprefix("$").partition("=")
    if message.data == "server":
        name = "query" if value == "?" else "command"
        return {"message": name, "command": word, "arguments": [] if value == "?" else value.split(",")}
    if word == "OK":
        return {"message": "answer", "ok": True}
    if word == "ERROR":
        return {"message": "answer", "ok": False, "code": value}
    found: dict[str, Any] = {"message": "values", "command": word, "values": value.split(",") if equals else []}
    if word == "INFO":
        found |= dict(zip(("unit_id", "model", "firmware", "imei"), found["values"], strict=False))
    return found


def _head(message: Message, sequence: int) -> dict[str, Any]:
    prefix = message.frame[:2].decode("ascii")
    return {"message": "report", "prefix": prefix, "sequence": sequence, "unit_id": message.device_id}


def _binary(message: Message) -> dict[str, Any]:
    frame = message.frame
    head = _head(message, frame[6] << 8 | frame[7])
    records, pos = [], 16
    try:
        while pos < len(frame):
            values = list(_RECORD.unpack_from(frame, pos))
            pos += _RECORD.size
            stop = frame.index(0, pos)
            values.append(clean(frame[pos:stop]))
            values += _TEMPERATURES.unpack_from(frame, stop + 1)
            pos = frame.index(0, stop + 5)
            values.append(clean(frame[stop + 5 : pos]))
            pos += 1
            records.append(dict(zip(_NAMES, values, strict=True)))
    except (struct.error, ValueError):
        records = []
    if not records or head["prefix"] == "@R":
        return {**head, "content_hex": frame[16:].hex()}
    return {**head, "records": [_placed(record) for record in records]}


def _ascii(message: Message) -> dict[str, Any]:
    _, _, _, sequence, _, content = message.frame.split(b",", 5)
    records = []
    for line in content.rstrip(b"\r\n").split(b"\r\n"):
        cells = line.decode("latin-1").split(",")
        record: dict[str, Any] = {name: clean(cell) for name, cell in zip(_NAMES, cells, strict=False)}
        for name in ("longitude", "latitude", "report_id", "speed_kmh", "course"):
            cell = str(record.get(name, ""))
            if cell.removeprefix("-").isdigit() and len(cell) <= 12:
                record[name] = int(cell)
        records.append(_placed(record) if isinstance(record.get("latitude"), int) else record)
    return {**_head(message, int(sequence)), "records": records}


def _placed(record: dict[str, Any]) -> dict[str, Any]:
    """Degrees in place of millionths; None for what is no place on Earth."""
    return {**record, "longitude": _degrees(record["longitude"], 180), "latitude": _degrees(record["latitude"], 90)}


def _degrees(millionths: Any, most: int) -> float | None:
    sound = isinstance(millionths, int) and abs(millionths) <= most * 1_000_000
    return millionths / 1e6 if sound else None
