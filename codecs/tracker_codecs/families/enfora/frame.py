"""Frames of Enfora modems: AT commands, their answers and reports behind a header of four bytes.

u16 number, u8 type, u8 length of the options that follow, payload; big-endian, no checksum. A datagram is one frame;
over TCP a u16 stands before it, which counts itself. The number is free in commands and comes back in the answer; in
reports it names the format (4 text, 5 binary, 10 registration). Types: 2 (and 0) report, 4 AT command, 5 its answer, 8
registration. Whose a report is the first fifteen digits in it tell, as public servers read it, or else the modem id of
a text report, which has letters then: 22 characters behind the 10 of the user number. Answers name nobody. Nothing is
owed.
Sources: Enabler II-G modem integration guide page 49; traccar/traccar EnforaProtocolEncoder, EnforaProtocolDecoder,
SkypatrolProtocolDecoder and their tests.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any

from tracker_codecs import nmea
from tracker_codecs.contract import Event, Kind, Message, Transport
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest frame taken, in bytes: an event table of 400 rows.
MAX_FRAME = 8192
TEXT_REPORT, BINARY_REPORT, REGISTRATION = 4, 5, 10
COMMAND, ANSWER = 4, 5
_REPORTS = (TEXT_REPORT, BINARY_REPORT, REGISTRATION)
_REPORT_TYPES = (0, 2, 8)
#: Bytes before the payload, without the length of TCP.
_HEADER = 4
_HEAD = struct.Struct(">HBB")
_ID = re.compile(rb"[0-9]{15}")
_USER = re.compile(rb" *\d{1,10}", re.ASCII)
_MODEM = re.compile(rb" *([0-9A-Za-z]{4,22})", re.ASCII)
_RMC = re.compile(rb"GPRMC,[ -)+-~]{1,120}\*[0-9A-Fa-f]{2}")


def wrap(transport: Transport, number: int, kind: int, payload: bytes) -> bytes:
    """A frame without options for this link."""
    frame = number.to_bytes(2, "big") + bytes((kind, 0)) + payload
    return frame if transport is Transport.UDP else (len(frame) + 2).to_bytes(2, "big") + frame


def _likely(buf: bytes, pos: int) -> bool:
    """Whether the four bytes there are a header of a device's frame."""
    kind = buf[pos + 2]
    return kind == ANSWER or (kind in _REPORT_TYPES and buf[pos] == 0 and buf[pos + 1] in _REPORTS)


def _lettered(payload: bytes) -> str | None:
    """The modem id of a text report, right-aligned in its place, where it has letters."""
    user, modem = _USER.fullmatch(payload[:10]), _MODEM.fullmatch(payload[10:32])
    if len(payload) < 32 or user is None or modem is None or modem[1].isdigit():
        return None
    return modem[1].decode("ascii")


class EnforaStream(Cutter):
    """Understands datagrams, or cuts what comes over TCP. A wrong length costs bytes until the next likely header."""

    __slots__ = ()
    #: The first byte of a length, or one behind which nothing came yet.
    starts = re.compile(rb"[\0-\x20]|.\Z", re.DOTALL)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """See `Cutter.feed`; a datagram is one frame, and has no length."""
        if not self._datagrams:
            return super().feed(data, channel)
        if not _HEADER <= len(data) <= MAX_FRAME or not _likely(data, 0):
            return [PeerError("a datagram that is no frame", discarded=data[:64])]
        return [self._message(data, 0)]

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        left = len(buf) - pos
        if left < 2:
            return MORE
        length = (buf[pos] << 8) + buf[pos + 1]
        if not _HEADER + 2 <= length <= MAX_FRAME:
            return NO_FRAME
        if left < _HEADER + 2:
            return MORE
        if not _likely(buf, pos + 2):
            return NO_FRAME
        if left < length:
            return MORE
        events.append(self._message(buf[pos : pos + length], 2))
        return pos + length

    def _message(self, frame: bytes, pos: int) -> Message:
        number, kind = (frame[pos] << 8) + frame[pos + 1], frame[pos + 2]
        found = _ID.search(frame, pos + _HEADER) if kind != ANSWER else None
        if found is not None:
            self.device_id = found[0].decode("ascii")
        elif number == TEXT_REPORT and kind in _REPORT_TYPES:
            self.device_id = _lettered(frame[pos + _HEADER + frame[pos + 3] :]) or self.device_id
        if kind == ANSWER:
            text = frame[pos + _HEADER + frame[pos + 3] :].decode("latin-1")
            shown = clean(" ".join(text.split()))
            return Message(Kind.REPLY, frame, self.device_id, text=shown, data=(number, text))
        return Message(Kind.LOGIN if number == REGISTRATION else Kind.REPORT, frame, self.device_id, data=pos)


def from_server(data: bytes, channel: str = "") -> list[Event]:
    """AT commands: one datagram, or frames with a length."""
    events: list[Event] = []
    pos = 0
    while pos < len(data):
        length = int.from_bytes(data[pos : pos + 2], "big")
        if _HEADER + 2 <= length <= len(data) - pos and data[pos + 4] == COMMAND:
            frame, start = data[pos : pos + length], 2
        elif pos == 0 and len(data) >= _HEADER and data[2] == COMMAND:
            frame, start = data, 0
        else:
            return [*events, PeerError("bytes that are no command", discarded=data[pos : pos + 64])]
        text = frame[start + _HEADER :].decode("latin-1")
        number = int.from_bytes(frame[start : start + 2], "big")
        events.append(Message(Kind.OTHER, frame, text=clean(text), data=("server", number)))
        pos += len(frame)
    return events


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a message of either direction. Raises PeerError for a frame whose options or sentence break.

    Latitude and longitude in degrees, speed in km/h, course in degrees. Binary reports are not decoded.
    """
    if message.kind is Kind.OTHER:
        return {"message": "command", "number": message.data[1], "at": message.text}
    if message.kind is Kind.REPLY:
        number, text = message.data
        return {"message": "answer", "number": number, "text": clean(text, MAX_FRAME)}
    body = message.frame[message.data :]
    number, kind, size = _HEAD.unpack_from(body)
    options, payload = body[_HEADER : _HEADER + size], body[_HEADER + size :]
    if len(options) < size:
        raise PeerError("options longer than the frame", discarded=message.frame[:64])
    found: dict[str, Any] = {
        "message": "registration" if message.kind is Kind.LOGIN else "report",
        "format": number,
        "type": kind,
        "options": options.hex(),
        "device_id": message.device_id,
    }
    sentence = _RMC.search(message.frame)
    if sentence is not None:
        return {**found, "position": nmea.fields(nmea.body_of(b"$" + sentence[0] + b"\r\n"))}
    return {**found, "content": payload.hex()}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a report or a registration, as a datagram or behind a length."""
    if len(first) < _HEADER + 2:
        return None if first[:1] in (b"", b"\0") or 0 < first[0] <= MAX_FRAME >> 8 else False
    length = int.from_bytes(first[:2], "big")
    if _HEADER + 2 <= length <= MAX_FRAME and first[4] != ANSWER and _likely(first, 2):
        return True
    return first[2] != ANSWER and _likely(first, 0)


def normalised(frame: bytes) -> bytes:
    """A report without time, date and checksum of its sentence, which vary."""
    return re.sub(rb"(GPRMC,)[\d.]+(,(?:[^,]*,){7})\d{6}([^*]*)\*..", rb"\1time\2date\3*..", frame)
