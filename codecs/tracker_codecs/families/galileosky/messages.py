"""What a packet says, for people. Values of a tag are little endian.

Sources: traccar/traccar Galileo decoder (sizes and meanings of tags) and tests (89 has one
byte in a recorded packet); GLONASS/GPS v5.1 manual, table of tags.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from tracker_codecs.contract import Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.galileosky import frame as wire
from tracker_codecs.text import clean


def _sizes() -> dict[int, int]:
    """Bytes of each tag's value."""
    one = [1, 2, 0x35, 0x43, *range(0x88, 0x8D), *range(0xA0, 0xB0), *range(0xC4, 0xD3), 0xD5]
    two = [4, 0x10, 0x34, *range(0x40, 0x43), 0x45, 0x46, 0x48, *range(0x50, 0x5A), *range(0x60, 0x63)]
    two += [*range(0x70, 0x78), *range(0xB0, 0xBA), *range(0xD6, 0xDB)]
    three = [0x5D, *range(0x63, 0x70), 0xFA]
    four = [0x20, 0x33, 0x44, 0x47, 0x5A, 0x90, *range(0xC0, 0xC4), 0xD3, 0xD4, *range(0xDB, 0xE1), *range(0xE2, 0xEA)]
    four += range(0xF0, 0xFA)
    sizes = {3: 15, 0x30: 9, 0x5B: 7, 0x5C: 68, 0xFD: 8}
    for size, tags in enumerate((one, two, three, four), 1):
        sizes |= dict.fromkeys(tags, size)
    return sizes


SIZES = _sizes()
_PLACE = struct.Struct("<Bii")
_MOTION = struct.Struct("<HH")
#: Tags that are one number, by name.
_NUMBERS = {
    wire.HARDWARE: "hardware_version",
    wire.FIRMWARE: "firmware_version",
    wire.NUMBER: "device_id",
    0x10: "record_number",
    0x40: "status",
    0x41: "power_mv",
    0x42: "battery_mv",
    0x45: "outputs",
    0x46: "inputs",
    0xD4: "mileage_m",
    wire.COMMAND_NUMBER: "command_number",
}


def fields(message: Message) -> dict[str, Any]:
    """Everything that the packet says. Raises PeerError for tags that run past its end."""
    frame = message.frame
    header = frame[0]
    told: dict[str, Any] = {"header": f"0x{header:02x}"}
    if len(frame) == 3:
        return {"message": "server_ack", **told, "echoed_crc": frame[1:].hex()}
    if header == wire.TAGS and frame[3:6] == wire.SATELLITE:
        return {"message": "satellite", **told, "payload_length": len(frame) - 3}
    length = int.from_bytes(frame[1:3], "little")
    told |= {
        "length_field": f"0x{length:x}",
        "payload_length": length & 0x7FFF,
        "archive_flag_bit15": bool(length & 0x8000),
        "crc": frame[-2:].hex(),
    }
    if header == wire.PHOTO:
        return {"message": "photo_part", **told, "part": frame[3]}
    if header != wire.TAGS:
        return {"message": "compressed_data" if header == wire.COMPRESSED else "garmin_fmi", **told}
    found = records(frame[3:-2])
    name = {Kind.LOGIN: "login_head_packet", Kind.REPLY: "command_answer", Kind.OTHER: "command"}
    return {"message": name.get(message.kind, "data"), **told, "records": found}


def records(payload: bytes) -> list[dict[str, Any]]:
    """The records of a tags packet: a new one begins where a tag stands again.

    A tag of unknown size ends the reading; what follows is told as `undecoded`. Raises PeerError where a value is cut.
    """
    out: list[dict[str, Any]] = []
    seen: set[int] = set()
    pos = 0
    while pos < len(payload):
        tag = payload[pos]
        pos += 1
        if tag in (wire.COMMAND_TEXT, 0xEA):
            size, pos = (payload[pos] if pos < len(payload) else 1), pos + 1
        elif tag == 0xFE:
            size, pos = int.from_bytes(payload[pos : pos + 2], "little"), pos + 2
        elif tag in SIZES:
            size = SIZES[tag]
        else:
            return [*out[:-1], {**(out[-1] if out else {}), "undecoded": payload[pos - 1 :].hex()}]
        value = payload[pos : pos + size]
        if len(value) != size or pos > len(payload):
            raise PeerError(f"tag {tag:02x} runs past the end of its packet", discarded=value[:64])
        if not out or tag in seen:
            out.append({})
            seen.clear()
        seen.add(tag)
        pos += size
        _tell(out[-1], tag, value)
    return out


def _tell(record: dict[str, Any], tag: int, value: bytes) -> None:
    """Adds what one tag says."""
    if tag in _NUMBERS:
        record[_NUMBERS[tag]] = int.from_bytes(value, "little")
    elif tag == wire.IMEI:
        record["imei"] = clean(value)
    elif tag == wire.COMMAND_TEXT:
        record["text"] = clean(value)
    elif tag == 0x20:
        seconds = int.from_bytes(value, "little")
        record["time"] = seconds
        record["time_utc"] = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    elif tag == 0x30:
        flags, latitude, longitude = _PLACE.unpack(value)
        record |= {"fix_flags_sats": f"0x{flags:x}", "latitude": latitude / 1e6, "longitude": longitude / 1e6}
        record |= {"valid": flags < 0x10, "satellites": flags & 15}
    elif tag == 0x33:
        speed, course = _MOTION.unpack(value)
        record |= {"speed_kmh": speed / 10, "course": course / 10}
    elif tag == 0x34:
        record["altitude_m"] = int.from_bytes(value, "little", signed=True)
    elif tag == 0x35:
        record["hdop"] = value[0] / 10
    else:
        record.setdefault("tags", {})[f"0x{tag:02x}"] = value.hex()


def _number_at(frame: bytes) -> int:
    """Where the command number of a command or its answer stands; 0 where there is none."""
    if len(frame) < 31 or frame[0] != wire.TAGS or frame[3] != wire.IMEI or frame[19] != wire.NUMBER:
        return 0
    return 23 if frame[22] == wire.COMMAND_NUMBER else 0


def normalise(frame: bytes) -> bytes:
    """Command number and checksum zeroed."""
    at = _number_at(frame)
    return frame[:at] + bytes(4) + frame[at + 4 : -2] + bytes(2) if at else frame


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The packet with another IMEI and a right checksum; owed answers, which only repeat a checksum, stay."""
    changed = frame.replace(old.encode("ascii"), new.encode("ascii"))
    if changed == frame or frame[0] not in wire.HEADERS:
        return frame
    return changed[:-2] + wire.crc(changed[:-2]).to_bytes(2, "little")
