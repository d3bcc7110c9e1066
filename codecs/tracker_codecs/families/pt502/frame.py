"""Lines of a Bofan PT502 and its sisters: `$` and three letters, ended by CR, LF or both; no checksum, nothing owed.

`$<event>,<id>,<hhmmss.sss>,<A|V>,...` is a report, `$FUS<id>,<firmware>,<hardware>` names the unit at its start. A line
may stand behind five bytes: BF FB, one unknown byte, a length (u16, little-endian). The length, counted from BF to the
line end, is believed for pieces of photos (`$PHD`) only; elsewhere the line end counts. The id is what the owner set,
not necessarily the IMEI. Source: traccar/traccar Pt502FrameDecoder, Pt502ProtocolDecoder and their recorded lines.
"""

from __future__ import annotations

import re
from typing import ClassVar

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.text import clean

#: Longest line and longest piece of a photo taken, in bytes.
MAX_LINE, MAX_FRAME = 512, 4096
_WRAP, _WRAPPED, _PHOTO = b"\xbf\xfb", 5, b"$PHD"
_LEAST_PHOTO = _WRAPPED + len(_PHOTO) + 2
_END = re.compile(rb"[\r\n]")
_LINE = re.compile(rb"\$[A-Z]{3}[ -#%-~]*").fullmatch  # a second `$` is the start of another line
_REPORT = re.compile(rb"\$[A-Z]{3},(\d{3,20}),\d{6}\.\d{3},[AV],").match
_FIRMWARE = re.compile(rb"\$FUS(\d{3,20}),").match
#: What a report or firmware line may be while it is still coming.
_BEGUN = re.compile(
    rb"\$?|\$[A-Z]{1,3}|\$[A-Z]{3},\d{0,20}|\$[A-Z]{3},\d{3,20},(?:\d{0,6}|\d{6}\.\d{0,3})(?:(?<=\.\d{3}),[AV]?)?"
    rb"|\$FUS\d{1,20}"
).fullmatch


class BofanStream(Cutter):
    """One unit's link. Reports and the firmware line tell who it is."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[$\xbf\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] in b"\r\n":
            return pos + 1  # what is left of the line end before
        start = pos
        if buf[pos] == _WRAP[0]:
            start += _WRAPPED
            if not _WRAP.startswith(buf[pos : pos + 2]):
                return NO_FRAME
            if len(buf) < start + len(_PHOTO):
                return MORE
            if buf.startswith(_PHOTO, start):
                return self._photo(buf, pos, events)
        found = _END.search(buf, start, start + MAX_LINE)
        if found is None:
            return NO_FRAME if len(buf) - start >= MAX_LINE or buf[start] != _PHOTO[0] else MORE
        line = buf[start : found.start()]
        if not _LINE(line):
            return NO_FRAME
        events.append(self._message(buf[pos : found.end()], line))
        return found.end()

    def _photo(self, buf: bytes, pos: int, events: list[Event]) -> int:
        length = int.from_bytes(buf[pos + 3 : pos + _WRAPPED], "little")
        if not _LEAST_PHOTO <= length <= MAX_FRAME:
            return NO_FRAME
        if len(buf) - pos < length:
            return MORE
        events.append(Message(Kind.OTHER, buf[pos : pos + length], self.device_id))
        return pos + length

    def _message(self, frame: bytes, line: bytes) -> Message:
        found = _REPORT(line) or _FIRMWARE(line)
        if found is None:
            return Message(Kind.OTHER, frame, self.device_id, text=clean(line, MAX_LINE))
        self.device_id = found[1].decode("ascii")
        return Message(Kind.LOGIN if line.startswith(b"$FUS") else Kind.REPORT, frame, self.device_id)


def line_of(frame: bytes) -> bytes:
    """A frame without its wrapping and line end."""
    return (frame[_WRAPPED:] if frame.startswith(_WRAP) else frame).rstrip(b"\r\n")


def recognise(first: bytes) -> bool | None:
    """A report or a firmware line, bare or behind the five bytes."""
    if first[:1] == _WRAP[:1]:
        if not _WRAP.startswith(first[:2]):
            return False
        if len(first) <= _WRAPPED:
            return None
        first = first[_WRAPPED:]
    if _REPORT(first) or _FIRMWARE(first):
        return True
    return None if _BEGUN(first) else False
