"""AutoFon Mayak beacons, known by their session, over TCP.

The first byte tells a frame's size. Logins: 0x10 (12 bytes: hardware, software, identity, checksum) and 0x41 of model
4.5 (19 bytes: identity at once); the identity is eight bytes BCD, zero and IMEI. Locations: 0x11 (78), 0x12 (257),
0x02 of model 4.5 (34). The last byte is a CRC-8 whose parameters are not public: it is not checked, so locations are
taken behind a login only, where the boundaries are sure. A login is owed the text `resp_crc=` and its own last byte.

Source: traccar/traccar AutoFonFrameDecoder, AutoFonProtocolDecoder and its test (recorded frames).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tracker_codecs.contract import Datum, Event, Ids, Kind, Limits, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.family import Family

#: First byte of a login -> its size, and where the identity begins.
LOGINS = {0x10: (12, 3), 0x41: (19, 1)}
LOCATIONS = {0x02: 34, 0x11: 78, 0x12: 257}
MAX_FRAME = 257
_DIGITS = r"[\x00-\x09\x10-\x19\x20-\x29\x30-\x39\x40-\x49\x50-\x59\x60-\x69\x70-\x79\x80-\x89\x90-\x99]"
_IDENTITY = re.compile((r"[\x00-\x09]" + _DIGITS + "{7}").encode("latin-1"))
#: A recorded location of model 4.5.
_LOCATION = bytes.fromhex("02080000251848470afa010262daa690013aa4046da83745f8812560df010001126a")
_NAMES = {0x10: "login", 0x41: "login", 0x02: "location", 0x11: "location", 0x12: "history"}


def login(data: bytes, pos: int) -> int:
    """The size of the login at `pos`; 0 where none is, -1 where more bytes must come."""
    form = LOGINS.get(data[pos])
    if form is None:
        return NO_FRAME
    size, at = form
    said = data[pos + at : pos + at + 8]
    padded = said + bytes(8 - len(said))
    return NO_FRAME if not _IDENTITY.fullmatch(padded) else size if len(data) - pos >= size else MORE


class AutofonStream(Cutter):
    """Cuts the beacon's side of a link."""

    __slots__ = ()
    starts = re.compile(rb"[\x10\x41]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`."""
        first = buf[pos]
        if first in LOCATIONS and self.device_id is not None and not self._skipping:
            end = pos + LOCATIONS[first]
            if len(buf) < end:
                return MORE
            events.append(Message(Kind.REPORT, buf[pos:end], self.device_id))
            return end
        size = login(buf, pos)
        if size <= 0:
            return size
        frame = buf[pos : pos + size]
        at = LOGINS[first][1]
        name = frame[at : at + 8].hex()[1:]
        if not name.strip("0") or (self._skipping and self.device_id not in (None, name)):
            return NO_FRAME  # nothing proves a login within garbage: it does not change who speaks
        self.device_id = name
        events.append(Message(Kind.LOGIN, frame, self.device_id, b"resp_crc=" + frame[-1:]))
        return pos + size


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a login."""
    if not first:
        return None
    size = login(first, 0)
    return None if size < 0 else size > 0


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """See `Family.server`: answers to logins."""
    return [Message(Kind.OTHER, data, text=data.hex())] if data else []


def fields(message: Message) -> dict[str, Any]:
    """What is public of a frame: a location's contents are told as they are."""
    if message.kind is Kind.OTHER:
        return {"text": message.text}
    frame = message.frame
    found: dict[str, Any] = {"message": _NAMES[frame[0]], "device_id": message.device_id, "type": frame[0]}
    if frame[0] == 0x10:
        return {**found, "hardware": frame[1], "software": frame[2]}
    return found if frame[0] == 0x41 else {**found, "content_hex": frame[1:-1].hex()}


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the identity of a login; its checksum, which nobody can check, stays."""
    if len(old) != 15 or len(new) != 15 or not (old + new).isdecimal() or not frame or frame[0] not in LOGINS:
        return frame
    return frame.replace(bytes.fromhex("0" + old), bytes.fromhex("0" + new), 1)


class Beacon(Device):
    """Logs in and sends a recorded location; the checksum of its login is made up, for nobody can compute it."""

    def login(self) -> list[Datum]:
        """The login of the older models."""
        return [Datum(b"\x10\x55\x61%b\x00" % bytes.fromhex("0" + self.device_id))]

    def report(self, now: datetime) -> list[Datum]:
        """Where a beacon was once."""
        return [Datum(_LOCATION)]


FAMILY = Family(
    name="autofon",
    title="AutoFon Mayak beacons",
    sources=(
        "github.com/traccar/traccar: AutoFonFrameDecoder, AutoFonProtocolDecoder and its test (recorded frames)",
        "AutoFon manuals (mcgrp.ru 157998, manualmachine.com 19667597): commands go by SMS with a password",
    ),
    default_port=5077,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported=(
        "AutoFon beacons tell their timers in a form that is not public, and no server command of theirs is public"
    ),
    ids=Ids("[0-9]{15}", "a beacon is known by its IMEI"),
    stream=AutofonStream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    emulator=Beacon,
)
