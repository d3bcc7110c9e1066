"""Cutting and building of Meitrack GPRS frames: `$$` from the device, `@@` from the server.

`$$<F><L>,<IMEI>,<command>[,<arguments>]*<CS>CR LF`. F is one character, 0x41..0x7A; L counts the bytes from the first
comma to the LF, both included; CS is the sum of all bytes up to and with `*`, modulo 256, in two hex digits.
CCC, CCE and D00 carry binary data, so a frame is never cut at the line end alone. Nothing is escaped.
Sources: MEITRACK GPRS Protocol V1.6 / V1.7 and T622 edition V1.2; traccar/traccar Meitrack frame decoder and tests
(an answer whose L is one too large, a frame without its line end, an id of 14 digits).
"""

from __future__ import annotations

import re
from typing import ClassVar, NamedTuple

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

#: Longest frame taken, in bytes: packets of binary records reach about 1.1 kB.
MAX_FRAME = 2048
#: Longest command text with its arguments.
MAX_CONTENT = 400
#: What L counts beside id and content: two commas, `*`, the sum, CR LF.
_AROUND = 7
_MIN_LENGTH = 14 + 1 + _AROUND
_SHOWN = 64
#: Commands whose arguments are binary.
BINARY = (b"CCC,", b"CCE,", b"D00,")
_END = re.compile(rb"\*[0-9A-Fa-f]{2}\r\n")
_BARE_END = re.compile(rb"\*[0-9A-Fa-f]{2}\Z")
#: A frame's opening up to its command, and what may yet become one.
_HEAD = {mark: re.compile(re.escape(mark) + rb"([A-z])(\d{2,4}),(\d{14,15}),") for mark in (b"$$", b"@@")}
_OPENING = {
    mark: re.compile(b"(?:%b|%b(?:[A-z](?:\\d{0,4}|\\d{2,4},\\d{0,15}))?)\\Z" % (re.escape(mark[:1]), re.escape(mark)))
    for mark in (b"$$", b"@@")
}


class Content(NamedTuple):
    """A frame taken apart. `content` is all between the id and `*`."""

    flag: str
    length: int
    device_id: str
    content: bytes

    @property
    def command(self) -> str:
        """The command code, as printable text."""
        return clean(self.content.split(b",", 1)[0], 16)

    @property
    def arguments(self) -> list[str]:
        """The arguments of a text frame."""
        return [clean(each) for each in self.content.split(b",")[1:]]


def checksum(data: bytes) -> int:
    """Sum of all bytes (up to and with `*`), modulo 256."""
    return sum(data) & 0xFF


def build(mark: bytes, flag: str, device_id: str, content: bytes) -> bytes:
    """A whole frame; `mark` is `$$` or `@@`. Raises LocalError for an id or content that does not fit."""
    if not re.fullmatch(r"[0-9]{14,15}", device_id):
        raise LocalError("must be an IMEI", parameter="device_id")
    length = len(device_id) + len(content) + _AROUND
    if not content or length > MAX_FRAME - 8:
        raise LocalError("the content does not fit a frame")
    body = b"%b%b%d,%b,%b*" % (mark, flag.encode("ascii"), length, device_id.encode("ascii"), content)
    return body + b"%02X\r\n" % checksum(body)


def parse(frame: bytes) -> Content:
    """A frame of either direction, taken apart. Raises PeerError for bytes that are none."""
    head = _HEAD.get(frame[:2])
    found = head.match(frame) if head else None
    body = frame[:-2] if frame.endswith(b"\r\n") else frame
    if not found or not _BARE_END.search(body) or len(body) - 3 < found.end():
        raise PeerError("not a Meitrack frame", discarded=frame[:_SHOWN])
    flag, length, device_id = (each.decode("ascii") for each in found.groups())
    return Content(flag, int(length), device_id, body[found.end() : -3])


def opens(first: bytes) -> bool | None:
    """Whether a link that begins so is of this family; None while that is open."""
    if not first or _OPENING[b"$$"].match(first):
        return None
    return _HEAD[b"$$"].match(first) is not None


def records_of(content: bytes) -> tuple[int, int]:
    """Record length and number of whole records of a CCC content. (0, 0) for one that is too short."""
    size = int.from_bytes(content[6:8], "little") if len(content) >= 12 else 0
    return (size, (len(content) - 12) // size) if size else (0, 0)


class MeitrackStream(Cutter):
    """Cuts one direction of a link. `server`: frames that a server sends. Over UDP each feed is one datagram.

    A text frame ends at the first `*`, two hex digits and line end within its length (recorded answers are shorter than
    L says), or where the next frame begins, if the line end is missing. A binary one ends where L says. A wrong sum is
    told, not dropped: the vendor's own documents print wrong ones. Line ends between frames mean nothing.
    """

    __slots__ = ("_head", "_id", "_mark", "_opening")
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[$@]")
    between: ClassVar[bytes] = b"\r\n"

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._id = b""
        self._mark = b"@@" if self.server else b"$$"
        self._head = _HEAD[self._mark]
        self._opening = _OPENING[self._mark]

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        head = self._head.match(buf, pos)
        if head is None:
            return MORE if self._opening.match(buf, pos) else NO_FRAME
        end = self._end(buf, head)
        if end == MORE and self._datagrams and self._is_bare(buf, head):
            end = len(buf)
        if end > 0:
            events.append(self._message(buf[pos:end], head[1], head[3], head.end() - pos))
        return end

    def _end(self, buf: bytes, head: re.Match[bytes]) -> int:
        """The end of the frame that begins so; or NO_FRAME or MORE."""
        total = head.start(2) + len(head[2]) + int(head[2])
        if not _MIN_LENGTH <= int(head[2]) <= MAX_FRAME - 8:
            return NO_FRAME
        start, size = head.end(), len(buf)
        if size - start < 4:
            return MORE
        if buf[start : start + 4] in BINARY:
            if size < total:
                return MORE
            return total if _END.match(buf, total - 5) else NO_FRAME
        found = _END.search(buf, start, total)
        if found:
            return found.end()
        return MORE if size < total else self._unended(buf, start, total)

    def _unended(self, buf: bytes, start: int, total: int) -> int:
        """End of a frame whose line end is missing: where the next one begins. NO_FRAME if it is not there."""
        inner = buf.find(self._mark, start, total)
        return inner if inner > 0 and _BARE_END.search(buf, start, inner) else NO_FRAME

    def _is_bare(self, buf: bytes, head: re.Match[bytes]) -> bool:
        """Whether the rest of a datagram is a text frame that only lacks its line end: no other continues it."""
        start = head.end()
        return buf[start : start + 4] not in BINARY and _BARE_END.search(buf, start) is not None

    def _message(self, frame: bytes, flag: bytes, sender: bytes, start: int) -> Message:
        stop = len(frame) - (4 if frame[-1] == 0x0A else 2)
        sound = sum(frame[:stop]) & 0xFF == int(frame[stop : stop + 2], 16)
        if not sound:
            device_id = sender.decode("ascii")
        elif sender == self._id:
            device_id = self.device_id or ""
        else:
            device_id = sender.decode("ascii")
            if self.device_id is None and self._mark == b"$$":
                self.device_id, self._id = device_id, sender
        state = Checksum.OK if sound else Checksum.BAD
        if self._mark == b"@@":
            return Message(Kind.OTHER, frame, device_id, checksum=state)
        content = frame[start : stop - 1]
        command = content[:4]
        if command == b"AAA,":
            kind = Kind.HEARTBEAT if content[4:7] == b"31," else Kind.REPORT
            return Message(kind, frame, device_id, checksum=state)
        owed = b""
        if command == b"CCC,":
            count = records_of(content)[1]
            if sound and count:
                owed = build(b"@@", flag.decode("ascii"), device_id, b"CCC,%d" % count)
            return Message(Kind.REPORT, frame, device_id, owed, state)
        if command == b"AAC,":
            if sound:
                owed = build(b"@@", flag.decode("ascii"), device_id, b"AAC,1")
            return Message(Kind.OTHER, frame, device_id, owed, state)
        if command in (b"CCE,", b"AFF,"):
            return Message(Kind.REPORT, frame, device_id, checksum=state)
        if command == b"D00,":
            return Message(Kind.OTHER, frame, device_id, checksum=state)
        return Message(Kind.REPLY, frame, device_id, checksum=state, text=clean(content))
