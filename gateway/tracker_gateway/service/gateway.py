"""The use cases: what the API and the command line ask for, put together from store, register and deliveries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from tracker_codecs.contract import Capability, FieldOutcome, FieldState, Settings
from tracker_codecs.drive import against_nobody
from tracker_codecs.errors import LocalError
from tracker_profiles import models, profiles

from tracker_gateway.config.file import DeliveryConfig
from tracker_gateway.delivery import ledger, view
from tracker_gateway.delivery.engine import Engine
from tracker_gateway.delivery.events import Bus, Subscription
from tracker_gateway.delivery.journal import Meter
from tracker_gateway.delivery.runner import Clock
from tracker_gateway.delivery.work import readable, serial_of
from tracker_gateway.fleet.register import Register
from tracker_gateway.service.admission import Admission, refused
from tracker_gateway.service.calls import ApiError, FieldError, Json
from tracker_gateway.store import NotStored, RawCommand, Store, StoreError, StoreUnavailable, Twin, secret_digest
from tracker_gateway.store.nouns import Key, Tracker

T = TypeVar("T")
#: Seconds between looks at what other processes changed.
REFRESH = 1.0

_DATABASE, _KEY, _UNEXPECTED, _INVALID, _LATER, _NOT_FOUND = 1, 4, 6, 7, 8, 201
_OFFLINE, _NOT_SUPPORTED = 213, 214


class Metrics(Meter, Protocol):
    """What the gateway counts with."""

    def accepted(self, seconds: float) -> None:
        """An update is on disk, so long after it was asked for."""

    def render(self) -> bytes:
        """Prometheus text."""


class Gateway:
    """Implements `service.Service`. To be made inside a running event loop; `start` before use, `stop` after."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics | None = None,
        config: DeliveryConfig | None = None,
        *,
        clock: Clock | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._config = config or DeliveryConfig()
        self._clock: Clock = clock or asyncio.get_running_loop()
        self._wall = wall
        self.bus = Bus()
        self.register = Register(store, experimental_models=self._config.experimental_models)
        self.engine = Engine(store, self.register, self.bus, self._clock, config=self._config, meter=metrics, wall=wall)
        self._admission = Admission(self.register, self.engine)
        self._keys: dict[bytes, Key] = {}
        self._keys_stale = True
        self._health: dict[str, Callable[[], Json]] = {}
        self._refresher: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._refresh_problem = ""

    # -- life ---------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Load the register and take up open deliveries. Raises StoreError."""
        self.register.on_keys(self._forget_keys)
        await self.register.load()
        await self._load_keys()
        await self.engine.start()
        self._refresher = asyncio.create_task(self._refresh_for_ever(), name="refresh of the register")

    async def stop(self) -> None:
        """Break off what is under way and see everything on disk; the store stays open for its owner to close."""
        if self._refresher is not None:
            self._refresher.cancel()
            with suppress(asyncio.CancelledError):
                await self._refresher
        if self._tasks:  # what is being accepted now, first
            await asyncio.wait(self._tasks, timeout=10)
        await self.engine.stop()

    def add_health(self, name: str, ask: Callable[[], Json]) -> None:
        """Add an entry to `health`; a `status` other than `ok` in it makes the whole degraded."""
        self._health[name] = ask

    async def refresh(self) -> None:
        """Take over what other processes changed. Raises StoreError."""
        await self.register.refresh()
        if self._keys_stale:
            await self._load_keys()

    async def _refresh_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REFRESH)
            try:
                await self.refresh()
                self._refresh_problem = ""
            except StoreError as error:
                self._refresh_problem = str(error)
            except Exception as error:  # a defect over one change must not end all later ones
                self._refresh_problem = f"a change of the register failed: {type(error).__name__}: {error}"

    def _forget_keys(self) -> None:
        self._keys_stale = True

    async def _load_keys(self) -> None:
        self._keys_stale = False
        try:
            self._keys = await self._store.live_keys()
        except StoreError:
            self._keys_stale = True
            raise

    # -- who and what -------------------------------------------------------------------------------------------------
    async def authenticate(self, secret: str) -> Key:
        """See `Service`."""
        key = self._keys.get(secret_digest(secret))
        if key is None:  # made within the last second, or unknown
            key = await self._asked(self._store.find_key(secret))
        if key is None:
            raise ApiError(_KEY)
        return key

    def tracker(self, key: Key, tracker_id: int) -> Tracker:
        """See `Service`."""
        tracker = self.register.get(tracker_id)
        if tracker is None or (key.owner and tracker.owner != key.owner):
            raise ApiError(_NOT_FOUND)
        return tracker

    def trackers(self, key: Key) -> Sequence[Tracker]:
        """See `Service`."""
        found = [each for each in self.register.all() if not key.owner or each.owner == key.owner]
        return sorted(found, key=lambda each: each.tracker_id)

    def describe(self, tracker: Tracker) -> Json:
        """See `Service`."""
        model = self.register.model(tracker)
        told: Json = {
            "id": tracker.tracker_id,
            "label": tracker.label,
            "device_id": tracker.device_id,
            "model": tracker.model,
            "track_control": "none" if model is None else model.track_control,
            "blocked": tracker.blocked,
            "clone": tracker.clone,
            "experimental": self.register.experimental(tracker),
            "connected": False,
            "contested": self.engine.is_contested(tracker.tracker_id),
        }
        session = self.engine.session(tracker.tracker_id)
        if session is not None:
            offset = self._wall() - self._clock.time()
            told.update(
                connected=True,
                transport=session.transport.value,
                peer=session.peer,
                connected_at=ledger.when(session.opened + offset),
                last_contact=ledger.when(session.last_heard + offset),
            )
        return told

    def list_models(self) -> Sequence[Json]:
        """See `Service`."""
        return [
            {
                "code": model.code,
                "vendor": model.vendor,
                "name": model.name,
                "track_control": model.track_control,
                "id_type": model.id_type,
                "pushable": model.settable,
                "codec": model.codec,
                "session_only": model.session_only,
                "experimental": model.experimental,
                "reason": model.reason or None,
            }
            for model in models.all_models().values()
        ]

    def health(self) -> Json:
        """See `Service`."""
        problem = self._store.problem() or self._refresh_problem
        store: Json = {"status": "degraded", "detail": problem} if problem else {"status": "ok"}
        parts = {"store": store, **{name: ask() for name, ask in self._health.items()}}
        well = all(part.get("status", "ok") == "ok" for part in parts.values())
        return {
            "status": "ok" if well else "degraded",
            "trackers": len(self.register.all()),
            "connected": self.engine.connected,
            "pending": self.engine.open_lanes,
            **parts,
        }

    def metrics(self) -> bytes:
        """See `Service`."""
        return b"" if self._metrics is None else self._metrics.render()

    def watch(self, tracker: Tracker | None = None) -> Subscription:
        """What happens to a tracker (or to all), for use in a `with` statement."""
        return self.bus.subscribe(None if tracker is None else tracker.tracker_id)

    # -- settings -----------------------------------------------------------------------------------------------------
    async def read(self, tracker: Tracker) -> Json:
        """See `Service`."""
        profile = profiles.get(self._admission.model(tracker, change=False).track_control)
        twin = await self._twin(tracker)
        if twin.desired is not None:
            value = dict(twin.desired.settings)
        else:  # never the profile's defaults: who reads, changes one field and sends all back would wish them
            value = {name: each.value for name, each in twin.reported.items() if name in profile.fields}
        return {"value": value, "sync": self._sync(tracker, twin)}

    async def update(self, tracker: Tracker, settings: Settings, *, author: str, wait: float = 0.0) -> Json:
        """See `Service`."""
        able = self._admission.settable(tracker)
        fields = self._admission.fields(able, settings)
        with self.bus.subscribe(tracker.tracker_id) as events:
            # Not broken off with the caller: what is on disk must also be known to the engine.
            twin = await self._shielded(self._accept(tracker, settings, author, fields))
            assert twin.desired is not None
            revision = twin.desired.revision
            if wait > 0:

                def settled(found: Twin) -> bool:
                    delivery = found.delivery
                    return delivery is None or delivery.revision != revision or delivery.final

                twin = await self._until(tracker, events, wait, settled)
            else:
                twin = self.engine.twin(tracker.tracker_id) or twin
        return {"sync": self._sync(tracker, twin)}

    async def _accept(
        self, tracker: Tracker, settings: Settings, author: str, fields: Mapping[str, FieldOutcome]
    ) -> Twin:
        now, began = self._wall(), self._clock.time()
        twin = await self._asked(
            self._store.accept(
                tracker.tracker_id, settings, author=author, now=now, expires=now + self._config.ttl, fields=fields
            )
        )
        if self._metrics is not None:
            self._metrics.accepted(self._clock.time() - began)
        self.engine.submit(twin)
        return twin

    async def dry_run(self, tracker: Tracker, settings: Settings) -> Json:
        """See `Service`."""
        able = self._admission.settable(tracker)
        fields = self._admission.fields(able, settings)
        twin = await self._twin(tracker)
        revision = 1 + (twin.desired.revision if twin.desired is not None else 0)
        target = self._admission.target(tracker, serial_of(revision))
        try:
            exchanges, _ = against_nobody(able.family.apply(target, settings))
        except LocalError as error:
            raise refused(error) from None
        told = {}
        for name, outcome in fields.items():
            capability = able.capabilities.get(name)
            best = None if capability is None or capability.best is None else capability.best.name.lower()
            unsupported = outcome.state is FieldState.UNSUPPORTED
            told[name] = {
                "state": "unsupported" if unsupported else "supported",
                "desired": outcome.desired,
                "best_strength": None if unsupported else best,
                "reason": (outcome.reason if unsupported else capability and capability.reason) or None,
            }
        commands = [ledger.describe_command(exchange.command) for exchange in exchanges]
        return {"dry_run": {"revision": revision, "commands": commands, "fields": told}}

    async def status(self, tracker: Tracker) -> Json:
        """See `Service`."""
        await self._asked(self.engine.journal.flush(tracker.tracker_id))
        twin = await self._twin(tracker)
        told: Json = {"sync": self._sync(tracker, twin), "ledger": [], "evidence": {}}
        if twin.desired is not None and twin.delivery is not None:
            exchanges = await self._asked(self._store.ledger(tracker.tracker_id, twin.desired.revision))
            told["ledger"] = [ledger.describe_exchange(each) for each in exchanges]
            told["evidence"] = ledger.evidence(twin.desired, twin.delivery, exchanges)
        return told

    async def history(self, tracker: Tracker, *, limit: int, before: int | None) -> Json:
        """See `Service`."""
        await self._asked(self.engine.journal.flush(tracker.tracker_id))
        found = await self._asked(self._store.history(tracker.tracker_id, limit=limit, before=before))
        return {"list": [view.entry(desired, delivery) for desired, delivery in found]}

    async def cancel(self, tracker: Tracker) -> Json:
        """See `Service`."""
        self._admission.model(tracker)
        self.engine.cancel(tracker.tracker_id, "by request")
        await self._asked(self.engine.journal.flush(tracker.tracker_id))
        return {"sync": self._sync(tracker, await self._twin(tracker))}

    async def reread(self, tracker: Tracker, *, wait: float = 0.0) -> Json:
        """See `Service`."""
        able = self._admission.settable(tracker)
        if not readable(able.family, able.target):
            raise ApiError(_NOT_SUPPORTED, "this tracker cannot be asked for its settings")
        with self.bus.subscribe(tracker.tracker_id) as events:
            await self._shielded(self._reread(tracker))
            twin = await self._until(tracker, events, wait, lambda found: not found.reread)
        return {"sync": self._sync(tracker, twin)}

    async def _reread(self, tracker: Tracker) -> None:
        # A twin read on another way than the journal's writes may be older than what the engine just let go of: a
        # delivery that had ended would be open again.
        self.engine.reread(await self._asked(self._store.ask_reread(tracker.tracker_id, self._wall())))

    async def raw_command(
        self, tracker: Tracker, command: str | bytes, *, reliable: bool, wait: float = 0.0, author: str
    ) -> Json:
        """See `Service`."""
        able = self._admission.speaking(tracker)
        try:
            able.family.raw(able.target, command)
        except LocalError as error:
            raise ApiError(_INVALID, errors=[FieldError("command", error.reason)]) from None
        if not reliable and self.engine.session(tracker.tracker_id) is None:
            raise ApiError(_OFFLINE)
        with self.bus.subscribe(tracker.tracker_id) as events:
            kept = await self._shielded(self._add_raw(tracker, command, reliable, author))
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    async for event in events:
                        if event.kind == "raw" and event.data["id"] == kept.command_id and event.data["final"]:
                            break
        await self._asked(self.engine.journal.flush(tracker.tracker_id))
        found = await self._asked(self._store.get_raw([kept.command_id]))
        if not found:  # the tracker was removed meanwhile
            raise ApiError(_NOT_FOUND)
        return _describe_raw(found[0])

    async def _add_raw(self, tracker: Tracker, command: str | bytes, reliable: bool, author: str) -> RawCommand:
        now = self._wall()
        kept = await self._asked(
            self._store.add_raw(
                tracker.tracker_id,
                command,
                reliable=reliable,
                author=author,
                now=now,
                expires=now + self._config.ttl,
            )
        )
        self.engine.raw(kept, await self._twin(tracker))
        return kept

    # -- helpers ------------------------------------------------------------------------------------------------------
    async def _twin(self, tracker: Tracker) -> Twin:
        twin = self.engine.twin(tracker.tracker_id)
        return twin if twin is not None else await self._asked(self._store.twin(tracker.tracker_id))

    def _sync(self, tracker: Tracker, twin: Twin) -> Json:
        family = self.register.family(tracker)
        capabilities: Mapping[str, Capability] = {}
        if family is not None:
            with suppress(LocalError):
                capabilities = family.capabilities(self._admission.target(tracker))
        return view.sync(
            twin,
            capabilities=capabilities,
            connected=self.engine.session(tracker.tracker_id) is not None,
            contested=self.engine.is_contested(tracker.tracker_id),
        )

    async def _until(
        self, tracker: Tracker, events: Subscription, seconds: float, done: Callable[[Twin], bool]
    ) -> Twin:
        """The twin once `done` says so, or after so many seconds."""
        twin = await self._twin(tracker)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done(twin):
                    await anext(events)
                    twin = await self._twin(tracker)
        return twin

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _asked(self, answer: Awaitable[T]) -> T:
        """The store's answer, its troubles told by their codes."""
        try:
            return await answer
        except NotStored:
            raise ApiError(_NOT_FOUND) from None
        except StoreUnavailable as error:
            raise ApiError(_LATER, f"temporarily unavailable: {error}") from error
        except StoreError as error:
            raise ApiError(_DATABASE, str(error)) from error


def _describe_raw(command: RawCommand) -> Json:
    return {
        "id": command.command_id,
        "state": command.state.value,
        "final": command.final,
        "reply": command.reply_text or None,
        "reply_hex": command.reply.hex() or None,
        "detail": command.detail or None,
        "time": ledger.when(command.changed),
    }
