"""The lines of a serial console, in either direction: cut at their ends, in bounded pieces where none comes."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Sequence

from tracker_codecs.contract import Clock, Event, Stream, Transport, utc_now

#: Longest line taken, in bytes.
MAX_LINE = 512
_END = re.compile(rb"[\r\n]")


class LineStream(Stream):
    """One port. `server` is true for what is written to it. A subclass gives `line`."""

    __slots__ = ("_rest",)

    def __init__(
        self, transport: Transport = Transport.SERIAL, clock: Clock = utc_now, *, server: bool = False
    ) -> None:
        self._rest = b""
        super().__init__(transport, clock, server=server)

    @abstractmethod
    def line(self, line: bytes, events: list[Event]) -> None:
        """A line with its end, which may be blank; or MAX_LINE bytes that have none."""

    @property
    def buffered(self) -> int:
        """Bytes kept of an unfinished line."""
        return len(self._rest)

    def feed(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Cut and name; see `Stream.feed`."""
        events: list[Event] = []
        buf, pos = self._rest + data, 0
        while True:
            found = _END.search(buf, pos, pos + MAX_LINE)
            if found is None and len(buf) - pos < MAX_LINE:
                break
            end = found.end() if found else pos + MAX_LINE
            self.line(buf[pos:end], events)
            pos = end
        self._rest = buf[pos:]
        return events


def wired(console: type[Stream], link: type[Stream]) -> Callable[[Transport, Clock], Stream]:
    """A family's `stream` that is a console on a serial port, and another one on every other link."""

    def stream(transport: Transport, clock: Clock) -> Stream:
        return (console if transport is Transport.SERIAL else link)(transport, clock)

    return stream


def typed(
    console: type[Stream], server: Callable[[bytes, str], Sequence[Event]], begins: bytes = b"AT"
) -> Callable[[bytes, str], Sequence[Event]]:
    """A family's `server` where a host types lines that begin so, and a server sends something else."""

    def said(data: bytes, channel: str) -> Sequence[Event]:
        return (console.from_server if data.startswith(begins) else server)(data, channel)

    return said
