"""Cutting and naming of sentences on the port of a MediaTek receiver.

Sources: gpsd drivers and recorded logs (quectel-L70, mtk-3329); see `nmea` for the sentence itself.
"""

from __future__ import annotations

from typing import Any

from tracker_codecs import nmea
from tracker_codecs.contract import Event, Message
from tracker_codecs.families.pmtk import settings as values
from tracker_codecs.junk import JunkStream


class NmeaStream(JunkStream):
    """Sentences of one port. A serial receiver has no login and no id: the link knows who it is."""

    __slots__ = ()
    garbage = "bytes that are no NMEA sentence"

    def take(self, buf: bytes, pos: int, events: list[Event]) -> tuple[int, bool]:
        """See `JunkStream.take`."""
        if buf[pos] != 0x24:
            stop = buf.find(b"$", pos)
            return (len(buf) if stop < 0 else stop) - pos, True
        limit = min(len(buf), pos + nmea.MAX_LINE)
        stop = buf.find(b"\n", pos, limit)
        again = buf.find(b"$", pos + 1, limit if stop < 0 else stop)
        if again >= 0:  # cut short by the next one
            return again - pos, True
        if stop >= 0:
            self.end_junk(events)
            events.append(nmea.understood(buf[pos : stop + 1], from_host=self.server))
            return stop + 1 - pos, False
        return (1, True) if limit - pos == nmea.MAX_LINE else (0, False)


def recognise(first: bytes) -> bool | None:
    """A sentence of a receiver."""
    return nmea.begins(first.lstrip(b"\r\n"))


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a sentence of either direction."""
    return values.fields(nmea.body_of(message.frame))


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """No sentence names its receiver."""
    return frame
