"""Streams that tell garbage by its bytes: the same event for a run of it, however it was split."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from tracker_codecs.contract import Event, Stream
from tracker_codecs.errors import PeerError

#: Bytes kept of a run of garbage; when so many have come, it is told.
MAX_JUNK = 32


class JunkStream(Stream):
    """A port on which other things are said, too. A subclass gives `take`.

    Blanks before a run of garbage are none of it. A run is told when it ends, or when MAX_JUNK bytes of it have come.
    """

    __slots__ = ("_in_junk", "_junk", "_rest")
    #: What a run of garbage is called.
    garbage: ClassVar[str]

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._rest = b""
        self._junk = b""
        self._in_junk = False

    @property
    def buffered(self) -> int:
        """Bytes kept of an unfinished frame, or of garbage not yet told."""
        return len(self._rest) + len(self._junk)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Cut and name; see `Stream.feed`."""
        buf = self._rest + data if self._rest else data
        events: list[Event] = []
        pos, end = 0, len(buf)
        while pos < end:
            used, junk = self.take(buf, pos, events)
            if not used:
                break
            if junk:
                self.swallow(buf[pos : pos + used], events)
            pos += used
        self._rest = buf[pos:]
        return events

    @abstractmethod
    def take(self, buf: bytes, pos: int, events: list[Event]) -> tuple[int, bool]:
        """How many bytes from `pos` on belong together (0: more must come), and whether they are garbage.

        A frame's event is appended, behind a call of `end_junk`.
        """

    def swallow(self, junk: bytes, events: list[Event]) -> None:
        """Bytes that are no frame: one event for each run of them."""
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

    def end_junk(self, events: list[Event]) -> None:
        """A frame follows: what was garbage before it is told now."""
        if self._junk:
            self._tell(events)
        self._in_junk = False

    def _tell(self, events: list[Event]) -> None:
        events.append(PeerError(self.garbage, discarded=self._junk))
        self._junk = b""
