"""Frames of Xexun units (version 2 of their protocol): cutting, building, escapes, what is owed.

`FA AF`, type u16, index u16, IMEI as 15 BCD digits and one filler, length u16 (low 10 bits: bytes of the payload),
check u16, payload, `FA AF`; big-endian. Between the flags FA AF is sent as FB BF 01 and FB BF as FB BF 02; the check is
made before. It is the complement of the 16-bit sum of the payload's bytes, a carry added to the sum.
Type 0014 (positions) is owed the same type, index and IMEI with the payload 01. Type 0007 carries commands and their
answers and is owed nothing: a unit takes an answer to its answer for a command.
Sources: traccar/traccar, Xexun2FrameDecoder, Xexun2ProtocolDecoder, Xexun2ProtocolEncoder and their tests (recorded
frames); pull request 4912 there (answers). Its decoder of 2021 answered every type: the pull request tells the loop.
"""

from __future__ import annotations

import re
import struct

from tracker_codecs.contract import Checksum, Event, Kind, Match, Message, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.text import clean

FLAG = b"\xfa\xaf"
POSITION, COMMAND = 0x0014, 0x0007
#: A payload of 1023 bytes, its head and the flags, and room for escapes.
MAX_FRAME = 2048
_START = re.compile(rb"\xfa(?:\xaf|\Z)")
_HEAD = struct.Struct(">HH8sHH")
_LENGTH = 0x3FF


def check16(payload: bytes) -> int:
    """The check over the bytes of a payload, 0 to 65535."""
    total = sum(payload)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def escaped(content: bytes) -> bytes:
    """What stands between the flags."""
    return content.replace(b"\xfb\xbf", b"\xfb\xbf\x02").replace(FLAG, b"\xfb\xbf\x01")


def unescaped(content: bytes) -> bytes:
    """The inverse of `escaped`."""
    return content.replace(b"\xfb\xbf\x01", FLAG).replace(b"\xfb\xbf\x02", b"\xfb\xbf")


def build(kind: int, index: int, imei: bytes, payload: bytes) -> bytes:
    """A frame; `imei` is the 8 bytes of its field, `index` 0 to 65535, `payload` at most 1023 bytes."""
    head = _HEAD.pack(kind, index, imei, len(payload), check16(payload))
    return FLAG + escaped(head + payload) + FLAG


def bcd(device_id: str) -> bytes:
    """The IMEI field: 15 digits and the filler 0."""
    return bytes.fromhex(device_id + "0")


class Xexun2Stream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server, to whom nothing is owed.

    A message's `data` is (type, index, payload). Where no frame stands between two flags the second one may be the
    first of the next frame.
    """

    __slots__ = ()
    starts = _START

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        left = len(buf) - pos
        if not buf.startswith(FLAG, pos):
            return MORE if left == 1 and buf[pos] == FLAG[0] else NO_FRAME
        end = buf.find(FLAG, pos + 2, pos + MAX_FRAME)
        if end < 0:
            return MORE if left < MAX_FRAME else NO_FRAME
        message = self._message(buf[pos : end + 2])
        if message is None:
            return NO_FRAME
        events.append(message)
        return end + 2

    def _message(self, frame: bytes) -> Message | None:
        content = frame[2:-2]
        if b"\xfb\xbf" in content:
            content = unescaped(content)
        if len(content) < 16:
            return None
        kind, index, imei, size, check = _HEAD.unpack_from(content)
        payload = content[16:]
        device_id = imei.hex()[:15]
        if len(payload) != size & _LENGTH or check16(payload) != check or not device_id.isdecimal():
            return None
        data = (kind, index, payload)
        if self.server:
            return Message(Kind.OTHER, frame, device_id, checksum=Checksum.OK, data=data)
        self.device_id = device_id
        if kind == POSITION:
            return Message(Kind.REPORT, frame, device_id, build(kind, index, imei, b"\x01"), Checksum.OK, data=data)
        if kind == COMMAND:
            return Message(Kind.REPLY, frame, device_id, b"", Checksum.OK, clean(payload), data)
        return Message(Kind.OTHER, frame, device_id, checksum=Checksum.OK, data=data)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: the flag, a type with a high byte of 0, an index, 15 decimal digits."""
    if not FLAG.startswith(first[:2]) or first[2:3] not in (b"", b"\x00"):
        return False
    if len(first) < 14:
        return None
    return unescaped(first[2:16]).hex()[8:23].isdecimal()


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the IMEI is not part of the check; the filler behind it stays."""
    mine, other = bcd(old), bcd(new)
    at = frame.find(mine[:7])
    if at < 0 or len(frame) < at + 8 or frame[at + 7] & 0xF0 != mine[7]:
        return frame
    return frame[:at] + other[:7] + bytes([other[7] | frame[at + 7] & 0x0F]) + frame[at + 8 :]


_TEXT = re.compile(r"[ -~]{1,500}", re.ASCII)


def wrap(target: Target, text: str) -> bytes:
    """A frame of type 0007. Raises LocalError for a text that is no printable ASCII, at most 500 characters."""
    if not _TEXT.fullmatch(text):
        raise LocalError("a command is printable ASCII, at most 500 characters", parameter="command")
    return build(COMMAND, target.serial & 0xFFFF, bcd(target.device_id), text.encode("ascii"))


def answers(target: Target, text: str, message: Message) -> Match:
    """An answer under the command's index decides; one under another index, or the command itself, as a link that
    echoes would give it back, is kept in mind only.
    """
    if message.kind is not Kind.REPLY or message.device_id != target.device_id:
        return Match.NO
    if text and (message.data[1] != target.serial & 0xFFFF or message.frame == wrap(target, text)):
        return Match.PART
    said = message.data[2].lower()
    return Match.REFUSED if b"error" in said or b"fail" in said else Match.DONE


RAW = Envelope(wrap=wrap, answers=answers, expects="a frame of type 0007 with the command's index")
