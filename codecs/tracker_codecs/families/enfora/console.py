"""Lines of the serial port: AT commands without a frame, their answers, and what a modem says unasked.

A line ends with CR or LF; an answer ends with OK or ERROR and carries no number. Echoes, unasked results (`+...`,
RING, NO CARRIER) and sentences of the receiver are no part of an answer. Any other line is one, whatever it says: a row
that was hurt on the wire must not be missing from a table without a trace.
Sources: those of `frame`; ITU-T V.250 (echo, results), which the modem's command set follows.
"""

from __future__ import annotations

import re
from typing import Any

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.enfora import frame
from tracker_codecs.lines import LineStream
from tracker_codecs.text import clean

_RESULT = re.compile(rb"OK|(?:\+CM[ES] )?ERROR\b.*")
_UNASKED = re.compile(rb"(?:[Aa][Tt]|\+(?!CGSN|CM[ES] ERROR)|RING|NO CARRIER|\$GP)")
_LINE = re.compile(rb"[ -~]+[\r\n]+")


class ConsoleStream(LineStream):
    """One unit's port."""

    __slots__ = ("_answering",)

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._answering = False

    def line(self, line: bytes, events: list[Event]) -> None:
        """See `LineStream.line`."""
        body, text = line.strip(), line.decode("latin-1")
        if not body:
            return
        sound = is_line(line)
        if not sound:
            events.append(PeerError("bytes that are no line of a console", discarded=line[:64]))
            if not self._answering:
                return
        if self.server:
            events.append(Message(Kind.OTHER, line, text=clean(body), data=("server", None)))
        elif sound and _UNASKED.match(body):
            events.append(Message(Kind.OTHER, line, text=clean(body), data=("console", None)))
        else:
            self._answering = _RESULT.fullmatch(body) is None
            events.append(Message(Kind.REPLY, line, text=clean(body), data=(None, text)))


def is_line(frame: bytes) -> bool:
    """Whether this was cut from a serial port: all of it is text, and its end."""
    return _LINE.fullmatch(frame) is not None


def fields(message: Message) -> dict[str, Any]:
    """What a line says."""
    kind = {Kind.REPLY: "answer"}.get(message.kind, "command" if message.data[0] == "server" else "unasked")
    return {"message": kind, "text": message.text}


def fields_of(message: Message) -> dict[str, Any]:
    """Everything known of a packet, or of a line of a serial port."""
    return fields(message) if is_line(message.frame) else frame.fields(message)
