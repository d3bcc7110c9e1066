"""Eelink packages: cutting of a link, building of commands. All numbers are big endian.

A package is `67 67`, package id, size of what follows (2 bytes), serial (2), content; no checksum. A UDP datagram is
`EL`, length of what follows, checksum, IMEI (8 bytes BCD), packages. The checksum starts at 0 and takes every byte
behind it: rotate left by one bit in 16, add the byte. On TCP only the login names the unit.
Sources: traccar/traccar Eelink decoder, encoder and tests (recorded packages and datagrams); EELINK DEVICE PROTOCOL
V2.0 to V2.3 as listed publicly (package ids, login answer); gcy346447065/eelink_server (version 1).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from tracker_codecs.contract import Checksum, Event, Kind, Message, Transport
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

START, ENVELOPE = b"gg", b"EL"
LOGIN, POSITION, HEARTBEAT, STATE, SMS, OBD = 0x01, 0x02, 0x03, 0x05, 0x06, 0x07
LOCATION, WARNING, REPORT, TEXT, COMMAND = 0x12, 0x14, 0x15, 0x16, 0x80
#: Package ids that devices use.
KNOWN = frozenset((*range(0x01, 0x09), 0x12, *range(0x14, 0x1C), 0x1E, 0x1F, 0x80, 0x81, 0x82, 0x91))
#: Those answered by an empty package of the same id and serial.
_OWED = frozenset((3, 4, 5, 6, 7, 0x12, *range(0x14, 0x1C), 0x1E, 0x1F))
_REPORTS = frozenset((2, 4, 5, 7, 0x12, 0x14, 0x15, 0x17, 0x18, 0x19, 0x1A))
#: Those whose messages are of a kind of their own when a device sends them.
OF_DEVICES = _REPORTS | {LOGIN, HEARTBEAT}
HEAD = 7
_UDP_HEAD = 14
_LEAST = _UDP_HEAD + HEAD
#: Version 1 says below 1024; nothing is published for the pictures of version 2.
MAX_FRAME = 2048
#: Content of a version 1 login: IMEI, language, zone.
V1_LOGIN = 10
#: In the login answer: position layouts of version 1, no action.
_VERSION_AND_ACTION = b"\0\x01\0"
MAX_COMMAND = 200
_NOTED = 32


class Answer(NamedTuple):
    """An answer's UID, as it was in the command, and its text."""

    uid: int
    text: str


def checksum(data: bytes, total: int = 0) -> int:
    """The sum of a datagram over what stands behind it, from `total` on."""
    for byte in data:  # additions and comparisons: a third faster than shifts and masks
        total += total
        if total > 0xFFFF:
            total -= 0xFFFF
        total += byte
        if total > 0xFFFF:
            total -= 0x10000
    return total


def package(number: int, serial: int, content: bytes = b"") -> bytes:
    """A package."""
    return b"gg%c%b%b%b" % (number, (len(content) + 2).to_bytes(2, "big"), serial.to_bytes(2, "big"), content)


def bcd(imei: str) -> bytes:
    """The 8 bytes of an IMEI. Raises LocalError for one that is not 15 digits."""
    if len(imei) != 15 or not (imei.isascii() and imei.isdigit()):
        raise LocalError("must be an IMEI of 15 digits", parameter="device_id")
    return bytes.fromhex("0" + imei)


def envelope(imei: str, packages: bytes) -> bytes:
    """A datagram. Raises LocalError for an IMEI that is not 15 digits."""
    body = bcd(imei) + packages
    return ENVELOPE + (len(body) + 2).to_bytes(2, "big") + checksum(body).to_bytes(2, "big") + body


def command(text: str, uid: int, serial: int) -> bytes:
    """A package with a command. Raises LocalError for text that is empty, too long or not printable ASCII."""
    if not 0 < len(text) <= MAX_COMMAND or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    return package(COMMAND, serial, b"\x01" + uid.to_bytes(4, "big") + text.encode("ascii"))


def imei_of(raw: bytes) -> str | None:
    """The IMEI of 8 BCD bytes with a leading 0; None where they are none."""
    digits = raw.hex()
    return digits[1:] if len(digits) == 16 and digits[0] == "0" and digits.isdigit() else None


class EelinkStream(Cutter):
    """Cuts one direction of a link. `server`: what a server sends. Over UDP every feed is one whole datagram.

    Packages on TCP are cut one by one; a datagram is taken or given up by its envelope.
    """

    __slots__ = ("_raw", "_sum")
    starts: ClassVar[re.Pattern[bytes]] = re.compile(b"g")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._raw = b""
        self._sum = 0

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Take bytes at any split (datagrams as they came); give messages and PeerErrors in order."""
        return self._envelope(data) if self._datagrams else super().feed(data, channel)

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        left = len(buf) - pos
        if left < HEAD:
            return MORE if buf[pos] == START[0] else NO_FRAME
        total = 5 + (buf[pos + 3] << 8 | buf[pos + 4])
        if not HEAD <= total <= MAX_FRAME or buf[pos : pos + 2] != START or buf[pos + 2] not in KNOWN:
            return NO_FRAME
        if left < total:
            return MORE
        events.append(self._package(buf[pos : pos + total]))
        return pos + total

    def _envelope(self, data: bytes) -> list[Event]:
        """The packages of a datagram; one with a wrong checksum is given up as a whole."""
        size = len(data)
        if data[:2] != ENVELOPE or int.from_bytes(data[2:4], "big") != size - 4 or not _LEAST <= size <= MAX_FRAME:
            return [PeerError("a datagram that is no whole envelope", discarded=data[:_NOTED])]
        raw = data[6:_UDP_HEAD]
        total = self._sum if raw == self._raw else checksum(raw)
        if checksum(data[_UDP_HEAD:], total) != data[4] << 8 | data[5]:
            return [PeerError("a datagram with a wrong checksum", discarded=data[:_NOTED])]
        if raw != self._raw:
            imei = imei_of(raw)
            if imei is None:
                return [PeerError("a datagram without an IMEI", discarded=data[:_NOTED])]
            self.device_id, self._raw, self._sum = imei, raw, total
        events: list[Event] = []
        pos = _UDP_HEAD
        while pos < size:
            total = 5 + int.from_bytes(data[pos + 3 : pos + 5], "big")
            if data[pos : pos + 2] != START or total < HEAD or pos + total > size:
                events.append(PeerError("a datagram with a broken package", discarded=data[pos : pos + _NOTED]))
                break
            events.append(self._package(data[pos : pos + total]))
            pos += total
        return events

    def _package(self, frame: bytes) -> Event:
        """A whole package: who sent it, what it is, what it is owed."""
        number, sure = frame[2], Checksum.OK if self._datagrams else Checksum.NONE
        if number == COMMAND:
            found, text = None, ""
            if len(frame) >= HEAD + 5 and frame[HEAD] == 1:
                found = Answer(int.from_bytes(frame[8:12], "big"), frame[12:].decode("latin-1"))
                text = clean(found.text)
            kind = Kind.REPLY if found is not None and not self.server else Kind.OTHER
            return Message(kind, frame, self.device_id, b"", sure, text if kind is Kind.REPLY else "", found)
        if self.server:
            return Message(Kind.OTHER, frame, self.device_id, b"", sure)
        if number == LOGIN:
            imei = imei_of(frame[HEAD : HEAD + 8])
            if imei is None or (self._datagrams and imei != self.device_id):
                return PeerError("a login without an IMEI of its own", discarded=frame[:_NOTED])
            self.device_id = imei
            owed = frame[:3] + b"\0\x02" + frame[5:7]
            if len(frame) - HEAD > V1_LOGIN:
                time = int(self.clock().timestamp()) & 0xFFFFFFFF
                owed = frame[:3] + b"\0\x09" + frame[5:7] + time.to_bytes(4, "big") + _VERSION_AND_ACTION
            return Message(Kind.LOGIN, frame, imei, self._wrapped(owed), sure)
        owed = self._wrapped(frame[:3] + b"\0\x02" + frame[5:7]) if number in _OWED else b""
        kind = Kind.HEARTBEAT if number == HEARTBEAT else Kind.REPORT if number in _REPORTS else Kind.OTHER
        return Message(kind, frame, self.device_id, owed, sure)

    def _wrapped(self, reply: bytes) -> bytes:
        if not self._datagrams:
            return reply
        head = (len(reply) + 10).to_bytes(2, "big") + checksum(reply, self._sum).to_bytes(2, "big")
        return ENVELOPE + head + self._raw + reply


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a package or the envelope of a datagram."""
    if len(first) < 5:
        return None if START.startswith(first[:2]) or ENVELOPE.startswith(first[:2]) else False
    if first[:2] == ENVELOPE:
        return _LEAST <= int.from_bytes(first[2:4], "big") + 4 <= MAX_FRAME
    return first[:2] == START and first[2] in KNOWN and 2 <= int.from_bytes(first[3:5], "big") <= MAX_FRAME - 5


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """What a server sends: answers and commands, in a datagram or not."""
    return EelinkStream(Transport.UDP if data[:2] == ENVELOPE else Transport.TCP, server=True).feed(data)
