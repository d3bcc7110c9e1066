"""Maxtrack frames: cutting, the answer, and what they say.

01, the content, 04; within, each of the bytes 01 04 10 11 13 is sent as 10 and the byte plus 0x20. Content,
little-endian: device descriptor u8 (A6 in every recorded frame), type u8, unit id u32, payload, CRC-16/XMODEM over
all before it. Types: 0x02 taken, 0x03 not taken, 0x31 position. A position is owed a frame of type 0x02 with its
descriptor and id, and its CRC as the payload. A position's payload begins with protocol u8, groups u8, sequence u16,
four bytes that are not read here, latitude and longitude i32 (of 1e6).

Source: traccar/traccar MxtFrameDecoder, MxtProtocolDecoder and their tests (recorded frames, checksums right). Its
place of latitude and longitude is the one at which the recorded frames have a place in Brazil.
"""

from __future__ import annotations

import re
from datetime import datetime
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
    Match,
    Message,
    Target,
)
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import PeerError
from tracker_codecs.family import Family

#: Longest frame taken, in bytes as they are sent; recorded ones have less than 100.
MAX_FRAME = 2048
ACK, NAK, POSITION = 0x02, 0x03, 0x31
_STUFFED = re.compile(rb"[\x01\x04\x10\x11\x13]")
_ESCAPE = re.compile(rb"\x10([\x21\x24\x30\x31\x33])")
_HEAD = Struct("<BBI")
_PLACE = Struct("<BBH4xii")
_NAMES = {ACK: "ack", NAK: "nak", POSITION: "position"}


def build(descriptor: int, kind: int, unit: int, payload: bytes) -> bytes:
    """A frame, stuffed, with its CRC."""
    data = _HEAD.pack(descriptor, kind, unit) + payload
    data += crc16.xmodem(data).to_bytes(2, "little")
    return b"\x01%b\x04" % _STUFFED.sub(lambda found: bytes((0x10, found[0][0] + 0x20)), data)


def content(frame: bytes) -> bytes:
    """What a frame holds, unstuffed, with its CRC."""
    inner = frame[1:-1]
    return _ESCAPE.sub(lambda found: bytes((found[1][0] - 0x20,)), inner) if 0x10 in inner else inner


class MaxtrackStream(Cutter):
    """Cuts one direction of a link; nothing is owed to a server."""

    __slots__ = ()
    starts = re.compile(rb"\x01")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`."""
        if buf[pos] != 1:
            return NO_FRAME
        stop = buf.find(b"\x04", pos + 1, pos + MAX_FRAME)
        if stop < 0:
            return MORE if len(buf) - pos < MAX_FRAME else NO_FRAME
        frame = buf[pos : stop + 1]
        data = content(frame)
        if len(data) < 8 or crc16.xmodem(data[:-2]) != data[-2] | data[-1] << 8:
            return NO_FRAME
        descriptor, kind, unit = _HEAD.unpack_from(data)
        device_id = str(unit)
        sort, owed = Kind.OTHER, b""
        if not self.server:
            self.device_id = device_id
            if kind == POSITION:
                sort, owed = Kind.REPORT, build(descriptor, ACK, unit, data[-2:])
            elif kind in (ACK, NAK):
                sort = Kind.REPLY
        text = _NAMES[kind] if sort is Kind.REPLY else ""
        events.append(Message(sort, frame, device_id, owed, Checksum.OK, text, data))
        return stop + 1


def fields(message: Message) -> dict[str, Any]:
    """What is public of a frame: the place of a position; the rest as bytes. Raises PeerError for a short position."""
    data = content(message.frame)
    descriptor, kind, unit = _HEAD.unpack_from(data)
    found: dict[str, Any] = {
        "message": _NAMES.get(kind, "other"),
        "device_descriptor": descriptor,
        "type": kind,
        "id": unit,
        "crc": data[-2] | data[-1] << 8,
        "unstuffed_length": len(data),
    }
    payload = data[_HEAD.size : -2]
    if kind != POSITION:
        return {**found, "content_hex": payload.hex()}
    if len(payload) < _PLACE.size:
        raise PeerError("a position ends too early", discarded=message.frame[:64])
    protocol, groups, sequence, latitude, longitude = _PLACE.unpack_from(payload)
    return {
        **found,
        "protocol": protocol,
        "info_groups": groups,
        "sequence": sequence,
        "latitude": latitude / 1e6,
        "longitude": longitude / 1e6,
        "rest_hex": payload[_PLACE.size :].hex(),
    }


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a whole frame whose CRC is right; its descriptor is that of every recorded frame."""
    if not b"\x01\xa6".startswith(first[:2]):
        return False
    if first.find(b"\x04") < 0:
        return None if len(first) < MAX_FRAME else False
    return bool(MaxtrackStream().frame(first, 0, []) > 0)


#: Descriptor of every recorded frame.
DESCRIPTOR = 0xA6
#: The payload of a recorded position.
_PAYLOAD = bytes.fromhex("08643ad2f456fb2d49747cfe4cbe0ffd0020088000000001000fd43d3f1403000000ff300000f4276000110445a8")


class MaxtrackDevice(Device):
    """Reports a recorded position, and needs no login: every frame names it."""

    def report(self, now: datetime) -> list[Datum]:
        """Where a unit was once."""
        return [Datum(build(DESCRIPTOR, POSITION, int(self.device_id), _PAYLOAD))]


def answers(target: Target, text: str, message: Message) -> Match:
    """Taken or not taken, by the target."""
    if message.kind is not Kind.REPLY or message.device_id != target.device_id:
        return Match.NO
    return Match.REFUSED if message.text == "nak" else Match.DONE


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The id of a frame; its checksum is put right."""
    data = content(frame)
    if not old.isdecimal() or not new.isdecimal() or max(int(old), int(new)) >= 1 << 32 or len(data) < 8:
        return frame
    if data[2:6] != int(old).to_bytes(4, "little"):
        return frame
    return build(data[0], data[1], int(new), data[6:-2])


FAMILY = Family(
    name="maxtrack",
    title="Maxtrack MXT-14x",
    sources=(
        "github.com/traccar/traccar: MxtFrameDecoder, MxtProtocolDecoder and their tests (recorded frames)",
        "MXT-1XX Protocol Standard (scribd 544846733): named only, its body could not be read",
    ),
    default_port=5087,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="Maxtrack's reports are public; its configuration messages are in a document that could not be read",
    ids=Ids(r"\d{1,10}", "a unit is known by a number of 32 bits", most=0xFFFFFFFF),
    stream=MaxtrackStream,
    server=MaxtrackStream.from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    raw=Envelope(answers=answers, expects="a frame of type 02 (taken) or 03 (not taken)"),
    emulator=MaxtrackDevice,
)
