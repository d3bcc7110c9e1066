"""Cutting and naming of sentences on the port of a MediaTek receiver.

Sources: gpsd drivers and recorded logs (quectel-L70, mtk-3329); see `nmea` for the sentence itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker_codecs import nmea
from tracker_codecs.contract import Event, Message, Stream
from tracker_codecs.errors import PeerError
from tracker_codecs.families.pmtk import settings as values

MAX_JUNK = 32


class NmeaStream(Stream):
    """Sentences of one port. A serial receiver has no login and no id: the link knows who it is."""

    __slots__ = ("_in_junk", "_junk", "_rest")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._rest = b""
        self._junk = b""
        self._in_junk = False

    @property
    def buffered(self) -> int:
        """Bytes kept of an unfinished sentence or of garbage not yet told."""
        return len(self._rest) + len(self._junk)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Cut and name; see `Stream.feed`."""
        buf = self._rest + data if self._rest else data
        events: list[Event] = []
        pos, end = 0, len(buf)
        while pos < end:
            if buf[pos] != 0x24:
                stop = buf.find(b"$", pos)
                stop = end if stop < 0 else stop
                self._swallow(buf[pos:stop], events)
                pos = stop
                continue
            limit = min(end, pos + nmea.MAX_LINE)
            stop = buf.find(b"\n", pos, limit)
            again = buf.find(b"$", pos + 1, limit if stop < 0 else stop)
            if again >= 0:  # cut short by the next one
                self._swallow(buf[pos:again], events)
                pos = again
            elif stop >= 0:
                self._end_junk(events)
                events.append(nmea.understood(buf[pos : stop + 1], from_host=self.server))
                pos = stop + 1
            elif limit - pos == nmea.MAX_LINE:
                self._swallow(buf[pos : pos + 1], events)
                pos += 1
            else:
                break
        self._rest = buf[pos:]
        return events

    # One event for a run of garbage, however it was split.
    def _swallow(self, junk: bytes, events: list[Event]) -> None:
        if not self._in_junk:
            junk = junk.lstrip(b"\r\n\0 ")
        if not junk:
            return
        told = self._in_junk and not self._junk
        self._in_junk = True
        if told:
            return
        self._junk += junk[: MAX_JUNK - len(self._junk)]
        if len(self._junk) == MAX_JUNK:
            self._tell(events)

    def _tell(self, events: list[Event]) -> None:
        events.append(PeerError("bytes that are no NMEA sentence", discarded=self._junk))
        self._junk = b""

    def _end_junk(self, events: list[Event]) -> None:
        if self._junk:
            self._tell(events)
        self._in_junk = False


def recognise(first: bytes) -> bool | None:
    """A sentence of a receiver."""
    return nmea.begins(first.lstrip(b"\r\n"))


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a sentence of either direction."""
    return values.fields(nmea.body_of(message.frame))


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """No sentence names its receiver."""
    return frame
