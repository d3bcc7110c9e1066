"""Events as they happen, by Server-Sent Events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from tracker_gateway.http.errors import TRY_AGAIN_LATER
from tracker_gateway.service.calls import ApiError, Happening, Watch

#: Seconds of silence after which a comment is sent, so that both ends notice a dead connection.
KEEPALIVE = 15.0
#: Streams open at once, in all.
MAX_STREAMS = 200


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on. `wanted` leaves out what the asker may not see."""

    watch: Watch
    wanted: Callable[[Happening], bool]


class Streams:
    """The open streams: counted, and ended when the gateway stops."""

    def __init__(self) -> None:
        self._closing = asyncio.Event()
        self._open = 0

    def close(self) -> None:
        """End all of them."""
        self._closing.set()

    def admit(self) -> None:
        """Raises ApiError 8 when there are too many."""
        if self._open >= MAX_STREAMS or self._closing.is_set():
            raise ApiError(TRY_AGAIN_LATER, "too many event streams")

    async def follow(self, stream: Stream) -> AsyncGenerator[bytes, None]:
        """The bytes of a stream, until the gateway stops."""
        self._open += 1
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            with stream.watch as watch:
                yield b": watching\n\n"
                while True:
                    upcoming = asyncio.ensure_future(watch.__anext__())
                    done, _ = await asyncio.wait(
                        {upcoming, closing}, timeout=KEEPALIVE, return_when=asyncio.FIRST_COMPLETED
                    )
                    if upcoming not in done:
                        upcoming.cancel()
                    if closing in done:
                        return
                    if upcoming not in done:
                        yield b": still here\n\n"
                    elif stream.wanted(upcoming.result()):
                        yield _event(upcoming.result())
        finally:
            closing.cancel()
            self._open -= 1


def _event(happening: Happening) -> bytes:
    time = datetime.fromtimestamp(happening.time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"kind": happening.kind, "tracker_id": happening.tracker_id, "time": time, **happening.data}
    data = orjson.dumps({name: value for name, value in told.items() if value is not None})
    return b"event: %s\ndata: %s\n\n" % (happening.kind.encode(), data)
