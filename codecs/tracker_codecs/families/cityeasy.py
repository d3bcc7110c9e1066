"""Frames of Cityeasy units: cutting, building, and what they say.

Device: `TT`, length u16 of the whole frame, the first 14 digits of the IMEI as BCD, type u16, content, serial u32,
check u16, CR LF. Server: `SS`, length, type, content, serial, CRC-16/KERMIT over all before it, CR LF; no IMEI.
Big-endian, no escapes. The check of the device's frames is not public (no common CRC-16 fits the recorded ones), so a
frame is known by its length, its digits and its end only. Nothing is owed.
Source: traccar/traccar, CityeasyProtocolDecoder, CityeasyProtocolEncoder and their tests (recorded frames).

The emulator: a believable Cityeasy unit: asks for an address, reports its place, takes a location interval without a
word.

What a unit says to commands is not public, so it says nothing to them. The check of its frames is 0.
"""

from __future__ import annotations

import re
import struct
from datetime import datetime
from typing import Any, ClassVar

from fastcrc import crc16

from tracker_codecs import interval
from tracker_codecs.contract import Capability, Checksum, Datum, Event, Kind, Limits, Message, Strength, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.interval import FIELD, IntervalDevice
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 133.
MAX_FRAME = 1024
END = b"\r\n"
INTERVAL = 0x0005
_KINDS = {1: Kind.LOGIN, 2: Kind.HEARTBEAT, 3: Kind.REPORT, 4: Kind.REPLY}
_NAMES = {
    1: "address request",
    2: "status",
    3: "location report",
    4: "location request",
    5: "location interval",
    6: "phone number",
    7: "monitoring",
    8: "time zone",
}
#: Bytes of a frame without content, and its head without the two letters.
_DEVICE, _SERVER = 21, 14
_HEAD = struct.Struct(">H7sH")
_DEGREES = re.compile(r"-?\d{1,3}(?:\.\d{1,12})?", re.ASCII)
_PLACE = (
    "time_yyyymmddhhmmss",
    "valid",
    "satellites",
    "north",
    "latitude",
    "east",
    "longitude",
    "speed",
    "hdop",
    "altitude",
)


def build(kind: int, content: bytes, serial: int) -> bytes:
    """A frame of the server; `kind` 0 to 65535, `serial` 0 to 2^32 - 1."""
    body = struct.pack(">2sHH", b"SS", _SERVER + len(content), kind) + content + struct.pack(">I", serial)
    return body + crc16.kermit(body).to_bytes(2) + END


def build_device(device_id: str, kind: int, content: bytes, serial: int) -> bytes:
    """A frame of a device, with a check of 0: nobody knows the right one."""
    head = b"TT" + _HEAD.pack(_DEVICE + len(content), bytes.fromhex(device_id), kind)
    return head + content + struct.pack(">IH", serial, 0) + END


class CityeasyStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server.

    A message's `data` is (type, content, serial).
    """

    __slots__ = ("_start",)
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[ST]")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._start = b"SS" if self.server else b"TT"

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if not self._start.startswith(buf[pos : pos + 2]):
            return NO_FRAME
        if len(buf) - pos < 4:
            return MORE
        size = buf[pos + 2] << 8 | buf[pos + 3]
        if not (_SERVER if self.server else _DEVICE) <= size <= MAX_FRAME:
            return NO_FRAME
        if not self.server and not _decimal(buf[pos + 4 : pos + 11]):
            return NO_FRAME
        if len(buf) - pos < size:
            return MORE
        frame = buf[pos : pos + size]
        message = self._message(frame) if frame[-2:] == END else None
        if message is None:
            return NO_FRAME
        events.append(message)
        return pos + size

    def _message(self, frame: bytes) -> Message | None:
        serial = int.from_bytes(frame[-8:-4])
        if self.server:
            if crc16.kermit(frame[:-4]) != int.from_bytes(frame[-4:-2]):
                return None
            data = (int.from_bytes(frame[4:6]), frame[6:-8], serial)
            return Message(Kind.OTHER, frame, checksum=Checksum.OK, data=data)
        _, digits, kind = _HEAD.unpack_from(frame, 2)
        self.device_id = digits.hex()
        content = frame[13:-8]
        text = clean(content) if kind == 4 else ""
        return Message(_KINDS.get(kind, Kind.OTHER), frame, self.device_id, text=text, data=(kind, content, serial))


def _decimal(digits: bytes) -> bool:
    return not digits or digits.hex().isdecimal()


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. A place that is none is told as None."""
    kind, content, serial = message.data
    found: dict[str, Any] = {
        "message": _NAMES.get(kind, "unknown"),
        "type": f"0x{kind:04X}",
        "serial": serial,
        "length": len(message.frame),
        "content_hex": content.hex(),
    }
    if message.frame[:2] == b"SS":
        if kind == INTERVAL and len(content) == 2:
            found["interval"] = int.from_bytes(content)
        return found
    found["device_id"] = message.device_id
    return found | (_place(content) if kind in (3, 4) else {})


def _place(content: bytes) -> dict[str, Any]:
    place, _, cells = clean(content, MAX_FRAME).partition(";")
    found: dict[str, Any] = {"cells": cells.split(",")}
    if not place:
        return found
    found |= dict(zip(_PLACE, place.split(","), strict=False))
    for name, side, negative in (("latitude", "north", "S"), ("longitude", "east", "W")):
        value = float(found[name]) if _DEGREES.fullmatch(found.get(name, "")) else None
        found[name] = -value if value is not None and found.get(side) == negative else value
    return found


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `TT`, a sound length, 14 decimal digits."""
    if not b"TT".startswith(first[:2]):
        return False
    if len(first) < 11:
        return None if _decimal(first[4:]) and first[2:3] <= b"\x04" else False
    return _DEVICE <= int.from_bytes(first[2:4]) <= MAX_FRAME and _decimal(first[4:11])


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`. The check of a device's frame is left as it is: nobody knows the right one."""
    return frame[:4] + frame[4:11].replace(bytes.fromhex(old), bytes.fromhex(new)) + frame[11:]


_TEXT = re.compile(r"([0-9A-Fa-f]{4})(?: ((?:[0-9A-Fa-f]{2}){1,200}))?", re.ASCII)


def wrap(target: Target, text: str) -> bytes:
    """A frame of type and content in hexadecimal digits, as `0008 000168`. Raises LocalError for another text."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise LocalError("a command is a type of four hexadecimal digits, and its content", parameter="command")
    return build(int(found[1], 16), bytes.fromhex(found[2] or ""), target.serial & 0xFFFFFFFF)


RAW = Envelope(wrap=wrap, timeout=30.0)
SET_INTERVAL = f"{INTERVAL:04x} {{:04x}}"


class CityeasyEmulator(IntervalDevice):
    """One unit; see the module."""

    ears = CityeasyStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self._serial = 0

    def _say(self, kind: int, content: bytes) -> list[Datum]:
        self._serial += 1
        return [Datum(build_device(self.device_id, kind, content, self._serial))]

    def login(self) -> list[Datum]:
        """The request for an address."""
        return self._say(1, b"")

    def heartbeat(self) -> list[Datum]:
        """The recorded status."""
        return self._say(2, bytes.fromhex("52070410"))

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = f"{now:%Y%m%d%H%M%S},A,4,N,22.537228,E,114.022774,0.1,1.9,50.6;460,0,10173,4652,41"
        return self._say(3, place.encode("ascii"))

    def hear(self, message: Message) -> list[Datum]:
        """Takes the location interval; 0 stops the reports."""
        kind, content, _ = message.data
        if kind == INTERVAL and len(content) == 2:
            self.obey(FIELD, int.from_bytes(content))
        return []


FAMILY = Family(
    name="cityeasy",
    title="Cityeasy",
    sources=("github.com/traccar/traccar: CityeasyProtocolDecoder, CityeasyProtocolEncoder and their tests",),
    default_port=5088,
    limits=Limits(max_frame=MAX_FRAME, idle=600.0, reply_timeout=30.0),
    acknowledgement_proves="nothing: no answer to the interval is public; only that it was sent",
    variants={
        "standard": {interval.FIELD: Capability(Strength.WRITTEN, "no answer to it is public", experimental=True)}
    },
    unsupported="no public command of these units carries it",
    stream=CityeasyStream,
    server=CityeasyStream.from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    check=interval.within(1, 65535),
    apply=interval.through(RAW, SET_INTERVAL, answered=False),
    raw=RAW,
    emulator=CityeasyEmulator,
)
