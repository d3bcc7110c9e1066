"""Frames of WondeX units: cutting, building, and what they say.

Text lines that end with CR LF: positions `<id>,<yyyyMMddhhmmss>,<longitude>,<latitude>,<speed>,<heading>,<altitude>,
<satellites>,<report>[,...]`, answers `$OK:<command>[=...]` and `$ERR:<command>=<code>`, and `$MSG:`. Between them
keep-alives of eight bytes: D0 D7, a sequence of 16 bits, the id of 32 bits little endian; they are owed back as they
came. Nothing has a checksum, and answers name nobody. Commands are `$WP+<command>=<password>[,...]` CR LF.
Sources: traccar/traccar Wondex frame decoder, decoder and their tests (recorded frames); public clients that hold the
literal `$WP+TRACK`.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.text import clean

#: Longest line taken, in bytes; recorded ones have about 80.
MAX_FRAME = 512
KEEP_ALIVE = b"\xd0\xd7"
_ALIVE = 8
_POSITION = re.compile(rb"(\d{5,15}),(\d{14}),([ -~]*)", re.ASCII)
_SAID = re.compile(rb"\$(OK|ERR|MSG):([ -~]*)", re.ASCII)
_ORDER = re.compile(rb"\$WP\+([A-Z0-9]+)=([ -~]*)", re.ASCII)
_BEGUN = re.compile(rb"\$[ -~]*\r?|\d{1,15}(?:,[ -~]*)?\r?", re.ASCII)
_NAMES = ("longitude", "latitude", "speed_kmh", "course", "altitude_m", "satellites", "report")


def line(text: str) -> bytes:
    """A line to the unit."""
    return text.encode("ascii") + b"\r\n"


class WondexStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[\d$\xd0\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        first = buf[pos]
        if first == KEEP_ALIVE[0]:
            if not KEEP_ALIVE.startswith(buf[pos : pos + 2]):
                return NO_FRAME
            if len(buf) - pos < _ALIVE:
                return MORE
            events.append(self._alive(buf[pos : pos + _ALIVE]))
            return pos + _ALIVE
        if first in b"\r\n":
            return pos + 1
        end = buf.find(b"\n", pos, pos + MAX_FRAME)
        if end < 0:
            return MORE if len(buf) - pos < MAX_FRAME and _BEGUN.fullmatch(buf, pos) else NO_FRAME
        message = self._line(buf[pos : end + 1])
        if message is None:
            return NO_FRAME
        events.append(message)
        return end + 1

    def _alive(self, frame: bytes) -> Message:
        """A keep-alive; the id of a line, which may be longer than 32 bits tell, stands."""
        if self.server:
            return Message(Kind.OTHER, frame, data=("alive", ""))
        if self.device_id is None:
            self.device_id = str(int.from_bytes(frame[4:], "little"))
        return Message(Kind.HEARTBEAT, frame, self.device_id, frame, data=("alive", ""))

    def _line(self, frame: bytes) -> Message | None:
        text = frame[:-1].removesuffix(b"\r")
        if self.server:
            order = _ORDER.fullmatch(text)
            return order and Message(Kind.OTHER, frame, data=("order", order[1].decode("ascii")))
        found = _POSITION.fullmatch(text)
        if found is not None:
            self.device_id = found[1].decode("ascii")
            return Message(Kind.REPORT, frame, self.device_id, data=("position", ""))
        said = _SAID.fullmatch(text)
        if said is None:
            return None
        kind = Kind.OTHER if said[1] == b"MSG" else Kind.REPLY
        word = re.split(r"[=,]", said[2].decode("ascii"), maxsplit=1)[0]
        return Message(kind, frame, self.device_id, text=clean(text), data=(said[1].decode("ascii"), word))


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    frame, (what, word) = message.frame, message.data
    if what == "alive":
        number = int.from_bytes(frame[4:], "little")
        return {"message": "keep_alive", "sequence": int.from_bytes(frame[2:4], "little"), "device_id": str(number)}
    text = frame.rstrip(b"\r\n").decode("ascii")
    if what == "position":
        cells = text.split(",")
        found: dict[str, Any] = {"message": "position", "device_id": cells[0], "time_yyyymmddhhmmss": cells[1]}
        found |= {name: _number(clean(cell)) for name, cell in zip(_NAMES, cells[2:], strict=False)}
        return found | {"extra": [clean(cell) for cell in cells[9:]]}
    if what == "order":
        return {"message": "command", "command": word, "arguments": [clean(cell) for cell in text.split(",")[1:]]}
    names = {"OK": "accepted", "ERR": "refused", "MSG": "message"}
    return {"message": names[what], "command": word, "text": clean(text.partition("=")[2])}


def _number(text: str) -> float | str:
    return float(text) if re.fullmatch(r"-?\d{1,10}(?:\.\d{1,10})?", text, re.ASCII) else text


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a keep-alive. Positions are those of IntelliTrac units to the letter and tell nothing:
    a unit that opens with one needs a port of its family alone.
    """
    return None if len(first) < 2 and KEEP_ALIVE.startswith(first) else first.startswith(KEEP_ALIVE)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The id of a position or a keep-alive."""
    if frame[:2] == KEEP_ALIVE and frame[4:] == int(old).to_bytes(8, "little")[:4]:
        return frame[:4] + int(new).to_bytes(8, "little")[:4]
    return frame.replace(old.encode("ascii"), new.encode("ascii"))
