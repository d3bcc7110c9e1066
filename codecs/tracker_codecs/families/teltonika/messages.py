"""What frames of either direction say, for people; renaming and blanking of frames.

Sources: Teltonika wiki, Data Sending Protocols; traccar/traccar (codec 13: the size counts the time; camera type 0D).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.teltonika import frame as wire
from tracker_codecs.families.teltonika import records
from tracker_codecs.text import clean

#: Longest text shown of a message.
TEXT = 2000
_NAMES = {
    (wire.TEXT_12, wire.COMMAND): "command",
    (wire.TEXT_12, wire.RESPONSE): "command_response",
    (wire.TEXT_14, wire.COMMAND): "command",
    (wire.TEXT_14, wire.RESPONSE): "command_response",
    (wire.TEXT_14, wire.NACK): "command_nack",
}
_OTHERS = {wire.TEXT_12: "serial_or_camera", wire.TEXT_13: "command_text_with_time", wire.TEXT_15: "serial_data"}


def fields(message: Message) -> dict[str, Any]:
    """Everything the frame says. Raises PeerError for a broken content."""
    frame = message.frame
    if frame == b"\xff":
        return {"message": "keepalive"}
    if len(frame) == 1:
        return {"message": "login_reply", "transport": "tcp", "accepted": frame == wire.LOGIN_OK}
    if len(frame) == 4:
        return {"message": "avl_ack", "transport": "tcp", "accepted": int.from_bytes(frame, "big")}
    if frame[:2] == b"\0\5":
        return {"message": "avl_ack", **_datagram(frame), "accepted": frame[6]}
    if frame[:4] == wire.PREAMBLE:
        told = {"transport": "tcp"}
    elif int.from_bytes(frame[:2], "big") in wire.IMEI_LENGTHS:
        return {"message": "login", "transport": "tcp", "imei": frame[2:].decode("ascii")}
    else:
        digits = frame[8 : 8 + (frame[6] << 8 | frame[7])]
        told = {**_datagram(frame), "imei": digits.decode("ascii")}
    body = wire.body_of(frame)
    told["codec"] = f"0x{body[0]:02X}"
    if body[0] in wire.AVL:
        return {"message": "avl_data", **told, **_avl(body)}
    return {**told, **_text(body)}


def _datagram(frame: bytes) -> dict[str, Any]:
    return {
        "transport": "udp",
        "length": int.from_bytes(frame[:2], "big"),
        "packet_id": frame[2:4].hex(),
        "packet_type": frame[4],
        "avl_packet_id": frame[5],
    }


def _avl(body: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"record_count": body[1]}
    if body[0] == wire.GH:
        told["note"] = "codec 7 of the old GH units: framed and answered, its records are not decoded"
    else:
        told["records"] = records.decode(body)
    return told


def _text(body: bytes) -> dict[str, Any]:
    found = wire.text_of(body)
    told: dict[str, Any] = {
        "message": _NAMES.get((found.codec, found.type), _OTHERS.get(found.codec, "other")),
        "quantity": body[1],
        "type": found.type,
        "payload_length": len(body) - 8,
    }
    if found.imei_field:
        told["imei_field"] = found.imei_field
        if found.imei_field.isdigit():
            told["imei"] = found.imei
    if found.time is not None:
        told["timestamp_s"] = found.time
    if all(0x20 <= byte < 0x7F or byte in b"\t\r\n" for byte in found.payload):
        told["text"] = clean(found.payload, TEXT)
    else:
        told["payload_hex"] = found.payload.hex()
    return told


def server_events(data: bytes, channel: str = "") -> list[Event]:
    """Frames a server sends: login reply, record counts, UDP acknowledgement, commands."""
    events: list[Event] = []
    pos = 0
    while pos < len(data):
        rest = data[pos:]
        if rest[0] == 1 or rest == wire.LOGIN_NO:
            used = 1
        elif rest[:2] == b"\0\5" and len(rest) >= 7:
            used = 7
        elif len(rest) >= 9 and rest[:4] == wire.PREAMBLE and rest[8] in wire.CODECS:
            used = int.from_bytes(rest[4:8], "big") + 12
        else:
            used = 4
        chunk = rest[:used]
        pos += used
        if len(chunk) < used or (used == 4 and chunk[:3] != b"\0\0\0"):
            events.append(PeerError("no frame that a server sends", discarded=rest[:64]))
            break
        events.append(_server_frame(chunk))
    return events


def _server_frame(frame: bytes) -> Event:
    if len(frame) <= 7:
        return Message(Kind.OTHER, frame)
    body = frame[8:-4]
    if len(body) < 3 or body[1] != body[-1]:
        return PeerError("the quantities of the frame disagree", discarded=frame[:64])
    if int.from_bytes(frame[-4:], "big") != wire.crc(body):
        return PeerError("wrong checksum", discarded=frame[:64])
    return Message(Kind.OTHER, frame, checksum=Checksum.OK)


def normalise(frame: bytes) -> bytes:
    """Record times, times of codecs 13 and 15, packet ids of datagrams and checksums zeroed."""
    if len(frame) < 12 or int.from_bytes(frame[:2], "big") in wire.IMEI_LENGTHS:
        return frame
    out = bytearray(frame)
    tcp = frame[:4] == wire.PREAMBLE
    body = wire.body_of(frame)
    at = frame.find(body)
    if len(body) < 3:
        return frame
    if not tcp:
        out[2:4], out[5] = b"\0\0", 0
    try:
        for start in _times(body):
            out[at + start[0] : at + start[0] + start[1]] = bytes(start[1])
    except PeerError:
        return frame
    if tcp:
        out[-4:] = b"\0\0\0\0"
    return bytes(out)


def _times(body: bytes) -> Sequence[tuple[int, int]]:
    """Offset and size of each time."""
    if body[0] in (wire.AVL_8, wire.AVL_8E, wire.AVL_16):
        return [(start, 8) for start in records.starts(body)]
    return [(7, 4)] if body[0] in (wire.TEXT_13, wire.TEXT_15) else ()


def rename(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: in logins, datagrams, replies (getver tells the IMEI) and the BCD of codecs 14 and 15."""
    if len(old) != len(new) or not (new.isascii() and new.isdigit()):
        raise LocalError("the new id must be digits, as many as the old one has", parameter="device_id")
    out = frame.replace(old.encode("ascii"), new.encode("ascii"))
    if out[:4] != wire.PREAMBLE or len(out) < 15:
        return out
    body = out[8:-4]
    if body[0] in (wire.TEXT_14, wire.TEXT_15) and len(old) == 15:
        body = body.replace(bytes.fromhex("0" + old), bytes.fromhex("0" + new))
    return wire.seal(body) if body != frame[8:-4] else frame
