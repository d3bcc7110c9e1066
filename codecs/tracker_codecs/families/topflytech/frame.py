"""TopFlyTech frames: cutting of a link, answers that are owed, building.

Header (`##`, `%%`, `&&` or `''`, by generation), type, length of the whole frame, serial, IMEI in BCD with a leading 0,
body; numbers are big endian. There is no checksum, no terminator, no escaping. Commands of a server end with `#`; the
vendor's library writes 16 into their length whatever it is, so that direction is cut at the `#`.
Owed: the head of the message again, for an alarm with its code; serial 1 for header 2323, else the one of the message.
An alarm of type 18 is answered by nothing here: where its code stands is not public.
Sources: TOPFLYtech/TOPFLYtechCodec (vendor's codecs, ConfigMsgDoc.md); traccar/traccar T800x decoder, encoder, tests.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.text import clean

#: No largest frame is published; recorded ones have up to 346 bytes.
MAX_FRAME = 2048
HEAD = 15
LOGIN, POSITION, HEARTBEAT, ALARM, POSITION_2, ALARM_2, POSITION_3, ALARM_3 = 1, 2, 3, 4, 0x13, 0x14, 0x16, 0x18
COMMAND, SERIAL_PORT = 0x81, 0x82
#: Frames that begin with the settings, but for header 2727.
SETTLED = frozenset((POSITION, ALARM, POSITION_2, ALARM_2, POSITION_3, ALARM_3))
HEADERS = frozenset((0x2323, 0x2525, 0x2626, 0x2727))
ASSET = 0x2727
TYPES = frozenset((*range(1, 0x20), COMMAND, SERIAL_PORT))
_HEAD = struct.Struct(">HBHH")
_unpack: Callable[[bytes, int], tuple[int, int, int, int]] = _HEAD.unpack_from
_SETTINGS = struct.Struct(">HHBH")
#: A header, or a part of one at the end.
_START = re.compile(rb"##|%%|&&|''|[#%&']\Z")
#: Offset of the alarm's code in a whole frame, by first byte of the header and type; the time is 7 bytes behind it.
_CODE = {
    **{(first, kind): HEAD + 22 for first in (0x23, 0x25) for kind in (POSITION, ALARM)},
    **{(first, kind): HEAD + 30 for first in (0x23, 0x25) for kind in (POSITION_2, ALARM_2)},
    **{(0x26, kind): HEAD + 18 for kind in (POSITION, ALARM)},
    **{(0x26, kind): HEAD + 20 for kind in (POSITION_2, ALARM_2)},
    **{(0x27, kind): HEAD + 1 for kind in (POSITION, ALARM, POSITION_2, ALARM_2)},
}


def build(header: int, kind: int, serial: int, imei: bytes, body: bytes = b"", length: int = 0) -> bytes:
    """A frame; `imei` is BCD of 8 bytes, `length` another one than the true one."""
    return _HEAD.pack(header, kind, length or HEAD + len(body), serial) + imei + body


def settings_of(frame: bytes) -> tuple[int, int, int, int] | None:
    """Interval with ACC on and off in s, angle in degrees, distance in m; None for a frame that does not tell them."""
    if frame[2] not in SETTLED or frame[0] == 0x27 or len(frame) < HEAD + 13:
        return None
    on, off, angle, distance = _SETTINGS.unpack_from(frame, HEAD)
    return on, off, angle, distance


def alarm_at(frame: bytes) -> int | None:
    """Offset of the alarm's code (0: none) in a position; None where nobody says where it is."""
    at = _CODE.get((frame[0], frame[2]))
    return at if at is not None and at < len(frame) else None


def time_of(frame: bytes) -> datetime | None:
    """Time (UTC) of a position by the unit's clock; None where it is not there or none."""
    at = alarm_at(frame)
    if at is None or frame[0] == 0x27:
        return None
    try:
        return datetime.strptime(frame[at + 7 : at + 13].hex(), "%y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def answer_text(frame: bytes) -> str:
    """Text of an answer to a command: UTF-16 little endian, in the vendor's demonstration ASCII."""
    data = frame[HEAD + 1 :]
    wide = len(data) % 2 == 0 and not any(data[1::2])
    return clean(data.decode("utf-16-le") if wide else data.decode("latin-1"))


class TopflyStream(Cutter):
    """Cuts one direction of a link; on UDP every feed is whole. `server` is true for what a server sends."""

    __slots__ = ("_header", "_raw")
    starts: ClassVar[re.Pattern[bytes]] = _START

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._raw = b""
        self._header = 0

    @property
    def known(self) -> dict[str, str]:
        """The header that the unit uses."""
        return {"header": f"{self._header:04x}"} if self._header else {}

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        left = len(buf) - pos
        if left < HEAD:
            return NO_FRAME if opens(buf[pos:]) is False else MORE
        header, kind, length, serial = _unpack(buf, pos)
        imei = buf[pos + 7 : pos + HEAD]
        if header not in HEADERS or kind not in TYPES or not HEAD <= length <= MAX_FRAME:
            return NO_FRAME
        if imei != self._raw:
            digits = imei.hex()
            if not digits.isdigit() or digits[0] != "0":
                return NO_FRAME
            device_id = digits[1:]
        else:
            device_id = self.device_id or ""
        if self.server and kind == COMMAND:
            end = buf.find(b"#", pos + HEAD + 1, pos + MAX_FRAME)
            if end < 0:
                return MORE if left < MAX_FRAME else NO_FRAME
            length = end + 1 - pos
        if left < length:
            return MORE
        frame = buf[pos : pos + length]
        if self.server:
            events.append(Message(Kind.OTHER, frame, device_id, data="server"))
            return pos + length
        if self.device_id is None:
            self.device_id, self._raw = device_id, imei
            self._header = header if header != ASSET else 0
        events.append(_message(frame, header, kind, serial, imei, device_id))
        return pos + length


def _message(frame: bytes, header: int, kind: int, serial: int, imei: bytes, device_id: str) -> Message:
    if kind in (COMMAND, SERIAL_PORT):
        if kind == SERIAL_PORT:
            return Message(Kind.OTHER, frame, device_id)
        return Message(Kind.REPLY, frame, device_id, text=answer_text(frame))
    code = b""
    if kind in (ALARM, ALARM_2, ALARM_3):
        at = alarm_at(frame)
        if at is None:
            return Message(Kind.REPORT, frame, device_id)
        code = frame[at : at + 1]
    owed = build(header, kind, 1 if header == 0x2323 else serial, imei, code)
    if kind == LOGIN:
        return Message(Kind.LOGIN, frame, device_id, owed)
    if kind == HEARTBEAT:
        return Message(Kind.HEARTBEAT, frame, device_id, owed)
    return Message(Kind.REPORT if kind in SETTLED else Kind.OTHER, frame, device_id, owed)


def opens(first: bytes) -> bool | None:
    """Whether a frame opens like this: header, type, possible length, IMEI in BCD. None: too few bytes to tell."""
    if not _START.match(first):
        return None if not first else False
    if len(first) > 2 and first[2] not in TYPES:
        return False
    if len(first) > 3 and first[3] > MAX_FRAME >> 8:
        return False
    if len(first) > 4 and not HEAD <= (first[3] << 8 | first[4]) <= MAX_FRAME:
        return False
    digits = first[7:HEAD].hex()
    if digits and (not digits.isdigit() or digits[0] != "0"):
        return False
    return True if len(first) >= HEAD else None
