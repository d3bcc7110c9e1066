"""The load: connections that send a frame for every answer they get, and emulated trackers that obey."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import cast

from tracker_codecs.contract import Datum, Emulator, Message
from tracker_codecs.family import Family


def owing_frame(family: Family, emulator: Emulator) -> tuple[bytes, int]:
    """A frame of this device that the server owes an answer to, a report if it may be, and that answer's length."""
    stream = family.stream()
    for datum in emulator.connect():
        stream.feed(datum.data)
    for data in (emulator.report(datetime(2026, 1, 1, tzinfo=UTC)), emulator.heartbeat()):
        frame = b"".join(datum.data for datum in data)
        owed = sum(len(event.owed) for event in stream.feed(frame) if isinstance(event, Message))
        if owed:
            return frame, owed
    raise LookupError(f"{family.name} owes nothing to any frame of its emulator")


class Talker(asyncio.Protocol):
    """Logs in, then keeps `window` frames under way. `count` answers; nothing is sent while `paused`."""

    __slots__ = ("_frame", "_login", "_owed", "_rest", "_transport", "_waiting", "count", "login_owed", "ready")

    def __init__(self, login: bytes, login_owed: int, frame: bytes, owed: int, ready: Callable[[], None]) -> None:
        self._login = login
        self.login_owed = login_owed
        self._frame = frame
        self._owed = owed
        self._rest = 0
        self.count = 0
        self.ready = ready

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._login:
            self._transport.write(self._login)
        if not self.login_owed:
            self.ready()

    def data_received(self, data: bytes) -> None:
        count = len(data)
        if self.login_owed:
            self.login_owed -= count
            if self.login_owed <= 0:
                self.login_owed = 0
                self.ready()
            return
        count += self._rest
        owed = self._owed
        if count == owed:
            self._rest = 0
            self.count += 1
            self._transport.write(self._frame)
            return
        frames, self._rest = divmod(count, owed)
        if frames:
            self.count += frames
            self._transport.write(self._frame * frames)

    def go(self, window: int = 1) -> None:
        self._transport.write(self._frame * window)

    def close(self) -> None:
        self._transport.abort()


class Paced(Talker):
    """Sends a frame when told, not for every answer."""

    def data_received(self, data: bytes) -> None:
        if self.login_owed:
            super().data_received(data)


class Obedient(asyncio.Protocol):
    """An emulated tracker. `first` is told the time of the first bytes of every command."""

    __slots__ = ("_first", "_ready", "_transport", "emulator")

    def __init__(self, emulator: Emulator, ready: Callable[[], None], first: Callable[[str, float], None]) -> None:
        self.emulator = emulator
        self._ready: Callable[[], None] | None = ready
        self._first = first

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._say(self.emulator.connect())

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        answers = self.emulator.receive(data)
        if self._ready is not None:
            self._ready()
            self._ready = None
        if answers:
            self._first(self.emulator.device_id, now)
            self._say(answers)

    def _say(self, data: list[Datum]) -> None:
        if data:
            self._transport.write(b"".join([datum.data for datum in data]))


async def connect(
    port: int, make: Callable[[Callable[[], None]], asyncio.Protocol], count: int
) -> list[asyncio.Protocol]:
    """So many connections, all logged in."""
    loop = asyncio.get_running_loop()
    left = count
    done = asyncio.Event()

    def ready() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    made: list[asyncio.Protocol] = []
    for start in range(0, count, 100):
        batch = [loop.create_connection(lambda: make(ready), "127.0.0.1", port) for _ in range(min(100, count - start))]
        made += [protocol for _, protocol in await asyncio.gather(*batch)]
    await asyncio.wait_for(done.wait(), 60)
    return made
