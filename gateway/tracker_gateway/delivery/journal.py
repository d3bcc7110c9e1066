"""Keeps what happens to deliveries, in order, and tells the bus. A store that fails for a while loses nothing."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
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

    def exchange(self, purpose: str, verdict: str) -> None:
        """A command was answered, refused or not answered."""


@dataclass(slots=True)
class _Unsaved:
    """What the store does not have yet, of one tracker."""

    deliveries: dict[int, Delivery] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    reported: dict[str, Reported] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    reread: float | None = None
    raw: dict[int, RawCommand] = field(default_factory=dict)


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
        self._under_way: dict[int, int] = {}
        self._unsaved: dict[int, _Unsaved] = {}
        self._newest: dict[int, Delivery] = {}
        self._timer: Timer | None = None

    def busy(self, tracker_id: int) -> bool:
        """Something of this tracker is not on disk yet."""
        return tracker_id in self._under_way or tracker_id in self._unsaved

    def tell(self, kind: str, tracker_id: int, **data: Any) -> None:
        """Publish."""
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
        piece = _Unsaved({}, list(exchanges), dict(reported or {}), dict(known or {}), reread)
        if delivery is not None:
            piece.deliveries[delivery.revision] = delivery
            self._newest[tracker_id] = delivery
        self._put(tracker_id, piece)

    def keep_raw(self, command: RawCommand) -> None:
        """The same for a raw command."""
        self._put(command.tracker_id, _Unsaved(raw={command.command_id: command}))

    def stop(self) -> None:
        """Try no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _put(self, tracker_id: int, piece: _Unsaved) -> None:
        held = self._unsaved.get(tracker_id)
        if held is None:
            self._write(tracker_id, piece)
        else:  # behind what waits already
            self._merge(held, piece)

    @staticmethod
    def _merge(held: _Unsaved, later: _Unsaved) -> None:
        held.deliveries.update(later.deliveries)
        held.exchanges = [*held.exchanges, *later.exchanges][-MAX_HELD:]
        held.reported.update(later.reported)
        held.known.update(later.known)
        held.raw.update(later.raw)
        if later.reread is not None:
            held.reread = later.reread

    def _write(self, tracker_id: int, piece: _Unsaved) -> None:
        jobs: list[Future[None]] = [self._store.save_raw(command) for command in piece.raw.values()]
        deliveries: list[Delivery | None] = [*piece.deliveries.values()] or [None]
        for index, delivery in enumerate(deliveries):
            last = index == len(deliveries) - 1
            if delivery is None and not (piece.exchanges or piece.reported or piece.known or piece.reread is not None):
                continue
            jobs.append(
                self._store.save(
                    tracker_id,
                    delivery=delivery,
                    exchanges=piece.exchanges if last else (),
                    reported=piece.reported if last and piece.reported else None,
                    known=piece.known if last and piece.known else None,
                    reread=piece.reread if last else None,
                )
            )
        for index, job in enumerate(jobs):
            self._under_way[tracker_id] = self._under_way.get(tracker_id, 0) + 1
            # Jobs of one piece share a group of the store, so that they fail together: the last one speaks for all.
            mine = piece if index == len(jobs) - 1 else None
            job.add_done_callback(partial(self._written, tracker_id, mine))

    def _written(self, tracker_id: int, piece: _Unsaved | None, done: Future[None]) -> None:
        left = self._under_way.get(tracker_id, 1) - 1
        if left:
            self._under_way[tracker_id] = left
        else:
            self._under_way.pop(tracker_id, None)
        error = None if done.cancelled() else done.exception()
        if error is not None and not isinstance(error, StoreError):
            raise error
        if error is not None and piece is not None:
            self._hold(tracker_id, piece)
        if not self.busy(tracker_id):
            self._newest.pop(tracker_id, None)
            self._idle(tracker_id)

    def _hold(self, tracker_id: int, piece: _Unsaved) -> None:
        held = self._unsaved.setdefault(tracker_id, _Unsaved())
        later = _Unsaved(held.deliveries, held.exchanges, held.reported, held.known, held.reread, held.raw)
        merged = _Unsaved()
        self._merge(merged, piece)
        self._merge(merged, later)
        newest = self._newest.get(tracker_id)
        if newest is not None:  # a later state may be on disk already: never write the older one over it
            merged.deliveries[newest.revision] = newest
        self._unsaved[tracker_id] = merged
        if self._timer is None:
            self._timer = self.clock.call_later(RETRY, self._again)

    def _again(self) -> None:
        self._timer = None
        waiting, self._unsaved = self._unsaved, {}
        for tracker_id, piece in waiting.items():
            self._write(tracker_id, piece)
