"""EGTS packets: cutting, answering, building.

Little-endian. Header: PRV (1), SKID, flags (bit 5: routed, 4-3: encryption, 2: compression), HL (11, or 16 where
routed), HE, FDL u16 (bytes of the frame behind the header), PID u16 (packet id), PT (0 response, 1 data, 2 signed
data), HCS (CRC-8, polynomial 0x31, initial 0xFF). Behind it FDL bytes and, where there are any, their CRC-16 (0x1021,
initial 0xFFFF).
A response begins with RPID u16 (the packet it answers) and PR u8 (0: taken). Record: RL u16 (bytes of subrecords), RN
u16, RFL (bits 0-2: OID, EVID, TM follow, u32 each), SST, RST (services), subrecords of SRT u8, SRL u16, data.

Sources: order 285 of the Russian ministry of transport (2012) and GOST R 54619 as read in rviprofile/egts_parser and
nburunova/libegts; traccar/traccar Egts decoders and their tests (recorded packets, all checksums right). Traccar reads
the packet id big-endian and echoes it little-endian, and numbers the result code 7: the libraries say 9, and an answer
must name the packet it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from struct import Struct
from typing import NamedTuple

from fastcrc import crc8, crc16

from tracker_codecs import contract
from tracker_codecs.contract import Checksum, Event, Kind, Match, Message, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import PeerError

_HEAD = Struct("<BBBBBHHB")
_RECORD = Struct("<HHB")
_U16 = Struct("<H")
_U32 = Struct("<I")
_PLAIN, _ROUTED = 11, 16
#: Largest packet, in bytes: a header with a route, 65535 bytes of frame, its checksum.
MAX_FRAME = _ROUTED + 65535 + 2
RESPONSE, DATA, SIGNED = 0, 1, 2
#: Flags of a packet whose frame is encrypted or compressed, and not understood.
CLOSED = 0x1C
AUTH, TELEDATA, COMMANDS = 1, 2, 4
RECORD_RESPONSE, IDENTITY, RESULT, POSITION, COMMAND = 0, 1, 9, 16, 51


class Record(NamedTuple):
    """One record of a packet; `body` are its subrecords."""

    number: int
    flags: int
    object_id: int | None
    time: int | None
    source: int
    recipient: int
    body: bytes


def records(frame: bytes) -> Iterator[Record]:
    """The records of a whole packet. Raises PeerError for lengths that do not fit."""
    head = frame[3]
    at = head + (3 if frame[9] == RESPONSE else 0)
    stop = len(frame) - 2
    while at < stop:
        if stop - at < 7:
            raise PeerError("a record ends too early", discarded=frame[:64])
        length, number, flags = _RECORD.unpack_from(frame, at)
        at += 5
        told: list[int | None] = []
        for bit in (1, 2, 4):
            if not flags & bit:
                told.append(None)
                continue
            if stop - at < 4:
                raise PeerError("a record ends too early", discarded=frame[:64])
            told.append(_U32.unpack_from(frame, at)[0])
            at += 4
        if at + 2 + length > stop:
            raise PeerError("a record is longer than its packet", discarded=frame[:64])
        yield Record(number, flags, told[0], told[2], frame[at], frame[at + 1], frame[at + 2 : at + 2 + length])
        at += 2 + length


def subrecords(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and data of each subrecord. Raises PeerError for a length that does not fit."""
    at = 0
    while at < len(body):
        end = at + 3 + (_U16.unpack_from(body, at + 1)[0] if len(body) - at >= 3 else 0)
        if end > len(body):
            raise PeerError("a subrecord is longer than its record", discarded=body[:64])
        yield body[at], body[at + 3 : end]
        at = end


def whole_header(buf: bytes, pos: int) -> bool:
    """Whether the header at `pos`, all of whose bytes are there, is one: its checksum and packet type are right."""
    last = pos + buf[pos + 3] - 1
    return buf[pos + 9] <= SIGNED and crc8.nrsc_5(buf[pos:last]) == buf[last]


def identity(data: bytes) -> str | None:
    """Who a terminal says it is: its IMEI where that is one, else its terminal id; None where neither is given.

    TID u32, flags (bit 0: HDID u16 follows, bit 1: IMEI of 15 characters). Recorded units fill a short id with NULs.
    """
    if len(data) < 5:
        return None
    if data[4] & 2:
        at = 7 if data[4] & 1 else 5
        imei = data[at : at + 15]
        if len(imei) == 15 and imei.isdigit():
            return imei.decode("ascii")
    number: int = _U32.unpack_from(data)[0]
    return str(number) if number else None


def subrecord(kind: int, data: bytes) -> bytes:
    """A subrecord around these bytes."""
    return b"%c%b%b" % (kind, _U16.pack(len(data)), data)


def record(number: int, service: int, body: bytes, object_id: int | None = None) -> bytes:
    """A record around these subrecords, between a service and itself."""
    told = b"" if object_id is None else _U32.pack(object_id)
    flags = 0 if object_id is None else 1
    return b"%b%b%c%c%b" % (_RECORD.pack(len(body), number, flags), told, service, service, body)


def build(kind: int, packet_id: int, body: bytes) -> bytes:
    """A packet without route and encryption; `body` is at most 65535 bytes."""
    head = _HEAD.pack(1, 0, 0, _PLAIN, 0, len(body), packet_id, kind)
    tail = _U16.pack(crc16.ibm_3740(body)) if body else b""
    return b"%b%c%b%b" % (head, crc8.nrsc_5(head), body, tail)


class EgtsStream(Cutter):
    """Cuts one direction of a link; the packets that answer are numbered from 1."""

    __slots__ = ("_identified", "_number", "_packets")
    starts = re.compile(rb"\x01(?s:..)[\x0b\x10]|\x01(?s:.){0,2}\Z")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._identified = False
        self._number = 0  # of records
        self._packets = 0

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`."""
        left = len(buf) - pos
        if buf[pos] != 1 or (left > 3 and buf[pos + 3] not in (_PLAIN, _ROUTED)):
            return NO_FRAME
        if left < 4 or left < buf[pos + 3]:
            return MORE
        head = buf[pos + 3]
        if not whole_header(buf, pos):
            return NO_FRAME
        size = _U16.unpack_from(buf, pos + 5)[0]
        end = pos + head + (size + 2 if size else 0)
        if len(buf) < end:
            return MORE
        events.append(self._message(buf[pos:end], head, size))
        return end

    def _message(self, frame: bytes, head: int, size: int) -> Message | PeerError:
        if not size:
            return Message(Kind.OTHER, frame, self.device_id, checksum=Checksum.OK)
        if crc16.ibm_3740(frame[head:-2]) != _U16.unpack_from(frame, len(frame) - 2)[0]:
            return Message(Kind.OTHER, frame, checksum=Checksum.BAD)
        if self.server or frame[9] != DATA or frame[2] & CLOSED:
            return Message(Kind.OTHER, frame, self.device_id, checksum=Checksum.OK)
        try:
            return self._data(frame)
        except PeerError as error:
            return error

    def _data(self, frame: bytes) -> Message:
        kind, answers, login = Kind.OTHER, b"", False
        said: list[Command] = []
        for each in records(frame):
            self._number = self._number % 0xFFFF + 1
            response = subrecord(RECORD_RESPONSE, b"%b\0" % _U16.pack(each.number))
            answers += record(self._number, each.source, response)
            if not self._identified and each.object_id:
                self.device_id = str(each.object_id)
            if each.source == TELEDATA and kind is Kind.OTHER:
                kind = Kind.REPORT
            elif each.source == AUTH:
                for sort, data in subrecords(each.body):
                    if sort != IDENTITY:
                        continue
                    login, who = True, identity(data)
                    if who is not None:
                        self._identified, self.device_id = True, who
                    kind = Kind.LOGIN if self.device_id is not None else kind
            elif each.source == COMMANDS:
                said += commands(each.body)
                kind = Kind.REPLY if said else kind
        packet_id = frame[7:9]
        owed = build(RESPONSE, self._next(), b"%b\0%b" % (packet_id, answers))
        if login:
            self._number = self._number % 0xFFFF + 1
            owed += build(DATA, self._next(), record(self._number, AUTH, subrecord(RESULT, b"\0")))
        text = ", ".join(f"{each.name} {each.told} {each.number}" for each in said[:8])
        return Message(kind, frame, self.device_id, owed, Checksum.OK, text, said)

    def _next(self) -> int:
        self._packets = self._packets % 0xFFFF + 1
        return self._packets


CONFIRMED, COM = 1, 5
DONE, IN_PROGRESS = 0, 6
_TYPES = ("", "COMCONF", "MSGCONF", "MSGFROM", "MSGTO", "COM", "DELCOM", "SUBREQ", "DELIV")
_RESULTS = ("OK", "ERROR", "ILL", "DEL", "NFOUND", "NCONF", "INPROG")


class Command(NamedTuple):
    """A command subrecord: one byte (type in the upper four bits, result in the lower), CID u32, SID u32."""

    kind: int
    result: int
    number: int

    @property
    def name(self) -> str:
        """Its type, by the standard's name where it has one."""
        return _TYPES[self.kind] if 0 < self.kind < len(_TYPES) else str(self.kind)

    @property
    def told(self) -> str:
        """Its result, likewise."""
        return _RESULTS[self.result] if self.result < len(_RESULTS) else str(self.result)


def commands(body: bytes) -> list[Command]:
    """The command subrecords of a record. Raises PeerError for lengths that do not fit."""
    return [
        Command(data[0] >> 4, data[0] & 15, _U32.unpack_from(data, 1)[0])
        for sort, data in subrecords(body)
        if sort == COMMAND and len(data) >= 9
    ]


def commands_of(packet: bytes) -> set[int]:
    """The ids of the commands (type COM) in the bytes of one packet; none where they are no packet that holds any."""
    events = EgtsStream(server=True).feed(packet)
    if len(events) != 1 or not isinstance(events[0], Message) or packet[9] != DATA or packet[2] & CLOSED:
        return set()
    try:
        found = [each for one in records(packet) if one.source == COMMANDS for each in commands(one.body)]
    except PeerError:
        return set()
    return {each.number for each in found if each.kind == COM}


def recognise(first: bytes) -> bool | None:
    """A header whose checksum is right: version 1, 11 or 16 bytes."""
    if first[:1] not in (b"", b"\x01") or first[3:4] not in (b"", b"\x0b", b"\x10"):
        return False
    if len(first) < 4 or len(first) < first[3]:
        return None
    return whole_header(first, 0)


_ENVELOPE = Envelope(expects="a confirmation (COMCONF) of the command's id")


def raw(target: Target, text: str | bytes) -> contract.Command:
    """A packet in bytes. The confirmation (COMCONF) of a command in it answers, by the command's id.

    Any confirmation does where the bytes hold no command; one with another result than OK refuses.
    """
    command = _ENVELOPE(target, text)
    mine = commands_of(command.payload)

    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        told = [each for each in message.data if each.kind == CONFIRMED]
        results = {each.result for each in told if not mine or each.number in mine}
        if results - {DONE, IN_PROGRESS}:
            return Match.REFUSED
        if IN_PROGRESS in results:
            return Match.PART
        return Match.DONE if results else Match.NO

    return replace(command, match=match)
