"""Lines of IntelliTrac units and their sync packets: cutting, whose they are, what is owed.

A line is ASCII and ends with CR LF; there is no checksum. A sync packet is 8 raw bytes without an end, before, after or
between lines: FA F8, two bytes of any value, the unit id as u32, little-endian. It is owed its own 8 bytes; a position
is owed nothing. Position: `[prefix,]<unit id>,<yyyymmddHHMMSS>,<longitude>,<latitude>,<speed
km/h>,<heading>,<altitude>, <satellites>,<report id>,<input>,<output>[,...]`, the prefix `$RP:<n>` or a number; CAREU
units may have an id of 15 digits.
Sources: traccar/traccar IntellitracFrameDecoder, IntellitracProtocolDecoder and its tests.
"""

from __future__ import annotations

import re
import struct
from typing import Any

from tracker_codecs.cells import moment
from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest line taken, in bytes; recorded ones have fewer than 150.
MAX_FRAME = 1024
SYNC = b"\xfa\xf8"
SYNC_SIZE = 8
_POSITION = re.compile(rb"(?:(?:\$RP:)?\d{1,9},)?(\d{7,10}|\d{15}),\d{14},-?\d{1,3}\.\d+,-?\d{1,2}\.\d+(?:,[ -~]*)?")
_ANSWER = re.compile(rb"\$[A-Z][ -~]*|[ -~]*ERR:[ -~]*")
_LINE = re.compile(rb"\$ST\+([A-Z0-9]+)(?:=([^,]*)((?:,[ -~]*)?))?")
#: Commands whose every argument may be a password or a PIN.
SECRET = frozenset(("CPAS", "SPIN", "GPRS"))
_BETWEEN = b"\r\n\0"
_NEXT = re.compile(rb"\n|\xfa(?:\xf8|\Z)")
_OPENING = re.compile(rb"(?:\$RP:)?\d{1,9},(?:\d{7,10}|\d{15}),\d{14},-?\d{1,3}\.\d")
_VALUES = ("speed_kmh", "heading", "altitude", "satellites", "report_id", "input", "output")
_NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?", re.ASCII)
#: Longest text that `_OPENING` needs.
_ENOUGH = 56


class IntellitracStream(Cutter):
    """Cuts what a device says. A line ends with its datagram, too, and where a sync packet begins."""

    __slots__ = ()
    starts = _NEXT

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`; behind a line without an end, the next end or sync packet is the next frame."""
        first, left = buf[pos], len(buf) - pos
        if first == 0x0A or (first in _BETWEEN and not self._skipping):
            return pos + 1
        if first == 0xFA and buf[pos : pos + 2] in (SYNC, SYNC[:1]):
            if left < SYNC_SIZE:
                return MORE
            events.append(self._sync(buf[pos : pos + SYNC_SIZE]))
            return pos + SYNC_SIZE
        if self._skipping:
            return NO_FRAME
        end = buf.find(b"\n", pos, pos + MAX_FRAME)
        if buf.find(SYNC, pos, end if end >= 0 else pos + MAX_FRAME) >= 0:
            return NO_FRAME
        if end < 0:
            return MORE if left < MAX_FRAME else NO_FRAME
        events.append(self._line(buf[pos : end + 1]))
        return end + 1

    def _sync(self, frame: bytes) -> Message:
        self.device_id = str(struct.unpack_from("<I", frame, 4)[0])
        return Message(Kind.HEARTBEAT, frame, self.device_id, frame, data="sync")

    def _line(self, frame: bytes) -> Event:
        text = frame.rstrip(b"\r\n")
        found = _POSITION.fullmatch(text)
        if found is not None:
            self.device_id = found[1].decode("ascii")
            return Message(Kind.REPORT, frame, self.device_id)
        if _ANSWER.fullmatch(text) is not None:
            answer = text.decode("ascii")
            return Message(Kind.REPLY, frame, self.device_id, text=clean(answer), data=answer)
        return PeerError("a line that is no message", discarded=frame[:64])


def from_server(data: bytes, channel: str = "") -> list[Event]:
    """Commands, one a line, and sync packets that are given back."""
    events: list[Event] = []
    if data.startswith(SYNC) and len(data) == SYNC_SIZE:
        return [Message(Kind.OTHER, data, str(struct.unpack_from("<I", data, 4)[0]), data="sync")]
    for line in data[: 64 * MAX_FRAME].replace(b"\r", b"\n").split(b"\n"):
        found = _LINE.fullmatch(line)
        if found:
            events.append(Message(Kind.OTHER, line, text=clean(found[1]), data="server"))
        elif line:
            events.append(PeerError("a line that is no command", discarded=line[:64]))
    return events


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a message of either direction; a command without its password.

    A time or a place that is none is told as None.
    """
    if message.data == "sync":
        return {"message": "sync", "sequence": message.frame[2:4].hex(), "unit_id": message.device_id}
    if message.data == "server":
        found = _LINE.fullmatch(message.frame)
        assert found is not None, "it was cut by it"
        command = found[1].decode("ascii")
        arguments = clean(found[3][1:], MAX_FRAME).split(",") if found[3] else []
        return {"message": "command", "command": command, "arguments": ["***"] if command in SECRET else arguments}
    if message.kind is Kind.REPLY:
        name, equals, values = message.text.partition("=")
        told: dict[str, Any] = {"message": "answer", "text": message.text}
        return {**told, "command": name[1:], "values": values.split(",")} if equals else told
    return _position(message.frame)


def _position(frame: bytes) -> dict[str, Any]:
    cells = clean(frame.rstrip(b"\r\n"), MAX_FRAME).split(",")
    prefix = cells.pop(0) if not re.fullmatch(r"\d{14}", cells[1], re.ASCII) else None
    unit, time, longitude, latitude, *rest = cells
    east, north = float(longitude), float(latitude)
    found: dict[str, Any] = {
        "message": "report",
        "unit_id": unit,
        "time": moment(time, "%Y%m%d%H%M%S"),
        "longitude": east if abs(east) <= 180 else None,
        "latitude": north if abs(north) <= 90 else None,
    }
    if prefix is not None:
        found["prefix"] = prefix
    for name, cell in zip(_VALUES, rest, strict=False):
        found[name] = float(cell) if _NUMBER.fullmatch(cell) else None
    return {**found, "more": rest[7:]}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a sync packet or a position with a prefix.

    A position without one looks like that of another maker's units, and a link that opens with it is not claimed.
    """
    if first[:1] == SYNC[:1]:
        return first[:2] == SYNC if len(first) > 1 else None
    text = first.lstrip(b"\r\n")
    if _OPENING.match(text) is not None:
        return True
    short = len(text) < _ENOUGH and b"\n" not in text and re.fullmatch(rb"(?:\$(?:R(?:P:?)?)?)?[0-9,.-]*", text)
    return None if short else False


def normalised(frame: bytes) -> bytes:
    """A frame without sequence and times, which vary."""
    if frame.startswith(SYNC) and len(frame) == SYNC_SIZE:
        return SYNC + b"\0\0" + frame[4:]
    return re.sub(rb"(?<=,)\d{14}(?=,)", b"time", frame) if _POSITION.fullmatch(frame.rstrip(b"\r\n")) else frame


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the unit id replaced in a position or a sync packet."""
    if frame.startswith(SYNC) and len(frame) == SYNC_SIZE:
        mine = old.isdigit() and struct.unpack_from("<I", frame, 4)[0] == int(old)
        return frame[:4] + struct.pack("<I", int(new) & 0xFFFFFFFF) if mine else frame
    return re.sub(rb"(?<![0-9])%b(?=,\d{14},)" % re.escape(old.encode("ascii")), new.encode("ascii"), frame)
