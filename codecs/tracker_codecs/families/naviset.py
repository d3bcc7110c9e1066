"""Naviset packets: cutting, who it is, what is owed, and what they say.

Little-endian. A word (bits 0-11 the length of the body; bits 12-13 unknown, 1 in every recorded packet; bits 14-15 the
type: 0 header, 1 data, 2 response), the body, CRC-16/MODBUS over both, low byte first. A body begins with the device's
number u16; in a header the IMEI follows in ASCII, in data a mask of blocks u8 and the records: number u16, status u8,
time u32, latitude and longitude u32 (of 1e6), speed u16 (0.1 km/h), the masked blocks. Every packet is owed 01 and its
two CRC bytes as they came.

Source: traccar/traccar NavisetFrameDecoder, NavisetProtocolDecoder and their tests (recorded packets, checksums right).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
from tracker_codecs.family import Family

MAX_FRAME = 2 + 0xFFF + 2
HEADER, DATA, RESPONSE = 0, 1, 2
_WORD = Struct("<H")
_RECORD = Struct("<HBIIIH")
_KINDS = {HEADER: Kind.LOGIN, DATA: Kind.REPORT, RESPONSE: Kind.REPLY}
_NAMES = {HEADER: "header", DATA: "data", RESPONSE: "response"}
_IMEI = slice(4, 19)


def build(kind: int, body: bytes) -> bytes:
    """A packet around this body of at most 4095 bytes."""
    data = _WORD.pack(len(body) | 1 << 12 | kind << 14) + body
    return data + _WORD.pack(crc16.modbus(data))


class NavisetStream(Cutter):
    """Cuts the device's side of a link."""

    __slots__ = ()
    starts = re.compile(rb"(?s:.)(?:[\x10-\x1f\x50-\x5f\x90-\x9f]|\Z)")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`."""
        left = len(buf) - pos
        if left < 2:
            return MORE
        word = buf[pos] | buf[pos + 1] << 8
        kind, size = word >> 14, (word & 0xFFF) + 4
        if word >> 12 & 3 != 1 or kind > RESPONSE or size < 6:
            return NO_FRAME
        if left < size:
            return MORE
        end = pos + size
        if crc16.modbus(buf[pos : end - 2]) != buf[end - 2] | buf[end - 1] << 8:
            return NO_FRAME
        frame = buf[pos:end]
        if kind == HEADER:
            imei = frame[_IMEI]
            if size < 21 or not imei.isdigit():
                return NO_FRAME
            self.device_id = imei.decode("ascii")
        text = frame[4:-2].hex() if kind == RESPONSE else ""
        events.append(Message(_KINDS[kind], frame, self.device_id, b"\1" + frame[-2:], Checksum.OK, text))
        return end


def fields(message: Message) -> dict[str, Any]:
    """What is public of a packet; of data the first record's place, because the sizes of its blocks are not."""
    frame = message.frame
    kind = frame[1] >> 6
    found: dict[str, Any] = {
        "message": _NAMES[kind],
        "device_id": message.device_id,
        "length": len(frame) - 4,
        "device_number": _WORD.unpack_from(frame, 2)[0],
    }
    if kind == HEADER:
        return {**found, "imei": frame[_IMEI].decode("ascii"), "rest_hex": frame[19:-2].hex()}
    if kind == DATA and len(frame) >= 5 + _RECORD.size + 2:
        number, status, seconds, latitude, longitude, speed = _RECORD.unpack_from(frame, 5)
        return {
            **found,
            "block_mask": frame[4],
            "first_record_number": number,
            "status": status,
            "first_time_utc": f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "first_latitude": latitude / 1e6,
            "first_longitude": longitude / 1e6,
            "speed_kmh": speed / 10,
            "rest_hex": frame[5 + _RECORD.size : -2].hex(),
        }
    return {**found, "content_hex": frame[4:-2].hex()}


def report(number: int, record: int, now: datetime) -> bytes:
    """A data packet with one record and no blocks."""
    said = _RECORD.pack(record, 9, int(now.timestamp()), 52799928, 66465020, 0)
    return build(DATA, _WORD.pack(number) + b"\0" + said)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a header with an IMEI."""
    digits = first[_IMEI]
    if first[1:2] not in (b"", b"\x10") or (len(first) > 1 and first[0] < 17) or (digits and not digits.isdigit()):
        return False
    return None if len(first) < 19 else True


class NavisetDevice(Device):
    """Says its header and reports."""

    _records = 0

    def connect(self) -> list[Datum]:
        """The header, its last two bytes as recorded."""
        return [Datum(build(HEADER, b"\xe4\x07%b\x2a\x06" % self.device_id.encode("ascii")))]

    def report(self, now: datetime) -> list[Datum]:
        """One record."""
        self._records = self._records + 1 & 0xFFFF
        return [Datum(report(0x07E4, self._records, now))]


def _fields_of(message: Message) -> dict[str, Any]:
    """What is public of a packet or of its answer."""
    return {"echoed_crc": message.text} if message.kind is Kind.OTHER else fields(message)


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """Answers: 01 and the two bytes of a CRC."""
    answers = [data[at : at + 3] for at in range(0, len(data) - 2, 3)]
    return [Message(Kind.OTHER, each, text=each[1:].hex()) for each in answers if each[0] == 1]


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The IMEI of a header; its checksum is put right."""
    if len(frame) < 21 or frame[4:19] != old.encode() or len(new) != 15:
        return frame
    return build(HEADER, frame[2:4] + new.encode() + frame[19:-2])


FAMILY = Family(
    name="naviset",
    title="Naviset GT-10 and GT-20",
    sources=(
        "github.com/traccar/traccar: NavisetFrameDecoder, NavisetProtocolDecoder and their tests (recorded packets)",
        "Naviset GT-20 Lite manual (manualshive.com 712650, page 14): SMS commands and their answers",
    ),
    default_port=5194,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="Naviset units are set by SMS (COM22 to COM24); how a server sends a command over TCP is not public",
    ids=Ids(r"\d{15}", "a unit is known by its IMEI"),
    stream=NavisetStream,
    server=from_server,
    recognise=recognise,
    fields=_fields_of,
    rename=renamed,
    emulator=NavisetDevice,
)
