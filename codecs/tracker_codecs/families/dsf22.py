"""DSF22 frames: cutting, the answer, and what they say.

Little-endian: `FB`, device id u16, count u8, so many records of 16 bytes: latitude and longitude i32 (of 1e7), time
u32 (seconds since 1970), speed u8, fuel u16 (of 1000), status u8. Each frame is owed one byte 01. There is no
checksum: a frame is believed where each of its places is on earth.

Source: traccar/traccar Dsf22FrameDecoder, Dsf22ProtocolDecoder and their tests (one recorded frame).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from struct import Struct
from typing import Any

from tracker_codecs.contract import (
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

START = b"FB"
_HEAD = Struct("<2sHB")
_RECORD = Struct("<iiIBHB")
_PLACE = Struct("<ii")
MAX_FRAME = _HEAD.size + 255 * _RECORD.size
OWED = b"\x01"


def _on_earth(data: bytes, at: int) -> bool:
    latitude, longitude = _PLACE.unpack_from(data, at)
    return bool(abs(latitude) <= 900_000_000 and abs(longitude) <= 1_800_000_000)


class Dsf22Stream(Cutter):
    """Cuts the device's side of a link."""

    __slots__ = ()
    starts = re.compile(rb"F(?:B|\Z)")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`."""
        if not START.startswith(buf[pos : pos + 2]):
            return NO_FRAME
        if len(buf) - pos < _HEAD.size:
            return MORE
        count = buf[pos + 4]
        first = pos + _HEAD.size
        end = first + count * _RECORD.size
        if not count:
            return NO_FRAME
        if len(buf) < end:
            return MORE
        if not all(_on_earth(buf, at) for at in range(first, end, _RECORD.size)):
            return NO_FRAME
        self.device_id = str(buf[pos + 2] | buf[pos + 3] << 8)
        events.append(Message(Kind.REPORT, buf[pos:end], self.device_id, OWED))
        return end


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame."""
    records = [
        {
            "latitude": latitude / 1e7,
            "longitude": longitude / 1e7,
            "time_utc": f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "speed": speed,
            "fuel": fuel / 1000,
            "status": status,
        }
        for latitude, longitude, seconds, speed, fuel, status in _RECORD.iter_unpack(message.frame[_HEAD.size :])
    ]
    return {"device_id": message.device_id, "records": records}


def report(device_id: int, now: datetime) -> bytes:
    """A frame with one record."""
    record = _RECORD.pack(241168040, 569663434, int(now.timestamp()), 50, 1121, 1)
    return _HEAD.pack(START, device_id, 1) + record


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a head with a record, the first of which is on earth."""
    if not START.startswith(first[:2]) or first[4:5] == b"\0":
        return False
    return None if len(first) < _HEAD.size + _PLACE.size else _on_earth(first, _HEAD.size)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`."""
    ids = (old, new)
    if len(frame) < _HEAD.size or not all(each.isdecimal() and int(each) < 1 << 16 for each in ids):
        return frame
    if frame[:4] != START + int(old).to_bytes(2, "little"):
        return frame
    return START + int(new).to_bytes(2, "little") + frame[4:]


class Dsf22Device(Device):
    """Reports, and needs no login: every frame names it."""

    def report(self, now: datetime) -> list[Datum]:
        """One record."""
        return [Datum(report(int(self.device_id), now))]


def _fields_of(message: Message) -> dict[str, Any]:
    """Everything known of a frame, or of the answer to one."""
    return {"message": "ack"} if message.frame == OWED else fields(message)


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """Answers to frames."""
    return [Message(Kind.OTHER, OWED) for each in data if each == OWED[0]]


FAMILY = Family(
    name="dsf22",
    title="DigitalSystems DSF22",
    sources=("github.com/traccar/traccar: Dsf22FrameDecoder, Dsf22ProtocolDecoder and their tests (a recorded frame)",),
    default_port=5236,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the reports of the DSF22 are public, no server command is",
    ids=Ids(r"\d{1,5}", "a unit is known by a number of 16 bits", most=0xFFFF),
    stream=Dsf22Stream,
    server=from_server,
    recognise=recognise,
    fields=_fields_of,
    rename=renamed,
    emulator=Dsf22Device,
)
