"""Cuts a link whose frames show where they end; what a frame looks like, a family's own stream says."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

from tracker_codecs.contract import Clock, Event, Stream, Transport, utc_now
from tracker_codecs.errors import PeerError

#: What `Cutter.frame` says of a place: no frame begins here, or more bytes must come to tell.
NO_FRAME: Final = 0
MORE: Final = -1


class Cutter(Stream):
    """A stream of frames. A subclass gives `starts` and `frame`, and bounds a frame by its family's largest.

    Over UDP each call holds whole frames, and what is left over of one is told and dropped.
    """

    __slots__ = ("_datagrams", "_rest", "_skipping")
    #: What a frame may begin with, and whatever else `frame` passes over or waits for: it finds the next place to look
    #: at after garbage, and must find what `frame` would have taken of single bytes.
    starts: ClassVar[re.Pattern[bytes]]
    #: What may stand between frames without being told as garbage, such as line ends.
    between: ClassVar[bytes] = b""

    def __init__(self, transport: Transport = Transport.TCP, clock: Clock = utc_now, *, server: bool = False) -> None:
        self._datagrams = transport is Transport.UDP
        self._rest = b""
        self._skipping = False
        super().__init__(transport, clock, server=server)

    @abstractmethod
    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """The end of the frame that begins at `pos`, its event appended; or NO_FRAME or MORE.

        MORE must not be said of more bytes than the largest frame has.
        """

    @property
    def buffered(self) -> int:
        """Bytes kept of an unfinished frame."""
        return len(self._rest)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Take bytes at any split; give messages and PeerErrors, one for each run of bytes that are no frame."""
        buf = self._rest + data if self._rest else data
        events: list[Event] = []
        pos, size, between = 0, len(buf), self.between
        while pos < size:
            if between and buf[pos] in between:
                pos += 1
                continue
            end = self.frame(buf, pos, events)
            if end > 0:
                pos = end
                self._skipping = False
                continue
            if end == MORE:
                break
            if not self._skipping:
                self._skipping = True
                events.append(PeerError("bytes that are no frame", discarded=buf[pos : pos + 64]))
            found = self.starts.search(buf, pos + 1)
            pos = found.start() if found else size
        self._rest = buf[pos:]
        if self._datagrams:
            if self._rest:
                events.append(PeerError("a datagram ends within a frame", discarded=self._rest[:64]))
            self._rest, self._skipping = b"", False
        return events
