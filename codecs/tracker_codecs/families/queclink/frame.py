"""Cutting of @Track frames: ASCII, HEX format, new binary format and the old GL100/GT300 dialect, on one link.

Sources: GL300 @Tracker Air Interface Protocol R1.02 (TRACGL300AN001) for ASCII, heartbeat and SACK; GL100 @Track Air
Interface Protocol (TRACGL100AN002) for the old dialect; traccar/traccar Gl200FrameDecoder, Gl100ProtocolDecoder and
their tests for HEX lengths, the 00 terminator and recorded frames; mtrevisan/Boxon (Queclink codecs) for the HEX
acknowledgement's mask, message types and id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastcrc import crc8, crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message, Target, Transport
from tracker_codecs.errors import PeerError
from tracker_codecs.junk import MAX_JUNK, JunkStream
from tracker_codecs.text import clean

#: Longest frame taken, in bytes: a settings report of all sections (GTALL) needs about 1 KiB, parts of it double.
MAX_FRAME = 8192
#: Frames remembered to tell a resent one.
_MEMORY = 4

_TEXT = (b"+RESP:GT", b"+BUFF:GT", b"+ACK:GT", b"+NACK:GT", b"AT+GT")
#: HEX header -> (offset, size) of the length field, which counts the whole frame; big-endian.
HEX_LENGTH = {
    b"+ACK": (6, 1),
    b"+HBD": (5, 1),
    **dict.fromkeys((b"+RSP", b"+BSP", b"+EVT", b"+BVT"), (9, 2)),
    **dict.fromkeys((b"+INF", b"+BNF"), (7, 2)),
    **dict.fromkeys((b"+CRD", b"+BRD", b"+LGN"), (6, 2)),
}
#: Where the unique id stands in HEX frames. Worked out on three recorded frames, each a valid IMEI there.
_HEX_ID = {b"+RSP": 16, b"+BSP": 16, b"+EVT": 16, b"+BVT": 16, b"+INF": 9, b"+BNF": 9, b"+LGN": 15}
_HEX_KIND = {b"+ACK": Kind.REPLY, b"+HBD": Kind.HEARTBEAT, b"+LGN": Kind.LOGIN}
_HEX_HEADS = b"|".join(re.escape(head) for head in HEX_LENGTH if head != b"+ACK")
_START = re.compile(rb"\+(?:RESP|BUFF|ACK|NACK):GT|AT\+GT|\+ACK[^:]|[+-]\x00|" + _HEX_HEADS, re.DOTALL)
_PREFIXES = (*_TEXT, *HEX_LENGTH, b"+\0", b"-\0")
_INNER = re.compile(rb"\+(?:RESP|BUFF|ACK|NACK):GT")
_BLANK = b" \t\r\n\0"
_HEX4 = re.compile(rb"[0-9A-Fa-f]{4}").fullmatch
_MEID = re.compile(rb"[0-9A-Fa-f]{14}").fullmatch
_VERSION = re.compile(rb"[0-9A-Za-z]{6}(?:[0-9A-Za-z]{2}){0,2}").fullmatch
#: Shortest new binary frame: head 4, flags, id 8, type and versions 5, n, count 2, check, tail.
_MIN_BINARY = 23
#: Reports of the whole configuration or of one section: answers, not telemetry.
_SETTINGS = (b"+RESP:GTALS", b"+RESP:GTALL", b"+RESP:GTALM", b"+RESP:GTALC")


def sack_mode(option: object) -> str:
    """`on`, `off` or `auto` from the option `sack`; YAML reads a bare on/off as a boolean. Anything else is auto."""
    if option in (True, "on"):
        return "on"
    return "off" if option in (False, "off") else "auto"


def is_id(field: bytes) -> bool:
    """A unique id: IMEI of 15 digits, or MEID of 14 hexadecimal digits (CDMA units)."""
    return (len(field) == 15 and field.isdigit()) or _MEID(field) is not None


def luhn(digits: str) -> bool:
    """The check digit of an IMEI (3GPP TS 23.003)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def hex_id(frame: bytes) -> str | None:
    """The IMEI of a HEX frame: eight bytes, each two decimal digits in binary, the last one digit. None if not there.

    The acknowledgement has it only where bit 4 of its mask is clear; otherwise the device name stands there.
    """
    head = frame[:4]
    at = _HEX_ID.get(head, 0)
    if head == b"+ACK" and frame[5] & 0x1F == 0x0F:
        at = 12
    raw = frame[at : at + 8]
    if not at or len(raw) != 8 or max(raw[:7]) > 99 or raw[7] > 9:
        return None
    digits = "".join(f"{byte:02d}" for byte in raw[:7]) + str(raw[7])
    return digits if luhn(digits) else None


def hex_checksum(frame: bytes) -> int:
    """CRC-16/CCITT-FALSE from offset 4 to the count number, both included (verified on recorded frames)."""
    return crc16.ibm_3740(frame[4:-4])


def binary_checksum(frame: bytes) -> int:
    """CRC-8 with polynomial 0x31, start 0xFF, over all before it. Fits the only recorded frame; not relied upon."""
    return crc8.nrsc_5(frame[:-2])


def body_of(frame: bytes) -> bytes:
    """A text frame without its terminator and the blanks around it."""
    return frame.rstrip(b"$ \t\r\n\0")


class QueclinkStream(JunkStream):
    """Device-to-server bytes of one link. Every feed is a whole datagram when `transport` is UDP."""

    __slots__ = ("_datagram", "_end", "_hex_raw", "_id", "_recent", "_sack")
    garbage = "bytes that start no @Track frame"

    def begin(self) -> None:
        """See `Stream.begin`."""
        super().begin()
        self._id = b""
        self._hex_raw = b""
        self._sack = "auto"
        self._recent: list[bytes] = []
        self._datagram = self.transport is Transport.UDP
        self._end = b"\r\n" if self.transport is Transport.SERIAL else b""

    def bind(self, target: Target) -> None:
        """Option `sack`: off, on, or auto = on as soon as the unit sends the same frame twice."""
        wanted = sack_mode(target.options.get("sack"))
        if not (wanted == "auto" and self._sack == "on"):
            self._sack = wanted

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Cut, identify and owe; see `Stream.feed`."""
        events = list(super().feed(data, channel))
        if self._datagram:
            self._close_datagram(events)
        return events

    def take(self, buf: bytes, pos: int, events: list[Event]) -> tuple[int, bool]:
        """See `JunkStream.take`."""
        if self._in_junk:
            found = _START.search(buf, pos)
            if found is None:
                end = len(buf)
                likely = (at for at in range(max(pos, end - 8), end) if _may_start(buf[at:]))
                return next(likely, end) - pos, True
            if found.start() > pos:
                return found.start() - pos, True
            self.end_junk(events)
        elif buf[pos] in _BLANK:
            return 1, False
        used = self._frame(buf, pos, events)
        return (1, True) if used < 0 else (used, False)

    def _close_datagram(self, events: list[Event]) -> None:
        """Nothing continues in the next datagram. The old dialect's documents show no terminator: none is needed."""
        rest, self._rest = self._rest, b""
        if self._in_junk:
            self.swallow(rest, events)
            self.end_junk(events)
        elif rest:
            old = rest.startswith(_TEXT) and is_id(rest.split(b",", 2)[1].strip() if b"," in rest else b"")
            short = PeerError("a datagram that ends inside a frame", discarded=rest[:MAX_JUNK])
            events.append(self._text(rest) if old else short)

    # -- frames -----------------------------------------------------------------------------------------------------
    def _frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """Bytes used by the frame at `pos`; 0: more bytes needed; -1: no frame starts here."""
        end = len(buf)
        if buf.startswith(_TEXT, pos):
            limit = pos + MAX_FRAME
            stop = buf.find(b"$", pos, limit)
            nul = buf.find(b"\0", pos, limit if stop < 0 else stop)
            if nul >= 0:
                stop = nul
            if stop < 0:
                return -1 if end >= limit else 0
            if buf.find(b":GT", pos + 6, stop) >= 0:
                inner = _INNER.search(buf, pos + 5, stop)
                if inner:
                    cut = buf[pos : inner.start()]
                    events.append(PeerError("a frame cut short by the next one", discarded=cut[:MAX_JUNK]))
                    return len(cut)
            events.append(self._text(buf[pos : stop + 1]))
            return stop + 1 - pos
        if not _START.match(buf, pos):
            return 0 if _may_start(buf[pos:]) else -1
        if buf[pos + 1] == 0:
            return self._binary(buf, pos, events)
        return self._hex(buf, pos, events)

    def _text(self, frame: bytes) -> Event:
        parts = frame.split(b",", 3)
        if len(parts) < 3:
            return PeerError("a text frame without an id", discarded=frame[:MAX_JUNK])
        head, second, third = parts[0], parts[1].strip(), parts[2].strip()
        if head.startswith(b"AT+GT") and not head.startswith(b"AT+GTHBD="):
            return Message(Kind.OTHER, frame, self.device_id)  # our own command, echoed by a serial port
        if third and third == self._id and not is_id(second):
            device_id = self.device_id
        elif is_id(third) and (not second or _VERSION(second)):
            device_id = self._told(third)
        elif is_id(second):
            return self._old_text(frame, head, second)
        else:
            return PeerError("a text frame without protocol version and id", discarded=frame[:MAX_JUNK])
        body = body_of(frame)
        last = body.rfind(b",")
        count = body[last + 1 :].strip()
        countable = _HEX4(count) is not None
        if head.startswith(b"+ACK:GTHBD"):
            owed = b"+SACK:GTHBD,%b,%b$%b" % (second, count, self._end) if countable else b""
            return Message(Kind.HEARTBEAT, frame, device_id, owed)
        resent = countable and self._resent(head[-3:] + body[body.rfind(b",", 0, last) :])
        owed = b"+SACK:%b$%b" % (count, self._end) if countable and self._sack == "on" else b""
        if head.startswith((b"+ACK", b"+NACK", *_SETTINGS)):
            return Message(Kind.REPLY, frame, device_id, owed, text=_shown(body))
        # A frame sent again says nothing new: it is answered, but it is no second report.
        return Message(Kind.OTHER if resent else Kind.REPORT, frame, device_id, owed, data=resent or None)

    def _told(self, name: bytes) -> str:
        """An id that a frame tells; the first one is the link's."""
        device_id = name.decode("ascii")
        if self.device_id is None:
            self.device_id, self._id = device_id, name
        return device_id

    def _resent(self, key: bytes) -> bool:
        """Same word, send time and count as one of the last frames: the unit had no answer and wants one."""
        if key in self._recent:
            if self._sack == "auto":
                self._sack = "on"
            return True
        self._recent.append(key)
        if len(self._recent) > _MEMORY:
            del self._recent[0]
        return False

    def _old_text(self, frame: bytes, head: bytes, device: bytes) -> Event:
        """GL100/GT300: the id comes first. Only the heartbeat is answered; how a SACK must end there is not public."""
        device_id = self._told(device)
        body = body_of(frame)
        if head.startswith(b"AT+GTHBD="):
            # The rest of the heartbeat without its last field; Traccar ends it with 00.
            said = body[body.find(b"=") + 1 : body.rfind(b",")]
            return Message(Kind.HEARTBEAT, frame, device_id, b"+RESP:GTHBD,GPRS ACTIVE,%b\0%b" % (said, self._end))
        if head.startswith((b"+ACK", b"+NACK")):
            return Message(Kind.REPLY, frame, device_id, text=_shown(body))
        return Message(Kind.REPORT, frame, device_id)

    def _hex(self, buf: bytes, pos: int, events: list[Event]) -> int:
        head, left = buf[pos : pos + 4], len(buf) - pos
        at, size = HEX_LENGTH[head]
        if left < at + size:
            return 0
        length = int.from_bytes(buf[pos + at : pos + at + size], "big")
        if not at + size + 6 <= length <= MAX_FRAME:
            return -1
        if left < length:
            return 0
        frame = buf[pos : pos + length]
        if frame[-2:] != b"\r\n":
            return -1
        if hex_checksum(frame) != int.from_bytes(frame[-4:-2], "big"):
            events.append(PeerError("HEX frame with a wrong checksum", discarded=frame[:MAX_JUNK]))
            return length
        place = _HEX_ID.get(head)
        if place and frame[place : place + 8] == self._hex_raw:
            device_id = self.device_id
        else:
            device_id = hex_id(frame)
            if device_id and self.device_id is None:
                self._told(device_id.encode("ascii"))
                self._hex_raw = frame[place : place + 8] if place else b""
        kind = _HEX_KIND.get(head, Kind.REPORT)
        events.append(Message(kind, frame, device_id or self.device_id, checksum=Checksum.OK))
        return length

    def _binary(self, buf: bytes, pos: int, events: list[Event]) -> int:
        left = len(buf) - pos
        if left < 5:
            return 0
        length = int.from_bytes(buf[pos + 2 : pos + 4], "big")
        if not _MIN_BINARY <= length <= MAX_FRAME:
            return -1
        if left < length:
            return 0
        frame = buf[pos : pos + length]
        at = binary_id_at(frame)
        digits = frame[at : at + 8].hex()
        if frame[-1] != 0x24 or digits[0] != "0" or not digits.isdigit():
            return -1
        device_id = self._told(digits[1:].encode("ascii"))
        checksum = Checksum.OK if binary_checksum(frame) == frame[-2] else Checksum.NONE
        events.append(Message(Kind.REPORT, frame, device_id, checksum=checksum))
        return length


def binary_id_at(frame: bytes) -> int:
    """Offset of the BCD id in a new binary frame: bit 7 of the flags puts frame count and number before it."""
    return 7 if frame[4] & 0x80 else 5


def _may_start(rest: bytes) -> bool:
    """Too short to tell, but a frame may start like this."""
    return any(len(rest) < len(start) and start.startswith(rest) for start in _PREFIXES) or rest == b"+ACK"


def _shown(body: bytes) -> str:
    """Reply text for people: cleaned, and without the password that the CFG section begins with."""
    return clean(re.sub(rb",CFG,[^,]*", b",CFG,***", body))


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a full text head with its three letters, a HEX head with a length that fits, 2B 00."""
    rest = first.lstrip(_BLANK)
    if not rest or _may_start(rest):
        return None
    if rest.startswith(_TEXT):
        word = rest[rest.index(b"GT") + 2 :][:4]
        ends = b"=" if rest.startswith(b"AT") else b","
        if not word[:3].isalnum() and word:
            return False
        return None if len(word) < 4 else word[3:] == ends
    if not _START.match(rest):
        return False
    if rest[1] == 0:
        if len(rest) < 13 + 2:
            return None
        at = binary_id_at(rest)
        digits = rest[at : at + 8].hex()
        return _MIN_BINARY <= int.from_bytes(rest[2:4], "big") <= MAX_FRAME and digits[0] == "0" and digits.isdigit()
    at, size = HEX_LENGTH[rest[:4]]
    if len(rest) < at + size:
        return None
    return at + size + 6 <= int.from_bytes(rest[at : at + size], "big") <= MAX_FRAME
