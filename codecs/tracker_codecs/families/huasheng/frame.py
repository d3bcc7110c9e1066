"""Hua Sheng frames: cutting of a link, answers that are owed, building.

A frame stands between two C0; inside, DB DC is C0 and DB DD is DB, in both directions. Its head: flag and version, a
reserved byte, length of all between the C0 (unescaped), type, a check that is 0 in every recorded frame, index; numbers
are big endian. Parameters: type, length (these four bytes included), value. Only a login names the unit (parameter 3).
Owed: the partner of the type with the same index; for a login the result 0 behind it. An answer to fault codes is the
documented partner, though traccar sends none.
Sources: traccar/traccar HuaSheng frame decoder, protocol decoder, encoder, tests; cyoung/hs3000g (message table);
traccar forum 82192 and 82209 (recorded exchange, parameters of a login).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import ClassVar

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError

#: Bytes between two C0, still escaped; recorded frames have up to 190.
MAX_BODY = 2048
HEAD = 12
_SHOWN = 64
POSITION, LOGIN, SET, FAULTS, HEARTBEAT, OLD_HEARTBEAT = 0xAA00, 0xAA02, 0xAA04, 0xAA12, 0xAA14, 0x0002
LOGIN_ANSWER, SET_ANSWER, CONTROL_ANSWER = 0xFF03, 0xFF05, 0xFF17
#: What a unit says -> kind and the partner that is owed.
_SAID = {
    POSITION: (Kind.REPORT, 0xFF01),
    LOGIN: (Kind.LOGIN, LOGIN_ANSWER),
    HEARTBEAT: (Kind.HEARTBEAT, 0xFF15),
    OLD_HEARTBEAT: (Kind.HEARTBEAT, 0x0003),
    FAULTS: (Kind.REPORT, 0xFF13),
    SET_ANSWER: (Kind.REPLY, 0),
    CONTROL_ANSWER: (Kind.REPLY, 0),
}
_HEAD = struct.Struct(">BBHHHI")
_unpack: Callable[[bytes], tuple[int, int, int, int, int, int]] = _HEAD.unpack_from
_PARAMETER = struct.Struct(">HH")
IMEI = 0x0003


def build(kind: int, index: int, content: bytes = b"", *, answer: bool = False) -> bytes:
    """A frame with its delimiters, escaped. `answer`: flags of a server's answer."""
    body = _HEAD.pack(1 if answer else 0, 0, HEAD + len(content), kind, 0, index) + content
    return b"\xc0" + body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def body_of(frame: bytes) -> bytes | None:
    """What stands between the delimiters, unescaped; None for a wrong escape."""
    inner = frame.strip(b"\xc0")
    if b"\xdb" not in inner:
        return inner
    first, *rest = inner.split(b"\xdb")
    if not all(part[:1] in (b"\xdc", b"\xdd") for part in rest):
        return None
    return first + b"".join((b"\xc0" if part[0] == 0xDC else b"\xdb") + part[1:] for part in rest)


def head_of(body: bytes) -> tuple[int, int, int]:
    """Flag, type and index."""
    flag, _, _, kind, _, index = _unpack(body)
    return flag, kind, index


def parameter(kind: int, value: bytes) -> bytes:
    """A parameter."""
    return _PARAMETER.pack(kind, 4 + len(value)) + value


def parameters(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of every parameter. Raises PeerError where a length does not fit."""
    at = 0
    while at < len(content):
        if len(content) - at < 4:
            raise PeerError("a parameter cut short", discarded=content[at:])
        kind, length = _PARAMETER.unpack_from(content, at)
        if not 4 <= length <= len(content) - at:
            raise PeerError("a parameter whose length does not fit", discarded=content[at : at + _SHOWN])
        yield kind, content[at + 4 : at + length]
        at += length


class HuashengStream(Cutter):
    """Cuts one direction of a TCP link. `server` is true for what a server sends.

    Recovery: what stands between two C0 and is no frame is given up; its last C0 may begin the next one.
    """

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(b"\xc0")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] != 0xC0:
            return NO_FRAME
        stop = buf.find(b"\xc0", pos + 1, pos + MAX_BODY + 1)
        if stop < 0:
            return NO_FRAME if len(buf) - pos > MAX_BODY else MORE
        if stop == pos + 1:  # an end and a beginning
            return NO_FRAME if self._skipping else stop
        event = self._frame(buf[pos : stop + 1])
        if event is None:
            return NO_FRAME
        events.append(event)
        return stop + 1

    def _frame(self, frame: bytes) -> Message | None:
        body = body_of(frame) if 0xDB in frame else frame[1:-1]
        if body is None or len(body) < HEAD:
            return None
        _, _, length, kind, _, index = _unpack(body)
        if length != len(body):
            return None
        if self.server:
            return Message(Kind.OTHER, frame, self.device_id, data="server")
        name, partner = _SAID.get(kind, (Kind.OTHER, 0))
        if kind == LOGIN:
            self._login(body)
        owed = build(partner, index, b"\0" if kind == LOGIN else b"", answer=True) if partner else b""
        text = f"type {kind:04x}, index {index}: {body[HEAD:][:_SHOWN].hex()}" if name is Kind.REPLY else ""
        return Message(name, frame, self.device_id, owed, text=text)

    def _login(self, body: bytes) -> None:
        try:
            imei = dict(parameters(body[HEAD:])).get(IMEI, b"")
        except PeerError:
            return
        if len(imei) == 15 and imei.isdigit():
            self.device_id = imei.decode("ascii")


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: C0, version 0 or 1, a possible length, a type that a unit begins with."""
    if not first:
        return None
    if first[0] != 0xC0 or first[1:2] > b"\x01" or first[3:4] > b"\x08":
        return False
    if len(first) < 7:
        return None
    return (first[5] << 8 | first[6]) in _SAID
