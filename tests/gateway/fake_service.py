"""A small in-memory `service.Service`: a few trackers, two keys, a log of the calls that reached it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tracker_codecs.contract import Settings
from tracker_gateway.delivery.events import Happening
from tracker_gateway.service.calls import ApiError, FieldError, Json
from tracker_gateway.store.nouns import Key, Right, Tracker

FULL = "f" * 64  # every right, owner "acme"
READER = "0123456789abcdef0123456789abcdef"  # no right, owner "acme"
STRANGER = "ab" * 32  # every right, owner "other"
REVOKED = "dead" * 8

KEYS = {
    FULL: Key(1, "acme", "full", frozenset(Right)),
    READER: Key(2, "acme", "", frozenset()),
    STRANGER: Key(3, "other", "stranger", frozenset(Right)),
}

PLAIN, BLOCKED, CLONE, FIXED, BLOCKED_CLONE, FOREIGN = 1, 2, 3, 4, 5, 6
TRACKERS = {
    tracker.tracker_id: tracker
    for tracker in (
        Tracker(PLAIN, "350000000000001", "telfmb920", "acme", "van"),
        Tracker(BLOCKED, "350000000000002", "telfmb920", "acme", blocked=True),
        Tracker(CLONE, "350000000000001", "telfmb920", "acme", clone=True),
        Tracker(FIXED, "350000000000004", "none", "acme"),
        Tracker(BLOCKED_CLONE, "350000000000001", "none", "acme", blocked=True, clone=True),
        Tracker(FOREIGN, "350000000000006", "telfmb920", "other"),
    )
}


class FakeWatch:
    """Events from a queue."""

    def __init__(self, queue: asyncio.Queue[Happening]) -> None:
        self.queue = queue

    def __enter__(self) -> FakeWatch:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __aiter__(self) -> FakeWatch:
        return self

    async def __anext__(self) -> Happening:
        return await self.queue.get()


class FakeService:
    """What the HTTP layer needs of `Service`, and nothing behind it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.healthy = True
        self.failure: Exception | None = None
        self.happenings: asyncio.Queue[Happening] = asyncio.Queue()

    async def authenticate(self, secret: str) -> Key:
        try:
            return KEYS[secret]
        except KeyError:
            raise ApiError(4) from None

    def tracker(self, key: Key, tracker_id: int) -> Tracker:
        found = TRACKERS.get(tracker_id)
        if found is None or found.owner != key.owner:
            raise ApiError(201)
        return found

    def trackers(self, key: Key) -> Sequence[Tracker]:
        return [tracker for tracker in TRACKERS.values() if tracker.owner == key.owner]

    def _check(self, tracker: Tracker, change: bool = True) -> None:
        if self.failure is not None:
            raise self.failure
        if tracker.blocked:
            raise ApiError(208)
        if tracker.clone and change:
            raise ApiError(219)
        if tracker.model == "none":
            raise ApiError(214, "no codec pushes settings to this model")

    def _note(self, *call: Any) -> None:
        self.calls.append(call)

    async def read(self, tracker: Tracker) -> Json:
        self._check(tracker, change=False)
        sync = {"revision": 3, "state": "confirmed", "strength": None, "reported": {"tracking_angle": None}}
        return {"value": {"tracking_interval": 60}, "sync": sync}

    async def update(self, tracker: Tracker, settings: Settings, *, author: str, wait: float = 0.0) -> Json:
        self._check(tracker)
        interval = settings.get("tracking_interval", 30)
        if not isinstance(interval, int) or interval < 30:
            raise ApiError(7, errors=[FieldError("tracking_settings.tracking_interval", "must be at least 30 s")])
        self._note("update", tracker.tracker_id, dict(settings), author, wait)
        return {"sync": {"revision": 4, "state": "queued"}}

    async def dry_run(self, tracker: Tracker, settings: Settings) -> Json:
        self._check(tracker)
        self._note("dry_run", tracker.tracker_id, dict(settings))
        return {"dry_run": {"revision": 4, "commands": [], "fields": {}}}

    async def status(self, tracker: Tracker) -> Json:
        return {"sync": {"revision": 3}, "ledger": []}

    async def history(self, tracker: Tracker, *, limit: int, before: int | None) -> Json:
        self._note("history", tracker.tracker_id, limit, before)
        return {"list": []}

    async def cancel(self, tracker: Tracker) -> Json:
        self._check(tracker)
        self._note("cancel", tracker.tracker_id)
        return {"sync": {"state": "cancelled"}}

    async def reread(self, tracker: Tracker, *, wait: float = 0.0) -> Json:
        self._check(tracker)
        self._note("reread", tracker.tracker_id, wait)
        await asyncio.sleep(0)
        return {"sync": {}}

    async def raw_command(
        self, tracker: Tracker, command: str | bytes, *, reliable: bool, wait: float = 0.0, author: str
    ) -> Json:
        self._check(tracker)
        self._note("raw", tracker.tracker_id, command, reliable, wait, author)
        return {"id": 9, "state": "queued", "reply": None}

    def watch(self, tracker: Tracker | None = None) -> FakeWatch:
        self._note("watch", tracker.tracker_id if tracker else None)
        return FakeWatch(self.happenings)

    def describe(self, tracker: Tracker) -> Json:
        return {"id": tracker.tracker_id, "label": tracker.label, "model": tracker.model}

    def list_models(self) -> Sequence[Json]:
        return [{"code": "telfmb920", "track_control": "telfm"}]

    def health(self) -> Json:
        return {"status": "ok" if self.healthy else "degraded", "store": {"status": "ok"}}

    def metrics(self) -> bytes:
        return b"# TYPE x counter\nx 1\n"
