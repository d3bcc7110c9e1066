"""Jointech frames: texts between brackets and binary reports; cutting of a link, building of commands. No checksum.

A text is `(ID,WORD,...)` from a device and `(WORD,...)` from a server; the ID has 10 digits. Binary payloads inside are
escaped, so no bracket stands in them. A report is `$`, ID (5 bytes BCD), version, type, length (2, big endian) of what
follows up to the serial; then date, time, place, flags, state, and the serial as the last byte. Reports of older units
have no version byte; there the byte at offset 8 is not 0. A whole report has length + 10 bytes in both forms.
Sources: Jointech JT701D protocol manual V1.4 (CliffJr/jointech-tcp-parser); traccar/traccar Jt600 frame decoder,
decoder, encoder and tests (older frames, P35, S39, S20).
"""

from __future__ import annotations

import re
from typing import ClassVar

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError
from tracker_codecs.text import clean

#: Longest text taken; the longest known ones have 120 bytes.
MAX_FRAME = 1024
#: Longest command; no limit is published.
MAX_COMMAND = 200
_FULL = 10
#: A report of the longer form reaches at least to its battery.
_LEAST = 39
_LONG_REPORT = 265
#: One of the older form with a single record, the shortest that is known; it may hold ten records and more.
_OLD_LEAST = 37
_OLD_MOST = MAX_FRAME
_MARKS = re.compile(rb"[($]")
_DEVICE = re.compile(rb"\((\d{10}),([^,)]{1,16})(?:,([^)]*))?\)", re.DOTALL).fullmatch
_SERVER = re.compile(rb"\(([^,)]{1,16})(?:,([^)]*))?\)", re.DOTALL).fullmatch
_COMMAND = re.compile(r"[PS]\d\d(?:,[ -'*-~]{0,190})?", re.ASCII).fullmatch
_REPLY = re.compile(rb"[PS]\d\d", re.ASCII).fullmatch
_OWED = {b"U01": b"(S39)", b"U02": b"(S39)", b"U03": b"(S39)", b"U06": b"(S20)"}
_SENSOR = re.compile(rb"\d+,WLNET,").match
#: Of the status: the unit wants an answer.
_ANSWER = 0x20
_P69_SINCE = 0x19
_NOTED = 32


def command(text: str) -> bytes:
    """The frame of a command such as `P04,0`. Raises LocalError for anything else."""
    if not _COMMAND(text):
        raise LocalError("must be a word such as P04 and its arguments, without brackets", parameter="command")
    return b"(%b)" % text.encode("ascii")


def bcd(data: bytes) -> str | None:
    """The digits of BCD bytes; None where there are others."""
    digits = data.hex()
    return digits if digits.isdigit() else None


def head(data: bytes, pos: int) -> tuple[int, int]:
    """Where the date of a report stands behind its start, and how long the report is; (0, 0) where none starts.

    Needs 10 bytes."""
    if data[pos + 8] == 0:
        at, length, least, most = 10, data[pos + 9], _LEAST, _LONG_REPORT
    else:
        at, length, least, most = 9, data[pos + 7] << 8 | data[pos + 8], _OLD_LEAST, _OLD_MOST
    total = length + 10
    return (at, total) if least <= total <= most and bcd(data[pos + 1 : pos + 6]) else (0, 0)


def _text_size(data: bytes, pos: int) -> int:
    """Size of the text that starts here; or NO_FRAME, or MORE."""
    most = pos + MAX_FRAME
    close = data.find(b")", pos, most)
    if data.find(b"(", pos + 1, close if close >= 0 else most) >= 0:
        return NO_FRAME
    if close >= 0:
        return close + 1 - pos
    return MORE if len(data) < most else NO_FRAME


def _report_size(data: bytes, pos: int) -> int:
    """Size of the report that starts here; or NO_FRAME, or MORE."""
    if len(data) - pos < _FULL:
        return MORE
    at, total = head(data, pos)
    if len(data) - pos < total:
        return MORE
    return total if total and bcd(data[pos + at : pos + at + 6]) is not None else NO_FRAME


class JointechStream(Cutter):
    """Cuts one direction of a TCP link. `server`: what a server sends.

    One PeerError is given for a run of garbage, at its first byte. A bracket that opens inside a text starts a new one.
    """

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = _MARKS

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] == 0x28:
            total = _text_size(buf, pos)
        elif buf[pos] == 0x24 and not self.server:
            total = _report_size(buf, pos)
        else:
            total = 0
        if total == MORE:
            return MORE
        event = self._understood(buf[pos : pos + total]) if total else None
        if event is None:
            return NO_FRAME
        events.append(event)
        return pos + total

    def _understood(self, frame: bytes) -> Message | None:
        """The message of a whole frame; None where it is none."""
        if frame[0] == 0x24:
            return self._report(frame)
        if self.server:
            return Message(Kind.OTHER, frame, data=parts(frame)) if _SERVER(frame) else None
        found = _DEVICE(frame)
        if found is None:
            return None
        self.device_id = device = found[1].decode("ascii")
        word, rest = found[2], found[3] or b""
        if word == b"@JT":
            return Message(Kind.HEARTBEAT, frame, device)
        if word == b"P22" and rest == b"2":
            return Message(Kind.OTHER, frame, device, b"(P22,%b)" % f"{self.clock():%d%m%y%H%M%S}".encode("ascii"))
        if word == b"P45":
            fields = rest.split(b",")
            serial = fields[14] if len(fields) > 14 else b""
            owed = b"(P69,0,%b)" % serial if serial.isdigit() and len(serial) <= 10 else b""
            return Message(Kind.REPORT, frame, device, owed)
        if word in _OWED:
            return Message(Kind.REPORT, frame, device, _OWED[word])
        if _REPLY(word) and word != b"P52":
            return Message(Kind.REPLY, frame, device, text=clean(frame[12:-1]), data=parts(frame))
        return Message(Kind.REPORT if _SENSOR(rest) else Kind.OTHER, frame, device)

    def _report(self, frame: bytes) -> Message:
        """A binary report; what it is owed depends on version and status."""
        self.device_id = device = frame[1:6].hex()
        owed = b""
        if frame[8] == 0 and frame[37] & _ANSWER:
            owed = b"(P69,0,%d)" % frame[-1] if frame[6] >= _P69_SINCE else b"(P35)"
        return Message(Kind.REPORT, frame, device, owed)


def parts(frame: bytes) -> tuple[str, ...]:
    """Word and arguments of a text, without the ID."""
    texts = frame[1:-1].decode("latin-1").split(",")
    return tuple(texts[1:] if len(texts) > 1 and len(texts[0]) == 10 and texts[0].isdigit() else texts)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a bracket, 10 digits and a comma; or a report up to its time."""
    if first[:1] == b"(":
        digits = first[1:11]
        if digits and not digits.isdigit():
            return False
        return None if len(first) < 12 else first[11:12] == b","
    if first[:1] not in (b"", b"$"):
        return False
    if len(first) < 16:
        known = first[1:6]
        return None if not known or bcd(known) else False
    at, total = head(first, 0)
    return bool(total) and bcd(first[at : at + 6]) is not None
