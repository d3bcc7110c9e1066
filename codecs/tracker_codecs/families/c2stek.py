"""C2STEK FL units, known by their session, over TCP.

`PA$<imei>$...$AP`. Position: `D#<date>#<hhmmss>#<fix>#<latitude>#<longitude>#<km/h>#<course>#<altitude>#<battery mV>#
<geofence alarm>#<alarm>[#<state>...]`, heartbeat: `20`, which is owed the very same frame; positions are owed
nothing. No checksum. The public decoder reads the date as yymmdd; the recorded value does not exclude ddmmyy, so it
is told as it is.

Source: traccar/traccar C2stekFrameDecoder, C2stekProtocolDecoder and their tests (recorded frames).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tracker_codecs.contract import Datum, Event, Kind, Limits, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.family import Family
from tracker_codecs.text import clean

MAX_FRAME = 1024
_FRAME = re.compile(rb"PA\$([0-9]{15})\$([ -~]{1,1000}?)\$AP", re.ASCII)
#: A beginning of a frame, as far as the device's id tells.
_BEGUN = re.compile(rb"P(?:A(?:\$(?:[0-9]{0,14}|[0-9]{15}(?:\$[ -~]*)?))?)?", re.ASCII)
_NAMES = (
    *("date", "time_hhmmss", "fix", "latitude", "longitude", "speed_kmh", "course", "altitude_m", "battery_mv"),
    *("geofence_alarm", "alarm"),
)
_NUMBERS = {"latitude", "longitude", "speed_kmh", "course", "altitude_m"}
_NUMBER = re.compile(r"[-+]?\d{1,9}(?:\.\d{1,12})?", re.ASCII)


class C2stekStream(Cutter):
    """Cuts the device's side of a link."""

    __slots__ = ()
    starts = re.compile(rb"P(?:A\$|A?\Z)|[\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`; line ends between frames are passed over."""
        if buf[pos] in b"\r\n":
            return pos + 1
        found = _FRAME.match(buf, pos, pos + MAX_FRAME)
        if found is None:
            short = len(buf) - pos < MAX_FRAME
            return MORE if short and _BEGUN.fullmatch(buf, pos) else NO_FRAME
        frame, body = found[0], found[2]
        if b"PA$" in body:
            return NO_FRAME  # it broke off, and another frame follows: whose end this is, and whose sender
        self.device_id = found[1].decode("ascii")
        if body == b"20":
            events.append(Message(Kind.HEARTBEAT, frame, self.device_id, frame, data=body))
        else:
            kind = Kind.REPORT if body.startswith(b"D#") else Kind.OTHER
            events.append(Message(kind, frame, self.device_id, data=body))
        return found.end()


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: the beginning of a frame, with the device's id."""
    if re.match(rb"PA\$[0-9]{15}\$", first, re.ASCII):
        return True
    return None if not first or _BEGUN.fullmatch(first) else False


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame. A number that is none is told as None."""
    found: dict[str, Any] = {"device_id": message.device_id, "message": message.kind.value}
    if message.kind is not Kind.REPORT:
        return {**found, "text": clean(message.data)}
    cells = clean(message.data[2:], 1000).split("#")
    for name, cell in zip(_NAMES, cells, strict=False):
        if name in _NUMBERS:
            found[name] = float(cell) if _NUMBER.fullmatch(cell) else None
        else:
            found[name] = cell
    return {**found, "state": cells[len(_NAMES) :]}


class Unit(Device):
    """Reports and keeps alive; every frame names it."""

    def report(self, now: datetime) -> list[Datum]:
        """A position, dated as the public decoder reads it."""
        place = "1#22.537222#114.020948#0.00#0.0#42.1#4183#011#1#101"
        return [self._say(f"D#{now:%y%m%d#%H%M%S}#{place}")]

    def heartbeat(self) -> list[Datum]:
        """A heartbeat."""
        return [self._say("20")]

    def _say(self, body: str) -> Datum:
        return Datum(f"PA${self.device_id}${body}$AP".encode("ascii"))


FAMILY = Family(
    name="c2stek",
    title="C2STEK FL10 and FL2000G",
    sources=(
        "github.com/traccar/traccar: C2stekFrameDecoder, C2stekProtocolDecoder and their tests (recorded frames)",
    ),
    default_port=5181,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the reports of C2STEK's units are public, no server command is",
    stream=C2stekStream,
    server=C2stekStream.from_server,  # heartbeats said back: the same frames
    recognise=recognise,
    fields=fields,
    emulator=Unit,
)
