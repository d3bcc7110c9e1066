"""Cutting of Teltonika links and building of command frames. All integers are big endian.

TCP carries, back to back: the byte FF (keep-alive), a login (2-byte length, IMEI digits), and data frames (four zero
bytes, 4-byte length N, N bytes from codec id to the second quantity, CRC-16/IBM over those N bytes in the last two of
four bytes). A UDP datagram is one packet with its own header, no checksum; its AVL data is answered by packet ids.
Sources: Teltonika wiki, Data Sending Protocols (frames, codecs, UDP, worked examples), Server FAQ (login, answers);
traccar/traccar Teltonika frame decoder and tests (order of decision, keep-alive, recorded frames).
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from fastcrc import crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

#: Largest length field taken. Vendor packets end at 1280 bytes on most units; public servers allow much more.
MAX_BODY = 0xFFFF
MAX_FRAME = MAX_BODY + 12
#: Longest command text: with its envelope (codec 14) it makes a packet of 1280 bytes, the vendor's largest.
MAX_COMMAND = 1280 - 28
#: Login lengths taken: an IMEI has 15 digits, nothing else is documented; a few more or less are let pass.
IMEI_LENGTHS = range(8, 21)

GH, AVL_8, AVL_16, TEXT_12, TEXT_13, TEXT_14, TEXT_15, AVL_8E = 0x07, 0x08, 0x10, 0x0C, 0x0D, 0x0E, 0x0F, 0x8E
AVL = frozenset((GH, AVL_8, AVL_16, AVL_8E))
CODECS = AVL | {TEXT_12, TEXT_13, TEXT_14, TEXT_15}
COMMAND, RESPONSE, NACK = 0x05, 0x06, 0x11
LOGIN_OK, LOGIN_NO = b"\x01", b"\x00"

PREAMBLE = b"\0\0\0\0"
#: Codec id, quantity, second quantity.
_LEAST = 3
_UDP_LEAST = 8 + 15 + _LEAST
_SHOWN = 64
#: Where a frame may start after garbage: a data frame (length up to 65535, known codec) or a login. Not FF: it is
#: too common.
_START = re.compile(
    rb"\0\0\0\0\0\0[\0-\xff]{2}[\x07\x08\x0c-\x10\x8e]|\0[\x08-\x14][0-9]{8}|"
    # too short yet, but all of it fits
    rb"\0{1,6}\Z|\0{6}[\0-\xff]{1,2}\Z|\0[\x08-\x14][0-9]{0,7}\Z",
    re.DOTALL,
)
_SERVER_ANSWER = struct.Struct(">I")
_IDS_AT, _UDP_IMEI_AT = 2, 8

crc = crc16.arc


class Text(NamedTuple):
    """Content of a codec 12-15 frame. `imei_field` is the BCD IMEI as hex digits, `time` in Unix seconds (13, 15)."""

    codec: int
    type: int
    payload: bytes
    imei_field: str = ""
    time: int | None = None

    @property
    def text(self) -> str:
        """The payload as text, byte for byte."""
        return self.payload.decode("latin-1")

    @property
    def imei(self) -> str:
        """The IMEI of the frame, empty where it has none."""
        return self.imei_field[1:] if self.imei_field[:1] == "0" else self.imei_field


#: Bytes in front of the text, by codec.
_HEADS = {TEXT_12: 0, TEXT_13: 4, TEXT_14: 8, TEXT_15: 12}


def text_of(body: bytes) -> Text:
    """Content of the bytes from codec id to second quantity. Raises PeerError when its inner length is wrong."""
    codec, size = body[0], len(body) - 8
    head = _HEADS[codec]
    if size < head or int.from_bytes(body[3:7], "big") != size:
        raise PeerError(f"inner length of a codec {codec} frame is wrong", discarded=body[:_SHOWN])
    content = body[7:-1]
    time = int.from_bytes(content[:4], "big") if codec in (TEXT_13, TEXT_15) else None
    imei = content[head - 8 : head].hex() if codec in (TEXT_14, TEXT_15) else ""
    return Text(codec, body[2], content[head:], imei, time)


def seal(body: bytes) -> bytes:
    """A data frame around the bytes from codec id to second quantity."""
    return PREAMBLE + len(body).to_bytes(4, "big") + body + crc(body).to_bytes(4, "big")


def build_text(text: str, kind: int = COMMAND, imei: str = "") -> bytes:
    """A frame of codec 12, or of codec 14 when an IMEI (15 digits) is given; quantity 1, no terminator.

    Raises LocalError for a command that is empty, longer than 1252 characters or not printable ASCII.
    """
    if not 0 < len(text) <= MAX_COMMAND or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    content = text.encode("ascii")
    codec = TEXT_12
    if imei:
        if len(imei) != 15 or not (imei.isascii() and imei.isdigit()):
            raise LocalError("codec 14 needs an IMEI of 15 digits", parameter="device_id")
        codec, content = TEXT_14, bytes.fromhex("0" + imei) + content
    return seal(bytes((codec, 1, kind)) + len(content).to_bytes(4, "big") + content + b"\x01")


class TeltonikaStream(Cutter):
    """Device-to-server bytes of one link; every feed is a whole datagram when `transport` is UDP.

    Recovery: one PeerError for a run of garbage, which ends where a data frame or a login may start. A frame whose
    checksum alone is wrong is given up whole; one that does not end as a frame must is searched for a better start.
    """

    __slots__ = ()
    starts = _START

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if self._datagrams:
            events.append(self._packet(buf))
            return len(buf)
        if buf[pos] == 0xFF and not self._skipping:
            events.append(Message(Kind.HEARTBEAT, b"\xff", self.device_id))
            return pos + 1
        left = len(buf) - pos
        if left < 2:
            return MORE
        login = buf[pos] << 8 | buf[pos + 1]
        if login:
            return self._login(buf, pos, pos + 2 + login, events)
        if left < 9:
            return self._garbage(buf, pos, events) if any(buf[pos : pos + 6]) else MORE
        length = int.from_bytes(buf[pos + 4 : pos + 8], "big")
        if any(buf[pos : pos + 4]) or not _LEAST <= length <= MAX_BODY or buf[pos + 8] not in CODECS:
            return self._garbage(buf, pos, events)
        if left < length + 12:
            return MORE
        end = pos + length + 12
        # Two zero bytes before the checksum, and both quantities alike: else the length was no length.
        if buf[end - 4] or buf[end - 3] or buf[end - 5] != buf[pos + 9]:
            return self._garbage(buf, pos, events)
        frame = buf[pos:end]
        if crc(frame[8:-4]) != (frame[-2] << 8 | frame[-1]):
            events.append(PeerError("wrong checksum", discarded=frame[:_SHOWN]))
        else:
            events.append(self._data(frame))
        return end

    def _garbage(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """Tells a run of garbage by its first byte alone, which hangs on no split."""
        if not self._skipping:
            self._skipping = True
            events.append(PeerError("no frame starts here", discarded=buf[pos : pos + 1]))
        return NO_FRAME

    def _login(self, buf: bytes, pos: int, end: int, events: list[Event]) -> int:
        """A login that is to end at `end`, looked at digit by digit: no other text is waited for."""
        digits = buf[pos + 2 : end]
        if end - pos - 2 not in IMEI_LENGTHS or (digits and not digits.isdigit()):
            return self._garbage(buf, pos, events)
        if len(buf) < end:
            return MORE
        self.device_id = digits.decode("ascii")
        events.append(Message(Kind.LOGIN, buf[pos:end], self.device_id, LOGIN_OK))
        return end

    def _data(self, frame: bytes) -> Event:
        """A data frame with a right checksum and equal quantities."""
        codec = frame[8]
        if codec in AVL:
            # The number of records taken; another number, or none, makes the device send the packet again.
            owed = _SERVER_ANSWER.pack(frame[9])
            return Message(Kind.REPORT, frame, self.device_id, owed, Checksum.OK)
        return self._text(frame, frame[8:-4], Checksum.OK)

    def _text(self, frame: bytes, body: bytes, checksum: Checksum) -> Event:
        try:
            found = text_of(body)
        except PeerError as fault:
            return fault
        reply = found.codec in (TEXT_12, TEXT_14) and found.type in (RESPONSE, NACK)
        kind = Kind.REPLY if reply else Kind.OTHER
        return Message(kind, frame, self.device_id, b"", checksum, clean(found.payload) if reply else "", found)

    def _packet(self, data: bytes) -> Event:
        """One datagram: length, packet id, 01, AVL packet id, IMEI, then codec id to second quantity."""
        length = int.from_bytes(data[:2], "big")
        if not _UDP_LEAST - 2 <= length <= MAX_BODY or len(data) != length + 2 or data[4] != 1:
            return PeerError("no Teltonika datagram, or its length is wrong", discarded=data[:_SHOWN])
        end = _UDP_IMEI_AT + (data[6] << 8 | data[7])
        digits = data[_UDP_IMEI_AT:end]
        if end - _UDP_IMEI_AT not in IMEI_LENGTHS or end + _LEAST > len(data) or not digits.isdigit():
            return PeerError("a datagram without an IMEI", discarded=data[:_SHOWN])
        codec, count = data[end], data[end + 1]
        if codec not in CODECS or data[-1] != count:
            return PeerError("a datagram of an unknown codec, or cut short", discarded=data[:_SHOWN])
        self.device_id = digits.decode("ascii")
        if codec not in AVL:
            return self._text(data, data[end:], Checksum.NONE) if len(data) - end >= 8 else _short(data)
        owed = b"\0\5" + data[2:4] + b"\1" + data[5:6] + bytes((count,))
        return Message(Kind.REPORT, data, self.device_id, owed)


def _short(data: bytes) -> PeerError:
    return PeerError("a datagram too short for its codec", discarded=data[:_SHOWN])


def body_of(frame: bytes) -> bytes:
    """Codec id to second quantity of a data frame or a datagram."""
    if frame[:4] == PREAMBLE:
        return frame[8:-4]
    return frame[_UDP_IMEI_AT + (frame[6] << 8 | frame[7]) :]


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a login of digits, a data frame with a known codec, or a datagram."""
    rest = first.lstrip(b"\xff")
    if len(rest) < 2:
        return None if not rest or rest[0] == 0 else False
    if rest[:2] != b"\0\0":
        length = rest[0] << 8 | rest[1]
        if length in IMEI_LENGTHS:
            digits = rest[2 : 2 + length]
            return False if digits and not digits.isdigit() else None if len(digits) < 8 else True
        if len(rest) < 9:
            return None if length >= _UDP_LEAST - 2 and rest[4:5] in (b"", b"\1") and length < 2048 else False
        return rest[4] == 1 and rest[6] == 0 and rest[7] in IMEI_LENGTHS and rest[8 : _UDP_IMEI_AT + 7].isdigit()
    if len(rest) < 9:
        return None if not any(rest[:6]) else False
    length = int.from_bytes(rest[4:8], "big")
    return not any(rest[:4]) and _LEAST <= length <= MAX_BODY and rest[8] in CODECS


def refuse(message: Message) -> bytes:
    """Login reply 00; nothing to anything else."""
    return LOGIN_NO if message.kind is Kind.LOGIN else b""
