"""Lines of the serial port in AT mode: values, results, echoes and whatever else is printed there.

A line ends with CR or LF. `<parameter>,<index>,<value>` is a value, OK and ERROR are results. Texts in quotes may be
credentials of the network: they are blanked. Source: CalAmp LMU Users Guide 1.0.6, page 8 (manualshelf.com, page-9).
"""

from __future__ import annotations

import re

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.lines import MAX_LINE, LineStream
from tracker_codecs.text import clean

RESULTS = ("OK", "ERROR")
_QUOTED = re.compile(rb'"[^"]*("|$)')
_ANSWER = re.compile(r"OK|ERROR|\d{1,5},\d{1,5},.+|(?:ESN ?[:=] ?)?\d{10,15}", re.ASCII).fullmatch


def blanked(line: bytes) -> bytes:
    """The line without what stands in quotes."""
    return _QUOTED.sub(b'"***"', line)


class ConsoleStream(LineStream):
    """One unit's port. Nothing it prints unasked tells who it is."""

    __slots__ = ()

    def line(self, line: bytes, events: list[Event]) -> None:
        """See `LineStream.line`."""
        body = line.strip(b"\r\n\0 \t")
        if not body:
            return
        if line[-1:] not in (b"\r", b"\n") or not body.isascii() or not body.decode("ascii").isprintable():
            events.append(PeerError("bytes that are no line of a console", discarded=line[:32]))
            return
        line = blanked(line)
        text = clean(blanked(body), MAX_LINE)
        answer = not self.server and _ANSWER(text) is not None
        events.append(Message(Kind.REPLY if answer else Kind.OTHER, line, text=text))
