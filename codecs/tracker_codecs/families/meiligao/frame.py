"""Meiligao frames: cutting of a link, building of commands. All numbers are big endian.

`$$` (device) or `@@` (server), length of the whole packet (2 bytes), ID (7 bytes of BCD digits, unused nibbles F),
command (2), data, CRC-16/CCITT-FALSE over all before it (2), CR LF. A byte 00 between packets is a heartbeat. An ID of
14 digits is an IMEI without its last, the Luhn digit; it is put back here.
Sources: Meiligao GPRS Communication Protocol V2.1 (alvassin/nodejs-meiligao, docs/specs.pdf); traccar/traccar Meiligao
frame decoder, decoder, encoder and tests; TopShine set-up page of plaspy-dev/docs (ID of 14 digits).
"""

from __future__ import annotations

import re
from typing import ClassVar

from fastcrc import crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError

DEVICE, SERVER, END = b"$$", b"@@", b"\r\n"
LOGIN_REPLY, LOGIN, ACK, ASK_SERVER = 0x4000, 0x5000, 0x0001, 0x0002
POSITION, ALARM, LOGGED = 0x9955, 0x9999, 0x9016
#: Header, command, checksum and line end.
LEAST = 17
#: Documents know about 100 bytes of data; pictures and logged data of clones are longer.
MAX_FRAME = 2048
#: An ID that addresses any unit.
ANYBODY = b"\xff" * 7
_REPORTS = frozenset((POSITION, ALARM, LOGGED))
_ANSWERS = frozenset((0x9001, 0x9002, 0x9003))
_DIGITS = re.compile(r"(\d{1,14})f*", re.ASCII).fullmatch

crc = crc16.ibm_3740


def luhn(digits: str) -> str:
    """The check digit of an IMEI's first 14 digits."""
    total = 0
    for place, digit in enumerate(digits):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def name_of(raw: bytes) -> str | None:
    """Whom the 7 bytes of an ID name: an IMEI of 15 digits, a shorter number, or nobody (all F, or no digits)."""
    found = _DIGITS(raw.hex())
    if found is None:
        return None
    digits = found[1]
    return digits + luhn(digits) if len(digits) == 14 else digits


def address(device_id: str) -> bytes:
    """The 7 bytes of an ID of up to 14 digits, or of an IMEI of 15. Raises LocalError."""
    if not (device_id.isascii() and device_id.isdigit()) or len(device_id) > 15:
        raise LocalError("must be an IMEI, or up to 14 digits", parameter="device_id")
    return bytes.fromhex(device_id[:14].ljust(14, "f"))


def build(who: bytes, command: int, data: bytes = b"", start: bytes = SERVER) -> bytes:
    """A packet; `who` as from `address`. Raises LocalError for more data than a packet takes."""
    total = LEAST + len(data)
    if total > MAX_FRAME:
        raise LocalError(f"a packet has at most {MAX_FRAME} bytes", parameter="command")
    body = start + total.to_bytes(2, "big") + who + command.to_bytes(2, "big") + data
    return body + crc(body).to_bytes(2, "big") + END


def command_of(frame: bytes) -> int:
    """The command word of a packet; -1 of a heartbeat byte."""
    return frame[11] << 8 | frame[12] if len(frame) >= LEAST else -1


def data_of(frame: bytes) -> bytes:
    """What stands between command and checksum."""
    return frame[13:-4]


class MeiligaoStream(Cutter):
    """Cuts one direction of a link. `server`: what a server sends. Over UDP every feed is one whole datagram.

    Recovery: behind a packet that is broken the next start is looked for inside it. A heartbeat byte counts only behind
    a packet that told who speaks, and never within garbage.
    """

    __slots__ = ("_raw", "_start")
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[$@]")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._start = SERVER if self.server else DEVICE
        self._raw = b""

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] == 0 and not self._skipping and self.device_id is not None and not self.server:
            events.append(Message(Kind.HEARTBEAT, b"\0", self.device_id))
            return pos + 1
        end = self._end(buf, pos)
        if end > 0:
            events.append(self._packet(buf[pos:end]))
        elif end == MORE and self._datagrams and self._skipping:
            return len(buf)  # a broken packet behind garbage: that datagram has been told already
        return end

    def _end(self, buf: bytes, pos: int) -> int:
        """The end of the packet at `pos`; or NO_FRAME or MORE."""
        if buf[pos] != self._start[0]:
            return NO_FRAME
        left = len(buf) - pos
        if left < 4:
            return MORE
        total = buf[pos + 2] << 8 | buf[pos + 3]
        if buf[pos + 1] != self._start[0] or not LEAST <= total <= MAX_FRAME:
            return NO_FRAME
        if left < total:
            return MORE
        end = pos + total
        sound = buf[end - 2 : end] == END and crc(buf[pos : end - 4]) == buf[end - 4] << 8 | buf[end - 3]
        return end if sound else NO_FRAME

    def _packet(self, frame: bytes) -> Message:
        """A packet with a right checksum: who sent it, what it is, what it is owed."""
        raw, command = frame[4:11], frame[11] << 8 | frame[12]
        if raw != self._raw:
            self._raw = raw
            self.device_id = name_of(raw)
        device = self.device_id
        if self.server:
            return Message(Kind.OTHER, frame, device, b"", Checksum.OK)
        if command in _REPORTS:
            return Message(Kind.REPORT, frame, device, b"", Checksum.OK)
        if command == LOGIN:
            return Message(Kind.LOGIN, frame, device, build(raw, LOGIN_REPLY, b"\x01"), Checksum.OK)
        if command == ACK:
            return Message(Kind.HEARTBEAT, frame, device, build(raw, ACK, b"\x01"), Checksum.OK)
        reply = 0x4000 <= command < 0x6000 or command in _ANSWERS
        return Message(Kind.REPLY if reply else Kind.OTHER, frame, device, b"", Checksum.OK)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `$$` and a binary length; Meitrack has a printable flag and digits there."""
    if first[:2] != DEVICE[: len(first)]:
        return False
    if len(first) < 4:
        return None
    return LEAST <= (first[2] << 8 | first[3]) <= MAX_FRAME


def refuse(message: Message) -> bytes:
    """A login that is not ours is answered with 00, rejected."""
    return build(message.frame[4:11], LOGIN_REPLY, b"\0") if message.kind is Kind.LOGIN else b""
