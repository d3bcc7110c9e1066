"""Frames of H02 units: cutting, who sent them, what is owed.

Text `*<maker>,<id>,<type>,...#`: two maker letters (HQ most often), an id of 10 to 15 digits, sometimes CR LF behind.
Binary `$` or `X`, 5 bytes id (BCD), then hh mm ss dd MM yy, place and status: 32 bytes, of some units 45. A link mixes
both. The longer form begins like the shorter one, so its last 13 bytes are passed over unless a frame begins there; of
some units it has 2 bytes more, which are passed over alike. Blanks may stand between frames. The id of a binary frame
has ten digits; where the link's id holds them, the link's stands. There is no checksum; the shape stands in for it.
Other units send `$` frames of 42 bytes with 15 digits of id and a filler 0, then the time; their rest is not read.
Owed: V0 and HTBT are said back; V1 and NBR get `*<maker>,<id>,V4,<type>,yyyyMMddHHmmss#`, the server's time in UTC.
Sources: traccar/traccar H02FrameDecoder, H02ProtocolDecoder and their tests (recorded frames, answers); CanTrack G20LS
protocol 2023 (AIPorto/GPS-Tracker-SDK; HTBT said back). Traccar always answers as HQ; here the unit's own letters
stand, because a vendor text (scribd 470158848) says that units compare them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.defaults import renamed_text
from tracker_codecs.text import clean

#: Longest text frame taken, in bytes. The longest recorded ones, with cells and Wi-Fi, have about 400.
MAX_FRAME = 1024
#: A binary frame in bytes, what the longer form has beyond it, and what the longest has beyond that.
BINARY, TAIL, EXTRA = 32, 13, 2
#: The form with 15 digits of id: a frame, its head with id and time, and how much longer its id is.
LONG, LONG_HEAD, LONGER = 42, 15, 3
_TEXT = re.compile(rb"\*([A-Za-z]{2}),(\d{10,15}),([A-Za-z][A-Za-z0-9]{0,7})((?:,[^#]*)?)#", re.ASCII)
_HEAD = re.compile(rb"\*[A-Za-z]{2},\d", re.ASCII)
_HEARTBEATS = (b"HTBT", b"V0", b"LINK")
_REPLIES = (b"V4", b"SMS")
_REPORTS = re.compile(rb"V[1-9]\d?|VP1|VI1|NBR|BASE", re.ASCII)
#: What begins with a blank behind a binary frame, and the frame that it parts from it, as far as that has come.
_PARTED = re.compile(rb"( [ \r\n]{0,15})(?:\*(?:[A-Za-z]{1,2}|[A-Za-z]{2},(?:\d.*)?)?)?", re.ASCII | re.DOTALL)


class Said(NamedTuple):
    """A text frame in its parts."""

    maker: str
    word: str
    rest: str


def build(maker: str, device_id: str, body: str) -> bytes:
    """The text frame around this body, `V1,...` for example."""
    return f"*{maker},{device_id},{body}#".encode("ascii")


def bcd(data: bytes) -> str | None:
    """The digits of BCD bytes, or None where one is no digit."""
    digits = data.hex()
    return digits if digits.isdecimal() else None


def timed(data: bytes) -> bool:
    """Whether the first 12 bytes are the head of a binary frame: an id and a time that can be. Zero dates can."""
    digits = bcd(data[1:12])
    if digits is None or len(digits) != 22:
        return False
    hour, minute, second, day, month = (int(digits[at : at + 2]) for at in range(10, 20, 2))
    return hour < 24 and minute < 60 and second < 60 and day < 32 and month < 13


def long_timed(data: bytes) -> bool:
    """The same of the form with 15 digits of id, of at least its head, or of as much of it as there is."""
    digits = bcd(data[1:LONG_HEAD])
    if data[:1] != b"$" or digits is None or digits[15:16] not in ("", "0"):
        return False
    return len(data) < LONG_HEAD or timed(data[:1] + data[1 + LONGER : LONG_HEAD])


class H02Stream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server, which sends text only."""

    __slots__ = ("_extra", "_maker", "_tail")
    starts = re.compile(rb"[*$X\r\n]")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._maker = b""
        self._tail = self._extra = 0

    @property
    def known(self) -> dict[str, str]:
        """The two letters that the unit's frames begin with."""
        return {"maker": self._maker.decode()} if self._maker else {}

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """See `Cutter`; the tail of a binary frame does not reach into the next datagram."""
        if self._datagrams:
            self._tail = self._extra = 0
        return super().feed(data, channel)

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`; blanks, line ends and the tail of the longer binary form are passed over."""
        first = buf[pos]
        if self._tail:
            parted = _PARTED.fullmatch(buf, pos) if self._tail == TAIL and not self._datagrams else None
            if parted is not None:
                if len(buf) - parted.end(1) < 5:
                    return MORE
                self._tail = 0
                return parted.end(1)
            if self._tail < TAIL or first not in b"*$X\r\n":
                count = min(self._tail, len(buf) - pos)
                self._tail -= count
                self._extra = EXTRA if self._tail == 0 else 0
                return pos + count
            self._tail = 0
        if first not in b"*$X\r\n" and self._extra:
            self._extra -= 1
            return pos + 1
        self._extra = 0
        if first == 0x2A:
            return self._line(buf, pos, events)
        if first in b"\r\n" or (first == 0x20 and not self._skipping):
            return pos + 1
        if (first == 0x24 or first == 0x58) and not self.server:
            return self._binary(buf, pos, events)
        return NO_FRAME

    def _line(self, buf: bytes, pos: int, events: list[Event]) -> int:
        stop = buf.find(b"#", pos, pos + MAX_FRAME)
        if stop < 0:
            if len(buf) - pos >= MAX_FRAME:
                return NO_FRAME
            return MORE if len(buf) - pos < 5 or _HEAD.match(buf, pos) else NO_FRAME
        found = _TEXT.fullmatch(buf, pos, stop + 1)
        later = buf.rfind(b"*", pos + 1, stop)
        if found is None or (later > 0 and _HEAD.match(buf, later)):
            return NO_FRAME
        events.append(self._message(buf[pos : stop + 1], found))
        return stop + 1

    def _message(self, frame: bytes, found: re.Match[bytes]) -> Message:
        maker, name, word, rest = found.groups()
        said = Said(maker.decode(), word.decode(), rest[1:].decode("latin-1"))
        device_id = name.decode()
        if self.server:
            return Message(Kind.OTHER, frame, device_id, data=said)
        self.device_id, self._maker = device_id, maker
        if word in _HEARTBEATS:
            owed = b"" if word == b"LINK" else b"*%b,%b,%b#" % (maker, name, word)
            return Message(Kind.HEARTBEAT, frame, device_id, owed, data=said)
        if word in _REPLIES:
            return Message(Kind.REPLY, frame, device_id, text=clean(f"{said.word},{said.rest}"), data=said)
        if not _REPORTS.fullmatch(word):
            return Message(Kind.OTHER, frame, device_id, data=said)
        owed = b""
        if word == b"V1" or word == b"NBR":
            owed = b"*%b,%b,V4,%b,%b#" % (maker, name, word, self.clock().strftime("%Y%m%d%H%M%S").encode())
        return Message(Kind.REPORT, frame, device_id, owed, data=said)

    def _binary(self, buf: bytes, pos: int, events: list[Event]) -> int:
        if len(buf) - pos < 12:
            return MORE if bcd(buf[pos + 1 : pos + 12]) or len(buf) - pos == 1 else NO_FRAME
        if not timed(buf[pos : pos + 12]):
            return self._long(buf, pos, events) if long_timed(buf[pos : pos + LONG_HEAD]) else NO_FRAME
        if len(buf) - pos < BINARY:
            return MORE
        frame = buf[pos : pos + BINARY]
        digits = frame[1:6].hex()
        if self.device_id is None or digits not in self.device_id:
            self.device_id = digits
        self._tail = TAIL
        events.append(Message(Kind.REPORT, frame, self.device_id))
        return pos + BINARY

    def _long(self, buf: bytes, pos: int, events: list[Event]) -> int:
        if len(buf) - pos < LONG:
            return MORE
        frame = buf[pos : pos + LONG]
        self.device_id = frame[1:9].hex()[:15]
        events.append(Message(Kind.REPORT, frame, self.device_id))
        return pos + LONG


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `*`, two letters, an id, a type; or a binary frame with a place and a status."""
    first = first.lstrip(b"\r\n")
    if first[:1] in (b"$", b"X"):
        digits = bcd(first[1:12])
        if len(first) > 1 and digits is None:
            return False
        if len(first) >= 12 and not timed(first) and long_timed(first):
            return True if len(first) >= LONG else None
        if len(first) < BINARY:
            return None if len(first) < 12 or timed(first) else False
        return timed(first) and _placed(first)
    if not first.startswith(b"*"):
        return None if not first else False
    if first.startswith(b"*ET,"):
        return False  # EasyTrack's
    shapes = (rb"\*[A-Za-z]{0,2}", rb"\d{0,15}", rb"(?:[A-Za-z][A-Za-z0-9]{0,7})?")
    parts = first.split(b"#")[0].split(b",")
    for shape, part in zip(shapes, parts, strict=False):
        if not re.fullmatch(shape, part, re.ASCII):
            return False
    if len(parts) < 3:
        return None
    if len(parts[0]) != 3 or len(parts[1]) < 10:
        return False
    return True if len(parts) > 3 or b"#" in first else None


def _placed(frame: bytes) -> bool:
    """Minutes below 60, degrees that can be, and a status word that begins with set bits, as all recorded ones do."""
    latitude, longitude = bcd(frame[12:16]), bcd(frame[17:21])
    if latitude is None or longitude is None or frame[25] & 0xF0 != 0xF0:
        return False
    return int(latitude[:4]) <= 9000 and int(latitude[2:4]) < 60 and int(longitude[:5]) <= 18000


_TIMED = re.compile(rb"(\*[A-Za-z]{2},\d+,V4,(?:V1|NBR),)\d{14}#", re.ASCII)


def normalised(frame: bytes) -> bytes:
    """Answers to V1 and NBR carry the time."""
    return _TIMED.sub(rb"\1time#", frame)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The id of a text or a binary frame."""
    if frame[:1] == b"$" and len(frame) == LONG and re.fullmatch(r"\d{15} \d{15}", f"{old} {new}", re.ASCII):
        return frame[:1] + bytes.fromhex(f"{new}0") + frame[9:] if frame[1:9] == bytes.fromhex(f"{old}0") else frame
    if frame[:1] in (b"$", b"X") and re.fullmatch(r"\d{10} \d{10}", f"{old} {new}", re.ASCII):
        mine = bytes.fromhex(old)
        return frame[:1] + bytes.fromhex(new) + frame[6:] if frame[1:6] == mine else frame
    return renamed_text(frame, old, new)
