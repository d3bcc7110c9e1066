"""SAT-LITE packets: cutting, the answer, and what they say.

Little-endian: CRC u16, preamble BF 4C, device id u32, length u16, then as many bytes. The CRC is CRC-16/CCITT-FALSE
over everything from the preamble on. Records, as the public decoder reads them: two u16 that nobody explains, type
u16, extra length u16, time u32, latitude and longitude u32 (of 1e6), speed u16 (0.01 km/h), altitude i16, course u16,
valid u8, satellites u8, event u8, flags u8 (bit 0: from the archive), the extra bytes. Owed: the packet's header with
length 0 and a CRC of its own.

Source: traccar/traccar SatsolFrameDecoder, SatsolProtocolDecoder and its test (a recorded packet, checksum right).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from struct import Struct
from typing import Any

from fastcrc import crc16

from tracker_codecs.contract import (
    Checksum,
    Datum,
    Event,
    Ids,
    Kind,
    Limits,
    Message,
)
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.family import Family

PREAMBLE = b"\xbf\x4c"
_HEAD = 10
#: Largest packet, in bytes: a header and what a length of 16 bits can say.
MAX_FRAME = _HEAD + 0xFFFF
_U16 = Struct("<H")
_RECORD = Struct("<HHHHIIIHhHBBBB")
_NAMES = (
    "type",
    "time_utc",
    "latitude",
    "longitude",
    "speed_kmh",
    "altitude_m",
    "course",
    "valid",
    "satellites",
    "event",
)


def build(device_id: int, body: bytes = b"") -> bytes:
    """A packet around this body of at most 65535 bytes; without one it is the answer to a packet."""
    data = b"%b%b%b%b" % (PREAMBLE, device_id.to_bytes(4, "little"), _U16.pack(len(body)), body)
    return _U16.pack(crc16.ibm_3740(data)) + data


class SatsolStream(Cutter):
    """Cuts one direction of a link; nothing is owed to a server."""

    __slots__ = ()
    starts = re.compile(rb"(?s:..)\xbf(?:\x4c|\Z)|(?s:.){1,2}\Z")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`."""
        if not PREAMBLE.startswith(buf[pos + 2 : pos + 4]):
            return NO_FRAME
        if len(buf) - pos < _HEAD:
            return MORE
        end = pos + _HEAD + (buf[pos + 8] | buf[pos + 9] << 8)
        if len(buf) < end:
            return MORE
        if crc16.ibm_3740(buf[pos + 2 : end]) != buf[pos] | buf[pos + 1] << 8:
            return NO_FRAME
        frame = buf[pos:end]
        number = int.from_bytes(frame[4:8], "little")
        device_id = str(number)
        if self.server:
            events.append(Message(Kind.OTHER, frame, device_id, checksum=Checksum.OK))
            return end
        self.device_id = device_id
        events.append(Message(Kind.REPORT, frame, device_id, build(number), Checksum.OK))
        return end


def fields(message: Message) -> dict[str, Any]:
    """The header of a packet and its records. Raises PeerError for records that do not fit."""
    frame = message.frame
    found: dict[str, Any] = {"id": int.from_bytes(frame[4:8], "little"), "length": len(frame) - _HEAD}
    if len(frame) == _HEAD:
        return {"message": "acknowledgement", **found}
    records, at = [], _HEAD
    while at < len(frame):
        if at + _RECORD.size > len(frame):
            raise PeerError("a record ends too early", discarded=frame[at : at + 64])
        _, _, kind, extra, seconds, latitude, longitude, speed, altitude, course, valid, seen, event, flags = (
            _RECORD.unpack_from(frame, at)
        )
        at += _RECORD.size + extra
        if at > len(frame):
            raise PeerError("a record is longer than its packet", discarded=frame[:64])
        when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
        values = (kind, when, latitude / 1e6, longitude / 1e6, speed / 100, altitude, course, bool(valid), seen, event)
        record: dict[str, Any] = dict(zip(_NAMES, values, strict=True))
        records.append({**record, "archive": bool(flags & 1), "extra_hex": frame[at - extra : at].hex()})
    return {"message": "data", **found, "records": records}


def report(device_id: int, now: datetime) -> bytes:
    """A packet with one record without extra bytes."""
    seconds = int(now.timestamp())
    return build(device_id, _RECORD.pack(0, 0, 1, 0, seconds, 55230000, 30254510, 0, 168, 37, 1, 9, 2, 1))


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: the preamble, and a length that holds a record."""
    if not PREAMBLE.startswith(first[2:4]):
        return False
    if len(first) < _HEAD:
        return None
    return (first[8] | first[9] << 8) >= _RECORD.size


class SatsolDevice(Device):
    """Reports, and needs no login: every packet names it."""

    def report(self, now: datetime) -> list[Datum]:
        """One record."""
        return [Datum(report(int(self.device_id), now))]


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The id of a packet; its checksum is put right."""
    if not old.isdecimal() or not new.isdecimal() or max(int(old), int(new)) >= 1 << 32:
        return frame
    if len(frame) < 10 or frame[4:8] != int(old).to_bytes(4, "little"):
        return frame
    return build(int(new), frame[10:])


FAMILY = Family(
    name="satsol",
    title="Satsol SAT-LITE, Sat Pro, Super Lite",
    sources=("github.com/traccar/traccar: SatsolFrameDecoder, SatsolProtocolDecoder and its test (a recorded packet)",),
    default_port=5184,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the reports of Satsol's units are public, no server command is",
    ids=Ids(r"\d{1,10}", "a unit is known by a number of 32 bits", most=0xFFFFFFFF),
    stream=SatsolStream,
    server=SatsolStream.from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    emulator=SatsolDevice,
)
