"""Datagrams of Noran units, little endian.

Unit: length (2, of the whole datagram), type (2), content. 0000 is the handshake (the id), 0008, 0032 and 0003 are
positions and alarms, 8009 the answer to a command: 8 bytes (address and port), then a position. Newer units have longer
positions, told by their length, with floats and the time as text.
Server: CR LF `*KW` 00, length (2), type (2), content, CR LF. 8000 with status 01 answers the handshake; 0002 carries a
command: 6 bytes 00, then the text in 50 bytes.
Sources: traccar/traccar NoranProtocolDecoder, NoranProtocolEncoder and their tests (recorded datagrams).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any

from tracker_codecs.contract import Event, Kind, Message, Stream
from tracker_codecs.defaults import renamed_text
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

#: Longest datagram taken, in bytes; images come in packets (0201) of unknown size.
MAX_FRAME = 2048
HANDSHAKE, ALARM, POSITION, POSITION_MORE, ANSWER = 0x0000, 0x0003, 0x0008, 0x0032, 0x8009
COMMAND, WELCOME = 0x0002, 0x8000
_HEAD = struct.Struct("<HH")
_START = b"\r\n*KW\x00"
#: Bytes for the text of a command.
TEXT = 50
_ID = re.compile(rb"([0-9A-Za-z]{5,12})\x00*", re.ASCII)
#: valid, alarm, speed in km/h, course in degrees, longitude, latitude; then time and id, or id and time.
_OLD = struct.Struct("<BBBHffI11s")
_NEW = struct.Struct("<BBIfff12s17s")
#: Bytes of content that make a position one of the newer form.
_NEW_SIZES = {POSITION: 48, ALARM: 48, ANSWER: 57}
_NAMES = {
    HANDSHAKE: "handshake",
    ALARM: "alarm",
    POSITION: "position",
    POSITION_MORE: "position",
    ANSWER: "answer",
    0x0200: "image_size",
    0x0201: "image_packet",
}
OWED = bytes.fromhex("0d0a2a4b57000d000080010d0a")


def build(text: str, *, kind: int = COMMAND) -> bytes:
    """The server's datagram with this command. Raises LocalError for a text that does not fit."""
    content = text.encode("ascii")
    if len(content) > TEXT:
        raise LocalError(f"a command has at most {TEXT} characters", parameter="command")
    return b"%b%b%b%b\r\n" % (_START, _HEAD.pack(18 + TEXT, kind), bytes(6), content.ljust(TEXT, b"\x00"))


def _named(data: bytes) -> str | None:
    """The id of a content that holds nothing else."""
    found = _ID.fullmatch(data)
    return found[1].decode() if found else None


def _place(frame: bytes, kind: int) -> tuple[struct.Struct, int]:
    """Layout and offset of the position in a datagram of this kind."""
    new = len(frame) - 4 == _NEW_SIZES.get(kind)
    return _NEW if new else _OLD, 12 if kind == ANSWER else 4


class NoranStream(Stream):
    """One source of datagrams: every call of `feed` is one, of the unit or of a server (`server`)."""

    __slots__ = ()

    @property
    def buffered(self) -> int:
        """Nothing is kept: a datagram is whole."""
        return 0

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """One datagram as a message, or a PeerError."""
        if self.server:
            return [_command(data)]
        if not 4 < len(data) <= MAX_FRAME:
            return [PeerError("no datagram of a Noran unit", discarded=data[:64])]
        length, kind = _HEAD.unpack_from(data)
        if length != len(data) or kind not in _NAMES:
            return [PeerError("a datagram of another length or type than it says", discarded=data[:64])]
        if kind == HANDSHAKE:
            name = _named(data[4:])
        elif kind in (0x0200, 0x0201):
            return [Message(Kind.OTHER, data, self.device_id, data=kind)]
        else:
            layout, at = _place(data, kind)
            name = None
            if len(data) >= at + layout.size:
                name = _named(layout.unpack_from(data, at)[6 if layout is _NEW else 7])
        if name is None:
            return [PeerError("a datagram without an id", discarded=data[:64])]
        self.device_id = name
        if kind == HANDSHAKE:
            return [Message(Kind.LOGIN, data, name, OWED, data=kind)]
        return [Message(Kind.REPLY if kind == ANSWER else Kind.REPORT, data, name, data=kind)]


def _command(data: bytes) -> Event:
    """A server's datagram."""
    if len(data) < 13 or not data.startswith(_START) or not data.endswith(b"\r\n"):
        return PeerError("no datagram of a server", discarded=data[:64])
    length, kind = _HEAD.unpack_from(data, 6)
    if length != len(data) or kind not in (COMMAND, WELCOME):
        return PeerError("a datagram of another length or type than it says", discarded=data[:64])
    return Message(Kind.OTHER, data, data=kind)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`, for a whole datagram."""
    if len(first) < 5:
        known = len(first) < 4 or _HEAD.unpack_from(first)[1] in _NAMES
        return None if known and (len(first) < 2 or 4 < int.from_bytes(first[:2], "little") <= MAX_FRAME) else False
    return isinstance(NoranStream().feed(first)[0], Message)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a datagram of either direction. Raises PeerError for a time that is none."""
    frame = message.frame
    if frame.startswith(_START):
        _, kind = _HEAD.unpack_from(frame, 6)
        if kind == WELCOME:
            return {"message": "handshake_reply", "status": frame[10]}
        return {"message": "command", "text": clean(frame[16:-2].rstrip(b"\x00"))}
    kind = message.data
    found = {"message": _NAMES[kind], "type": f"{kind:04X}", "device_id": message.device_id}
    if kind in (HANDSHAKE, 0x0200, 0x0201):
        return found
    layout, at = _place(frame, kind)
    valid, alarm, speed, course, longitude, latitude, *rest = layout.unpack_from(frame, at)
    return found | {
        "valid": bool(valid & 1),
        "alarm": alarm,
        "speed_kmh": speed,
        "course": _number(course),
        "longitude": _number(longitude),
        "latitude": _number(latitude),
        "time": clean(rest[1]) if layout is _NEW else _time(rest[0], frame),
    }


def _number(value: float) -> float | None:
    """A float that JSON can carry."""
    return round(value, 6) if abs(value) < 1e9 else None


def _time(bits: int, frame: bytes) -> str:
    """From the highest bits: years since 2000 (6 bits), month (4), day (5), hour (5), minute (6), second (6)."""
    year, month, day = bits >> 26, bits >> 22 & 15, bits >> 17 & 31
    hour, minute, second = bits >> 12 & 31, bits >> 6 & 63, bits & 63
    if not (1 <= month <= 12 and day and hour < 24 and minute < 60 and second < 60):
        raise PeerError("a time that is none", discarded=frame[:64])
    return f"{year:02d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}:{second:02d}"


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The id, in its fixed place of ASCII."""
    if len(old) != len(new):
        raise LocalError("the new id must be as long as the old one", parameter="new")
    return renamed_text(frame, old, new)
