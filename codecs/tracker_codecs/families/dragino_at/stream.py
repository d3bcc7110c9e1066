"""Lines of a Dragino console: results, values, echoes and log text, all mixed.

Results stand on lines of their own: OK, ERROR (AT_ERROR in other firmware), AT_PARAM_ERROR, AT_BUSY_ERROR and a few
more. Keys that a unit prints are blanked. Source: dragino/TrackerD (at.h, at.cpp, TrackerD.ino).
"""

from __future__ import annotations

import re
from typing import Any

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest line taken, in bytes.
MAX_LINE = 256
RESULTS = ("OK", "ERROR", "AT_ERROR", "AT_PARAM_ERROR", "AT_BUSY_ERROR", "AT_TEST_PARAM_OVERFLOW", "AT_RX_ERROR")
_VALUE = re.compile(r"(AT\+[A-Z0-9]{2,10}=)?([0-9]{1,10}|(?:[0-9a-fA-F]{2} ?){8})|(AT\+MODEL=)?TrackerD *,.*").fullmatch
#: The value of a key setting, or a line of exactly sixteen bytes, as keys are printed.
_SECRET = re.compile(r"(?i)AT\+(?:APPKEY|APPSKEY|NWKSKEY)=[^?].*|(?:[0-9a-f]{2} ){15}[0-9a-f]{2}").fullmatch
BLANKED = b"***\r\n"


class DraginoStream(Cutter):
    """One unit's console. Only the answer to AT+DEUI=? tells who it is, and identify() asks for that."""

    __slots__ = ()

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`: a line with its end, or MAX_LINE bytes that have none. CR alone ends no line here."""
        stop = buf.find(b"\n", pos, pos + MAX_LINE)
        if stop < 0 and len(buf) - pos < MAX_LINE:
            return MORE
        end = pos + MAX_LINE if stop < 0 else stop + 1
        self._line(buf[pos:end], events)
        return end

    def _line(self, line: bytes, events: list[Event]) -> None:
        body = line.strip(b"\r\n\0 \t")
        if not body:
            return
        if not line.endswith(b"\n") or not body.isascii() or not body.replace(b"\t", b" ").decode().isprintable():
            events.append(PeerError("bytes that are no line of a console", discarded=line[:32]))
            return
        text = body.decode("ascii")
        if _SECRET(text):
            line, text = BLANKED, "***"
        answer = not self.server and (text in RESULTS or _VALUE(text) is not None)
        events.append(Message(Kind.REPLY if answer else Kind.OTHER, line, text=clean(text)))


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: the line that a TrackerD starts with; other log text names no family."""
    start = first.lstrip(b"\r\n")[:8]
    if len(start) < 8:
        return None if b"TrackerD".startswith(start) else False
    return start == b"TrackerD"


def fields(message: Message) -> dict[str, Any]:
    """See `Family.fields`: results, values, and commands of the host."""
    text = message.text
    if text in RESULTS:
        return {"message": "result", "ok": text == "OK", "result": text}
    word, equals, value = text.removeprefix("AT+").partition("=")
    if not text.startswith("AT+") or not equals:
        return {"message": "line", "text": text}
    found: dict[str, Any] = {"message": "read" if value == "?" else "write", "command": word}
    if value.isdigit():
        found["interval_ms" if word in ("TDC", "MTDC", "ATDC") else "value"] = int(value)
    return found


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the device EUI, as the console prints it: in pairs of digits."""
    if len(old) != 16 or len(new) != 16:
        return frame
    was, becomes = (" ".join(one[at : at + 2] for at in range(0, 16, 2)).encode() for one in (old, new))
    return frame.replace(was, becomes).replace(old.encode(), new.encode())
