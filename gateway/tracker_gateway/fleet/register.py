"""The registered trackers, in memory: asked by the links for every new device, by the API for every request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from tracker_codecs import registry
from tracker_codecs.contract import Target, Transport
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_profiles import models
from tracker_profiles.errors import UnknownName
from tracker_profiles.models import Model

from tracker_gateway.store import Store
from tracker_gateway.store.nouns import Tracker

#: Told of every tracker that was added (None, new), changed (old, new) or removed (old, None).
OnChange = Callable[[Tracker | None, Tracker | None], None]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Register:
    """A view of the store's register. `load` fills it, `refresh` brings it up to date; the rest is synchronous."""

    def __init__(self, store: Store, *, experimental_models: Collection[str] = ()) -> None:
        self._store = store
        self._experimental = frozenset(experimental_models)
        self._trackers: dict[int, Tracker] = {}
        self._devices: dict[str, Tracker] = {}
        self._known: dict[int, Mapping[str, str]] = {}
        self._expected: dict[str, tuple[Transport, Mapping[str, Any]]] = {}
        self._counter = 0
        self._subscribers: list[OnChange] = []
        self._on_keys: list[Callable[[], None]] = []
        self._refreshing = asyncio.Lock()

    # -- filling ------------------------------------------------------------------------------------------------------
    async def load(self) -> None:
        """Read the whole register. Raises StoreError."""
        self._counter = await self._store.change_counter()
        for tracker in await self._store.list_trackers():
            self._put(tracker)
        self._known = dict(await self._store.all_known())

    async def refresh(self) -> bool:
        """Take over what any process changed since; whether there was anything. Raises StoreError."""
        async with self._refreshing:
            return await self._refresh()

    async def _refresh(self) -> bool:
        counter = await self._store.change_counter()
        if counter == self._counter:
            return False
        changed = await self._store.changed_trackers(self._counter)
        found = {each: await self._store.get_tracker(each) for each in sorted(changed - {0})}
        self._counter = counter  # only now: a store that failed before is asked again
        if 0 in changed:
            for on_keys in self._on_keys:
                on_keys()
        pairs = [(self._trackers.get(each), new) for each, new in found.items() if self._trackers.get(each) != new]
        for old, _ in pairs:  # all of the old ones first: a device id may have moved to another tracker
            if old is not None:
                self._drop(old)
        for old, new in pairs:
            if new is not None:
                self._put(new)
            if old is not None and (new is None or (new.model, new.device_id) != (old.model, old.device_id)):
                self._known.pop(old.tracker_id, None)
        for old, new in pairs:
            for subscriber in tuple(self._subscribers):
                subscriber(old, new)
        return True

    def _put(self, tracker: Tracker) -> None:
        self._trackers[tracker.tracker_id] = tracker
        if not tracker.clone:
            self._devices[tracker.device_id] = tracker

    def _drop(self, tracker: Tracker) -> None:
        self._trackers.pop(tracker.tracker_id, None)
        if self._devices.get(tracker.device_id) is tracker:
            del self._devices[tracker.device_id]

    def on_change(self, subscriber: OnChange) -> None:
        """Tell of every later change."""
        self._subscribers.append(subscriber)

    def on_keys(self, subscriber: Callable[[], None]) -> None:
        """Tell when keys were made or revoked."""
        self._on_keys.append(subscriber)

    # -- asking -------------------------------------------------------------------------------------------------------
    def by_device(self, device_id: str, family_name: str) -> Tracker | None:
        """The tracker of this device id, never a clone; None where its model speaks another family."""
        tracker = self._devices.get(device_id)
        if tracker is None:
            return None
        model = self.model(tracker)
        return tracker if model is not None and model.codec == family_name else None

    def get(self, tracker_id: int) -> Tracker | None:
        """The tracker of this id."""
        return self._trackers.get(tracker_id)

    def all(self) -> Collection[Tracker]:
        """Every tracker."""
        return self._trackers.values()

    def model(self, tracker: Tracker) -> Model | None:
        """Its model; None for a code that is not (or no longer) in the catalogue."""
        try:
            return models.get(tracker.model)
        except UnknownName:
            return None

    def family(self, tracker: Tracker) -> Family | None:
        """The codec of its model; None where there is none."""
        model = self.model(tracker)
        if model is None or model.codec is None:
            return None
        try:
            return registry.get(model.codec)
        except LocalError:
            return None

    def experimental(self, tracker: Tracker) -> bool:
        """Whether the operator switched low-confidence facts on, for the unit or for its model."""
        return tracker.experimental or tracker.model in self._experimental

    def known(self, tracker_id: int) -> Mapping[str, str]:
        """What its codec learned of a tracker."""
        return self._known.get(tracker_id, _NOTHING)

    def learn(self, tracker_id: int, known: Mapping[str, str]) -> None:
        """More of it (the store is told by whoever learned it)."""
        if known:
            self._known[tracker_id] = {**self.known(tracker_id), **known}

    def expect(self, device_id: str, transport: Transport, link_options: Mapping[str, Any]) -> None:
        """By configuration this device is met on such a link, with these options; while it is away, too."""
        self._expected[device_id] = (transport, link_options)

    def target(
        self,
        tracker: Tracker,
        *,
        transport: Transport | None = None,
        link_options: Mapping[str, Any] = _NOTHING,
        heard: Mapping[str, str] = _NOTHING,
        serial: int = 1,
    ) -> Target:
        """The tracker as its codec sees it: the link's options below the model's, the tracker's own above both.

        `heard` is what its frames told on this link. `transport` None: nobody is connected. It is the one expected of
        it, else the first one the family has, TCP before others.
        """
        model = self.model(tracker)
        if transport is None:
            family = self.family(tracker)
            offered = family.transports if family is not None else frozenset({Transport.TCP})
            usual = next((each for each in Transport if each in offered), Transport.TCP)
            transport, link_options = self._expected.get(tracker.device_id, (usual, link_options))
        return Target(
            device_id=tracker.device_id,
            model=tracker.model,
            variant=model.variant if model is not None else "",
            transport=transport,
            options={**link_options, **(model.options if model is not None else {}), **tracker.options},
            known={**self.known(tracker.tracker_id), **heard},
            serial=serial,
            experimental=self.experimental(tracker),
        )
