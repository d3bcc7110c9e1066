"""LM Direct datagrams: one message each, big-endian, without length and checksum.

`[options byte, options] service type, message type, sequence (u16), body`. The options byte is there when its bit 7 is
set; bits 0 to 5 say which options follow, each as a length and that many bytes: mobile id (BCD, filled up with F), its
type, authentication, routing, forwarding, response redirection. A message of service type 1 is owed an
acknowledgement: `02 01 <sequence> <message type> 00 00 000000`. Of two public servers that run against real units one
sends it bare, the other puts the options of the message in front; the option `ack_header` chooses the second.
Sources: traccar/traccar CalAmpProtocolDecoder and its recorded frames; github.com/Thiyaram/calamp (options repeated in
the acknowledgement, types of id); calamp-rs on docs.rs (message types 11 to 14).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from tracker_codecs.contract import Event, Kind, Message, Stream, Target
from tracker_codecs.errors import LocalError, PeerError

#: Longest datagram taken, in bytes.
MAX_DATAGRAM = 2048
#: Name and kind of the message types 0 to 14.
TYPES = (
    ("null", Kind.HEARTBEAT),
    ("ack", Kind.REPLY),
    ("event_report", Kind.REPORT),
    ("id_report", Kind.LOGIN),
    ("user_data", Kind.REPORT),
    ("application_data", Kind.REPORT),
    ("parameter", Kind.REPLY),
    ("unit_request", Kind.OTHER),
    ("locate_report", Kind.REPORT),
    ("user_data_accumulators", Kind.REPORT),
    ("mini_event_report", Kind.REPORT),
    ("mini_user_data", Kind.REPORT),
    ("mini_application", Kind.REPORT),
    ("device_version", Kind.OTHER),
    ("application_accumulators", Kind.REPORT),
)
NULL, ACK, EVENT, ID_REPORT, USER_DATA, PARAMETER, LOCATE, MINI_EVENT = 0, 1, 2, 3, 4, 6, 8, 10
UNACKNOWLEDGED, ACKNOWLEDGED, RESPONSE = 0, 1, 2
#: Types of id by the documents are 0 to 6; a recorded frame carries 7.
MAX_ID_TYPE = 7
_HEADER, _UNKNOWN_BIT, _ID, _ID_TYPE = 0x80, 0x40, 0x01, 0x02
_OPTIONS = 6
_TAIL = struct.Struct(">BBH")
_ACK = struct.Struct(">BBHBB4x")


class Head(NamedTuple):
    """What stands before the body; `options` are the bytes of the options header, empty where there is none."""

    options: bytes
    mobile_id: str
    id_type: int | None
    service: int
    type: int
    sequence: int
    body: int  # where the body begins


def head(data: bytes) -> Head:
    """Read what stands before the body. Raises PeerError for bytes that are no LM Direct message."""
    first, at, mobile_id, id_type = data[0] if data else 0, 0, "", None
    if first & _HEADER:
        if first & _UNKNOWN_BIT:
            raise PeerError("an options byte with the unknown bit 6", discarded=data[:32])
        at = 1
        for bit in range(_OPTIONS):
            if not first >> bit & 1:
                continue
            if at >= len(data):
                raise PeerError("cut off in its options", discarded=data[:32])
            stop = at + 1 + data[at]
            if bit == 0:
                mobile_id = _digits(data[at + 1 : stop])
            elif bit == 1 and stop == at + 2 <= len(data):
                id_type = data[at + 1]
            at = stop
    if at + _TAIL.size > len(data):
        raise PeerError("cut off before its body", discarded=data[:32])
    service, kind, sequence = _TAIL.unpack_from(data, at)
    if service > RESPONSE or (kind >= len(TYPES) and not first & _HEADER):
        raise PeerError(f"no message has service type {service} and message type {kind}", discarded=data[:32])
    return Head(data[:at], mobile_id, id_type, service, kind, sequence, at + _TAIL.size)


def _digits(field: bytes) -> str:
    digits = field.hex().rstrip("f")
    if digits and not digits.isdigit():
        raise PeerError("a mobile id of other than decimal digits", discarded=field[:32])
    return digits


def bcd(device_id: str) -> bytes:
    """A mobile id of decimal digits as it travels."""
    return bytes.fromhex(device_id + "f" * (len(device_id) % 2))


def options(device_id: str, id_type: int) -> bytes:
    """The options header that names a unit: 0x83, id, type of id."""
    field = bcd(device_id)
    return bytes((_HEADER | _ID | _ID_TYPE, len(field))) + field + bytes((1, id_type))


def message(header: bytes, service: int, kind: int, sequence: int, body: bytes = b"") -> bytes:
    """A datagram."""
    return header + _TAIL.pack(service, kind, sequence & 0xFFFF) + body


def acknowledgement(sequence: int, kind: int) -> bytes:
    """What a server owes a message of service type 1, without options."""
    return _ACK.pack(RESPONSE, ACK, sequence, kind, 0)


class LmuStream(Stream):
    """Datagrams of one address. A unit may be set to leave its id out: then the last one named here counts."""

    __slots__ = ("_header",)

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._header = False

    @property
    def buffered(self) -> int:
        """Always 0: a datagram is a whole message."""
        return 0

    def bind(self, target: Target) -> None:
        """The option `ack_header` puts the options of a message in front of its acknowledgement."""
        self._header = target.options.get("ack_header") is True

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """One datagram; see `Stream.feed`."""
        if len(data) > MAX_DATAGRAM:
            return [PeerError(f"a datagram of more than {MAX_DATAGRAM} bytes", discarded=data[:32])]
        try:
            found = head(data)
        except PeerError as error:
            return [error]
        if self.server:
            return [Message(Kind.OTHER, data, found.mobile_id or None, data=found)]
        if found.mobile_id:
            self.device_id = found.mobile_id
        owed = b""
        if found.service == ACKNOWLEDGED and found.type != ACK:
            owed = acknowledgement(found.sequence, found.type)
            if self._header:
                owed = found.options + owed
        kind = TYPES[found.type][1] if found.type < len(TYPES) else Kind.OTHER
        return [Message(kind, data, self.device_id, owed, data=found)]


def recognise(first: bytes) -> bool | None:
    """An options header with id and type of id, then a known message; others could be anything."""
    if not first:
        return None
    if first[0] & (_HEADER | _UNKNOWN_BIT | _ID | _ID_TYPE) != _HEADER | _ID | _ID_TYPE:
        return False
    if len(first) < 2:
        return None
    size = first[1]
    field = first[2 : 2 + size].hex().rstrip("f")
    if not 1 <= size <= 10 or (field and not field.isdigit()):
        return False
    kind = first[2 + size : 4 + size]
    if kind[:1] not in (b"", b"\x01") or (len(kind) > 1 and not 1 <= kind[1] <= MAX_ID_TYPE):
        return False
    try:
        found = head(first)
    except PeerError as error:
        return None if error.reason.startswith("cut off") else False
    return found.type < len(TYPES) and found.mobile_id != ""


def normalised(frame: bytes) -> bytes:
    """A datagram with sequence number and times zeroed; commands of the serial port and other bytes as they are."""
    if frame.lstrip(b"\r\n").startswith(b"AT"):
        return frame
    try:
        found = head(frame)
    except PeerError:
        return frame
    times = {EVENT: 8, USER_DATA: 8, LOCATE: 8, MINI_EVENT: 4}.get(found.type, 0)
    start = found.body - 2
    blank = min(2 + times, len(frame) - start)
    return frame[:start] + bytes(blank) + frame[start + blank :]


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The id replaced, in BCD and in text. Raises LocalError for ids of unequal length or of other than digits."""
    if len(old) != len(new) or not (old + new).isdigit():
        raise LocalError("ids must be digits, of equal length", parameter="device_id")
    return frame.replace(bcd(old), bcd(new)).replace(old.encode(), new.encode())
