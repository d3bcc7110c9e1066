"""The packets of ATrack units: cutting the stream, and who sent what.

Four kinds share a link. Every number is big endian:

- keep-alive and acknowledgement: FE 02, unit id u64, sequence u16. A keep-alive is owed itself;
- binary report: prefix (two characters, `@P` by default, `@R` for photos), CRC u16, length u16 of what follows,
  sequence u16, unit id u64, records;
- ASCII report: `@P,CRC,length,sequence,unit id,record` with CR LF behind each record; the length counts from the comma
  behind it to the end;
- answers to commands: lines `$...`, CR LF.

Reports are owed an acknowledgement with their unit id and sequence; otherwise they come again. The CRC is CRC-16/ARC
over everything behind it (binary: from the length on; ASCII: from the comma on). Any other two printable characters,
which AT$FORM can set, are a prefix only of a binary report whose CRC is right, and not amid garbage. `$INFO` names
its unit first.
Sources: traccar/traccar AtrackFrameDecoder, AtrackProtocolDecoder and their tests (recorded frames). For ASCII reports
that decoder puts the length into the acknowledgement's unit id; here the unit id stands, as in binary ones.
"""

from __future__ import annotations

import re
import struct

from fastcrc import crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded reports have at most 600, a length field can say 65535.
MAX_FRAME = 4096
#: Longest line taken, in bytes with its end.
MAX_LINE = 512
#: Unit ids are IMEIs, sent as numbers: at most fifteen digits, and one to spare.
_MAX_ID = 10**16
_SHORT = struct.Struct(">QH")
_BINARY = struct.Struct(">HHHQ")
_HEAD = 16
_START = re.compile(rb"[@\xfe]|\r")
_TEXT = re.compile(rb"@[A-Z],([0-9A-F]{4}),(\d{1,5}),", re.ASCII)
_TEXT_IDS = re.compile(rb",(\d{1,10}),(\d{1,16}),", re.ASCII)
_LONGEST_TEXT_HEAD = 14
_INFO = re.compile(rb"\$INFO=(\d{1,16}),", re.ASCII)
_DIGITS = b"0123456789ABCDEF"
_ANSWER = re.compile(rb"\$[A-Z]{2,8}(?:=[ -~]*)?\r\n", re.ASCII)
_COMMAND = re.compile(rb"(?:AT\$)?[A-Z]{2,8}(?:[=+,?][ -~]*)?\r\n", re.ASCII)


def is_text(data: bytes, at: int = 0) -> bool:
    """Whether a report that begins here is the ASCII one, by the six bytes of its head.

    The comma behind the prefix may be the high byte of a binary one's CRC; but that would go on with a length of more
    than 12,000, since hexadecimal digits stand in its place.
    """
    return data[at + 2] == 0x2C and data[at + 4] in _DIGITS and data[at + 5] in _DIGITS


def sealed(frame: bytes) -> bool:
    """Whether this is a whole binary report of a unit, under any prefix: length, checksum and unit id are right."""
    if len(frame) < _HEAD:
        return False
    crc, length, _, number = _BINARY.unpack_from(frame, 2)
    return bool(length + 6 == len(frame) and 0 < number < _MAX_ID and crc == crc16.arc(frame[4:]))


def identity(number: int) -> str:
    """A unit id as the IMEI it is: fifteen digits."""
    return f"{number:015d}"


def short(unit_id: int, sequence: int) -> bytes:
    """A keep-alive, or the acknowledgement of a report."""
    return b"\xfe\x02" + _SHORT.pack(unit_id, sequence & 0xFFFF)


class AtrackStream(Cutter):
    """Cuts one link. After garbage a report or a keep-alive is looked for; a line only behind CR LF."""

    __slots__ = ()
    starts = _START

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        first, left = buf[pos], len(buf) - pos
        if first == 0x40:
            if left < 3:
                return MORE if left < 2 or 0x41 <= buf[pos + 1] <= 0x5A else NO_FRAME
            if not 0x41 <= buf[pos + 1] <= 0x5A or self.server:
                return NO_FRAME
            if left < 6:
                return MORE
            return self._ascii(buf, pos, events) if is_text(buf, pos) else self._binary(buf, pos, events)
        if first == 0xFE:
            return self._short(buf, pos, events)
        if first == 0x0D:
            if left < 2:
                return MORE
            if buf[pos + 1] == 0x0A:
                return pos + 2
            return NO_FRAME
        if self._skipping:
            return NO_FRAME
        own = not self.server and 0x21 <= first <= 0x7E and first != 0x24
        return self._prefixed(buf, pos, events) if own else self._line(buf, pos, events)

    def _short(self, buf: bytes, pos: int, events: list[Event]) -> int:
        if len(buf) - pos < 12:
            return MORE if len(buf) - pos < 2 or buf[pos + 1] == 2 else NO_FRAME
        number, _ = _SHORT.unpack_from(buf, pos + 2)
        if buf[pos + 1] != 2 or not 0 < number < _MAX_ID:
            return NO_FRAME
        frame = buf[pos : pos + 12]
        if self.server:
            events.append(Message(Kind.OTHER, frame, identity(number), data="server"))
        else:
            self.device_id = identity(number)
            events.append(Message(Kind.HEARTBEAT, frame, self.device_id, frame))
        return pos + 12

    def _binary(self, buf: bytes, pos: int, events: list[Event]) -> int:
        left = len(buf) - pos
        length = buf[pos + 4] << 8 | buf[pos + 5]
        if not _HEAD - 6 <= length <= MAX_FRAME - 6:
            return NO_FRAME
        if left < length + 6:
            return MORE
        frame = buf[pos : pos + length + 6]
        if not sealed(frame):  # under another prefix the checksum alone shows that it is one
            return self._broken(frame, events) if buf[pos] == 0x40 else NO_FRAME
        _, _, sequence, number = _BINARY.unpack_from(frame, 2)
        return self._report(frame, pos, number, sequence, events)

    def _prefixed(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """A binary report under a prefix of the owner's choice."""
        left = len(buf) - pos
        if left > 1 and not 0x21 <= buf[pos + 1] <= 0x7E:
            return NO_FRAME
        return MORE if left < 6 else self._binary(buf, pos, events)

    def _ascii(self, buf: bytes, pos: int, events: list[Event]) -> int:
        head = _TEXT.match(buf, pos)
        if head is None:
            return MORE if len(buf) - pos < _LONGEST_TEXT_HEAD else NO_FRAME
        comma = head.end() - 1
        end = comma + int(head[2])
        if not _HEAD <= end - pos <= MAX_FRAME:
            return NO_FRAME
        if len(buf) < end:
            return MORE
        frame = buf[pos:end]
        ids = _TEXT_IDS.match(frame, comma - pos)
        if ids is None or int(head[1], 16) != crc16.arc(frame[head.end(1) - pos :]):
            return self._broken(frame, events)
        return self._report(frame, pos, int(ids[2]), int(ids[1]), events)

    def _report(self, frame: bytes, pos: int, number: int, sequence: int, events: list[Event]) -> int:
        if not 0 < number < _MAX_ID:
            return self._broken(frame, events)
        self.device_id = name = identity(number)
        events.append(Message(Kind.REPORT, frame, name, short(number, sequence), Checksum.OK))
        return pos + len(frame)

    def _broken(self, frame: bytes, events: list[Event]) -> int:
        """A report that is none: its length cannot be believed either, so the search goes on inside it."""
        self._skipping = True
        events.append(PeerError("a report whose checksum or unit id is wrong", discarded=frame[:64]))
        return NO_FRAME

    def _line(self, buf: bytes, pos: int, events: list[Event]) -> int:
        if not 0x20 <= buf[pos] <= 0x7E or (buf[pos] != 0x24 and not self.server):
            return NO_FRAME
        stop = buf.find(b"\n", pos, pos + MAX_LINE)
        if stop < 0:
            return MORE if len(buf) - pos < MAX_LINE else NO_FRAME
        line = buf[pos : stop + 1]
        if not (_COMMAND if self.server else _ANSWER).fullmatch(line):
            return NO_FRAME
        info = None if self.server else _INFO.match(line)
        if info and self.device_id is None and int(info[1]):
            self.device_id = identity(int(info[1]))
        kind, mark = (Kind.OTHER, "server") if self.server else (Kind.REPLY, None)
        events.append(Message(kind, line, self.device_id, text=clean(line[:-2]), data=mark))
        return stop + 1


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a link opens with a keep-alive or a report.

    One under another prefix than `@P`, `@R`, and `@Z` of stored data, is known by its checksum, once it is whole.
    """
    if first[:1] == b"\xfe":
        if len(first) < 2:
            return None
        if first[1] != 2:
            return False
        return None if len(first) < 10 else 0 < int.from_bytes(first[2:10], "big") < _MAX_ID
    if first[:2] not in (b"", b"@", b"@P", b"@R", b"@Z"):
        printable = all(0x21 <= each <= 0x7E for each in first[:2])
        return printable and sealed(first[: 6 + int.from_bytes(first[4:6], "big")])
    if len(first) < 6:
        return None
    if is_text(first):
        return True if _TEXT.match(first) else None if len(first) < _LONGEST_TEXT_HEAD else False
    if len(first) < _HEAD:
        return None
    length, number = int.from_bytes(first[4:6], "big"), int.from_bytes(first[8:16], "big")
    return _HEAD - 6 <= length <= MAX_FRAME - 6 and 0 < number < _MAX_ID


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the unit id of a keep-alive or a report, checksums put right."""
    if not (old.isdigit() and new.isdigit()):
        return frame
    if frame[:2] == b"\xfe\x02" and len(frame) == 12:
        return frame.replace(int(old).to_bytes(8, "big"), int(new).to_bytes(8, "big"))
    if frame[:1] != b"@" and not sealed(frame):
        return frame.replace(old.encode("ascii"), new.encode("ascii"))
    if is_text(frame):
        body = frame[frame.index(b",", 3) :].replace(old.encode("ascii"), new.encode("ascii"))
        return frame[:3] + b"%04X" % crc16.arc(body) + body
    body = frame[4:8] + frame[8:].replace(int(old).to_bytes(8, "big"), int(new).to_bytes(8, "big"), 1)
    return frame[:2] + crc16.arc(body).to_bytes(2, "big") + body
