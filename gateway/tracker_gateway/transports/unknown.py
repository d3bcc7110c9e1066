"""Notes the unregistered device ids that call in, without letting them wear out the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from tracker_gateway.process.metrics import Metrics
from tracker_gateway.store import StoreError
from tracker_gateway.store.nouns import UnknownDevice

#: Different device ids noted between two flushes; more are dropped (and counted).
MAX_PENDING = 1000
#: Characters kept of a device id or an address.
MAX_TEXT = 64

log = structlog.stdlib.get_logger("tracker_gateway.unknown")


class UnknownStore(Protocol):
    """The part of the store that this needs."""

    async def note_unknown(self, device: UnknownDevice) -> None:
        """Count a device id that called in."""


class UnknownDevices:
    """Collects notes and writes them to the store every `period` seconds, one row for each device id."""

    def __init__(
        self, store: UnknownStore, metrics: Metrics, *, period: float = 1.0, wall: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._period = period
        self._wall = wall
        self._pending: dict[tuple[str, str], UnknownDevice] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, device_id: str, family: str, transport: str, peer: str) -> None:
        """A device id called in. Cheap; never blocks. `device_id` and `peer` are clean text."""
        device_id = device_id[:MAX_TEXT]
        key = (device_id, family)
        now = self._wall()
        before = self._pending.get(key)
        if before is None and len(self._pending) >= MAX_PENDING:
            self._metrics.unknown_dropped.inc()
            return
        first, times = (before.first_seen, before.times) if before else (now, 0)
        self._pending[key] = UnknownDevice(device_id, family, transport, peer[:MAX_TEXT], first, now, times + 1)

    def start(self) -> None:
        """Begin to write. Call inside the loop."""
        self._task = asyncio.create_task(self._run(), name="unknown devices")

    async def stop(self) -> None:
        """Write what is left and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.flush()

    async def flush(self) -> None:
        """Write what was noted. What the store does not take is dropped: the device will call again."""
        pending, self._pending = self._pending, {}
        for device in pending.values():
            try:
                await self._store.note_unknown(device)
            except StoreError as error:
                self._metrics.unknown_dropped.inc(len(pending))
                log.warning("unregistered devices could not be noted", error=str(error))
                return

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._period)
            if self._pending:
                await self.flush()
