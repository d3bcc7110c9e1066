"""What happens, told inside the process: for those who wait for a delivery or watch a tracker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

#: Events kept for a subscriber that does not come to read.
MAX_WAITING = 256


@dataclass(frozen=True, slots=True)
class Happening:
    """`kind`: `delivery`, `reported`, `drift`, `raw`, `session` or `contested`. `time`: Unix time, s."""

    kind: str
    tracker_id: int
    time: float
    data: Mapping[str, Any] = field(default_factory=dict)


class Subscription:
    """An async iterator of happenings; a context manager that ends it. `lost` counts those dropped, oldest first."""

    def __init__(self, bus: Bus, tracker_id: int | None) -> None:
        self._bus = bus
        self._waiting: deque[Happening] = deque(maxlen=MAX_WAITING)
        self._ready = asyncio.Event()
        self.tracker_id = tracker_id
        self.lost = 0

    def put(self, happening: Happening) -> None:
        """Called by the bus."""
        if len(self._waiting) == MAX_WAITING:
            self.lost += 1
        self._waiting.append(happening)
        self._ready.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Happening:
        while not self._waiting:
            self._ready.clear()
            await self._ready.wait()
        return self._waiting.popleft()

    def __enter__(self) -> Subscription:
        self._bus.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bus.remove(self)


class Bus:
    """Publishes happenings to the subscribers of all trackers and of one. Costs nothing where nobody listens."""

    def __init__(self) -> None:
        self._of: dict[int | None, list[Subscription]] = {}

    def subscribe(self, tracker_id: int | None = None) -> Subscription:
        """A subscription to use in a `with` statement; `tracker_id` None: of all trackers."""
        return Subscription(self, tracker_id)

    def add(self, subscription: Subscription) -> None:
        """Begin."""
        self._of.setdefault(subscription.tracker_id, []).append(subscription)

    def remove(self, subscription: Subscription) -> None:
        """End."""
        left = self._of.get(subscription.tracker_id, [])
        if subscription in left:
            left.remove(subscription)
        if not left:
            self._of.pop(subscription.tracker_id, None)

    @property
    def heard(self) -> bool:
        """Somebody listens."""
        return bool(self._of)

    def publish(self, happening: Happening) -> None:
        """Tell everyone concerned."""
        for subscription in (*self._of.get(happening.tracker_id, ()), *self._of.get(None, ())):
            subscription.put(happening)
