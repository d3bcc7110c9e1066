"""Frames of Haicom HI-60x units: `$GPRS<imei>,<firmware>,<yyMMdd>,<HHmmss>,<fix and place>,...#V<voltage>*`, text.

The fifth field is one digit of flags, then seven digits of latitude (ddmmmmm) and eight of longitude (dddmmmmm),
minutes in thousandths. Bits of the flag digit: 1 a fix, 2 east, 4 north. Nothing is owed.
Source: traccar/traccar HaicomProtocolDecoder and its test (recorded frames, one of them without its end).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tracker_codecs.contract import (
    Datum,
    Kind,
    Limits,
    Message,
)
from tracker_codecs.delimited import DelimitedStream
from tracker_codecs.device import Device
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 110.
MAX_FRAME = 256
_FRAME = re.compile(rb"\$GPRS(\d{15}),([ -#%-)+-~]*)\*", re.ASCII)


class HaicomStream(DelimitedStream):
    """Cuts what a unit says."""

    __slots__ = ()
    first, last, most = b"$", b"*", MAX_FRAME

    def understand(self, frame: bytes) -> Message | None:
        """See `DelimitedStream`."""
        found = _FRAME.fullmatch(frame)
        if found is None:
            return None
        self.device_id = found[1].decode()
        return Message(Kind.REPORT, frame, self.device_id, data=found[2].decode("ascii"))


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `$GPRS`, an IMEI and a comma."""
    first = first.lstrip(b"\r\n")
    if re.match(rb"\$GPRS\d{15},", first, re.ASCII):
        return True
    if b"$GPRS".startswith(first[:5]) and re.fullmatch(rb"\d{0,15}", first[5:], re.ASCII):
        return None
    return False


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame. A place that is none is told as None."""
    cells = str(message.data).split(",")
    found: dict[str, Any] = {"message": "GPRS", "device_id": message.device_id, "firmware": clean(cells[0])}
    if len(cells) < 6 or not re.fullmatch(r"\d{16}", cells[3], re.ASCII):
        return {**found, "values": [clean(each) for each in cells[1:]]}
    flags, latitude, longitude = int(cells[3][0]), cells[3][1:8], cells[3][8:]
    north, east = (_degrees(each, whole) for each, whole in ((latitude, 2), (longitude, 3)))
    return {
        **found,
        "date": clean(cells[1]),
        "time": clean(cells[2]),
        "fix": bool(flags & 1),
        "latitude": -north if north is not None and not flags & 4 else north,
        "longitude": -east if east is not None and not flags & 2 else east,
        "values": [clean(each) for each in cells[4:]],
    }


def _degrees(digits: str, whole: int) -> float | None:
    minutes = int(digits[whole:]) / 1000
    return round(int(digits[:whole]) + minutes / 60, 6) if minutes < 60 else None


class HaicomDevice(Device):
    """Reports; every frame names the unit."""

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = f"{now:%y%m%d},{now:%H%M%S},5402267400332464,0004,2014,000001,,,1,00#V040"
        return [Datum(f"$GPRS{self.device_id},T100001,{place}*".encode("ascii"))]


FAMILY = Family(
    name="haicom",
    title="Haicom HI-602 and HI-603X",
    sources=("github.com/traccar/traccar: HaicomProtocolDecoder and its test",),
    default_port=5063,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="Haicom's reports are public, no server command of it is",
    stream=HaicomStream,
    recognise=recognise,
    fields=fields,
    emulator=HaicomDevice,
)
