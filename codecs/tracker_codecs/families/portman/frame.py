"""Lines of Portman units: cutting, and what they say.

`$PTMLA,`, `$EXT,` or `%%`, then `<id>,<validity>,<yyMMddhhmmss>,<place>,<speed>,<course>,...` and a line end; a place
is `N2543.0681W10009.2974`, degrees and minutes. Nothing is owed, nothing has a checksum. Commands are `&&<id>,<word>`
CR LF.
Sources: traccar/traccar Portman protocol, decoder, encoder and their tests (recorded lines).
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
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

    __slots__ = ("_server",)
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[$%&\r\n]")

    def __init__(self, *, server: bool = False) -> None:
        super().__init__()
        self._server = server

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] in b"\r\n":
            return pos + 1
        found = (_COMMAND if self._server else _LINE).match(buf, pos, pos + MAX_FRAME)
        if found is None:
            return MORE if len(buf) - pos < MAX_FRAME and _BEGUN.fullmatch(buf, pos) else NO_FRAME
        if not self._server and _HEAD.search(found[5]):
            return NO_FRAME  # it broke off, and another line follows
        if self._server:
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
