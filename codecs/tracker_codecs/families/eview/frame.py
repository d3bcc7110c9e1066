"""Packets of Eview units: cutting, building, what is owed. All integers are little endian.

AB, properties (bit 4: an answer is wanted; bit 3 with stored data), length of the body (16 bits), CRC-16/XMODEM of the
body, sequence (16 bits), body. The body is a command (01 data, 02 configuration, 03 services, 04 system, 7E firmware,
7F response) and items of length (which counts key and value), key, value. Data and services begin with key 01, the
IMEI; configuration tells it as key 03; a response names nobody. A packet that wants an answer is owed 7F with 01 00
under its own sequence; services are owed 03 with what they ask for: key 12 the time in seconds, keys 11, 21 and 22 a
place of nine zero bytes.
Sources: traccar/traccar Minifinder2 decoder, encoder and their tests (recorded packets, among them a configuration).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from fastcrc import crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError

DATA, CONFIGURATION, SERVICES, SYSTEM, FIRMWARE, RESPONSE = 0x01, 0x02, 0x03, 0x04, 0x7E, 0x7F
COMMANDS = frozenset((DATA, CONFIGURATION, SERVICES, SYSTEM, FIRMWARE, RESPONSE))
HEAD = 8
#: Longest body taken, in bytes; the longest recorded one has 716.
MAX_BODY = 2048
MAX_FRAME = HEAD + MAX_BODY
WANTS_ANSWER = 0x10
#: Set in the openings of units that send stored data, as users of a public server report.
_STORED = 0x08
_ID_ITEM, _CONFIGURED_ID = b"\x10\x01", 0x03
#: Account of the access point: starred in every frame that leaves the stream, so that no ledger holds it.
HIDDEN = frozenset((0x41, 0x42))
_PLACES = frozenset((0x11, 0x21, 0x22))
_KINDS = {DATA: Kind.REPORT, CONFIGURATION: Kind.REPLY, RESPONSE: Kind.REPLY}

crc = crc16.xmodem


def seal(body: bytes, sequence: int, properties: int = 0) -> bytes:
    """The packet around a body; `sequence` has 16 bits."""
    head = bytes((0xAB, properties)) + len(body).to_bytes(2, "little") + crc(body).to_bytes(2, "little")
    return head + sequence.to_bytes(2, "little") + body


def item(key: int, value: bytes) -> bytes:
    """An item of a body. `value` has at most 254 bytes."""
    return bytes((len(value) + 1, key)) + value


def items(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Keys and values of a body, in order. Raises PeerError for an item without a key or beyond the end."""
    pos, size = 1, len(body)
    while pos < size:
        end = pos + 1 + body[pos]
        if end > size or end < pos + 2:
            raise PeerError("an item that goes beyond its packet", discarded=body[:64])
        yield body[pos + 1], body[pos + 2 : end]
        pos = end


def value_of(body: bytes, key: int, size: int) -> bytes | None:
    """The value of this key where it stands once with this many bytes; None otherwise, also in a broken body."""
    try:
        found = [value for each, value in items(body) if each == key]
    except PeerError:
        return None
    return found[0] if len(found) == 1 and len(found[0]) == size else None


def starred(frame: bytes) -> bytes:
    """A configuration without the account of the access point, sealed anew; as it is where there is none."""
    body = frame[HEAD:]
    try:
        said = list(items(body))
    except PeerError:
        return frame
    if not any(key in HIDDEN and value for key, value in said):
        return frame
    shown = b"".join(item(key, b"*" * len(value) if key in HIDDEN else value) for key, value in said)
    return seal(body[:1] + shown, frame[6] | frame[7] << 8, frame[1])


class EviewStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"\xab")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] != 0xAB:
            return NO_FRAME
        left = len(buf) - pos
        if left < 4:
            return MORE
        size = buf[pos + 2] | buf[pos + 3] << 8
        if not 1 <= size <= MAX_BODY:
            return NO_FRAME
        if left <= HEAD:
            return MORE
        if buf[pos + HEAD] not in COMMANDS:
            return NO_FRAME
        end = pos + HEAD + size
        if len(buf) < end:
            return MORE
        frame = buf[pos:end]
        if crc(frame[HEAD:]) != frame[4] | frame[5] << 8:
            return NO_FRAME
        events.append(self._message(frame))
        return end

    def _message(self, frame: bytes) -> Message:
        command, sequence = frame[HEAD], frame[6] | frame[7] << 8
        if self.server:
            return Message(Kind.OTHER, frame, checksum=Checksum.OK, data=sequence)
        if command in (DATA, SERVICES) and frame[9:11] == _ID_ITEM:
            self._named(frame[11:26])
        elif command == CONFIGURATION:
            frame = starred(frame)
            self._named(value_of(frame[HEAD:], _CONFIGURED_ID, 15) or b"")
        owed = b""
        if frame[1] & WANTS_ANSWER:
            owed = self._service(frame[HEAD:], sequence) if command == SERVICES else seal(b"\x7f\x01\x00", sequence)
        text = ""
        if command == RESPONSE:
            text = f"result {frame[10]}" if len(frame) == 11 and frame[9] == 1 else "result unknown"
        elif command == CONFIGURATION:
            text = "configuration"
        return Message(_KINDS.get(command, Kind.OTHER), frame, self.device_id, owed, Checksum.OK, text, sequence)

    def _named(self, digits: bytes) -> None:
        if len(digits) == 15 and digits.isdigit():
            self.device_id = digits.decode("ascii")

    def _service(self, body: bytes, sequence: int) -> bytes:
        """The answer to a services packet: the time, and places that nobody knows."""
        answer = bytes((SERVICES,))
        try:
            for key, _ in items(body):
                if key == 0x12:
                    answer += item(key, (int(self.clock().timestamp()) & 0xFFFFFFFF).to_bytes(4, "little"))
                elif key in _PLACES:
                    answer += item(key, bytes(9))
        except PeerError:
            pass  # answered as far as it can be read
        return seal(answer, sequence)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: AB, known properties, a length, a command that devices open with."""
    if not b"\xab".startswith(first[:1]) or (len(first) > 1 and first[1] & ~(WANTS_ANSWER | _STORED)):
        return False
    if len(first) > 3 and not 1 <= first[2] | first[3] << 8 <= MAX_BODY:
        return False
    return first[HEAD] in (DATA, CONFIGURATION, SERVICES) if len(first) > HEAD else None


def normalised(frame: bytes) -> bytes:
    """A time that the server tells is left out, with the checksum."""
    if frame[:1] != b"\xab" or len(frame) <= HEAD or frame[HEAD] != SERVICES:
        return frame
    return (
        frame[:4] + b"\0\0" + frame[6:HEAD] + re.sub(rb"\x05\x12.{4}", b"\x05\x12time", frame[HEAD:], flags=re.DOTALL)
    )


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the IMEI replaced, the checksum put right."""
    raw_old, raw_new = old.encode("ascii"), new.encode("ascii")
    if frame[:1] != b"\xab" or raw_old not in frame[HEAD:]:
        return frame
    body = frame[HEAD:].replace(raw_old, raw_new)
    return frame[:4] + crc(body).to_bytes(2, "little") + frame[6:HEAD] + body
