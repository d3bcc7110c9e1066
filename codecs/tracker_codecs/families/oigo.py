"""Oigo datagrams: who it is, what is owed, and what they say.

Big-endian. AR: 7E, length u16 (of the bytes behind it), type u8 (0 location, 10 remote start), tag u8 (low three
bits: 0 the IMEI follows as eight bytes BCD, its first digit unused; 1 a byte and a MEID of 14 characters; else no
identity), event u8, mask u32, the masked fields: bit 0 index u16, bit 1 time (year since 2010 and month as nibbles,
day, hour, minute, second), bit 3 latitude and longitude u32 (1e-6 degrees, less 90 and 180). AR datagrams are owed
nothing.

MG: tag u8; eight bytes IMEI in BCD, whose first nibble holds flags, or with flag bit 6 that byte alone; then 36
bytes: IMSI 8, date u16, hour, minute, latitude and longitude i32 (degrees times 100000 and thousandths of a minute),
altitude u16 (feet), course u16, speed u8 (mph), power u8 (0.1 V), inputs u8, second u8, signal u8, index u8, version
u8, satellites u8, odometer u32 (miles). With flag bit 7 it is owed E0, its index, 00.

Source: traccar/traccar OigoProtocolDecoder and its test (recorded datagrams, none of them with flag bit 7).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from struct import Struct
from typing import Any

from tracker_codecs.contract import Datum, Event, Ids, Kind, Limits, Message, Stream, Transport
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.family import Family

#: Longest datagram taken, in bytes; recorded ones have at most 69.
MAX_FRAME = 1500
LOCATION = 0
#: Bytes of the answer to an MG datagram.
OWED_SIZE = 3
_IMEI = re.compile(r"[0-9a-f]([0-9]{15})", re.ASCII)
_MEID = re.compile(rb"[0-9A-Fa-f]{14}")
_AR = Struct(">BHBB")
_MG = Struct(">8xHBBiihHBBBBBBBBI")
_MG_NAMES = (
    *("altitude_ft", "course", "speed_mph", "power_dv", "inputs", "second", "signal", "index", "version", "satellites"),
    "odometer_miles",
)


class OigoStream(Stream):
    """One datagram a call; one without an identity is of the device before it on this link."""

    __slots__ = ()

    @property
    def buffered(self) -> int:
        """Nothing: a datagram is whole."""
        return 0

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """The message of a datagram, or why it is none."""
        if not data:
            return []
        try:
            name, at = _identity(data)
        except PeerError as error:
            return [error]
        self.device_id = name or self.device_id
        if data[0] == 0x7E:
            return [Message(Kind.REPORT if data[3] == LOCATION else Kind.OTHER, data, self.device_id, data=at)]
        owed = b"\xe0%c\0" % data[at + 29] if data[1] & 0x80 else b""
        return [Message(Kind.REPORT, data, self.device_id, owed, data=at)]


def _identity(data: bytes) -> tuple[str | None, int]:
    """Who a datagram names, and where the bytes behind that begin. Raises PeerError for one that is not whole."""
    wrong = PeerError("bytes that are no datagram of the protocol", discarded=data[:64])
    if data[0] != 0x7E:
        at = 2 if len(data) > 1 and data[1] & 0x40 else 9
        if len(data) != at + _MG.size:
            raise wrong
        return (None if at == 2 else _imei(data[1:9], wrong)), at
    if len(data) < 5 or len(data) > MAX_FRAME or int.from_bytes(data[1:3]) != len(data) - 3:
        raise wrong
    tag = data[4] & 7
    if tag == 1:
        if not _MEID.fullmatch(data[6:20]):
            raise wrong
        return data[6:20].decode("ascii").upper(), 20
    return (_imei(data[5:13], wrong), 13) if tag == 0 else (None, 5)


def _imei(data: bytes, wrong: PeerError) -> str:
    found = _IMEI.fullmatch(data.hex())
    if found is None:
        raise wrong
    return found[1]


def fields(message: Message) -> dict[str, Any]:
    """What is read of a datagram: its head, time and place; or of the answer to one.

    Raises PeerError for fields that are cut off.
    """
    frame = message.frame
    if len(frame) == OWED_SIZE:  # an MG datagram may begin with E0, too, but is longer
        return {"message": "ack", "index": frame[1]}
    return _ar(message) if frame[0] == 0x7E else _mg(message)


def _ar(message: Message) -> dict[str, Any]:
    frame, at = message.frame, int(message.data)
    _, length, kind, tag = _AR.unpack_from(frame)
    found: dict[str, Any] = {
        "framing": "AR",
        "device_id": message.device_id,
        "length": length,
        "type": kind,
        "tag": tag,
    }
    if kind != LOCATION:
        return {**found, "content_hex": frame[at:].hex()}
    mask = int.from_bytes(frame[at + 1 : at + 5])
    sizes = [2 if mask & 1 else 0, 5 if mask & 2 else 0, 5 if mask & 4 else 0, 8 if mask & 8 else 0]
    start = at + 5
    if start + sum(sizes) > len(frame):
        raise PeerError("masked fields are cut off", discarded=frame[:64])
    found |= {"event": frame[at], "mask": mask}
    parts = []
    for size in sizes:
        parts.append(frame[start : start + size])
        start += size
    if parts[0]:
        found["index"] = int.from_bytes(parts[0])
    if parts[1]:
        date, day, hour, minute, second = parts[1]
        found["time_utc"] = f"{2010 + (date >> 4)}-{date & 15:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    if parts[3]:
        found["latitude"] = round(int.from_bytes(parts[3][:4]) / 1e6 - 90, 6)
        found["longitude"] = round(int.from_bytes(parts[3][4:]) / 1e6 - 180, 6)
    return {**found, "rest_hex": frame[start:].hex()}


def _mg(message: Message) -> dict[str, Any]:
    frame = message.frame
    date, hour, minute, latitude, longitude, *rest = _MG.unpack_from(frame, int(message.data))
    told = dict(zip(_MG_NAMES, rest, strict=True))
    day = f"{2010 + (date >> 12)}-{date >> 8 & 15:02}-{date & 255:02}"
    return {
        "framing": "MG",
        "device_id": message.device_id,
        "event": frame[0],
        "ack_wanted": bool(frame[1] & 0x80),
        "time_utc": f"{day}T{hour:02}:{minute:02}:{told.pop('second'):02}Z",
        "latitude": _degrees(latitude),
        "longitude": _degrees(longitude),
        **told,
    }


def _degrees(value: int) -> float:
    whole, part = divmod(abs(value), 100000)
    return round((whole + part / 60000) * (-1 if value < 0 else 1), 6)


def report(imei: str, index: int, now: datetime) -> bytes:
    """An AR location with index, time and place."""
    when = bytes((now.year - 2010 << 4 & 0xF0 | now.month, now.day, now.hour, now.minute, now.second))
    place = (93411661).to_bytes(4) + (103465152).to_bytes(4)
    body = b"\0\0%b\0\0\0\0\x0b%b%b%b" % (bytes.fromhex("0" + imei), (index & 0xFFFF).to_bytes(2), when, place)
    return b"\x7e%b%b" % (len(body).to_bytes(2), body)


class OigoDevice(Device):
    """Reports."""

    _index = 0

    def report(self, now: datetime) -> list[Datum]:
        """An AR location."""
        self._index += 1
        return [Datum(report(self.device_id, self._index, now))]


def recognise(first: bytes) -> bool | None:
    """A whole datagram that names its device; of the MG line, with a time of day and a place on Earth, too.

    Nothing else tells its 45 bytes from those of other makers' units.
    """
    stream = OigoStream()
    named = any(isinstance(event, Message) for event in stream.feed(first)) and stream.device_id is not None
    return named and (first[0] == 0x7E or _possible(first))


def _possible(datagram: bytes) -> bool:
    _, hour, minute, latitude, longitude, _, _, _, _, _, second, *_ = _MG.unpack_from(datagram, 9)
    on_earth = abs(latitude) <= 90 * 100000 and abs(longitude) <= 180 * 100000
    return bool(on_earth and hour < 24 and minute < 60 and second < 60)


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """The answer to an MG datagram."""
    return [Message(Kind.OTHER, data)] if len(data) == OWED_SIZE and data[0] == 0xE0 else []


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The IMEI of a datagram; the nibble before it stays."""
    at = 5 if frame[:1] == b"\x7e" else 1
    told = frame[at : at + 8].hex()
    if len(new) != 15 or not new.isdecimal() or told[1:] != old:
        return frame
    return frame[:at] + bytes.fromhex(told[0] + new) + frame[at + 8 :]


FAMILY = Family(
    name="oigo",
    title="Oigo AR-2GM, AR-3HU and the MG line",
    sources=("github.com/traccar/traccar: OigoProtocolDecoder and its test (recorded datagrams)",),
    transports=frozenset({Transport.UDP}),
    default_port=5121,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="Oigo's reports are public, no server command is",
    ids=Ids(r"\d{15}", "a unit is known by its IMEI"),
    stream=OigoStream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    emulator=OigoDevice,
)
