"""Streams of frames between a first and a last character that stand nowhere inside."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from tracker_codecs.contract import Clock, Event, Message, Stream, Transport, utc_now
from tracker_codecs.errors import PeerError


class DelimitedStream(Stream):
    """Cuts frames from `first` to `last`; line ends between them mean nothing. A subclass gives `understand`.

    A `first` inside a frame begins a new one: what came before it broke off. Each run of garbage is told once.
    """

    __slots__ = ("_rest", "_skipping")

    first: bytes
    last: bytes
    #: Longest frame taken, in bytes.
    most: int

    def __init__(self, transport: Transport = Transport.TCP, clock: Clock = utc_now, *, server: bool = False) -> None:
        self._rest = b""
        self._skipping = False
        super().__init__(transport, clock, server=server)

    @abstractmethod
    def understand(self, frame: bytes) -> Message | None:
        """The message of a frame, from first to last character; None where it is none."""

    @property
    def buffered(self) -> int:
        """Bytes kept of an unfinished frame."""
        return len(self._rest)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Take bytes at any split; give messages and PeerErrors in order."""
        buf = self._rest + data if self._rest else data
        events: list[Event] = []
        pos, size = 0, len(buf)
        while pos < size:
            start = buf.find(self.first, pos)
            if start != pos:
                stop = size if start < 0 else start
                if buf[pos:stop].strip(b"\r\n"):
                    self._skip(buf[pos:stop], events)
                pos = stop
                continue
            end = buf.find(self.last, pos, pos + self.most)
            if end < 0:
                if size - pos < self.most:
                    break
                self._skip(buf[pos : pos + 1], events)
                pos += 1
                continue
            begin = buf.rfind(self.first, pos, end)
            if begin > pos:
                self._skip(buf[pos:begin], events)
            message = self.understand(buf[begin : end + 1])
            if message is None:
                self._skip(buf[begin : end + 1], events)
            else:
                self._skipping = False
                events.append(message)
            pos = end + 1
        self._rest = buf[pos:]
        return events

    def _skip(self, seen: bytes, events: list[Event]) -> None:
        if not self._skipping:
            events.append(PeerError("bytes that are no frame", discarded=seen[:64]))
        self._skipping = True
