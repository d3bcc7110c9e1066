"""Lines of Portman units: cutting, and what they say.

`$PTMLA,`, `$EXT,` or `%%`, then `<id>,<validity>,<yyMMddhhmmss>,<place>,<speed>,<course>,...` and a line end; a place
is `N2543.0681W10009.2974`, degrees and minutes. Nothing is owed, nothing has a checksum. Commands are `&&<id>,<word>`
CR LF.
Sources: traccar/traccar Portman protocol, decoder, encoder and their tests (recorded lines).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from tracker_codecs.contract import (
    Datum,
    Event,
    Ids,
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

#: Longest line taken, in bytes; recorded ones have about 100.
MAX_FRAME = 1024
_LINE = re.compile(rb"(\$PTMLA,|\$EXT,|%%)([0-9A-Za-z]{4,20}),([ABCL]),(\d{12}),([ -~]*)\r?\n", re.ASCII)
_COMMAND = re.compile(rb"&&([0-9A-Za-z]{4,20}),([ -~]*)\r?\n", re.ASCII)
_BEGUN = re.compile(rb"[$%&][ -~]*\r?", re.ASCII)
_OPENING = re.compile(
    rb"(?:\$PTMLA,|\$EXT,|%%)(?:[0-9A-Za-z]{0,20}|[0-9A-Za-z]{4,20},(?:[ABCL](?:,\d{0,12})?)?)", re.ASCII
)
_HEAD = re.compile(rb"(?:\$PTMLA,|\$EXT,|%%)[0-9A-Za-z]{4,20},[ABCL],\d{12},", re.ASCII)
_STARTS = (b"$PTMLA,", b"$EXT,", b"%%")
_PLACE = re.compile(r"([NS])(\d\d)(\d\d\.\d+)([EW])(\d{2,3})(\d\d\.\d+)", re.ASCII)
_MORE = {
    "$PTMLA": ("temperature", "status_hex", "fuel_or_card", "event", "satellites", "odometer_km", "signal"),
    "$EXT": ("temperature", "fuel", "satellites", "signal", "odometer_km", "card", "status_hex", "event"),
}


class PortmanStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[$%&\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] in b"\r\n":
            return pos + 1
        found = (_COMMAND if self.server else _LINE).match(buf, pos, pos + MAX_FRAME)
        if found is None:
            return MORE if len(buf) - pos < MAX_FRAME and _BEGUN.fullmatch(buf, pos) else NO_FRAME
        if not self.server and _HEAD.search(found[5]):
            return NO_FRAME  # it broke off, and another line follows
        if self.server:
            events.append(Message(Kind.OTHER, found[0], found[1].decode("ascii")))
            return found.end()
        self.device_id = found[2].decode("ascii")
        events.append(Message(Kind.REPORT, found[0], self.device_id))
        return found.end()


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a line of either direction."""
    found = _LINE.fullmatch(message.frame)
    if found is None:
        text = message.frame.rstrip(b"\r\n").partition(b",")[2]
        return {"message": "command", "device_id": message.device_id, "text": clean(text)}
    cells = clean(found[5], MAX_FRAME).split(",")
    told: dict[str, Any] = {"message": "report", "device_id": message.device_id, "fix": found[3].decode("ascii")}
    told["time_yymmddhhmmss"] = found[4].decode("ascii")
    names = ("place", "speed_kmh", "course", *_MORE["$EXT" if found[1] == b"$EXT," else "$PTMLA"])
    told |= zip(names, cells, strict=False)
    place = _PLACE.fullmatch(told.get("place", ""))
    if place is not None:
        north, east = int(place[2]) + float(place[3]) / 60, int(place[5]) + float(place[6]) / 60
        told["latitude"] = round(north if place[1] == "N" else -north, 6)
        told["longitude"] = round(east if place[4] == "E" else -east, 6)
    return told | {"more": cells[len(names) :]}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a head, an id, a validity, a time."""
    if _HEAD.match(first):
        return True
    possible = _OPENING.fullmatch(first) or any(start.startswith(first) for start in _STARTS)
    return None if possible else False


_TEXT_COMMAND = re.compile(r"[ -~]{1,200}", re.ASCII)


class PortmanDevice(Device):
    """Reports as recorded."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        rest = "N2543.0681W10009.2974,0,190,NA,C9830000,NA,108,8,2.66,16,GNA"
        return [Datum(f"$PTMLA,{self.device_id},A,{now:%y%m%d%H%M%S},{rest}\r\n".encode("ascii"))]


def wrap(target: Target, text: str) -> bytes:
    """`XA5`: the word of a command."""
    line = text.strip()
    if not _TEXT_COMMAND.fullmatch(line):
        raise LocalError("a command is 1 to 200 printable ASCII characters", parameter="command")
    return f"&&{target.device_id},{line}\r\n".encode("ascii")


FAMILY = Family(
    name="portman",
    title="Portman units",
    sources=("github.com/traccar/traccar: Portman decoder, encoder and their tests (recorded frames)",),
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the reports of Portman's units are public, no command that sets the interval is",
    ids=Ids(r"[0-9A-Za-z]{4,20}", "a unit is known by 4 to 20 letters or digits"),
    stream=PortmanStream,
    server=PortmanStream.from_server,
    recognise=recognise,
    fields=fields,
    raw=Envelope(wrap=wrap, answers=no_reply, expects="nothing: no answer to a command is public"),
    emulator=PortmanDevice,
)
