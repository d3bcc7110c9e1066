"""A gateway without sockets: a clock that is wound by hand, and links in memory with an emulated device at the end."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracker_codecs import registry
from tracker_codecs.contract import NO_FAULTS, Emulator, Faults, Message, Transport
from tracker_codecs.family import Family
from tracker_gateway.process.metrics import Metrics
from tracker_gateway.service.gateway import Gateway
from tracker_gateway.sessions.session import Session
from tracker_gateway.store import Store, open_store
from tracker_gateway.store.nouns import Tracker

from tests.gateway import fake_family

EPOCH = 1_750_000_000.0
GOOD = {"tracking_interval": 60, "tracking_distance": 100}
OTHER = {"tracking_interval": 90, "tracking_distance": 200}
DEVICE = "100000000000001"


class FakeTimer:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class FakeClock:
    """Loop time and wall clock; `shift` is how far the wall clock was put wrong."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.shift = 0.0
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._count = itertools.count()

    def time(self) -> float:
        return self.now

    def wall(self) -> float:
        return EPOCH + self.now + self.shift

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> FakeTimer:
        timer = FakeTimer(lambda: (callback(*args), None)[1])
        heapq.heappush(self._timers, (self.now + max(delay, 0.0), next(self._count), timer))
        return timer

    @property
    def armed(self) -> int:
        return sum(timer.call is not None for _, _, timer in self._timers)

    def pass_(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.now, _, timer = heapq.heappop(self._timers)
            if timer.call is not None:
                timer.call()
        self.now = end


class Link(Session):
    """`written`: commands of the gateway. What the device says waits in `answers` until `deliver`, or comes at once."""

    def __init__(self, world: World, device: Emulator | None, family: Family, tracker: Tracker) -> None:
        self.world = world
        self.device = device
        self.family = family
        self.tracker = tracker
        self.transport = world.transport
        self.session_id = next(world.ids)
        self.peer = "memory"
        self.link_options = {}
        self.conversation = None
        self.opened = self.last_heard = world.clock.time()
        self.stream = family.stream(self.transport)
        self.written: list[bytes] = []
        self.answers: list[bytes] = []
        self.up = False
        self.at_once = True
        self.takes = True  # the link takes bytes
        self.loses = False  # ... and loses them
        self.dies = False  # the link goes down under a write
        self.spoil: Callable[[bytes], bytes] = lambda data: data

    def write(self, data: bytes, channel: str = "") -> bool:
        if not self.takes or not self.up:
            return False
        if self.dies:
            self.down()
            return False
        self.written.append(data)
        if self.device is not None and not self.loses:
            self.answers += [each.data for each in self.device.receive(data, channel)]
            if self.at_once:
                self.deliver()
        return True

    def close(self, reason: str) -> None:
        self.down(reason)

    def login(self) -> None:
        """Connect; the login is the first message of the session, as the transports tell it."""
        assert self.device is not None
        messages = [m for each in self.device.connect() for m in self.stream.feed(each.data) if isinstance(m, Message)]
        self.connect()
        for message in messages:
            if self.up:
                self.world.engine.message(self, message)

    def connect(self) -> None:
        self.up = True
        self.world.links.append(self)
        if len(self.world.links) > 1:
            self.world.engine.contested(self.tracker, True)
        self.world.engine.session_up(self)

    def down(self, reason: str = "closed") -> None:
        if self.up:
            self.up = False
            self.world.links.remove(self)
            self.world.engine.session_down(self, reason)
            if len(self.world.links) == 1:
                self.world.engine.contested(self.tracker, False)

    def hear(self, data: bytes) -> None:
        self.last_heard = self.world.clock.time()
        for message in self.stream.feed(self.spoil(data)):
            if isinstance(message, Message) and self.up:
                self.world.engine.message(self, message)

    def deliver(self) -> None:
        while self.answers:
            self.hear(self.answers.pop(0))


class World:
    """One tracker, one gateway at a time over one store."""

    def __init__(self, store: Store, tracker: Tracker, transport: Transport, family: str) -> None:
        self.store = store
        self.tracker = tracker
        self.transport = transport
        self.family = registry.get(family)
        self.clock = FakeClock()
        self.links: list[Link] = []
        self.ids = itertools.count(1)
        self.metrics = Metrics()
        self.happened: list[Any] = []
        self.gateway: Gateway

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        model: str = fake_family.MODEL,
        family: str = "fake",
        transport: Transport = Transport.TCP,
        device_id: str = DEVICE,
        options: dict[str, Any] | None = None,
    ) -> World:
        fake_family.install()
        store = await open_store(path / "g.db")
        tracker = await store.add_tracker(device_id=device_id, model=model, options=options or {}, experimental=True)
        world = cls(store, tracker, transport, family)
        await world.start()
        return world

    async def start(self) -> None:
        self.gateway = Gateway(self.store, self.metrics, clock=self.clock, wall=self.clock.wall)
        await self.gateway.start()
        publish = self.gateway.bus.publish
        self.gateway.bus.subscribe().__enter__()

        def noting(happening: Any) -> None:
            self.happened.append(happening)
            publish(happening)

        self.gateway.bus.publish = noting  # type: ignore[method-assign]

    async def restart(self) -> None:
        """The process ends in the middle of whatever it does, and comes back."""
        await self.flush()
        for link in list(self.links):
            link.up = False
        self.links.clear()
        engine, refresher = self.engine, self.gateway._refresher
        engine._dispatch._stopped = True  # its timers and late callbacks reach nobody
        if refresher is not None:
            refresher.cancel()
        self.clock._timers.clear()
        await self.start()

    async def close(self) -> None:
        await self.gateway.stop()
        await self.store.close()

    @property
    def engine(self) -> Any:
        return self.gateway.engine

    def emulator(self, faults: Faults = NO_FAULTS, **more: Any) -> Emulator:
        model = self.gateway.register.model(self.tracker)
        assert model is not None
        return self.family.emulator(
            self.tracker.device_id,
            model.variant,
            transport=self.transport,
            faults=faults,
            options=model.options,
            **more,
        )

    def link(self, device: Emulator | None = None) -> Link:
        return Link(self, device, self.family, self.tracker)

    async def update(self, settings: dict[str, Any]) -> Any:
        return (await self.gateway.update(self.tracker, settings, author="test"))["sync"]

    async def flush(self) -> None:
        await self.engine.journal.flush(self.tracker.tracker_id)
        await asyncio.sleep(0)

    async def sync(self) -> Any:
        return (await self.gateway.status(self.tracker))["sync"]

    async def ledger(self) -> Any:
        return (await self.gateway.status(self.tracker))["ledger"]

    def told(self, kind: str) -> list[Any]:
        return [each.data for each in self.happened if each.kind == kind]
