"""Frames of Topin units: cutting, what is owed, and what they say.

78 78, length, type, content, 0D 0A; no checksum. The length counts type and content in some frames, the content alone
or a little more in others, and the networks in frames of Wi-Fi; answers repeat the request's. So a frame ends at the
first 0D 0A behind the content that its type has at least. Login (01, eight bytes of an IMEI in decimal halves and a
version) is owed 01 with 01 and the time (30: year of 16 bits, month, day, hour, minute, second, UTC); 30 is owed the
time, positions (10, 11) and networks (17, 18, 19, 69) their six bytes of time, status (13) its own content.
Sources: traccar/traccar Topin decoder, encoder and their tests (recorded frames).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar

from tracker_codecs.contract import (
    Datum,
    Event,
    Kind,
    Limits,
    Match,
    Message,
    Target,
)
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family

#: Longest frame taken, in bytes; recorded ones have at most 50.
MAX_FRAME = 512
HEAD, TAIL = b"xx", b"\r\n"
LOGIN, STATUS, TIME = 0x01, 0x13, 0x30
REFUSED = 0x44
GPS, GPS_2, NETWORKS = (0x10, 0x11), (0x08, 0x09), (0x17, 0x18, 0x19, 0x69)
#: What a unit sends by itself.
UNASKED = frozenset((LOGIN, STATUS, TIME, *GPS, *GPS_2, *NETWORKS))
_LEAST = {LOGIN: 8, STATUS: 4, **dict.fromkeys(GPS, 18)}
#: An empty frame of units in the field; what it says and whether it is owed anything is not public.
EMPTY = 0x99
_ANY_TYPE = frozenset((*GPS_2, *_LEAST, *NETWORKS, 0x14, 0x15, TIME, 0x41, 0x92, 0x93, 0x94, EMPTY))
_KINDS = {LOGIN: Kind.LOGIN, STATUS: Kind.HEARTBEAT, TIME: Kind.OTHER, EMPTY: Kind.OTHER}


def seal(length: int, kind: int, content: bytes) -> bytes:
    """A frame; `length` is the byte that stands there, whatever it counts."""
    return HEAD + bytes((length, kind)) + content + TAIL


def _least(length: int, kind: int) -> int:
    """Bytes that the content of a device's frame has at least."""
    if kind in NETWORKS:
        return 6 + 7 * length + 4
    if kind in GPS_2:
        return 0 if length < 3 else 25
    return _LEAST.get(kind, 0)


class TopinStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"x")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        left = len(buf) - pos
        if left < 4:
            return MORE if HEAD.startswith(buf[pos : pos + 2]) else NO_FRAME
        length, kind = buf[pos + 2], buf[pos + 3]
        least = pos + 4 + (0 if self.server else _least(length, kind))
        if buf[pos : pos + 2] != HEAD or kind not in _ANY_TYPE or least + 2 - pos > MAX_FRAME:
            return NO_FRAME
        end = buf.find(TAIL, least, pos + MAX_FRAME)
        if end < 0:
            return MORE if left < MAX_FRAME else NO_FRAME
        events.append(self._message(buf[pos : end + 2]))
        return end + 2

    def _message(self, frame: bytes) -> Message:
        length, kind, content = frame[2], frame[3], frame[4:-2]
        if self.server:
            return Message(Kind.OTHER, frame)
        owed = b""
        if kind == LOGIN:
            digits = content[:8].hex()[1:]
            self.device_id = digits if digits.isdecimal() else None
            owed = seal(length, LOGIN, b"\x01") + self._time()
        elif kind == TIME:
            owed = self._time()
        elif kind == STATUS:
            owed = seal(length, STATUS, content)
        elif kind in GPS or kind in NETWORKS:
            owed = seal(length, kind, content[:6])
        named = self.device_id is not None
        return Message(_KINDS.get(kind, Kind.REPORT), frame, self.device_id, owed if named else b"")

    def _time(self) -> bytes:
        now = self.clock().astimezone(UTC)
        content = now.year.to_bytes(2) + bytes((now.month, now.day, now.hour, now.minute, now.second))
        return seal(len(content), TIME, content)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    kind, content = message.frame[3], message.frame[4:-2]
    found: dict[str, Any] = {"type": f"{kind:02x}", "length": message.frame[2], "content": content.hex()}
    if message.device_id is not None:
        found["device_id"] = message.device_id
    if kind == LOGIN and len(content) >= 8:
        return found | {"imei": content[:8].hex()[1:]}
    if kind == STATUS and len(content) >= 4:
        names = ("battery_percent", "version", "timezone", "interval", "signal")
        return found | dict(zip(names, content, strict=False))
    if kind in GPS and len(content) >= 18:
        flags = int.from_bytes(content[16:18])
        north = int.from_bytes(content[7:11]) / 1_800_000
        east = int.from_bytes(content[11:15]) / 1_800_000
        return found | {
            "time": "20{:02}-{:02}-{:02} {:02}:{:02}:{:02}".format(*content[:6]),
            "satellites": content[6] & 0x0F,
            "latitude": round(north if flags & 0x400 else -north, 6),
            "longitude": round(-east if flags & 0x800 else east, 6),
            "speed_kmh": content[15],
            "course": flags & 0x3FF,
            "valid": bool(flags & 0x1000),
        }
    return found


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a login, which ends where that of GT06 still tells a serial number."""
    if not HEAD.startswith(first[:2]) or (len(first) > 2 and not b"\x0d\x01".startswith(first[2:4])):
        return False
    if any(byte >> 4 > 9 or byte & 15 > 9 for byte in first[4:12]) or not TAIL.startswith(first[13:15]):
        return False
    return True if len(first) >= 15 else None


def normalised(frame: bytes) -> bytes:
    """A time that the server tells is left out."""
    return re.sub(rb"\Axx\x07\x30.{7}\r\n\Z", b"xx\x07\x30time\r\n", frame, flags=re.DOTALL)


class TopinDevice(Device):
    """Logs in, reports and tells its status as recorded."""

    def connect(self) -> list[Datum]:
        """The login."""
        return [Datum(seal(13, LOGIN, bytes.fromhex(f"0{self.device_id}4d")))]

    def heartbeat(self) -> list[Datum]:
        """A status."""
        return [Datum(bytes.fromhex("78780713514d0819640d0a"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        time = bytes((now.year - 2000, now.month, now.day, now.hour, now.minute, now.second))
        return [Datum(seal(0x12, GPS[0], time + bytes.fromhex("9c026b3f3e0c22ad651f3460")))]


def wrap(target: Target, text: str) -> bytes:
    """`41 31333533`: the type and the content in hexadecimal digits; the length counts both."""
    try:
        body = bytes.fromhex(text) if text.isascii() else b""
    except ValueError:
        body = b""
    if not 0 < len(body) <= 100 or TAIL in body:
        raise LocalError("a command is a type and a content in hexadecimal digits", parameter="command")
    return seal(len(body), body[0], body[1:])


def answers(target: Target, text: str, message: Message) -> Match:
    """The type comes back; what units send unasked is no answer."""
    kind = bytes.fromhex(text)[0] if text else LOGIN
    same = kind not in UNASKED and message.frame[3] == kind
    return Match.DONE if same and message.device_id == target.device_id else Match.NO


def refuse(message: Message) -> bytes:
    """A login that is not ours is told 44."""
    return seal(message.frame[2], LOGIN, bytes((REFUSED,))) if message.kind is Kind.LOGIN else b""


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The IMEI of a login."""
    return frame.replace(bytes.fromhex(f"0{old}"), bytes.fromhex(f"0{new}"))


FAMILY = Family(
    name="topin",
    title="Topin (78 78 without a checksum)",
    sources=("github.com/traccar/traccar: Topin decoder, encoder and their tests (recorded frames)",),
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the interval in force shows in a Topin's status; the command that sets it is not public",
    stream=TopinStream,
    server=TopinStream.from_server,
    recognise=recognise,
    fields=fields,
    refuse=refuse,
    normalise=normalised,
    rename=renamed,
    raw=Envelope(wrap=wrap, answers=answers, expects="a frame of the same type, where units do not send that unasked"),
    emulator=TopinDevice,
)
