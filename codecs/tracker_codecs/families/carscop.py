"""Carscop units, known by their session: `*<yyMMddHHmmss><type><content>^`, text.

UB05 names the unit in 15 characters, then a position; UB00 shakes hands, UD00 and other types carry positions of the
unit that named itself on the link. Nothing is owed in recorded traffic.
Sources: traccar/traccar CarscopProtocol (the end of a frame), CarscopProtocolDecoder and its test (recorded frames
without their ends).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tracker_codecs.contract import Datum, Kind, Limits, Message
from tracker_codecs.delimited import DelimitedStream
from tracker_codecs.device import Device
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 100.
MAX_FRAME = 256
_FRAME = re.compile(rb"\*(\d{12})(U[A-Z]\d{2})([ -)+-\]_-~]*)\^", re.ASCII)
_LOGIN = re.compile(rb"([0-9A-Za-z]{15})\d{6}[AV]", re.ASCII)
_OPENING = re.compile(rb"(?:\*(?:\d{0,11}|\d{12}(?:U(?:[A-Z]\d{0,2})?)?))?", re.ASCII)
_PLACE = re.compile(
    r"(?P<time>\d{6})(?P<fix>[AV])(?P<lat>\d{4}\.\d{4})(?P<ns>[NS])(?P<lon>\d{5}\.\d{4})(?P<ew>[EW])"
    r"(?P<speed>[\d.]{5})(?P<date>\d{6})(?P<course>\d{1,3}\.\d{2}).*",
    re.ASCII,
)


class CarscopStream(DelimitedStream):
    """Cuts what a unit says."""

    __slots__ = ()
    first, last, most = b"*", b"^", MAX_FRAME

    def understand(self, frame: bytes) -> Message | None:
        """See `DelimitedStream`."""
        found = _FRAME.fullmatch(frame)
        if found is None:
            return None
        word, content = found[2].decode(), found[3]
        login = _LOGIN.match(content) if word == "UB05" else None
        if login is not None:
            self.device_id = login[1].decode()
        kind = Kind.LOGIN if login is not None else Kind.HEARTBEAT if word == "UB00" else Kind.REPORT
        return Message(kind, frame, self.device_id, data=(word, content.decode("ascii")))


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a star, a time and a type."""
    first = first.lstrip(b"\r\n")
    if re.match(rb"\*\d{12}U[A-Z]\d{2}", first, re.ASCII):
        return True
    return None if _OPENING.fullmatch(first) else False


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame. A place that is none is told as None."""
    word, content = message.data
    found: dict[str, Any] = {"message": word, "device_id": message.device_id, "sent": message.frame[1:13].decode()}
    place = _PLACE.fullmatch(content[15:] if message.kind is Kind.LOGIN else content)
    if place is None:
        return {**found, "content": clean(content)}
    degrees: dict[str, float | None] = {}
    for name, digits, side, whole in (("latitude", "lat", "ns", 2), ("longitude", "lon", "ew", 3)):
        minutes = float(place[digits][whole:])
        value = int(place[digits][:whole]) + minutes / 60
        degrees[name] = round(-value if place[side] in "SW" else value, 6) if minutes < 60 else None
    told = {name: place[name] for name in ("time", "date", "fix", "speed", "course")}
    return {**found, **told, **degrees}


class Unit(Device):
    """Names itself with each position, and shakes hands."""

    def report(self, now: datetime) -> list[Datum]:
        """A position with its name, in the form of a recorded one."""
        place = f"{now:%H%M%S}A2106.8799S14910.2583E000.0{now:%y%m%d}158.3511111111L000000"
        return [Datum(f"*{now:%y%m%d%H%M%S}UB05{self.device_id}{place}^".encode("ascii"))]

    def heartbeat(self) -> list[Datum]:
        """A handshake, which does not name the unit."""
        return [Datum(b"*170821223045UB00HSO^")]


FAMILY = Family(
    name="carscop",
    title="Carscop and Toptracking CCTR units",
    sources=("github.com/traccar/traccar: CarscopProtocol, CarscopProtocolDecoder and its test",),
    default_port=5040,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported=(
        "Carscop's reports are public, no command over its link is; sister models take text messages of their own"
    ),
    stream=CarscopStream,
    recognise=recognise,
    fields=fields,
    emulator=Unit,
)
