"""Keeps what happens to deliveries, in order, and tells the bus. A store that fails for a while loses nothing.

At most one write of a tracker is under way; what comes meanwhile waits behind it, merged into one piece. So the store
sees things in the order of the calls, a failed write goes back before what waits, and a busy tracker costs few commits.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from tracker_gateway.delivery.events import Bus, Happening
from tracker_gateway.delivery.runner import Clock, Timer
from tracker_gateway.store import Delivery, Exchange, RawCommand, Reported, Store, StoreError

#: Seconds between tries to write what the store did not take.
RETRY = 5.0
#: Exchanges held for one tracker while the store does not take them; the oldest go first.
MAX_HELD = 200


class Meter(Protocol):
    """Counts; the gateway's metrics offer it."""

    def delivery_state(self, state: str) -> None:
        """A delivery went into this state."""

    def confirmed(self, seconds: float) -> None:
        """A delivery was confirmed, so long after it was accepted."""

    def exchange(self, purpose: str, verdict: str) -> None:
        """A command was answered, refused or not answered."""


@dataclass(slots=True)
class _Piece:
    """What the store does not have yet, of one tracker."""

    deliveries: dict[int, Delivery] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    reported: dict[str, Reported] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    reread: float | None = None
    raw: dict[int, RawCommand] = field(default_factory=dict)

    def add(self, later: _Piece) -> None:
        """Merge what came later into this."""
        self.deliveries.update(later.deliveries)
        self.exchanges = [*self.exchanges, *later.exchanges][-MAX_HELD:]
        self.reported.update(later.reported)
        self.known.update(later.known)
        self.raw.update(later.raw)
        if later.reread is not None:
            self.reread = later.reread

    def split(self) -> tuple[_Piece, _Piece | None]:
        """What one call of the store takes, and the rest: raw commands and older deliveries go one by one."""
        if self.raw:
            first = next(iter(self.raw))
            one = _Piece(raw={first: self.raw.pop(first)})
            return one, self if self.raw or self.deliveries or self._said else None
        if len(self.deliveries) > 1:
            oldest = min(self.deliveries)
            return _Piece(deliveries={oldest: self.deliveries.pop(oldest)}), self
        return self, None

    @property
    def _said(self) -> bool:
        return bool(self.exchanges or self.reported or self.known or self.reread is not None)


class Journal:
    """`idle` is called when all that was kept of a tracker is on disk."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        wall: Callable[[], float],
        *,
        idle: Callable[[int], None],
        meter: Meter | None = None,
    ) -> None:
        self.bus = bus
        self.clock = clock
        self.wall = wall
        self.meter = meter
        self._store = store
        self._idle = idle
        self._under_way: dict[int, Future[None]] = {}
        self._waiting: dict[int, _Piece] = {}
        self._failed: set[int] = set()  # what waits of these is tried again by the timer
        self._timer: Timer | None = None

    def busy(self, tracker_id: int) -> bool:
        """Something of this tracker is not on disk yet."""
        return tracker_id in self._under_way or tracker_id in self._waiting

    def tell(self, kind: str, tracker_id: int, **data: Any) -> None:
        """Publish."""
        if self.bus.heard:
            self.bus.publish(Happening(kind, tracker_id, self.wall(), data))

    def keep(
        self,
        tracker_id: int,
        *,
        delivery: Delivery | None = None,
        exchanges: Sequence[Exchange] = (),
        reported: Mapping[str, Reported] | None = None,
        known: Mapping[str, str] | None = None,
        reread: float | None = None,
    ) -> None:
        """Write, in order, without waiting for it."""
        deliveries = {} if delivery is None else {delivery.revision: delivery}
        self._put(tracker_id, _Piece(deliveries, [*exchanges], {**(reported or {})}, {**(known or {})}, reread))

    def keep_raw(self, command: RawCommand) -> None:
        """The same for a raw command."""
        self._put(command.tracker_id, _Piece(raw={command.command_id: command}))

    async def flush(self, tracker_id: int) -> None:
        """Return when all that was kept of a tracker is on disk. Raises StoreError when the store does not take it."""
        if tracker_id in self._waiting and tracker_id not in self._under_way:
            self._write(tracker_id)
        while (job := self._under_way.get(tracker_id)) is not None:
            # `wait` yields to the loop even for a job that is done: `_written` must get its turn to take it off.
            await asyncio.wait([job])
            job.result()

    async def stop(self) -> None:
        """See all on disk, or, where the store fails, try no more."""
        for tracker_id in self._waiting.keys() - self._under_way.keys():
            self._write(tracker_id)
        with suppress(StoreError):
            while self._under_way:
                await self.flush(next(iter(self._under_way)))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _put(self, tracker_id: int, piece: _Piece) -> None:
        waiting = self._waiting.get(tracker_id)
        if waiting is None:
            self._waiting[tracker_id] = piece
        else:
            waiting.add(piece)
        if tracker_id not in self._under_way and tracker_id not in self._failed:
            self._write(tracker_id)

    def _write(self, tracker_id: int) -> None:
        self._failed.discard(tracker_id)
        piece, rest = self._waiting.pop(tracker_id).split()
        if rest is not None:
            self._waiting[tracker_id] = rest
        if piece.raw:
            job = self._store.save_raw(next(iter(piece.raw.values())))
        else:
            job = self._store.save(
                tracker_id,
                delivery=next(iter(piece.deliveries.values()), None),
                exchanges=piece.exchanges,
                reported=piece.reported or None,
                known=piece.known or None,
                reread=piece.reread,
            )
        self._under_way[tracker_id] = job
        job.add_done_callback(partial(self._written, tracker_id, piece))

    def _written(self, tracker_id: int, piece: _Piece, done: Future[None]) -> None:
        del self._under_way[tracker_id]
        error = None if done.cancelled() else done.exception()
        if isinstance(error, StoreError):
            later = self._waiting.pop(tracker_id, None)
            if later is not None:
                piece.add(later)
            self._waiting[tracker_id] = piece
            self._failed.add(tracker_id)
            if self._timer is None:
                self._timer = self.clock.call_later(RETRY, self._again)
            return
        if tracker_id in self._waiting:
            self._write(tracker_id)
        else:
            self._idle(tracker_id)
        if error is not None:  # a defect; what was in this piece cannot be kept
            raise error

    def _again(self) -> None:
        self._timer = None
        for tracker_id in tuple(self._failed):
            self._write(tracker_id)
