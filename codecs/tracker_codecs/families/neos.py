"""NEO-S datagrams: who it is, what is owed, and what they say.

`><id of 8 digits>,<status>,<valid 0/1>,<yymmdd>,<hhmmss>,<W|E dddmm.mmmm>,<S|N ddmm.mmmm>,<response>,<speed>,<course>,
<signal>,<event data>,<adc>-<battery>,0,<d>,<8 binary inputs>*xx!`, at times with CR LF behind it. What xx is computed
from is not public: it is neither the XOR nor the sum of the recorded line, and is not checked. Every message is owed
`$OK!`.

Source: traccar/traccar NeosProtocolDecoder and its test (one recorded message).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tracker_codecs.contract import Datum, Event, Ids, Kind, Limits, Message, Stream, Transport
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.family import Family
from tracker_codecs.geo import from_minutes
from tracker_codecs.text import clean

#: Longest datagram taken, in bytes; the recorded one has 91.
MAX_FRAME = 1024
OWED = b"$OK!"
_MESSAGE = re.compile(rb">([0-9]{8}),([ -~]{0,900})\*([0-9A-Fa-f]{2})!(?:\r\n)?", re.ASCII)
_NAMES = (
    *("status", "valid", "date_yymmdd", "time_hhmmss", "longitude", "latitude", "response", "speed", "course"),
    *("signal", "event_data", "adc_battery"),
)


class NeosStream(Stream):
    """One datagram a call."""

    __slots__ = ()

    @property
    def buffered(self) -> int:
        """Nothing: a datagram is whole."""
        return 0

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """The message of a datagram, or why it is none."""
        found = _MESSAGE.fullmatch(data)
        if found is None:
            wrong = "bytes that are no message of the protocol"
            return [PeerError(wrong, discarded=data[:64])] if data else []
        self.device_id = found[1].decode("ascii")
        return [Message(Kind.REPORT, data, self.device_id, OWED, data=found[2])]


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a message, or of the answer to one. A place that is none is told as None."""
    if message.frame == OWED:
        return {"message": "ack"}
    cells = clean(message.data, 1000).split(",")
    found: dict[str, Any] = {"device_id": message.device_id, **dict(zip(_NAMES, cells, strict=False))}
    for name in ("longitude", "latitude"):
        if name in found:
            found[name] = from_minutes(found[name][1:], found[name][:1])
    if "valid" in found:
        found["valid"] = found["valid"] == "1"
    if len(cells) > len(_NAMES) + 2:
        found["inputs"] = cells[len(_NAMES) + 2]
    return found


class NeosDevice(Device):
    """Reports the recorded place; the two digits at the end are the recorded ones, for nobody can compute them."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        place = "W05829.2613,S3435.2313,,00,034,25,00,126-000,0,3,11111111*2d!"
        return [Datum(f">{self.device_id},1,1,{now:%y%m%d,%H%M%S},{place}".encode("ascii"))]


def recognise(first: bytes) -> bool | None:
    """A whole message."""
    return any(isinstance(event, Message) for event in NeosStream().feed(first))


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """The answer to a message."""
    return [Message(Kind.OTHER, data)] if data == OWED else []


FAMILY = Family(
    name="neos",
    title="AVLSAT NEO-S",
    sources=("github.com/traccar/traccar: NeosProtocolDecoder and its test (one recorded message)",),
    transports=frozenset({Transport.UDP}),
    default_port=5183,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the reports of the NEO-S are public, no server command is",
    ids=Ids(r"\d{8}", "a unit is known by 8 digits"),
    stream=NeosStream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    emulator=NeosDevice,
)
