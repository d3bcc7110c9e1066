"""Galileosky packets: cutting of a link, building of commands. All integers are little endian.

A packet is a header byte, a length (bits 0-14; bit 15 marks archived data), that many bytes, and CRC-16/MODBUS over all
before it. Every packet but Garmin FMI is owed three bytes: 02 (07 for a photo part) and its two checksum bytes as they
stood; without them the device repeats it. The satellite form (Iridium: 01, length big endian, 01 00 1C) has no checksum
and comes from a ground station, so it names nobody here.
Sources: traccar/traccar Galileo frame decoder, decoder, encoder and their tests (recorded packets); GPS/Lite and
GLONASS manuals (packets to the device; FMI packets).
"""

from __future__ import annotations

import re
from typing import ClassVar, NamedTuple

from fastcrc import crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

TAGS, ACK, FMI, PHOTO, COMPRESSED = 0x01, 0x02, 0x06, 0x07, 0x08
HEADERS = frozenset((TAGS, FMI, PHOTO, COMPRESSED))
HARDWARE, FIRMWARE, IMEI, NUMBER, COMMAND_NUMBER, COMMAND_TEXT = 0x01, 0x02, 0x03, 0x04, 0xE0, 0xE1
SATELLITE = b"\x01\x00\x1c"
#: Devices make packets of about 1000 bytes; a longer length than this is no length.
MAX_PAYLOAD = 0x0FFF
MAX_FRAME = MAX_PAYLOAD + 5
#: Longest command: its length is one byte.
MAX_COMMAND = 255
_SHOWN = 64
#: Where a packet may start after garbage: a tags packet of a possible length that opens as they all do.
_START = re.compile(
    rb"\x01(?:[\0-\xff](?:[\0-\x0f\x80-\x8f](?:[\x01-\x04\x10\x20\x30\xe0]|\Z)|\Z)|\Z)|"
    rb"\x01[\0-\x0f][\0-\xff]\x01(?:\0(?:\x1c|\Z)|\Z)",
    re.DOTALL,
)

crc = crc16.modbus


class Answer(NamedTuple):
    """A command's number (None where a device sends none) and the text of its answer, byte for byte."""

    number: int | None
    text: str


def seal(payload: bytes, header: int = TAGS, flag: int = 0) -> bytes:
    """A packet around this payload; `flag` 0x8000 marks archived data."""
    body = bytes((header,)) + (len(payload) | flag).to_bytes(2, "little") + payload
    return body + crc(body).to_bytes(2, "little")


def build_command(imei: str, number: int, text: str) -> bytes:
    """A command: IMEI, device number 0 (the IMEI decides), command number (32 bits), text.

    Raises LocalError for text that is empty, longer than 255 characters or not printable ASCII, and for an IMEI that is
    not 15 digits.
    """
    if not 0 < len(text) <= MAX_COMMAND or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    if len(imei) != 15 or not (imei.isascii() and imei.isdigit()):
        raise LocalError("a command is addressed to an IMEI of 15 digits", parameter="device_id")
    return seal(
        bytes((IMEI,))
        + imei.encode("ascii")
        + bytes((NUMBER, 0, 0, COMMAND_NUMBER))
        + number.to_bytes(4, "little")
        + bytes((COMMAND_TEXT, len(text)))
        + text.encode("ascii")
    )


class GalileoskyStream(Cutter):
    """Cuts one direction of a TCP link. `server` is true for what a server sends.

    Recovery: a packet with a wrong checksum is given up, but for a tags packet that may start inside it. One PeerError
    is given for a run of garbage, at its first byte.
    """

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = _START

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if self._skipping and not _START.match(buf, pos):
            return NO_FRAME  # so it turns out, now that more bytes are there
        left, header = len(buf) - pos, buf[pos]
        if self.server and header in (ACK, PHOTO):
            return self._bare(buf, pos, 3, events)
        if header not in HEADERS:
            return NO_FRAME
        if left < (6 if header == TAGS else 3):
            return MORE
        if header == TAGS and buf[pos + 3 : pos + 6] == SATELLITE:
            length = buf[pos + 1] << 8 | buf[pos + 2]
            return self._bare(buf, pos, length + 3, events) if 3 <= length <= MAX_PAYLOAD else NO_FRAME
        length = (buf[pos + 1] | buf[pos + 2] << 8) & 0x7FFF
        if not 1 <= length <= MAX_PAYLOAD:
            return NO_FRAME
        end = pos + length + 5
        if len(buf) < end:
            return MORE
        frame = buf[pos:end]
        if crc(frame[:-2]) == frame[-2] | frame[-1] << 8:
            events.append(self._packet(frame))
        elif self._skipping or _START.search(buf, pos + 1, end):
            return NO_FRAME
        else:
            events.append(PeerError("wrong checksum", discarded=frame[:_SHOWN]))
        return end

    def _bare(self, buf: bytes, pos: int, size: int, events: list[Event]) -> int:
        """Takes a packet of this size that has no checksum."""
        if len(buf) - pos < size:
            return MORE
        events.append(Message(Kind.OTHER, buf[pos : pos + size]))
        return pos + size

    def _packet(self, frame: bytes) -> Message:
        """A packet with a right checksum: who sent it, what it is, what it is owed."""
        header, checksum = frame[0], frame[-2:]
        if header != TAGS:
            kind = Kind.REPORT if header == COMPRESSED else Kind.OTHER
            owed = b"" if header == FMI else (b"\x07" if header == PHOTO else b"\x02") + checksum
            return Message(kind, frame, self.device_id, owed, Checksum.OK)
        pos, end = 3, len(frame) - 2
        while pos < end and frame[pos] in (HARDWARE, FIRMWARE):
            pos += 2
        device, named = self.device_id, False
        if pos + 16 <= end and frame[pos] == IMEI:
            digits = frame[pos + 1 : pos + 16]
            named = digits.isdigit()
            device = digits.decode("ascii") if named else None
            if named and not self.server:
                self.device_id = device
            pos += 16
        if pos < end and frame[pos] == NUMBER:
            pos += 3
        answer = answer_at(frame, pos, end)
        if self.server:
            return Message(Kind.OTHER, frame, device, b"", Checksum.OK, data=answer)
        kind, text = Kind.LOGIN if named and pos == end else Kind.REPORT, ""
        if answer is not None:
            kind, text = Kind.REPLY, clean(answer.text)
        return Message(kind, frame, device, b"\x02" + checksum, Checksum.OK, text, answer)


def answer_at(frame: bytes, pos: int, end: int) -> Answer | None:
    """The command number and text that begin at `pos`; None where something else stands."""
    number = None
    if pos + 5 <= end and frame[pos] == COMMAND_NUMBER:
        number = int.from_bytes(frame[pos + 1 : pos + 5], "little")
        pos += 5
    if pos + 2 > end or frame[pos] != COMMAND_TEXT or pos + 2 + frame[pos + 1] > end:
        return None
    return Answer(number, frame[pos + 2 : pos + 2 + frame[pos + 1]].decode("latin-1"))


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a link opens with a tags packet."""
    if len(first) < 4:
        return None if first[:1] in (b"", b"\x01") else False
    if first[0] != TAGS or not 0 < (first[1] | first[2] << 8) & 0x7FFF <= MAX_PAYLOAD:
        return False
    if first[3] == HARDWARE and len(first) < 6:
        return None
    if first[3] == IMEI and not all(0x30 <= each <= 0x39 for each in first[4:19]):
        return False  # a Ruptela record may open alike; its IMEI is binary
    return first[3] in (HARDWARE, FIRMWARE, IMEI, NUMBER) and first[3:6] != SATELLITE
