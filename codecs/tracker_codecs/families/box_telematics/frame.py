"""Lines of a BOX-tracker: cutting, and what they say.

ASCII lines end with CR; a line feed behind it is passed over. `H` opens a connection and names the unit, `L` is a log,
`E,<n>` ends a batch of logs and is owed `A,<n>`; any other line answers a command. No line has a checksum. Values of
settings that are passwords are blanked where they are cut. On a serial port answers come without a header, and nothing
is owed: a batch confirmed there would be lost to the server it is meant for.
Sources: BOX-tracker Communication Protocol v1.5 (header, logs, commands, CONFIG); traccar/traccar Box decoder and its
tests (line end, A and E, recorded lines).
"""

from __future__ import annotations

import re
from typing import Any

from tracker_codecs.contract import Event, Kind, Message, Transport
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest line taken, in bytes without its end; recorded logs have about 100.
MAX_LINE = 1024
_LINE_END = re.compile(rb"\r")
_HEADER = re.compile(rb"H,(\w{1,16}),(\w{1,20}),(\d{12}),(\w{0,32}),([ -+\--~]{0,32})(?:,([ -~]{0,40}))?", re.ASCII)
_END = re.compile(rb"E,(\d{1,10})", re.ASCII)
_LOG = re.compile(
    r"L,(\d{12}),G,(-?\d{1,3}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+),(\d+)"
    r"(?:;(.*))?",
    re.ASCII,
)
_OTHER_LOG = re.compile(r"L,(\d{12}),(\w+),(.*)", re.ASCII)
_SECRET = re.compile(rb"(\w*(?:PASS|PWD|PIN)\w*)([ ,])(.+)", re.ASCII)
_STATUS = ((1, "ignition"), (2, "moving"), (4, "no_fix"))


class BoxStream(Cutter):
    """Cuts one direction of a TCP link, or of a serial port. `server` is true for what a server sends.

    A line that is none is given up.
    """

    __slots__ = ()
    starts = _LINE_END
    between = b"\n"

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`; behind a line that is too long its end is the next frame."""
        if buf[pos] == 0x0D:
            return pos + 1
        if self._skipping:
            return NO_FRAME
        stop = buf.find(b"\r", pos, pos + MAX_LINE + 1)
        if stop < 0:
            return MORE if len(buf) - pos <= MAX_LINE else NO_FRAME
        events.append(self._line(buf[pos:stop]))
        return stop + 1

    def _line(self, line: bytes) -> Event:
        if not line.isascii() or not line.decode("ascii").isprintable():
            return PeerError("bytes that are no line of text", discarded=line[:64])
        frame, start = line + b"\r", line[:2]
        if self.server:
            return Message(Kind.OTHER, frame, data="server")
        if start == b"L,":
            return Message(Kind.REPORT, frame, self.device_id)
        if start == b"E,":
            end = _END.fullmatch(line)
            if end is None:
                return PeerError("an end mark without a number", discarded=line[:64])
            owed = b"" if self.transport is Transport.SERIAL else b"A,%b\r" % end[1]
            return Message(Kind.OTHER, frame, self.device_id, owed)
        if start == b"H,":
            header = _HEADER.fullmatch(line)
            if header is None:
                return PeerError("a header that is none", discarded=line[:64])
            self.device_id = header[2].decode("ascii")
            return Message(Kind.LOGIN, frame, self.device_id)
        secret = _SECRET.fullmatch(line)
        if secret:
            line = secret[1] + secret[2] + b"***"
            frame = line + b"\r"
        if self.device_id is None and self.transport is not Transport.SERIAL:
            return PeerError("a line before the header", discarded=line[:64])
        return Message(Kind.REPLY, frame, self.device_id, text=clean(line))


def row(text: str) -> tuple[str, str] | None:
    """Name and value of a row of the CONFIG listing; None for another line."""
    name, blank, value = text.partition(" ")
    return (name, value.strip()) if blank and re.fullmatch(r"[A-Z][A-Z0-9_]*", name) else None


def fields(message: Message) -> dict[str, Any]:
    """Everything that a line says. Raises PeerError for a log that is none."""
    line = message.frame.rstrip(b"\r").decode("ascii")
    parts = line.split(",")
    if message.data == "server":
        name = "server_ack" if parts[0] == "A" else "command"
        value = {"value": ",".join(parts[1:])}
        return {"message": name, **value} if name == "server_ack" else {"message": name, "command": parts[0], **value}
    if message.kind is Kind.LOGIN:
        names = ("device_type", "serial", "device_time_yymmddhhmmss", "security_token", "firmware", "sim_number")
        return {"message": "header", **dict(zip(names, parts[1:], strict=False))}
    if message.kind is Kind.OTHER:
        return {"message": "end", "value": parts[1]}
    if message.kind is Kind.REPLY:
        found = row(line)
        return {"message": "reply", "text": message.text, **({"settings": dict([found])} if found else {})}
    log = _LOG.fullmatch(line)
    if log is None:
        other = _OTHER_LOG.fullmatch(line)
        if other is None:
            raise PeerError("a log that is none", discarded=message.frame[:64])
        return {"message": "log_other", "time_yymmddhhmmss": other[1], "item": other[2], "value": clean(other[3])}
    status = int(log[8])
    return {
        "message": "log",
        "time_yymmddhhmmss": log[1],
        "latitude": float(log[2]),
        "longitude": float(log[3]),
        "speed_kmh": float(log[4]),
        "course": float(log[5]),
        "distance_km": float(log[6]),
        "event": int(log[7]),
        "status": status,
        "states": [name for bit, name in _STATUS if status & bit],
        "extra": log[9].split(";") if log[9] else [],
    }


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a link opens with the header line."""
    if not b"H,".startswith(first[:2]):
        return False
    line, end, _ = first.partition(b"\r")
    if end:
        return _HEADER.fullmatch(line) is not None
    possible = len(line) <= 160 and line.isascii() and line.decode("ascii").isprintable()
    parts = line.split(b",")
    if not possible or not all(part.isalnum() or not part for part in parts[1:3]):
        return False
    return None if len(parts) < 5 else len(parts[3]) == 12 and parts[3].isdigit() and bool(parts[1] and parts[2])
