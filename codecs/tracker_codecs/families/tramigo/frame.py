"""Frames of Tramigo units: cutting, what is owed, and what they say.

Protocol 80 (T22, T23): 80, version 0, index u16, type u16, length u16 of the whole frame, mask u16, check u16, id u32,
time u32, then a text that ends with EOF. Index, length and time are little-endian: consecutive recordings number 9924
and 9925. The id is read big-endian, as its users know it from public servers; in the recordings of five units its
first byte is 03. Owed is the plain text `gprs,ack,<index>`. Public servers swap the bytes of the index there; units
were seen to go on regardless, and here the unit's own number is told. Protocol 04: 04, length u16, check u16, index
u16, the IMEI as two u32 of 8 and 7 digits, time u32, typed blocks; little-endian. Owed is a frame of 24 bytes with a
block FF of the index. The checks of the device's frames are not public.
Sources: traccar/traccar, TramigoFrameDecoder, TramigoProtocolDecoder and its test (recorded frames); a public script
of 2026 on GitHub (FOGNETX) for the answer to protocol 04.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from fastcrc import crc16

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 211.
MAX_FRAME = 1024
_TEXT, _BLOCKS = 0x80, 0x04
#: Index, type, length, mask, check; id; time.
_HEAD = struct.Struct("<HHHHH")
_SMALLEST = {_TEXT: 23, _BLOCKS: 19}
_END = b"EOF"
_PLACE = re.compile(r"(-?\d{1,3}\.\d+), (-?\d{1,3}\.\d+)", re.ASCII)
#: What only answers say behind the name of the unit.
_ANSWER = re.compile(r"[^:]{0,60}: (?:Status, GPS: |\w+, reporting is turned o)", re.ASCII)
_SPEED = re.compile(r"\b([NSEW]{1,2}) with speed (\d+) km/h", re.ASCII)
#: What a server writes: receipts and commands.
_TEXTS = re.compile(rb"gprs,ack,\d{1,5}|[A-Za-z](?:(?!gprs,ack)[ -~])*", re.ASCII)
#: Bytes of the blocks of protocol 04 that have one length.
_SIZES = {0: 40, 4: 53, 20: 32, 30: 79, 40: 40, 255: 4}
_EVENT = struct.Struct("<HIHiiHHBBBHHHHII")


class TramigoStream(Cutter):
    """What a unit says. A message's `data` is its text (protocol 80) or None."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[\x80\x04]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        end = _end(buf, pos)
        if end > 0:
            frame = buf[pos:end]
            events.append(self._text(frame) if frame[0] == _TEXT else self._blocks(frame))
        return end

    def _text(self, frame: bytes) -> Message:
        self.device_id = device_id = str(int.from_bytes(frame[12:16]))
        text = frame[20:-3].decode("latin-1").rstrip()
        owed = b"gprs,ack,%d" % int.from_bytes(frame[2:4], "little")
        if text == "ping":
            return Message(Kind.HEARTBEAT, frame, device_id, owed, data=text)
        if _PLACE.search(text) and not _ANSWER.match(text):
            return Message(Kind.REPORT, frame, device_id, owed, data=text)
        return Message(Kind.REPLY, frame, device_id, owed, text=clean(text), data=text)

    def _blocks(self, frame: bytes) -> Message:
        self.device_id = device_id = _imei(frame)
        answer = b"\x04\x18\0\0\0" + frame[5:19] + b"\xff" + frame[5:7] + b"\0\0"
        owed = answer[:3] + crc16.ibm_3740(answer).to_bytes(2, "little") + answer[5:]
        return Message(Kind.REPORT, frame, device_id, owed)


def _end(buf: bytes, pos: int) -> int:
    """The end of the frame at `pos`; or NO_FRAME or MORE."""
    start, have = buf[pos], len(buf) - pos
    if start not in _SMALLEST or (start == _TEXT and have > 1 and buf[pos + 1]):
        return NO_FRAME
    at = pos + (6 if start == _TEXT else 1)
    if len(buf) < at + 2:
        return MORE
    size = buf[at] | buf[at + 1] << 8
    if not _SMALLEST[start] <= size <= MAX_FRAME:
        return NO_FRAME
    if start == _BLOCKS and have >= 15 and len(_imei(buf[pos : pos + 15])) != 15:
        return NO_FRAME
    if have < size:
        return MORE
    if start == _TEXT and buf[pos + size - 3 : pos + size] != _END:
        return NO_FRAME
    return pos + size


def _imei(frame: bytes) -> str:
    """The IMEI of a frame of protocol 04; longer or shorter where it is none."""
    return f"{int.from_bytes(frame[7:11], 'little'):08d}{int.from_bytes(frame[11:15], 'little'):07d}"


def text_frame(device_id: str, index: int, text: str, seconds: int) -> bytes:
    """A frame of protocol 80 as a unit sends it, with a check of 0: nobody knows the right one."""
    body = text.encode("latin-1") + b" " + _END
    head = b"\x80\0" + _HEAD.pack(index, 0xB0, 20 + len(body), 0x0101, 0)
    return head + int(device_id).to_bytes(4) + struct.pack("<I", seconds) + body


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of the unit, or of a text to it. Raises PeerError for blocks that do not fit."""
    frame = message.frame
    if message.kind is Kind.OTHER:
        return {"message": "text", "text": clean(frame)}
    found: dict[str, Any] = {"protocol": f"0x{frame[0]:02x}", "device_id": message.device_id, "length": len(frame)}
    if frame[0] == _BLOCKS:
        index, seconds = int.from_bytes(frame[5:7], "little"), int.from_bytes(frame[15:19], "little")
        return found | {"index": index, "time_utc": _time(seconds), "blocks": _walk(frame)}
    seconds = int.from_bytes(frame[16:20], "little")
    text: str = message.data
    found |= {"index": int.from_bytes(frame[2:4], "little"), "time_utc": _time(seconds), "text": clean(text)}
    place, speed = _PLACE.search(text), _SPEED.search(text)
    if place:
        found |= {"latitude": float(place[1]), "longitude": float(place[2])}
    return found | ({"direction": speed[1], "speed_kmh": int(speed[2])} if speed else {})


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _walk(frame: bytes) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    pos = 19
    while pos < len(frame):
        kind, start = frame[pos], pos + 1
        if kind in (1, 50):
            start, size = pos + 3, int.from_bytes(frame[pos + 1 : pos + 3], "little") - 3
        elif kind == 22:
            size = 3 + int.from_bytes(frame[pos + 2 : pos + 4], "little")
        else:
            size = _SIZES.get(kind, len(frame) - start)
        content = frame[start : start + size]
        if size < 0 or len(content) < size:
            raise PeerError(f"block {kind} ends too early", discarded=frame[:64])
        blocks.append({"block": kind, **(_event(content) if kind == 0 else {"content_hex": content.hex()})})
        pos = start + size
    return blocks


def _event(content: bytes) -> dict[str, Any]:
    event, _, status, latitude, longitude, speed, course, gsm, gps, battery, *_, seconds = _EVENT.unpack_from(content)
    return {
        "event": event,
        "ignition": bool(status & 32),
        "latitude": latitude / 100000,
        "longitude": longitude / 100000,
        "speed_kmh": speed,
        "course": course,
        "gsm": gsm,
        "gps": gps,
        "battery_percent": battery,
        "fix_time": _time(seconds),
    }


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: protocol 80 by its head, protocol 04 by a sound length and IMEI."""
    if not first:
        return None
    if first[0] == _TEXT:
        if first[1:2] not in (b"", b"\0") or first[5:6] not in (b"", b"\0"):
            return False
        if len(first) < 10:
            return None
        return _SMALLEST[_TEXT] <= int.from_bytes(first[6:8], "little") <= MAX_FRAME and first[9] == 1
    if first[0] != _BLOCKS or (len(first) > 2 and first[2] > MAX_FRAME >> 8):
        return False
    if len(first) < 15:
        return None
    return _SMALLEST[_BLOCKS] <= int.from_bytes(first[1:3], "little") <= MAX_FRAME and len(_imei(first)) == 15


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """What a server sends: receipts and commands, texts without an end; a binary receipt is told as it is."""
    if data[:3] == b"\x04\x18\0":
        return [Message(Kind.OTHER, data)]
    texts = [Message(Kind.OTHER, found[0]) for found in _TEXTS.finditer(data)]
    return texts if b"".join(each.frame for each in texts) == data else [PeerError("no text", discarded=data[:64])]


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The id of a frame of protocol 80; its check is left as it is, since nobody knows the right one."""
    if frame[:1] == b"\x80" and max(len(old), len(new)) < 11:
        return frame[:12] + frame[12:16].replace(int(old).to_bytes(4), int(new).to_bytes(4)) + frame[16:]
    return frame
