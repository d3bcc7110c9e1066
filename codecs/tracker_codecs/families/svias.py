"""Frames of Svias units: cutting, what is owed, and what they say.

`[<hardware>,<software>,<index>,<id>,<hours>,<date>,<time>,<latitude>,<longitude>,...]`, all whole numbers: date and
time are ddmmyy and hhmmss without leading zeros, a place is degrees, two digits of minutes and five of their
fraction. Each frame is owed `@`. Commands are `AT+<word>=<arguments>*`. Nothing has a checksum.
Sources: traccar/traccar Svias frame decoder, decoder, encoder and their tests (recorded frames, whose end is cut
there).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from tracker_codecs.contract import (
    Datum,
    Event,
    Kind,
    Limits,
    Message,
    Target,
)
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, no_reply
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have about 110.
MAX_FRAME = 1024
OWED = b"@"
_FRAME = re.compile(rb"\[(\d{4}),(\d{4}),(\d{1,10}),(\d{5,15}),([\d,.A-Za-z-]*)\]", re.ASCII)
_BEGUN = re.compile(rb"\[[\d,.A-Za-z-]*", re.ASCII)
_OPENING = re.compile(
    rb"\[(?:\d{0,4}|\d{4},(?:\d{0,4}|\d{4},(?:\d{0,10}|\d{1,10},(?:\d{0,15}|\d{5,15},(?:\d{0,10}|\d{1,10},\d{0,6})))))"
)
_HEAD = re.compile(rb"\[\d{4},\d{4},\d{1,10},\d{5,15},\d{1,10},\d{5,6},", re.ASCII)
_NAMES = ("hour_meter", "date_dmmyy", "time_hmmss", "latitude", "longitude", "speed_raw", "course_raw", "odometer_raw")


class SviasStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[\[\r\n@A]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] in b"\r\n":
            return pos + 1
        if self.server:
            return self._command(buf, pos, events)
        found = _FRAME.match(buf, pos, pos + MAX_FRAME)
        if found is None:
            return MORE if len(buf) - pos < MAX_FRAME and _BEGUN.fullmatch(buf, pos) else NO_FRAME
        self.device_id = found[4].decode("ascii")
        events.append(Message(Kind.REPORT, found[0], self.device_id, OWED))
        return found.end()

    @staticmethod
    def _command(buf: bytes, pos: int, events: list[Event]) -> int:
        end = pos + 1 if buf[pos : pos + 1] == OWED else buf.find(b"*", pos, pos + MAX_FRAME) + 1
        if not end:
            return MORE if len(buf) - pos < MAX_FRAME else NO_FRAME
        events.append(Message(Kind.OTHER, buf[pos:end]))
        return end


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    found = _FRAME.fullmatch(message.frame)
    if found is None:
        return {"message": "ack" if message.frame == OWED else "command", "text": clean(message.frame)}
    hardware, software, index, device, rest = (clean(part, MAX_FRAME) for part in found.groups())
    cells = rest.split(",")
    told: dict[str, Any] = {"message": "report", "hardware": hardware, "software": software, "index": index}
    told |= {"device_id": device, **dict(zip(_NAMES, cells, strict=False))}
    for name in ("latitude", "longitude"):
        place = re.fullmatch(r"(-?)(\d{1,3})(\d{7})", told.get(name, ""), re.ASCII)
        if place is not None:
            degrees = int(place[2]) + int(place[3]) / 6_000_000
            told[name] = round(-degrees if place[1] else degrees, 7)
    return told | {"more": cells[len(_NAMES) :]}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a bracket, two numbers of four digits, an index, an id, hours, a date."""
    if _HEAD.match(first):
        return True
    return None if not first or _OPENING.fullmatch(first) else False


_COMMAND = re.compile(r"[ -)+-~]{1,200}\*?", re.ASCII)


class SviasDevice(Device):
    """Reports as recorded."""

    def report(self, now: datetime) -> list[Datum]:
        """A position; days, months and hours have no leading zero."""
        day, time = int(f"{now:%d%m%y}"), int(f"{now:%H%M%S}")
        rest = "-93155840,-371754060,0,20469,0,16,1,0,0,11323,100,9,,32,4695"
        return [Datum(f"[7061,3041,57,{self.device_id},710,{day},{time},{rest}]".encode("ascii"))]


def wrap(target: Target, text: str) -> bytes:
    """`AT+STR=1`: the command as it stands; its end, `*`, is added where it lacks."""
    line = text.strip()
    if not _COMMAND.fullmatch(line):
        raise LocalError("a command is 1 to 200 printable ASCII characters and a * at its end", parameter="command")
    return f"{line.removesuffix('*')}*".encode("ascii")


FAMILY = Family(
    name="svias",
    title="Svias units",
    sources=("github.com/traccar/traccar: Svias decoder, encoder and their tests (recorded frames)",),
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the reports of Svias' units are public, no command that sets the interval is",
    stream=SviasStream,
    server=SviasStream.from_server,
    recognise=recognise,
    fields=fields,
    raw=Envelope(wrap=wrap, answers=no_reply, expects="nothing: no answer to a command is public"),
    emulator=SviasDevice,
)
