"""Castel frames: cutting of a link, answers that are owed, building.

`@@`, length of the whole frame (little endian), version, device id (20 bytes, zero padded), type (big endian), body,
CRC-16/X.25 over all before it (little endian), CR LF. Numbers in a body are little endian. Versions 3 and 4 speak the
set SC (OBD units), others CC; `$$` is MPIP, which has no version byte. Nothing is escaped: the length cuts.

MPIP units are answered as the one public server does it, which is not how they speak themselves: with `@@`; 4001 as if
of version FF, 2001 without a version byte. No recorded answer or document supports or contradicts it.
Sources: traccar/traccar Castel decoder, encoder and tests (52 recorded frames).
"""

from __future__ import annotations

import re
from typing import ClassVar

from fastcrc import crc16

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError

SC_VERSIONS = frozenset((3, 4))
#: No largest frame is published; recorded ones have up to about 200 bytes.
MAX_FRAME = 4096
_LEAST = 30
_SHOWN = 64
LOGIN, LOGOUT, HEARTBEAT, ALARM, AGPS = 0x1001, 0x1002, 0x1003, 0x4007, 0x5101
SET, QUERY, SET_ANSWER, QUERY_ANSWER = 0x2001, 0x2002, 0xA001, 0xA002
CC_LOGIN, CC_HEARTBEAT, MPIP_POSITION, MPIP_REPORT = 0x4001, 0x4206, 0x4001, 0x2001
#: Where a frame may start after garbage: a possible length, and an id of letters and digits.
_START = re.compile(
    rb"@(?:\Z|@(?:\Z|[\0-\xff](?:\Z|[\0-\x10](?:\Z|[\0-\xff](?:\Z|[0-9A-Za-z])))))|"
    rb"\$(?:\Z|\$(?:\Z|[\0-\xff](?:\Z|[\0-\x10](?:\Z|[0-9A-Za-z]))))"
)
#: Letters and digits, and hyphens behind the first.
_ID = re.compile(rb"[0-9A-Za-z][0-9A-Za-z-]*", re.ASCII)
#: Body of a login answer before the time: stay on this server.
_STAY = b"\xff\xff\xff\xff\0\0"

crc = crc16.ibm_sdlc


def seal(head: bytes, kind: int, body: bytes = b"") -> bytes:
    """A frame: `head` is the start bytes, a length that is replaced, version (not of `$$`) and the padded id."""
    size = len(head) + 2 + len(body) + 4
    whole = head[:2] + size.to_bytes(2, "little") + head[4:] + kind.to_bytes(2, "big") + body
    return whole + crc(whole).to_bytes(2, "little") + b"\r\n"


def build(version: int, device_id: str, kind: int, body: bytes = b"") -> bytes:
    """A frame with `@@` to or from this device (at most 20 ASCII characters)."""
    return seal(b"@@\0\0" + bytes((version,)) + device_id.encode("ascii").ljust(20, b"\0"), kind, body)


def id_at(frame: bytes) -> int:
    """Where the id stands: after the version byte, or where that would be if it is missing."""
    return 4 if frame[0] == 0x24 or 0x30 <= frame[4] <= 0x7A else 5


def type_of(frame: bytes) -> int:
    """The message type."""
    at = id_at(frame) + 20
    return frame[at] << 8 | frame[at + 1]


def body_of(frame: bytes) -> bytes:
    """What stands between type and checksum."""
    return frame[id_at(frame) + 22 : -4]


def version_of(frame: bytes) -> int | None:
    """The version byte; None where there is none."""
    return frame[4] if id_at(frame) == 5 else None


def _id_of(padded: bytes) -> str | None:
    text = padded.rstrip(b"\0")
    return text.decode("ascii") if _ID.fullmatch(text) else None


class CastelStream(Cutter):
    """Cuts one direction of a link; on UDP every feed is whole. `server` is true for what a server sends.

    Recovery: a frame whose checksum or end is wrong is given up, but for one that may start inside it.
    """

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = _START

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if self._skipping and not _START.match(buf, pos):
            return NO_FRAME
        left, start = len(buf) - pos, buf[pos : pos + 2]
        sure = 6 if self._skipping else 4  # what the search after garbage looks at, or only the length
        if left < sure and b"@@".startswith(start) | b"$$".startswith(start):
            return MORE
        total = buf[pos + 2] | buf[pos + 3] << 8 if start in (b"@@", b"$$") else 0
        if not _LEAST + (start == b"@@") <= total <= MAX_FRAME:
            return NO_FRAME
        if left < total:
            return MORE
        frame = buf[pos : pos + total]
        if frame[-2:] == b"\r\n" and crc(frame[:-4]) == frame[-4] | frame[-3] << 8:
            events.append(self._message(frame))
            return pos + total
        if self._skipping or _START.search(buf, pos + 1, pos + total):
            return NO_FRAME
        events.append(PeerError("wrong checksum, or no frame of this length", discarded=frame[:_SHOWN]))
        return pos + total

    def _message(self, frame: bytes) -> Message:
        version = version_of(frame)
        head = frame[: id_at(frame) + 20]
        device, kind = _id_of(head[-20:]), type_of(frame)
        if self.server:
            return Message(Kind.OTHER, frame, device, b"", Checksum.OK)
        self.device_id = device
        name, owed = Kind.REPORT, b""
        if version in SC_VERSIONS:
            if kind == LOGIN:
                now = int(self.clock().timestamp()).to_bytes(4, "little")
                name, owed = Kind.LOGIN, seal(head, 0x9001, _STAY + now)
            elif kind == HEARTBEAT:
                name, owed = Kind.HEARTBEAT, seal(head, 0x9003)
            elif kind == ALARM:
                owed = seal(head, 0xC007, frame[27:-4][:4])
            elif kind in (LOGOUT, AGPS):
                name = Kind.OTHER
            elif kind & 0x8000:
                name = Kind.REPLY
        elif version is not None:
            if kind == CC_LOGIN:
                name, owed = Kind.LOGIN, seal(head, 0x8001)
            elif kind == CC_HEARTBEAT:
                name, owed = Kind.HEARTBEAT, seal(head, 0x8206)
            elif kind & 0x8000:  # by the rule of SC; no answer of a CC unit is recorded
                name = Kind.REPLY
        elif kind == MPIP_POSITION:
            owed = seal(b"@@\0\0\xff" + head[-20:], 0x4001)
        elif kind == MPIP_REPORT:
            owed = seal(b"@@\0\0" + head[-20:], 0x1001, bytes(4) + b"\xff" * 8)
        text = f"type {kind:04x}: {frame[27:-4][:_SHOWN].hex()}" if name is Kind.REPLY else ""
        return Message(name, frame, device, owed, Checksum.OK, text)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a possible length, then an id of letters and digits."""
    start = first[:2]
    if not b"@@".startswith(start) | b"$$".startswith(start):
        return False
    if len(first) < 8:
        return None if len(first) < 4 or _LEAST <= first[2] | first[3] << 8 <= MAX_FRAME else False
    at = 5 if start == b"@@" else 4
    return _LEAST <= first[2] | first[3] << 8 <= MAX_FRAME and _ID.fullmatch(first[at : at + 3]) is not None
