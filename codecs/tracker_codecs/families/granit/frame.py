"""Frames of Granit units: cutting, building, and what is owed.

Device, binary: `+RRCB~` (position now) or `+DDAT~` (archive), length u16 of the body, the body, `*`, two hexadecimal
digits, CR LF. Device, text: a line, with or without `*` and digits. Server: the same with `BB` before it.
Little-endian. The digits are the XOR of all bytes before `*`. A body may hold CR LF, so a binary frame is cut by its
length. +RRCB is owed `BB+UGRC~` with its time and id, +DDAT (format 4) `BB+ARCF~` with its pack and id. Lines are owed
nothing and do not tell the id, which is a number of 16 bits.
Source: traccar/traccar, GranitFrameDecoder, GranitProtocolDecoder and its test (recorded frames).
"""

from __future__ import annotations

import re
import struct

from tracker_codecs.contract import Checksum, Event, Kind, Match, Message, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

#: Longest frame taken, in bytes: an archive of 32 blocks. Longest line taken, without its end.
MAX_FRAME, MAX_LINE = 4096, 256
NOW, ARCHIVE = b"+RRCB~", b"+DDAT~"
_HEADS = {False: re.compile(rb"\+[A-Z]{4}~"), True: re.compile(rb"BB\+[A-Z]{4}~")}
_PRINTABLE = re.compile(rb"[ -~]*")
_LINE = re.compile(rb"([ -~]*?)(?:\*([0-9A-F]{2}))?")
_NEXT = {False: re.compile(rb"[+\n]"), True: re.compile(rb"[B\n]")}
#: What stands behind the body: `*`, two digits, CR LF.
_TAIL = 5
#: Where the id stands in a frame of each head.
_ID_AT = {NOW: 8, ARCHIVE: 8, b"BB+UGRC~": 14, b"BB+ARCF~": 12}


def xor8(data: bytes) -> int:
    """XOR of all bytes."""
    folded = int.from_bytes(data)
    bits = 1 << (8 * len(data) | 8).bit_length() - 1
    while bits >= 8:  # whole halves at a time: ten times faster than byte by byte
        folded ^= folded >> bits
        bits >>= 1
    return folded & 0xFF


def sealed(content: bytes) -> bytes:
    """Content with its XOR and line end."""
    return b"%b*%02X\r\n" % (content, xor8(content))


def binary(head: bytes, body: bytes) -> bytes:
    """A binary frame; `head` is `+RRCB~` or another."""
    return sealed(head + struct.pack("<H", len(body)) + body)


class GranitStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server.

    A message's `data` is (head, body) of a binary frame, or None of a line.
    """

    __slots__ = ("_lost", "_told")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._lost = False
        self._told = False

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`. Bytes that are no frame are taken, too, up to where the next may begin; told once."""
        if self._lost and (start := self._start(buf, pos)) > pos:
            return start
        end = self._frame(buf, pos, events)
        if end == NO_FRAME:
            if not self._told:
                events.append(PeerError("bytes that are no frame", discarded=buf[pos : pos + 64]))
            self._told = True
            return self._start(buf, pos + 1)
        self._told = self._told and end == MORE
        return end

    def _start(self, buf: bytes, pos: int) -> int:
        """Where a frame may begin behind garbage: a line's middle must not be taken for its beginning."""
        found = _NEXT[self.server].search(buf, pos)
        self._lost = found is None
        if found is None:
            return len(buf)
        return found.end() if found[0] == b"\n" else found.start()

    def _frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """The end of the frame at `pos`; or NO_FRAME or MORE."""
        head = _HEADS[self.server].match(buf, pos)
        if head is None:
            return self._line(buf, pos, events)
        start = head.end() + 2
        if len(buf) < start:
            return MORE
        size = int.from_bytes(buf[start - 2 : start], "little")
        end = start + size + _TAIL
        if end - pos > MAX_FRAME or not _fits(head[0], size):
            return NO_FRAME
        if len(buf) < end:
            return MORE
        content = buf[pos : start + size]
        if buf[start + size : end] != b"*%02X\r\n" % xor8(content):
            return NO_FRAME
        events.append(self._binary(buf[pos:end], head[0], content[len(head[0]) + 2 :]))
        return end

    def _binary(self, frame: bytes, head: bytes, body: bytes) -> Message:
        data = (head, body)
        if self.server:
            return Message(Kind.OTHER, frame, checksum=Checksum.OK, data=data)
        owed = b""
        if head == NOW:
            self.device_id = str(int.from_bytes(body[:2], "little"))
            owed = binary(b"BB+UGRC~", body[2:6] + body[:2])
        elif head == ARCHIVE:
            self.device_id = str(int.from_bytes(body[:2], "little"))
            owed = binary(b"BB+ARCF~", body[4:6] + body[:2]) if body[2] == 4 else b""
        kind = Kind.REPORT if head in (NOW, ARCHIVE) else Kind.OTHER
        return Message(kind, frame, self.device_id, owed, Checksum.OK, data=data)

    def _line(self, buf: bytes, pos: int, events: list[Event]) -> int:
        printed = _PRINTABLE.match(buf, pos, pos + MAX_LINE)
        assert printed is not None, "it takes nothing as well"
        stop = printed.end()
        after = buf[stop : stop + 2]
        if stop == pos:
            return NO_FRAME
        if after in (b"", b"\r"):
            return MORE if stop - pos < MAX_LINE else NO_FRAME
        line = _LINE.fullmatch(printed[0])
        if after != b"\r\n" or line is None or (line[2] and int(line[2], 16) != xor8(line[1])):
            return NO_FRAME
        if self.server and not (line[2] and line[1].startswith(b"BB+")):
            return NO_FRAME
        frame = buf[pos : stop + 2]
        checksum = Checksum.OK if line[2] else Checksum.NONE
        if self.server:
            events.append(Message(Kind.OTHER, frame, checksum=checksum, text=clean(line[1])))
        else:
            answer = line[1] == b"OK" or line[1].startswith((b"ERROR", b"+"))
            kind, text = (Kind.REPLY, clean(line[1].rstrip())) if answer else (Kind.OTHER, "")
            events.append(Message(kind, frame, self.device_id, b"", checksum, text))
        return stop + 2


def _fits(head: bytes, size: int) -> bool:
    """Whether a body of this kind can have this length."""
    if head == NOW:
        return size == 26
    return head != ARCHIVE or (size >= 6 and not (size - 6) % 126)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a binary frame of the device, by its head and length."""
    for head in (NOW, ARCHIVE):
        if head.startswith(first[: len(head)]):
            return None if len(first) < 8 else _fits(head, int.from_bytes(first[6:8], "little"))
    return False


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the id in a binary frame, its XOR put right."""
    head = frame[: frame.find(b"~") + 1]
    at = _ID_AT.get(head)
    if at is None or frame[at : at + 2] != int(old).to_bytes(2, "little"):
        return frame
    return sealed(frame[:at] + int(new).to_bytes(2, "little") + frame[at + 2 : -_TAIL])


_TEXT = re.compile(r"BB\+[A-Z0-9]{2,8}(?:=[ -)+-}]{1,200})?", re.ASCII)


def wrap(target: Target, text: str) -> bytes:
    """A line with its XOR. Raises LocalError for a text that does not begin with `BB+`, or holds `*` or `~`."""
    if not _TEXT.fullmatch(text):
        raise LocalError("a command is BB+, a word and perhaps =value, without * and ~", parameter="command")
    return sealed(text.encode("ascii"))


def answers(target: Target, text: str, message: Message) -> Match:
    """`OK`, `+IDNT: ...` to BB+IDNT, a position to BB+RRCD; ERROR refuses."""
    if message.device_id != target.device_id:
        return Match.NO
    if message.kind is Kind.REPLY and message.text.startswith("ERROR"):
        return Match.REFUSED
    if text == "BB+RRCD":
        return Match.DONE if message.data and message.data[0] == NOW else Match.NO
    right = message.text.startswith("+IDNT") if text == "BB+IDNT" else message.text == "OK"
    if not text:
        right = bool(message.text)
    return Match.DONE if message.kind is Kind.REPLY and right else Match.NO


RAW = Envelope(wrap=wrap, answers=answers, expects="OK")
