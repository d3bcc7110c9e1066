"""JT/T 808 frames: escaping, check byte, both headers, the cutter, and what a terminal is owed.

`7E` header, body, check `7E`. Between the marks `7E` travels as `7D 02` and `7D` as `7D 01`. The check byte is the XOR
of all bytes before it, unescaped. Numbers are big endian. Header 2011 / 2013: message id u16, properties u16 (bits 0..9
body length, 10..12 encryption, 13 fragmented, 14 edition 2019), device number 6 bytes BCD, serial u16, and where
fragmented total u16 and number u16. Header 2019: a version byte after the properties and a device number of 10 bytes.
Sources: JT/T 808-2011, -2013 and -2019 (github.com/yezhihao/jt808-server); recorded frames in SmallChi/JT808 and
traccar/traccar tests. Bit 14 is not trusted: it was recorded with a 2013 header, so the body length decides.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

MARK = b"\x7e"
MAX_BODY = 1023
#: Longest header, body and check byte, all escaped, and the two marks.
MAX_FRAME = 2 * (21 + MAX_BODY + 1) + 2
_SHOWN = 64
_START = re.compile(rb"[\x7e(]")
#: Text frames of electronic locks on the same port: (id,...).
TEXT_FRAME = re.compile(rb"\((\d{6,20}),[ -'*-}]{1,200}\)")
_TEXT_OPENING = re.compile(rb"\((?:\d{0,20}|\d{6,20},[ -'*-}]{0,200})\Z")

TERMINAL_ANSWER, HEARTBEAT, LOG_OUT, REGISTER, AUTHENTICATE = 0x0001, 0x0002, 0x0003, 0x0100, 0x0102
PARAMETERS, TIME_REQUEST, POSITION, POSITIONS = 0x0104, 0x0109, 0x0200, 0x0704
COMMAND_ANSWER, TEXT_ANSWER, TEXT_ANSWER_2 = 0x0701, 0x1300, 0x6006
PLATFORM_ANSWER, REGISTER_ANSWER, SET, QUERY_ALL, QUERY, TIME_ANSWER = 0x8001, 0x8100, 0x8103, 0x8104, 0x8106, 0x8109
TEXT, HUABAO_SET = 0x8300, 0x0310
KINDS = {
    TERMINAL_ANSWER: Kind.REPLY,
    PARAMETERS: Kind.REPLY,
    COMMAND_ANSWER: Kind.REPLY,
    TEXT_ANSWER: Kind.REPLY,
    TEXT_ANSWER_2: Kind.REPLY,
    REGISTER: Kind.LOGIN,
    AUTHENTICATE: Kind.LOGIN,
    HEARTBEAT: Kind.HEARTBEAT,
    POSITION: Kind.REPORT,
    POSITIONS: Kind.REPORT,
}
_UNANSWERED = frozenset((TERMINAL_ANSWER, PARAMETERS, TEXT_ANSWER, COMMAND_ANSWER))
_OLD, _NEW, _PART = struct.Struct(">HH6sH"), struct.Struct(">HHB10sH"), struct.Struct(">HH")
_ANSWER = struct.Struct(">HHB")


class Frame(NamedTuple):
    """A frame taken apart. `version` is the protocol version of the 2019 header, None in the older one."""

    id: int
    phone: bytes
    serial: int
    body: bytes
    version: int | None = None
    total: int = 0
    number: int = 0
    properties: int = 0


def xor(data: bytes) -> int:
    """All bytes XORed together, by folding one large number."""
    number = int.from_bytes(data, "little")
    bits = 8 << (len(data) - 1).bit_length() if data else 8
    while bits > 8:
        bits >>= 1
        number = (number >> bits) ^ (number & ((1 << bits) - 1))
    return number


def escape(data: bytes) -> bytes:
    """Bytes as they travel between the marks."""
    return data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(data: bytes) -> bytes:
    """The reverse of `escape`. Raises PeerError for `7D` before anything but 01 and 02."""
    if 0x7D not in data:
        return data
    if data.count(b"\x7d") != data.count(b"\x7d\x01") + data.count(b"\x7d\x02"):
        raise PeerError("a wrong escape", discarded=data[:_SHOWN])
    return data.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")


def build(frame: Frame) -> bytes:
    """A frame as it travels. Raises LocalError for a body that is too long."""
    if len(frame.body) > MAX_BODY:
        raise LocalError(f"{len(frame.body)} bytes do not fit a frame")
    properties = frame.properties & 0x9C00 | len(frame.body)
    if frame.total:
        properties |= 0x2000
    if frame.version is None:
        head = _OLD.pack(frame.id, properties | frame.properties & 0x4000, frame.phone, frame.serial)
    else:
        head = _NEW.pack(frame.id, properties | 0x4000, frame.version, frame.phone, frame.serial)
    if frame.total:
        head += _PART.pack(frame.total, frame.number)
    data = head + frame.body
    return MARK + escape(data + bytes((xor(data),))) + MARK


def parse(raw: bytes) -> Frame:
    """A frame with its marks, taken apart. Raises PeerError for a wrong check byte or a length that fits no header."""
    data = unescape(raw[1:-1])
    if len(data) < 13:
        raise PeerError("too short for a frame", discarded=raw[:_SHOWN])
    if xor(data):
        raise PeerError("wrong check byte", discarded=raw[:_SHOWN])
    properties = data[2] << 8 | data[3]
    layouts = (_new, _old) if properties & 0x4000 else (_old, _new)
    for layout in layouts:
        found = layout(data, properties)
        if found is not None:
            return found
    raise PeerError("the body length fits neither header", discarded=raw[:_SHOWN])


def _old(data: bytes, properties: int) -> Frame | None:
    start = 16 if properties & 0x2000 else 12
    if len(data) - 1 - start != properties & 0x3FF:
        return None
    ident, _, phone, serial = _OLD.unpack_from(data)
    total, number = _PART.unpack_from(data, 12) if start == 16 else (0, 0)
    return Frame(ident, phone, serial, data[start:-1], None, total, number, properties)


def _new(data: bytes, properties: int) -> Frame | None:
    start = 21 if properties & 0x2000 else 17
    if len(data) - 1 - start != properties & 0x3FF:
        return None
    ident, _, version, phone, serial = _NEW.unpack_from(data)
    total, number = _PART.unpack_from(data, 17) if start == 21 else (0, 0)
    return Frame(ident, phone, serial, data[start:-1], version, total, number, properties)


def id_of(phone: bytes) -> str:
    """Device id: the digits without the padding, at least 11 of them.

    Where a nibble is no digit, six bytes are one number: 14 digits of an IMEI, whose last digit is computed (Traccar).
    """
    digits = phone.hex()
    if digits.isdecimal():
        return digits.lstrip("0").rjust(11, "0")
    number = str(int.from_bytes(phone, "big"))
    return number + luhn(number) if len(phone) == 6 and len(number) == 14 else digits


def luhn(digits: str) -> str:
    """The check digit that makes these digits an IMEI (3GPP TS 23.003)."""
    doubled = (int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def phone_of(device_id: str, *, new: bool) -> bytes:
    """The reverse of `id_of`, 10 bytes for the 2019 header, else 6. Raises LocalError for an id that does not fit."""
    size = 10 if new else 6
    if not new and len(device_id) == 15 and device_id.isascii() and device_id.isdecimal():
        return int(device_id[:14]).to_bytes(6, "big")
    try:
        phone = bytes.fromhex(device_id.zfill(2 * size))
    except ValueError:
        phone = b""
    if len(phone) != size:
        raise LocalError(f"must be at most {2 * size} digits", parameter="device_id")
    return phone


class Jt808Stream(Cutter):
    """Cuts one direction of a link, and owes the platform's answers. `server`: frames that a platform sends.

    A frame with a wrong check byte or length is given up, but its last mark may begin the next one. One PeerError is
    given for each run of garbage.
    """

    __slots__ = ("_broken_to", "_id", "_phone", "_serial")
    starts = _START

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._phone = b""
        self._id = ""
        self._serial = 0
        #: The last mark of a frame that did not check; what stands before it begins nothing.
        self._broken_to = 0

    @property
    def known(self) -> dict[str, str]:
        """Edition and number of the header, as heard last."""
        if not self._phone:
            return {}
        return {"edition": "2013" if len(self._phone) == 6 else "2019", "phone": self._phone.hex()}

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if pos < self._broken_to:
            return NO_FRAME
        self._broken_to = 0
        if buf[pos] != 0x7E:
            text = TEXT_FRAME.match(buf, pos)
            if text is None:
                return MORE if _TEXT_OPENING.match(buf, pos) else NO_FRAME
            events.append(self._text(text[0], text[1]))
            return text.end()
        end = buf.find(MARK, pos + 1, pos + MAX_FRAME) + 1
        if end == pos + 2 or (self._datagrams and pos + 1 == len(buf)):  # a mark that only closes what came before
            return NO_FRAME if self._skipping else pos + 1
        if not end:
            return MORE if len(buf) - pos < MAX_FRAME else NO_FRAME
        raw = buf[pos:end]
        try:
            events.append(self._message(raw, parse(raw)))
        except PeerError:
            self._broken_to = end - 1
            return NO_FRAME
        return end

    def _message(self, raw: bytes, frame: Frame) -> Message:
        if frame.phone == self._phone:
            device_id = self._id
        else:
            device_id = id_of(frame.phone)
            self._phone, self._id = frame.phone, device_id
            if self.device_id is None and not self.server:
                self.device_id = device_id
        if self.server:
            return Message(Kind.OTHER, raw, device_id, checksum=Checksum.OK, data=frame)
        if frame.properties & 0x1C00:  # encrypted: nothing is public of the keys, but it must be answered
            return Message(Kind.OTHER, raw, device_id, self._owed(frame, device_id), Checksum.OK)
        kind = KINDS.get(frame.id, Kind.OTHER)
        owed = b"" if frame.id in _UNANSWERED else self._owed(frame, device_id)
        text = answer_text(frame) if kind is Kind.REPLY else ""
        return Message(kind, raw, device_id, owed, Checksum.OK, text, frame if kind is Kind.REPLY else None)

    def _owed(self, frame: Frame, device_id: str) -> bytes:
        if frame.id == REGISTER:
            return self._answer(frame, REGISTER_ANSWER, registered(frame.serial, device_id))
        if frame.id == TIME_REQUEST:
            now = self.clock()
            moment = (now.year, now.month, now.day, now.hour, now.minute, now.second, 0)
            return self._answer(frame, TIME_ANSWER, struct.pack(">H6B", *moment))
        return self._answer(frame, PLATFORM_ANSWER, _ANSWER.pack(frame.serial, frame.id, 0))

    def _answer(self, frame: Frame, ident: int, body: bytes) -> bytes:
        """An answer in the terminal's own edition, with its device number as it came."""
        serial = self._serial
        self._serial = serial + 1 & 0xFFFF
        return build(Frame(ident, frame.phone, serial, body, frame.version, properties=frame.properties & 0x4000))

    def _text(self, frame: bytes, ident: bytes) -> Message:
        device_id = ident.decode("ascii").lstrip("0").rjust(11, "0")
        if self.device_id is None and not self.server:
            self.device_id = device_id
        owed = b""
        if frame.endswith(b",TIME)") and not self.server:
            owed = frame[:-5] + self.clock().strftime("%Y%m%d%H%M%S").encode("ascii") + b")"
        return Message(Kind.OTHER, frame, device_id, owed)


def registered(serial: int, code: str | None, result: int = 0) -> bytes:
    """Body of the answer to a registration: with a code (any will do, the terminal sends it back) on success only."""
    return struct.pack(">HB", serial, result) + (code.encode("ascii") if code and not result else b"")


def answer_text(frame: Frame) -> str:
    """The text of an answer, for people."""
    if frame.id == TERMINAL_ANSWER and len(frame.body) >= 5:
        _, ident, result = _ANSWER.unpack_from(frame.body)
        return f"0x{ident:04x}: {RESULTS.get(result, f'result {result}')}"
    if frame.id == TEXT_ANSWER_2:
        return clean(frame.body[1:].decode("gbk", "replace"))
    if frame.id == TEXT_ANSWER:
        return clean(frame.body[2:].decode("utf-16-be", "replace"))
    if frame.id == COMMAND_ANSWER:
        return clean(frame.body[4:].decode("gbk", "replace"))
    return ""


#: Result byte of a general answer.
RESULTS = {0: "ok", 1: "failure", 2: "bad message", 3: "not supported", 4: "alarm confirmed"}


def opens(first: bytes) -> bool | None:
    """Whether a link that begins so is of this family; None while that is open.

    A lock's text frame is no sign of it: Jointech's own protocol opens alike.
    """
    if not first or first == MARK:
        return None
    if first[:1] != MARK:
        return False
    if first[1] >= 0x80 or first[1] == 0x7E:
        return False
    end = first.find(MARK, 1)
    if end < 0:
        return None if len(first) < MAX_FRAME else False
    try:
        parse(first[: end + 1])
    except PeerError:
        return False
    return True


def refuse(message: Message) -> bytes:
    """A registration is answered with result 4, terminal unknown."""
    try:
        found = parse(message.frame)
    except PeerError:
        return b""
    if found.id != REGISTER:
        return b""
    body = registered(found.serial, None, 4)
    return build(found._replace(id=REGISTER_ANSWER, serial=0, body=body, total=0, number=0))
