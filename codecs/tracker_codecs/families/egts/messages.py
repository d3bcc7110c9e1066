"""What an EGTS packet says, for people. See `frame` for the layout and its sources.

Position (subrecord 16): time u32 (seconds since 2010-01-01 UTC), latitude and longitude u32 (of 90 and 180 degrees at
2^32 - 1), flags (bit 0 valid, bit 5 south, bit 6 west), speed and course behind it are not read here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any

from tracker_codecs.contract import Checksum, Datum, Message
from tracker_codecs.device import Device
from tracker_codecs.families.egts import frame as wire

EPOCH = datetime(2010, 1, 1, tzinfo=UTC)
_POSITION = Struct("<IIIB")
_NAMES = {wire.RESPONSE: "response", wire.DATA: "data", wire.SIGNED: "signed data"}


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a packet. Raises PeerError for lengths that do not fit."""
    frame = message.frame
    head, size = frame[3], int.from_bytes(frame[5:7], "little")
    found: dict[str, Any] = {
        "message": _NAMES[frame[9]],
        "device_id": message.device_id,
        "version": frame[0],
        "flags": frame[2],
        "header_length": head,
        "frame_data_length": size,
        "packet_id": int.from_bytes(frame[7:9], "little"),
        "packet_type": frame[9],
    }
    if not size or message.checksum is Checksum.BAD or frame[2] & wire.CLOSED or frame[9] == wire.SIGNED:
        return found
    if frame[9] == wire.RESPONSE and size >= 3:
        found["response_packet_id"] = int.from_bytes(frame[head : head + 2], "little")
        found["processing_result"] = frame[head + 2]
    return {**found, "records": [_record(each) for each in wire.records(frame)]}


def _record(record: wire.Record) -> dict[str, Any]:
    return {
        "record_length": len(record.body),
        "record_number": record.number,
        "flags": record.flags,
        "object_id": record.object_id,
        "time": record.time,
        "source_service": record.source,
        "recipient_service": record.recipient,
        "subrecords": [_subrecord(*each) for each in wire.subrecords(record.body)],
    }


def _subrecord(kind: int, data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind, "length": len(data)}
    if kind == wire.POSITION and len(data) >= _POSITION.size:
        seconds, latitude, longitude, flags = _POSITION.unpack_from(data)
        found["time_utc"] = f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
        found["valid"] = bool(flags & 1)
        found["latitude"] = round(latitude * 90 / 0xFFFFFFFF, 6) * (-1 if flags & 0x20 else 1)
        found["longitude"] = round(longitude * 180 / 0xFFFFFFFF, 6) * (-1 if flags & 0x40 else 1)
    elif kind == wire.RECORD_RESPONSE and len(data) == 3:
        found["confirmed_record"] = int.from_bytes(data[:2], "little")
        found["status"] = data[2]
    elif kind == wire.RESULT and len(data) == 1:
        found["result"] = data[0]
    elif kind == wire.IDENTITY and len(data) >= 5:
        found["terminal_id"] = int.from_bytes(data[:4], "little")
        found["flags"] = data[4]
        found["identity"] = wire.identity(data)
    else:
        found["data_hex"] = data[:256].hex()
    return found


def position(when: datetime, latitude: float, longitude: float) -> bytes:
    """A valid position north and east, 21 bytes, without speed and course."""
    seconds = int((when - EPOCH).total_seconds())
    packed = _POSITION.pack(seconds, round(latitude * 0xFFFFFFFF / 90), round(longitude * 0xFFFFFFFF / 180), 0x01)
    return packed + bytes(21 - len(packed))


class Terminal(Device):
    """Says who it is and reports; a device id of 15 digits is its IMEI, a shorter one its terminal id."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self._packets = 0

    def login(self) -> list[Datum]:
        """Terminal identity."""
        self._packets = 0
        if len(self.device_id) == 15:
            said = b"\0\0\0\0\x02" + self.device_id.encode("ascii")
        else:
            said = int(self.device_id).to_bytes(4, "little") + b"\0"
        return [self._say(wire.AUTH, wire.subrecord(wire.IDENTITY, said))]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        return [self._say(wire.TELEDATA, wire.subrecord(wire.POSITION, position(now, 54.9, 85.6)))]

    def _say(self, service: int, body: bytes) -> Datum:
        self._packets += 1
        number = self._packets & 0xFFFF
        return Datum(wire.build(wire.DATA, number, wire.record(number, service, body)))
