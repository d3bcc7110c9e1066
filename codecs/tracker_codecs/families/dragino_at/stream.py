"""Lines of a Dragino console: results, values, echoes and log text, all mixed.

Results stand on lines of their own: OK, ERROR (AT_ERROR in other firmware), AT_PARAM_ERROR, AT_BUSY_ERROR and a few
more. Keys that a unit prints are blanked. Source: dragino/TrackerD (at.h, at.cpp, TrackerD.ino).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker_codecs.contract import Event, Kind, Message, Stream
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest line taken, in bytes.
MAX_LINE = 256
RESULTS = ("OK", "ERROR", "AT_ERROR", "AT_PARAM_ERROR", "AT_BUSY_ERROR", "AT_TEST_PARAM_OVERFLOW", "AT_RX_ERROR")
_VALUE = re.compile(r"(AT\+[A-Z0-9]{2,10}=)?([0-9]{1,10}|(?:[0-9a-fA-F]{2} ?){8})|(AT\+MODEL=)?TrackerD *,.*").fullmatch
#: The value of a key setting, or a line of exactly sixteen bytes, as keys are printed.
_SECRET = re.compile(r"(?i)AT\+(?:APPKEY|APPSKEY|NWKSKEY)=[^?].*|(?:[0-9a-f]{2} ){15}[0-9a-f]{2}").fullmatch
BLANKED = b"***\r\n"


class DraginoStream(Stream):
    """One unit's console. Only the answer to AT+DEUI=? tells who it is, and identify() asks for that."""

    __slots__ = ("_from_host", "_rest", "device_id")

    def __init__(self, *, from_host: bool = False) -> None:
        self.device_id: str | None = None
        self._rest = b""
        self._from_host = from_host

    @property
    def buffered(self) -> int:
        """Bytes kept of an unfinished line."""
        return len(self._rest)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Cut and name; see `Stream.feed`."""
        events: list[Event] = []
        buf, pos = self._rest + data, 0
        while True:
            stop = buf.find(b"\n", pos, pos + MAX_LINE)
            if stop < 0 and len(buf) - pos < MAX_LINE:
                break
            end = pos + MAX_LINE if stop < 0 else stop + 1
            self._line(buf[pos:end], events)
            pos = end
        self._rest = buf[pos:]
        return events

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
        answer = not self._from_host and (text in RESULTS or _VALUE(text) is not None)
        events.append(Message(Kind.REPLY if answer else Kind.OTHER, line, text=clean(text)))
