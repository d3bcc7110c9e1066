"""What a payload of a Xexun unit says, for people.

Positions: a count, the length of each record (u16), the records. A record: index u8, time u32 (UTC seconds), signal
u8, battery u16 (bit 15: charging), mask u8; then by the bits of the mask: 0 alarm u32, 1 place (with a mask of its
own), 3 fingerprint u32, 4 version, IMSI and ICCID, 5 parameters of the unit in 12 bytes, whose layout is not public.
Coordinates are in degrees and minutes, dddmm.mmmm.
Source: traccar/traccar, Xexun2ProtocolDecoder and its test.
"""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime
from typing import Any

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.xexun2.frame import COMMAND, POSITION, check16
from tracker_codecs.text import clean


class _Reader:
    """Big-endian values of a record, in order. Raises PeerError at its end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise PeerError("a record ends too early", discarded=self.data[:64])
        self.at += size
        return self.data[self.at - size : self.at]

    def values(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(f">{layout}", self.take(struct.calcsize(f">{layout}")))

    def number(self, layout: str) -> int:
        return int(self.values(layout)[0])


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. Raises PeerError for records that do not fit."""
    kind, index, payload = message.data
    found: dict[str, Any] = {"type": f"0x{kind:04X}", "index": index, "device_id": message.device_id}
    found |= {"check": f"{check16(payload):04x}", "payload_length": len(payload)}
    if kind == POSITION and payload != b"\x01":
        return {"message": "positions", **found, "records": _records(payload)}
    if kind == COMMAND:
        return {"message": "command or its answer", **found, "text": clean(payload)}
    return {"message": "receipt" if kind == POSITION else "other", **found, "payload_hex": payload.hex()}


def _records(payload: bytes) -> list[dict[str, Any]]:
    reader = _Reader(payload)
    lengths = reader.values(f"{reader.number('B')}H")
    return [_record(_Reader(reader.take(length))) for length in lengths]


def _record(reader: _Reader) -> dict[str, Any]:
    index, seconds, signal, battery, mask = reader.values("BIBHB")
    found: dict[str, Any] = {
        "index": index,
        "time": datetime.fromtimestamp(seconds, UTC).isoformat(),
        "signal": signal,
        "battery_percent": battery & 0x7FFF,
        "charging": bool(battery >> 15),
    }
    if mask & 1:
        found["alarm"] = reader.number("I")
    if mask & 2:
        found |= _place(reader)
    if mask & 8:
        found["fingerprint"] = reader.number("I")
    if mask & 16:
        found |= {"version": clean(reader.take(20).rstrip(b"\0")), "imsi": reader.take(8).hex()}
        found["iccid"] = reader.take(10).hex()
    if mask & 32:
        found["parameters_hex"] = reader.take(12).hex()
    return found


def _place(reader: _Reader) -> dict[str, Any]:
    mask = reader.number("B")
    found: dict[str, Any] = {}
    if mask & 1:
        found |= _coordinates(*reader.values("Bff"))
    if mask & 2:
        found["wifi"] = [
            {"mac": reader.take(6).hex(":"), "signal": reader.number("B")} for _ in range(reader.number("B"))
        ]
    if mask & 4:
        names = ("mcc", "mnc", "area", "cell", "signal")
        found["cells"] = [dict(zip(names, reader.values("HHIIB"), strict=True)) for _ in range(reader.number("B"))]
    if mask & 8:
        found["ranging_hex"] = [reader.take(12).hex() for _ in range(reader.number("B"))]
    if mask & 32:
        speed, course = reader.values("HH")
        found |= {"speed_kmh": speed / 10, "course": course / 10}
    if mask & 64:
        found |= _coordinates(*reader.values("Bdd"))
    if mask & 128:
        found["block_hex"] = reader.take(reader.number("H")).hex()
    return found


def _coordinates(satellites: int, longitude: float, latitude: float) -> dict[str, Any]:
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        raise PeerError("a place that is none")
    return {"satellites": satellites, "latitude": _degrees(latitude), "longitude": _degrees(longitude)}


def _degrees(value: float) -> float:
    """Degrees of dddmm.mmmm; the sign stands before both parts, so south and west count from zero, not from below."""
    whole = math.trunc(value / 100)
    return round(whole + (value - whole * 100) / 60, 6)
