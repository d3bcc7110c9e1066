"""GT06 frames: layouts for building and reading, and the cutter of the hot path.

Every number is big endian and nothing is escaped, so frames are cut by their length. The checksum is CRC-16/X.25
(the vendor says CRC-ITU) over everything between the start bytes and the checksum. The older GT02 frame (68 68) has
none.
Sources: Concox GPS Tracker Communication Protocol v1.8.1; Jimi VL03/VL103M protocol; Traccar Gt06/Gt02 decoders.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from construct import (
    Bytes,
    Const,
    GreedyBytes,
    Int8ub,
    Int16ub,
    RawCopy,
    Rebuild,
    Struct,
    len_,
    this,
)
from construct import (
    Checksum as ChecksumField,
)
from fastcrc import crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message, Stream
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

SHORT, LONG, GT02, STOP = b"\x78\x78", b"\x79\x79", b"\x68\x68", b"\r\n"
#: What a GT02 heartbeat is answered with.
GT02_ANSWER = b"\x54\x68\x1a\r\n"
#: A long frame with the largest length there is.
MAX_FRAME = 0xFFFF + 6
#: Longest command text: its length byte counts four flag bytes too, and clones have small buffers.
MAX_COMMAND = 200

LOGIN, POSITION, STATUS, OLD_ANSWER, ALARM = 0x01, 0x12, 0x13, 0x15, 0x16
#: A GT03F answers as in OLD_ANSWER under this number: recorded (github.com/adoggie/BlueEarth, data_gt03.hex).
PORTABLE_ANSWER = 0x81
ANSWER, POSITION_2, HEARTBEAT, ALARM_2, ALARM_3 = 0x21, 0x22, 0x23, 0x26, 0x27
LBS, ADDRESS, WIFI, MODULAR, COMMAND, TIME, INFORMATION, POSITION_4G = 0x28, 0x2A, 0x2C, 0x70, 0x80, 0x8A, 0x94, 0xA0

KINDS = {
    LOGIN: Kind.LOGIN,
    STATUS: Kind.HEARTBEAT,
    HEARTBEAT: Kind.HEARTBEAT,
    OLD_ANSWER: Kind.REPLY,
    PORTABLE_ANSWER: Kind.REPLY,
    ANSWER: Kind.REPLY,
    **dict.fromkeys(
        (POSITION, POSITION_2, POSITION_4G, ALARM, ALARM_2, ALARM_3, LBS, ADDRESS, WIFI, INFORMATION), Kind.REPORT
    ),
}
#: Messages that hold the answer to a command.
ANSWERS = frozenset((OLD_ANSWER, PORTABLE_ANSWER, ANSWER))
#: Messages that are owed a short frame with the same number and serial; by number, the first two bytes of its body.
_ANSWERED = {n: bytes((5, n)) for n in (LOGIN, STATUS, HEARTBEAT, ALARM, ALARM_2, ALARM_3, MODULAR)}
#: Status packets, which some units send with a length that leaves out the checksum.
_STATES = frozenset((STATUS, HEARTBEAT))
#: Cheap watches send these with length 0 and without checksum.
_UNSIZED = frozenset((0x17, 0x69))
_UNSIZED_MAX = 260
_START = re.compile(rb"x(?:x|\Z)|y(?:y|\Z)|h(?:h|\Z)")
_SHOWN = 64

_crc = crc16.ibm_sdlc


def _layout(start: bytes, length: Any) -> Any:
    body = Struct(
        "length" / Rebuild(length, lambda context: len(context.content) + 5),
        "number" / Int8ub,
        "content" / Bytes(this.length - 5),
        "serial" / Int16ub,
    )
    return Struct(
        "start" / Const(start),
        "body" / RawCopy(body),
        "crc" / ChecksumField(Int16ub, _crc, this.body.data),
        "stop" / Const(STOP),
    )


#: Both directions; `length` counts number, content, serial and checksum.
SHORT_FRAME = _layout(SHORT, Int8ub)
#: Device to server in practice.
LONG_FRAME = _layout(LONG, Int16ub)
#: GT02 / TR02; `size` counts the bytes between itself and the stop bytes.
GT02_FRAME = Struct(
    "start" / Const(GT02),
    "size" / Rebuild(Int8ub, len_(this.content) + 13),
    "power" / Int8ub,
    "gsm" / Int8ub,
    "imei" / Bytes(8),
    "serial" / Int16ub,
    "type" / Int8ub,
    "content" / Bytes(this.size - 13),
    "stop" / Const(STOP),
).compile()
#: Content of a command 0x80 and of its old answer 0x15; `length` counts flag and text, `language` has 0 or 2 bytes.
COMMAND_CONTENT = Struct(
    "length" / Rebuild(Int8ub, lambda context: len(context.text) + 4),
    "flag" / Bytes(4),
    "text" / Bytes(this.length - 4),
    "language" / GreedyBytes,
)
#: Content of the current answer 0x21; code 1 is ASCII, 2 is UTF-16 big endian.
ANSWER_CONTENT = Struct("flag" / Bytes(4), "code" / Int8ub, "text" / GreedyBytes)


class Answer(NamedTuple):
    """An answer to a command: the echoed flag (None on GT02, which has none), its text, how that was coded."""

    flag: int | None
    text: str
    code: int = 1
    language: bytes = b""


def build(number: int, content: bytes, serial: int, *, long: bool = False) -> bytes:
    """A whole frame. Raises LocalError for a content that does not fit its length field."""
    if len(content) > (0xFFFF if long else 0xFF) - 5:
        raise LocalError(f"{len(content)} bytes do not fit a frame")
    fields = {"number": number, "content": content, "serial": serial & 0xFFFF}
    built: bytes = (LONG_FRAME if long else SHORT_FRAME).build({"body": {"value": fields}})
    return built


def build_command(text: str, flag: int, serial: int, language: bytes = b"") -> bytes:
    """Command frame 0x80. `flag` (32 bits) comes back in the answer; `language` is absent in all vendor examples.

    Raises LocalError for text that is empty, longer than 200 characters or not printable ASCII.
    """
    if not 0 < len(text) <= MAX_COMMAND or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    # By hand: construct takes a tenth of a delivery's time for the same bytes (a test holds that they are the same).
    head = (len(text) + len(language) + 10, COMMAND, len(text) + 4)
    body = (
        bytes(head) + flag.to_bytes(4, "big") + text.encode("ascii") + language + (serial & 0xFFFF).to_bytes(2, "big")
    )
    return SHORT + body + _crc(body).to_bytes(2, "big") + STOP


def short_answer(number: int, serial: bytes) -> bytes:
    """What a login, heartbeat or alarm is owed: its number and its two serial bytes again."""
    body = _ANSWERED[number] + serial
    return SHORT + body + _crc(body).to_bytes(2, "big") + STOP


def reseal(frame: bytes) -> bytes:
    """A cut 78 78 or 79 79 frame whose content was changed, with a right checksum."""
    return frame[:-4] + _crc(frame[2:-4]).to_bytes(2, "big") + STOP


def parts(frame: bytes) -> tuple[int, bytes, int]:
    """Number, content and serial of a cut 78 78 or 79 79 frame."""
    head = 3 if frame[0] == 0x78 else 4
    return frame[head], frame[head + 1 : -6], int.from_bytes(frame[-6:-4], "big")


def imei_of(digits: bytes) -> str:
    """15-digit IMEI from 8 BCD bytes with a leading 0. Raises PeerError when they hold anything but digits."""
    text = digits.hex()
    if not text.isdigit():
        raise PeerError("the IMEI is not decimal", discarded=digits)
    return text[1:] if text[0] == "0" else text


def answer_of(number: int, content: bytes) -> Answer:
    """Flag and text of an answer 0x15, 0x81 or 0x21. Raises PeerError when its inner length is wrong.

    Some units leave the inner length 0 and end the text with zero bytes (a recorded answer to TIMER).
    """
    if number == ANSWER:
        if len(content) < 5:
            raise PeerError("answer 0x21 is too short", discarded=content)
        raw = content[5:]
        text = raw.decode("utf-16-be", "replace") if content[4] == 2 else raw.decode("latin-1")
        return Answer(int.from_bytes(content[:4], "big"), text, content[4])
    if len(content) > 5 and content[0] == 0:
        text = content[5:].partition(b"\0")[0].decode("latin-1")
        return Answer(int.from_bytes(content[1:5], "big"), text, 1, content[-2:])
    if len(content) < 5 or content[0] < 4 or len(content) - content[0] not in (1, 3):
        raise PeerError(f"inner length of answer 0x{number:02x} is wrong", discarded=content[:_SHOWN])
    end = content[0] + 1
    return Answer(int.from_bytes(content[1:5], "big"), content[5:end].decode("latin-1"), 1, content[end:])


def _leaves_out_its_checksum(data: bytes, pos: int, end: int) -> bool:
    """Whether this is a sound status packet whose length does not count its checksum, as some units send it."""
    return data[end : end + 2] == STOP and _crc(data[pos + 2 : end - 2]) == (data[end - 2] << 8 | data[end - 1])


class Gt06Stream(Stream):
    """Cuts one direction of a TCP link. `server` is true for frames that a server sends.

    Recovery: where the stop bytes are not at the declared end, all up to the next stop bytes is given up (but not a
    whole frame that ends just there). One PeerError is given for a run of garbage, at its first byte; one for each
    frame with a wrong checksum, which is given up whole.
    """

    __slots__ = ("_buffer", "_clear", "_lost", "_need")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._buffer = bytearray()
        self._need = 0
        self._clear = 0
        self._lost = False

    @property
    def buffered(self) -> int:
        """Bytes of the unfinished frame."""
        return len(self._buffer)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Take bytes at any split; give messages and PeerErrors in order."""
        buffer = self._buffer
        if buffer:
            buffer += data
            if len(buffer) < self._need:
                return ()
            data = bytes(buffer)
            buffer.clear()
        events: list[Event] = []
        pos, size = 0, len(data)
        self._clear = 0
        while pos < size:
            left = size - pos
            start = data[pos : pos + 2]
            if left < 4:
                if _START.match(data, pos) or (self.server and data[pos:] == GT02_ANSWER[:left]):
                    self._need = left + 1
                    break
                pos = self._garbage(data, pos, events)
                continue
            if start == SHORT:
                total = data[pos + 2] + 5
                sound = total >= 10
            elif start == LONG:
                total = (data[pos + 2] << 8 | data[pos + 3]) + 6
                sound = total >= 11
            elif start == GT02:
                total = data[pos + 2] + 5
                sound = total >= 18
            elif self.server and data.startswith(GT02_ANSWER[:left], pos):
                total, sound = 5, True
            else:
                total, sound = 0, False
            if not sound:
                if start == SHORT and total == 5 and data[pos + 3] in _UNSIZED:
                    stop = data.find(STOP, pos + 4, pos + _UNSIZED_MAX)
                    if stop > 0:
                        frame = data[pos : stop + 2]
                        events.append(Message(Kind.OTHER, frame, self.device_id))
                        self._lost = False
                        pos = stop + 2
                        continue
                    if left < _UNSIZED_MAX:
                        self._need = left + 1
                        break
                pos = self._garbage(data, pos, events)
                continue
            if left < total:
                self._need = total
                break
            end = pos + total
            if start == SHORT and data[pos + 3] in _STATES and data[end - 2 : end] != STOP:
                if left < total + 2:
                    self._need = total + 2
                    break
                end += 2 * _leaves_out_its_checksum(data, pos, end)
            if data[end - 2 : end] == STOP:
                self._lost = False
                events.append(self._message(data[pos:end]))
                pos = end
            else:
                pos = self._broken(data, pos, end, events)
        if pos < size:
            buffer += data[pos:]
        return events

    # -- one frame --------------------------------------------------------------------------------------------------
    def _message(self, frame: bytes) -> Event:
        if frame[0] == 0x78:
            number = frame[3]
        elif frame[0] == 0x79:
            number = frame[4]
        else:
            return self._gt02(frame)
        if _crc(frame[2:-4]) != (frame[-4] << 8 | frame[-3]):
            return PeerError("wrong checksum", discarded=frame[:_SHOWN])
        if self.server:
            return Message(Kind.OTHER, frame, None, checksum=Checksum.OK)
        kind = KINDS.get(number, Kind.OTHER)
        owed, text, data = b"", "", None
        if number in _ANSWERED:
            owed = short_answer(number, frame[-6:-4])
            if number == LOGIN:
                content = parts(frame)[1]
                if len(content) < 8:
                    return PeerError("login is too short", discarded=frame[:_SHOWN])
                try:
                    self.device_id = imei_of(content[:8])
                except PeerError as fault:
                    return fault
        elif kind is Kind.REPLY:
            try:
                data = answer_of(number, parts(frame)[1])
            except PeerError as fault:
                return fault
            text = clean(data.text)
        elif number == TIME and len(frame) == 10:
            now = self.clock()
            moment = bytes((now.year % 100, now.month, now.day, now.hour, now.minute, now.second))
            body = b"\x0b\x8a" + moment + frame[-6:-4]
            owed = SHORT + body + _crc(body).to_bytes(2, "big") + STOP
        return Message(kind, frame, self.device_id, owed, Checksum.OK, text, data)

    def _gt02(self, frame: bytes) -> Event:
        if self.server:
            return Message(Kind.OTHER, frame)
        try:
            self.device_id = imei_of(frame[5:13])
        except PeerError as fault:
            return fault
        kind = frame[15]
        if kind == 0x1A:
            return Message(Kind.HEARTBEAT, frame, self.device_id, GT02_ANSWER)
        if kind == 0x1C:
            if frame[16] != len(frame) - 19:
                return PeerError("inner length of a GT02 answer is wrong", discarded=frame[:_SHOWN])
            text = frame[17:-2].decode("latin-1")
            return Message(Kind.REPLY, frame, self.device_id, text=clean(text), data=Answer(None, text))
        return Message(Kind.REPORT if kind == 0x10 else Kind.OTHER, frame, self.device_id)

    # -- recovery ---------------------------------------------------------------------------------------------------
    def _garbage(self, data: bytes, pos: int, events: list[Event]) -> int:
        """Tell once that no frame starts here; give the next place where one could."""
        if not self._lost:
            self._lost = True
            events.append(PeerError(f"no frame starts with 0x{data[pos]:02x}", discarded=data[pos : pos + 1]))
        if self.server:  # for people and tests only: slow, but knows the GT02 answer as well
            return pos + 1
        found = _START.search(data, pos + 1)
        return found.start() if found else len(data)

    def _broken(self, data: bytes, pos: int, end: int, events: list[Event]) -> int:
        """The stop bytes are not at the declared end: tell once, give where to go on (by the bytes before `end`)."""
        if not self._lost:
            self._lost = True
            reason = "the frame does not stop where its length says"
            events.append(PeerError(reason, discarded=data[pos : min(end, pos + _SHOWN)]))
        stop = data.find(STOP, max(pos + 4, self._clear), end)
        if stop < 0:
            self._clear = max(self._clear, end - 1)  # no stop bytes begin before: do not look there again
            return self._garbage(data, pos, events)
        stop += 2
        inner = data.find(SHORT, pos + 1, stop)
        while inner >= 0:
            if inner + data[inner + 2] + 5 == stop and stop - inner >= 10:
                return inner
            inner = data.find(SHORT, inner + 1, stop)
        return stop


def recognise(first: bytes) -> bool | None:
    """78 78 or 79 79 with a possible length, or 68 68 with one."""
    if not first:
        return None
    start = first[:2]
    if not any(known.startswith(start) for known in (SHORT, LONG, GT02)):
        return False
    if len(first) < 4:
        return None
    if start == SHORT:
        size = first[2]
        if size < 5 or not b"\r\n".startswith(first[3 + size : 5 + size]):
            return False  # Topin's frames open alike and end elsewhere
        if first[2:4] != b"\x0d\x01":
            return True
        return None if len(first) < 15 else first[13:15] != b"\r\n"
    if start == LONG:
        return first[2] << 8 | first[3] >= 5
    return first[2] >= 13


def refuse(message: Message) -> bytes:
    """The owed answer: see `hold_unregistered`."""
    return message.owed if message.kind in (Kind.LOGIN, Kind.HEARTBEAT) else b""
