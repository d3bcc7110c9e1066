"""Cutting of UBX frames and of the NMEA sentences between them.

B5 62, class, id, payload length (2 bytes, little-endian), payload, CK_A, CK_B: an 8-bit Fletcher sum over class to the
end of the payload. Nothing is escaped: after a wrong checksum the search goes on one byte behind the B5. Source:
semuconsulting/pyubx2 (message tables, tests, recorded logs).
"""

from __future__ import annotations

import re
from itertools import accumulate

from tracker_codecs import nmea
from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.junk import MAX_JUNK, JunkStream

SYNC = b"\xb5\x62"
#: Longest payload taken, in bytes: the longest of real receivers (raw measurements) stay below 4 KiB.
MAX_PAYLOAD = 8192
#: Most that is ever kept: an unfinished frame, and the garbage in front of it.
MAX_FRAME = MAX_PAYLOAD + 8 + MAX_JUNK
_STARTS = re.compile(rb"[\xb5$]").search
_NO_TEXT = re.compile(rb"[^ -~\r]").search
_HEAD = 6

ACK_NAK, ACK_ACK = b"\x05\x00", b"\x05\x01"
CFG_RATE, CFG_VALSET, CFG_VALGET = b"\x06\x08", b"\x06\x8a", b"\x06\x8b"
MON_VER, SEC_UNIQID = b"\x0a\x04", b"\x27\x03"
NAV_PVT, NAV_POSLLH = b"\x01\x07", b"\x01\x02"
_REPLIES = frozenset({ACK_NAK, ACK_ACK, CFG_RATE, CFG_VALGET, MON_VER, SEC_UNIQID})


def checksum(body: bytes) -> bytes:
    """CK_A and CK_B over class, id, length and payload."""
    return bytes((sum(body) & 255, sum(accumulate(body)) & 255))


def build(kind: bytes, payload: bytes = b"") -> bytes:
    """The frame of this class and id (two bytes) with this payload."""
    body = kind + len(payload).to_bytes(2, "little") + payload
    return SYNC + body + checksum(body)


def kind_of(frame: bytes) -> bytes:
    """Class and id of a frame; empty for an NMEA sentence."""
    return frame[2:4] if frame.startswith(SYNC) else b""


def payload_of(frame: bytes) -> bytes:
    """The payload of a frame."""
    return frame[_HEAD:-2]


def unique_id(payload: bytes) -> str | None:
    """The chip's id of a SEC-UNIQID answer in hex: 5 bytes in version 1, 6 in version 2."""
    size = {(1, 9): 5, (2, 10): 6}.get((payload[0] if payload else 0, len(payload)))
    return payload[4 : 4 + size].hex() if size else None


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a UBX frame; or an NMEA sentence of a receiver, whose vendor only MON-VER tells."""
    if first.startswith(SYNC[:1]):
        if len(first) < _HEAD:
            return None if SYNC.startswith(first[:2]) else False
        return first[1] == SYNC[1] and first[4] | first[5] << 8 <= MAX_PAYLOAD
    first = first.lstrip(b"\r\n")
    return False if first.startswith(b"$P") else nmea.begins(first)


def normalised(frame: bytes) -> bytes:
    """See `Family.normalise`: positions and times blanked."""
    return frame[:_HEAD] + b"****" if kind_of(frame) in (NAV_PVT, NAV_POSLLH) else nmea.normalise(frame)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the unique id of a SEC-UNIQID answer; nothing else holds it."""
    if kind_of(frame) != SEC_UNIQID or unique_id(payload_of(frame)) != old:
        return frame
    try:
        data = bytes.fromhex(new)
    except ValueError:
        data = b""
    if len(new) != len(old) or len(data) != len(old) // 2:
        raise LocalError("must be hex digits, as many as before", parameter="device_id")
    return build(SEC_UNIQID, payload_of(frame)[:4] + data)


class UbxStream(JunkStream):
    """One receiver's port: UBX frames and NMEA sentences, mixed. Only SEC-UNIQID tells who it is."""

    __slots__ = ()
    garbage = "bytes that are neither UBX nor NMEA"

    def take(self, buf: bytes, pos: int, events: list[Event]) -> tuple[int, bool]:
        """See `JunkStream.take`."""
        first, end, used = buf[pos], len(buf), -1
        if first == 0xB5:
            used = self._frame(buf, pos, end, events)
        elif first == 0x24:
            used = self._sentence(buf, pos, end, events)
        if used >= 0:
            return used, False
        found = _STARTS(buf, pos + 1)
        return (found.start() if found else end) - pos, True

    def _frame(self, buf: bytes, pos: int, end: int, events: list[Event]) -> int:
        """Bytes used by the frame at `pos`; 0: more bytes needed; -1: no frame starts here."""
        if end - pos < _HEAD:
            return 0 if SYNC.startswith(buf[pos : pos + 2]) else -1
        length = int.from_bytes(buf[pos + 4 : pos + 6], "little")
        if buf[pos + 1] != 0x62 or length > MAX_PAYLOAD:
            return -1
        if end - pos < length + 8:
            return 0
        frame = buf[pos : pos + length + 8]
        if checksum(frame[2:-2]) != frame[-2:]:
            self.end_junk(events)
            events.append(PeerError("UBX frame with a wrong checksum", discarded=frame[:MAX_JUNK]))
            return 1
        self.end_junk(events)
        events.append(self._message(frame))
        return len(frame)

    def _message(self, frame: bytes) -> Message:
        kind = frame[2:4]
        if self.server:
            return Message(Kind.OTHER, frame, checksum=Checksum.OK)
        if kind == SEC_UNIQID:
            found = unique_id(payload_of(frame))
            self.device_id = found or self.device_id
            return Message(Kind.REPLY, frame, found, checksum=Checksum.OK)
        if kind in (NAV_PVT, NAV_POSLLH):
            return Message(Kind.REPORT, frame, checksum=Checksum.OK)
        return Message(Kind.REPLY if kind in _REPLIES else Kind.OTHER, frame, checksum=Checksum.OK)

    def _sentence(self, buf: bytes, pos: int, end: int, events: list[Event]) -> int:
        limit = min(end, pos + nmea.MAX_LINE)
        # A frame that begins before the line ends cuts it short: it is not waited for.
        found = _NO_TEXT(buf, pos + 1, limit)
        if found is None:
            return -1 if limit - pos == nmea.MAX_LINE else 0
        stop = found.start()
        if buf[stop] != 0x0A:
            return -1
        self.end_junk(events)
        event = nmea.understood(buf[pos : stop + 1], from_host=self.server)
        if isinstance(event, Message) and event.kind is Kind.REPLY:
            event.kind = Kind.OTHER  # another vendor's sentence answers nothing here
        events.append(event)
        return stop + 1 - pos
