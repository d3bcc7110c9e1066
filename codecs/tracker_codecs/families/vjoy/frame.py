"""Frames of Kingneed and VJoy units: `(<id>,<type>,...)`, text between `$`; commands `[begin]sms2,<text>,[end]`.

The id has 11 to 15 digits, the type four characters: DW30, DW3B and DW51 are positions, ZC20 the battery, ZC03 a text
that answers a command. A DW frame without a fix (recorded: DW50) tells numbers and networks instead. A text may hold
brackets, so a frame with one ends at `$)`. Nothing is owed in recorded traffic.
There is no checksum and no number.
Sources: traccar/traccar Tk103ProtocolDecoder, Tk103ProtocolEncoder and their tests; garyvdm/trackers (tkstorage and its
test: recorded frames and notices).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; the status text, the longest that is known, has about 250.
MAX_FRAME = 1024
_FRAME = re.compile(rb"\((\d{11,15}),([A-Z]{2}[0-9A-Z]{2})((?:,.*)?)\)", re.ASCII | re.DOTALL)
_HEAD = re.compile(rb"\(\d{11,15},[A-Z]{2}", re.ASCII)
#: `(`, 15 digits, a comma, two letters.
_LONGEST_HEAD = 19
_TEXT = re.compile(r"(?P<date>\d{6}),(?P<time>\d{6}),\$(?P<text>.*)\$", re.ASCII | re.DOTALL)
_SERVER = re.compile(rb"\[begin\]sms2,([^\[\]]{0,400}),\[end\]")
_DEGREES = re.compile(r"\d{4,5}(?:\.\d{0,9})?", re.ASCII)
_SIDES = frozenset("NSEW")
_DIGITS = re.compile(r"\d{6}", re.ASCII)
_POSITION = ("date", "fix", "latitude", "longitude", "speed", "time", "course", "altitude_m", "satellites")
_TOLD: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("check_min", re.compile(r"Check interval is set to (\d{1,6}) minute", re.ASCII)),
    ("rsampling_s", re.compile(r"Track sampling interval is (\d{1,6}) second", re.ASCII)),
    ("rupload_s", re.compile(r"Upload time interval is set to (\d{1,6}) second", re.ASCII)),
    ("battery_percent", re.compile(r"Power: (\d{1,3})%", re.ASCII)),
)


def seal(command: str) -> bytes:
    """The server's frame around a command such as `*status*`."""
    return f"[begin]sms2,{command},[end]".encode("ascii")


class VjoyStream(Cutter):
    """Cuts what a unit says."""

    __slots__ = ()
    starts = re.compile(rb"[(\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`; line ends are passed over."""
        if buf[pos] in b"\r\n":
            return pos + 1
        if _HEAD.match(buf, pos) is None:
            return MORE if may_begin(buf[pos : pos + _LONGEST_HEAD]) else NO_FRAME
        stop = _end(buf, pos)
        if stop < 0:
            return MORE if len(buf) - pos < MAX_FRAME else NO_FRAME
        found = _FRAME.fullmatch(buf, pos, stop)
        if found is None or _HEAD.search(buf, pos + 1, stop):
            return NO_FRAME
        events.append(self._message(buf[pos:stop], found))
        return stop

    def _message(self, frame: bytes, found: re.Match[bytes]) -> Message:
        self.device_id = found[1].decode()
        word = found[2].decode()
        if word == "ZC03":
            told = _TEXT.fullmatch(found[3][1:].decode("latin-1"))
            text = told["text"] if told else ""
            return Message(Kind.REPLY, frame, self.device_id, text=clean(text), data=(word, text))
        kind = Kind.REPORT if word.startswith("DW") else Kind.OTHER
        return Message(kind, frame, self.device_id, data=(word, ""))


def _end(buf: bytes, pos: int) -> int:
    """Where the frame at `pos` ends; -1 where it does not yet."""
    limit = pos + MAX_FRAME
    bracket, quote = buf.find(b")", pos, limit), buf.find(b"$", pos, limit)
    if quote >= 0 and (bracket < 0 or quote < bracket):
        closed = buf.find(b"$)", quote + 1, limit)
        return closed + 2 if closed >= 0 else -1
    return bracket + 1 if bracket >= 0 else -1


def may_begin(part: bytes) -> bool:
    """Whether bytes shorter than a head could grow into one."""
    return re.fullmatch(rb"\((?:\d{0,15}|\d{11,15},[A-Z]?)", part, re.ASCII) is not None


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a bracket, 11 to 15 digits, a comma and a type of four characters."""
    first = first.lstrip(b"\r\n")
    if not first:
        return None
    if re.match(rb"\(\d{11,15},[A-Z]{2}[0-9A-Z]{2}[,)]", first, re.ASCII):
        return True
    partly = re.fullmatch(rb"\((?:\d{0,15}|\d{11,15},(?:[A-Z]{0,2}|[A-Z]{2}[0-9A-Z]{1,2}))", first, re.ASCII)
    return None if partly else False


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. A place that is none is told as None."""
    if message.frame.startswith(b"["):
        return {"message": "command", "text": clean(message.data[1])}
    word, text = message.data
    found: dict[str, Any] = {"message": word, "device_id": message.device_id}
    if word == "ZC03":
        return {**found, "text": clean(text, MAX_FRAME), **told(text)}
    cells = clean(message.frame[1:-1], MAX_FRAME).split(",")[2:]
    if word == "ZC20" and len(cells) > 2:
        return {**found, "date": cells[0], "time": cells[1], "battery_level": cells[2], "values": cells[3:]}
    if not word.startswith("DW"):
        return {**found, "values": cells}
    if cells[1:2] not in ([], ["A"], ["V"]):
        return {**found, **_surroundings(cells)}
    found |= dict(zip(_POSITION, cells, strict=False))
    for name, degrees in (("latitude", 2), ("longitude", 3)):
        if name in found:
            found[name] = _place(found[name], degrees)
    return found


def _place(text: str, degrees: int) -> float | None:
    """Degrees of `ddmm.mmmmN` with so many digits of whole degrees; None for a text that is none."""
    digits, side = text[:-1], text[-1:]
    if not _DEGREES.fullmatch(digits) or side not in _SIDES:
        return None
    value = int(digits[:degrees]) + float(digits[degrees:]) / 60
    return round(-value if side in ("S", "W") else value, 6)


def _surroundings(cells: list[str]) -> dict[str, Any]:
    """A report without a fix, such as DW50: date and time stand last, what comes before them is told as it is."""
    if len(cells) > 2 and _DIGITS.fullmatch(cells[-2]) and _DIGITS.fullmatch(cells[-1]):
        return {"date": cells[-2], "time": cells[-1], "values": cells[:-2]}
    return {"values": cells}


def told(text: str) -> dict[str, Any]:
    """What a notice or a status text says of intervals and of tracking (`routetrack`: always, hours, or False)."""
    found: dict[str, Any] = {}
    for name, pattern in _TOLD:
        if seen := pattern.search(text):
            found[name] = int(seen[1])
    if "ended check function" in text:
        found["check"] = False
    if "ended routetrack function" in text:
        found["routetrack"] = False
    elif seen := re.search(r"(?:entered routetrack function for |Routetrack.*Period is set to )(\d{1,3})", text):
        found["routetrack"] = "always" if seen[1] == "99" else int(seen[1])
    elif "Routetrack function is set to always on" in text:
        found["routetrack"] = "always"
    return found


def from_server(data: bytes, channel: str = "") -> Sequence[Event]:
    """Commands of a server in these bytes."""
    events: list[Event] = []
    at = 0
    for found in _SERVER.finditer(data):
        if data[at : found.start()].strip():
            events.append(PeerError("bytes that are no command", discarded=data[at : found.start()][:64]))
        events.append(Message(Kind.OTHER, found[0], data=("sms2", found[1].decode("latin-1"))))
        at = found.end()
    if data[at:].strip():
        events.append(PeerError("bytes that are no command", discarded=data[at:][:64]))
    return events
