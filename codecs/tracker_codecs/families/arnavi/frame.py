"""Frames of Arnavi units: cutting, of both protocols. Binary numbers are little-endian.

INTERNAL (Arnavi 4, 5, Integral): a header FF, version, IMEI as u64, once a connection; version 24 may carry 8 bytes
more. Then packages: 5B, number, records, 5D. A record is type u8, length u16, Unix time u32, data, and the sum modulo
256 of time and data. A package number FD is the result of a command: one byte instead of records.
Owed: to header 22 `7B 00 00 7D`, to the others `7B 04 00 <sum> <Unix time u32> 7D`, to a package `7B 00 <number> 7D`;
what is not acknowledged is sent again. A package with a wrong sum is acknowledged all the same, as public servers do:
all recorded packages of tags were altered, so nobody has shown the sum of tags right.
Text (Arnavi 2): `$AV,<type>,<id>,...*XX` CR LF, XX the XOR between `$` and `*`. The id is a serial number; V3DI alone
tells the IMEI. Nothing is owed.
Sources: traccar/traccar ArnaviFrameDecoder, ArnaviBinaryProtocolDecoder, ArnaviTextProtocolDecoder and their tests.
Revisions differ about header 24: older ones answer `7B 7D`, which has not the form of other answers; newer ones as 23.
"""

from __future__ import annotations

import re
from datetime import datetime
from struct import Struct, pack

from tracker_codecs.contract import Checksum, Datum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.nmea import checksum

#: Longest package taken, in bytes: what one record's length can declare. Recorded ones have at most 166.
MAX_FRAME = 1 << 16
VERSIONS = (0x22, 0x23, 0x24, 0x25)
PING, TAGS, TEXT, FILE, BINARY = 0, 1, 3, 4, 6
#: Number of a package that is the result of a command.
RESULT = 0xFD
_TYPES = (PING, TAGS, TEXT, FILE, BINARY)
_HEADER, _MORE = 10, 8
_LINE = 255
_SHOWN = 64
_U64 = Struct("<Q").unpack_from
_SENTENCE = re.compile(rb"\$(AV,([0-9A-Z]{2,12}),([0-9A-Za-z]{1,15}),[ -#%-)+-~]*)\*([0-9A-F]{2})\r?\n")
_OPENING = re.compile(rb"\$(?:A(?:V(?:,[ -#%-)+-~]*(?:\*[0-9A-F]{0,2}\r?)?)?)?)?\Z")
_STARTS = re.compile(rb"[\xff\x5b$]")
_SAID = {b"V2": Kind.REPORT, b"V3": Kind.REPORT, b"V4": Kind.REPORT, b"V3DI": Kind.LOGIN}


def imei_of(frame: bytes) -> str | None:
    """The IMEI of a header; None for a number that is none."""
    number = _U64(frame, 2)[0]
    return f"{number:015d}" if 0 < number < 10**15 else None


def _packed(device_id: str) -> bytes:
    """An IMEI as a header holds it. Raises LocalError for an id that is none."""
    if not (device_id.isascii() and device_id.isdigit() and 0 < int(device_id) < 10**15):
        raise LocalError("an id is an IMEI of 15 digits", parameter="device_id")
    return pack("<Q", int(device_id))


def clock_answer(seconds: int) -> bytes:
    """The answer to a header that wants the time: Unix time in s."""
    time = (seconds & 0xFFFFFFFF).to_bytes(4, "little")
    return b"\x7b\x04\x00%c%b\x7d" % (sum(time) & 0xFF, time)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a header with an IMEI, or a text sentence."""
    if first[:1] in (b"", b"$"):
        if len(first) < 6:
            return None if re.fullmatch(rb"(?:\$(?:A(?:V(?:,(?:V)?)?)?)?)?", first) else False
        return re.match(rb"\$AV,V\d", first) is not None
    if first[0] != 0xFF or (len(first) > 1 and first[1] not in VERSIONS):
        return False
    return imei_of(first) is not None if len(first) >= _HEADER else None


class ArnaviStream(Cutter):
    """Cuts what a unit says, in either protocol."""

    __slots__ = ("_more",)
    starts = _STARTS

    def begin(self) -> None:
        """See `Stream.begin`."""
        #: Whether the last frame was a header that may carry bytes more.
        self._more = False

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`; line ends are passed over."""
        more, self._more = self._more, False
        mark = buf[pos]
        if mark == 0x5B:
            return self._package(buf, pos, events)
        if mark == 0xFF:
            return self._header(buf, pos, events)
        if mark == 0x24:
            return self._sentence(buf, pos, events)
        if more:
            if len(buf) - pos < _MORE:
                self._more = True
                return MORE
            events.append(Message(Kind.OTHER, buf[pos : pos + _MORE], self.device_id))
            return pos + _MORE
        return pos + 1 if mark in b"\r\n" and not self._skipping else NO_FRAME

    def _header(self, buf: bytes, pos: int, events: list[Event]) -> int:
        if len(buf) - pos < 2:
            return MORE
        if buf[pos + 1] not in VERSIONS:
            return NO_FRAME
        end = pos + _HEADER
        if len(buf) < end:
            return MORE
        frame = buf[pos:end]
        imei = imei_of(frame)
        if imei is None or (self._skipping and self.device_id not in (None, imei)):
            return NO_FRAME  # within garbage nothing proves a header: it does not change who speaks
        self.device_id = imei
        self._more = frame[1] == 0x24
        owed = b"\x7b\x00\x00\x7d" if frame[1] == 0x22 else clock_answer(int(self.clock().timestamp()))
        events.append(Message(Kind.LOGIN, frame, imei, owed))
        return end

    def _package(self, buf: bytes, pos: int, events: list[Event]) -> int:
        size = len(buf)
        if size - pos < 3:
            return MORE
        if buf[pos + 1] == RESULT:
            if size - pos < 4:
                return MORE
            if buf[pos + 3] != 0x5D:
                return NO_FRAME
            text = f"result {buf[pos + 2]}"
            events.append(Message(Kind.REPLY, buf[pos : pos + 4], self.device_id, text=text))
            return pos + 4
        at, last = pos + 2, pos + MAX_FRAME
        sound, kind = True, Kind.OTHER if buf[pos + 2] == 0x5D else Kind.HEARTBEAT
        while True:
            if at >= size:
                return MORE
            what = buf[at]
            if what == 0x5D:
                break
            if what not in _TYPES:
                return NO_FRAME
            if size - at < 3:
                return MORE
            stop = at + 7 + (buf[at + 1] | buf[at + 2] << 8)
            if stop + 1 >= last:
                return NO_FRAME
            if stop >= size:
                return MORE
            sound = sound and sum(buf[at + 3 : stop]) & 0xFF == buf[stop]
            if what in (TAGS, BINARY):
                kind = Kind.REPORT
            elif what != PING and kind is Kind.HEARTBEAT:
                kind = Kind.OTHER
            at = stop + 1
        owed = b"\x7b\x00%c\x7d" % buf[pos + 1]
        state = Checksum.OK if sound else Checksum.BAD
        events.append(Message(kind, buf[pos : at + 1], self.device_id, owed, state))
        return at + 1

    def _sentence(self, buf: bytes, pos: int, events: list[Event]) -> int:
        found = _SENTENCE.match(buf, pos, pos + _LINE)
        if found is None:
            return MORE if len(buf) - pos < _LINE and _OPENING.match(buf, pos) else NO_FRAME
        body, word, sender, told = found.groups()
        sound = checksum(body) == int(told, 16)
        if sound:  # a damaged sentence is believed nothing, its sender least
            self.device_id = sender.decode("ascii")
        kind = _SAID.get(word, Kind.OTHER) if sound else Kind.OTHER
        state = Checksum.OK if sound else Checksum.BAD
        events.append(Message(kind, found[0], self.device_id, checksum=state))
        return found.end()


def from_server(data: bytes, channel: str = "") -> list[Event]:
    """Answers: `7B 7D`, or `7B`, length, number, where there is data its sum and itself, `7D`."""
    events: list[Event] = []
    pos, size = 0, min(len(data), MAX_FRAME)
    while pos < size:
        length = data[pos + 1] if size - pos > 1 else 0
        end = pos + (2 if data[pos : pos + 2] == b"\x7b\x7d" else 4 if not length else length + 5)
        frame = data[pos:end]
        whole = frame[:1] == b"\x7b" and frame[-1:] == b"\x7d" and len(frame) == end - pos
        if not whole or (length and end - pos > 4 and sum(frame[4:-1]) & 0xFF != frame[3]):
            events.append(PeerError("bytes that are no frame", discarded=data[pos : pos + _SHOWN]))
            break
        events.append(Message(Kind.OTHER, frame, data="server"))
        pos = end
    return events


def sentence(body: bytes) -> bytes:
    """A text sentence around this body."""
    return b"$%b*%02X\r\n" % (body, checksum(body))


class TextEmulator(Device):
    """An Arnavi 2 that stands still, in the form of recorded sentences."""

    def login(self) -> list[Datum]:
        """V3DI."""
        told = "20707,-1,19,0008C56A,000879AC,0C000002,863071013041618,89997077111301204297,"
        return [self._say(f"AV,V3DI,{self.device_id},{told}")]

    def report(self, now: datetime) -> list[Datum]:
        """V2, with a fix."""
        place = f"{now:%H%M%S},5950.6773N,03029.1043E,0.0,0.0,{now:%d%m%y}"
        return [self._say(f"AV,V2,{self.device_id},12487,2277,203,-1,0,0,193,0,0,1,13,{place},")]

    def _say(self, body: str) -> Datum:
        return Datum(sentence(body.encode("ascii")))


class BinaryEmulator(Device):
    """A unit of the INTERNAL protocol that stands still. It does not repeat what is not acknowledged."""

    def begin(self) -> None:
        """Raises LocalError for an id that no header holds."""
        self._imei = _packed(self.device_id)
        self._number = 0

    def login(self) -> list[Datum]:
        """A header of version 23, which wants the time."""
        self._number = 0
        return [Datum(b"\xff\x23" + self._imei)]

    def heartbeat(self) -> list[Datum]:
        """A ping, of the unit's own start of time."""
        return [self._package(PING, 0, b"")]

    def report(self, now: datetime) -> list[Datum]:
        """Latitude and longitude."""
        return [self._package(TAGS, int(now.timestamp()), pack("<BfBf", 3, 55.6, 4, 37.2))]

    def _package(self, kind: int, time: int, data: bytes) -> Datum:
        self._number = self._number % 0xFC + 1
        body = (time & 0xFFFFFFFF).to_bytes(4, "little") + data
        record = bytes((kind,)) + len(data).to_bytes(2, "little") + body + bytes((sum(body) & 0xFF,))
        return Datum(b"\x5b%c%b\x5d" % (self._number, record))


def normalised(frame: bytes) -> bytes:
    """See `Family.normalise`: the clock in the answer to a header."""
    return frame[:3] + bytes(5) + frame[8:] if frame[:3] == b"\x7b\x04\x00" and len(frame) == 9 else frame


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`; a number in headers, text in sentences. Raises LocalError for an id that is no IMEI."""
    if frame[:1] == b"$" and old.encode() in frame:
        return sentence(frame[1 : frame.rindex(b"*")].replace(old.encode(), new.encode()))
    if frame[:1] != b"\xff" or len(frame) < 10 or imei_of(frame) != old:
        return frame
    return frame[:2] + _packed(new) + frame[10:]
