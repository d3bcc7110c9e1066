"""What every scene of the demo uses: the gateway, its HTTP interface, the trackers, and the list of expectations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout
from tracker_codecs import registry
from tracker_codecs.contract import Emulator, Transport
from tracker_profiles import models

from tracker_gateway.config.file import Config, HttpConfig, StoreConfig
from tracker_gateway.config.links import BrokerConfig, ListenerConfig, SerialConfig
from tracker_gateway.daemon import Daemon
from tracker_gateway.demo.cast import Actor
from tracker_gateway.demo.show import MOODS, Screen
from tracker_gateway.emulation import Fleet, Pace
from tracker_gateway.emulation.serial import SerialDevice
from tracker_gateway.replay.broker import BrokerError, LocalBroker
from tracker_gateway.store.nouns import Right

TRACKING = "/tracker/settings/tracking"
#: Events kept until a scene looks at them.
MAX_EVENTS = 1000

Json = dict[str, Any]


class Failed(Exception):
    """A step that was waited for never came; the text says which."""


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def passed(self) -> float:
        """Seconds."""
        return time.monotonic() - self._began


class Stage:
    """A running gateway with its trackers. `patience`: seconds to wait for one step."""

    def __init__(self, daemon: Daemon, http: ClientSession, secret: str, screen: Screen, patience: float) -> None:
        host, port = daemon.http_address
        self.daemon = daemon
        self.screen = screen
        self.patience = patience
        self.url = f"http://{host}:{port}"
        self.expectations: list[tuple[str, bool]] = []
        self.ids: dict[str, int] = {}
        self.devices: dict[str, Fleet] = {}
        self.ports: dict[str, SerialDevice] = {}
        #: Why somebody of the cast is not here.
        self.absent: dict[str, str] = {}
        self.events: asyncio.Queue[Json] = asyncio.Queue(MAX_EVENTS)
        self.watching = asyncio.Event()
        self._http = http
        self._headers = {"Authorization": f"NVX {secret}"}
        self._watch = Stopwatch()

    def expect(self, what: str, held: bool) -> None:
        """Note an expectation for the summary."""
        self.expectations.append((what, bool(held)))

    # -- HTTP ---------------------------------------------------------------------------------------------------------
    async def call(self, path: str, body: Mapping[str, Any], *, show: bool = True) -> Json:
        """POST, and show the call as a curl line. Raises Failed."""
        if show:
            self.screen.call(f"{self.url}{path}", body)
        try:
            async with self._http.post(f"{self.url}{path}", json=body, headers=self._headers) as response:
                answer: Json = await response.json()
        except (ClientError, TimeoutError, ValueError) as error:
            raise Failed(f"POST {path} is answered ({type(error).__name__})") from None
        return answer

    async def update(self, actor: Actor, settings: Mapping[str, Any], **more: Any) -> Json:
        """Ask for these settings."""
        body = {"tracker_id": self.ids[actor.name], "tracking_settings": dict(settings), **more}
        return await self.call(f"{TRACKING}/update", body)

    async def status(self, actor: Actor) -> Json:
        """State and evidence."""
        return await self.call(f"{TRACKING}/status", {"tracker_id": self.ids[actor.name]}, show=False)

    async def listen(self) -> None:
        """Keep the events that the gateway tells by Server-Sent Events, until cancelled."""
        endless = ClientTimeout(total=None)
        async with self._http.get(f"{self.url}/gateway/events", headers=self._headers, timeout=endless) as response:
            self.watching.set()
            async for line in response.content:
                if line.startswith(b"data: ") and not self.events.full():
                    self.events.put_nowait(orjson.loads(line[6:]))

    # -- the timeline -------------------------------------------------------------------------------------------------
    def moment(self, what: str, mood: str = "") -> None:
        """A line of the timeline."""
        self.screen.line(f"  {self._watch.passed():7.3f} s  {what}", mood)

    async def follow(self, actor: Actor) -> str:
        """Show what happens to a tracker until its delivery is final; the state it ended in. Raises Failed."""
        return (await self._next(actor, lambda event: event["kind"] == "delivery" and event["final"]))["state"]  # type: ignore[no-any-return]

    async def online(self, actor: Actor) -> None:
        """Wait until a tracker's login was seen. Raises Failed."""
        await self._next(actor, lambda event: event["kind"] == "session" and event["connected"])

    async def _next(self, actor: Actor, wanted: Any) -> Json:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                while True:
                    event = await self.events.get()
                    if event["tracker_id"] != self.ids[actor.name]:
                        continue
                    self._show(actor, event)
                    if wanted(event):
                        return event
        raise Failed(f"the {actor.name} gets there within {self.patience:g} s")

    def _show(self, actor: Actor, event: Json) -> None:
        match event["kind"]:
            case "delivery":
                state = str(event["state"])
                told = f"{state:<14}{event.get('detail') or ''}".rstrip()
                self.moment(f"{actor.name:<8}{told}", MOODS.get(state, ""))
            case "session":
                self.moment(f"{actor.name:<8}{'online' if event['connected'] else 'offline'}", "dim")
            case "drift":
                self.moment(f"{actor.name:<8}drift         {event.get('reported')}", "warn")

    # -- the trackers -------------------------------------------------------------------------------------------------
    async def register(self, actor: Actor) -> None:
        """Put a tracker into the register, and make its device if it is to have one."""
        added = await self.daemon.store.add_tracker(device_id=actor.device_id, model=actor.model, label=actor.name)
        self.ids[actor.name] = added.tracker_id
        if actor.has is None:
            return
        if actor.link is Transport.SERIAL or actor.name in self.absent:
            return
        family = registry.get(models.get(actor.model).codec or "")
        host, port = (
            (self.daemon.config.brokers[0].host, self.daemon.config.brokers[0].port)
            if actor.link is Transport.MQTT
            else self.daemon.addresses[family.name, Transport.TCP]
        )
        pace = Pace(every=1.0, retry=0.2, retry_limit=2.0)
        self.devices[actor.name] = Fleet([_emulator(actor)], family, actor.link, host, port, pace=pace)

    def settings(self, actor: Actor) -> Mapping[str, Any]:
        """What the device itself does."""
        port = self.ports.get(actor.name)
        return port.emulator.settings if port is not None else self.devices[actor.name].devices[0].settings


def _emulator(actor: Actor) -> Emulator:
    model = models.get(actor.model)
    family = registry.get(model.codec or "")
    return family.emulator(
        actor.device_id,
        model.variant or "",
        transport=actor.link,
        settings=actor.has,
        faults=actor.faults,
        options=dict(model.options),
    )


@asynccontextmanager
async def staged(folder: Path, cast: Sequence[Actor], screen: Screen, patience: float) -> AsyncIterator[Stage]:
    """A gateway on free loopback ports and a store in this folder; its trackers registered, those awake started."""
    async with AsyncExitStack() as around, _staged(folder, cast, screen, patience, around) as stage:
        yield stage


@asynccontextmanager
async def _staged(
    folder: Path, cast: Sequence[Actor], screen: Screen, patience: float, around: AsyncExitStack
) -> AsyncIterator[Stage]:
    active = [actor for actor in cast if actor.has is not None]
    wanted = {models.get(actor.model).codec for actor in active if actor.link is Transport.TCP}
    absent: dict[str, str] = {}
    brokers = await _brokers(folder, active, absent, around)
    ports = {
        actor.name: await around.enter_async_context(SerialDevice(_emulator(actor), folder / f"port-of-{actor.name}"))
        for actor in active
        if actor.link is Transport.SERIAL
    }
    config = Config(
        brokers=brokers,
        serial=tuple(
            SerialConfig(
                family=models.get(actor.model).codec or "",
                device_id=actor.device_id,
                port=str(ports[actor.name].path),
            )
            for actor in active
            if actor.name in ports
        ),
        store=StoreConfig(path=str(folder / "gateway.db")),
        http=HttpConfig(port=0),
        listeners=tuple(
            ListenerConfig(family=name, transport=Transport.TCP, host="127.0.0.1", port=0)
            for name in sorted(filter(None, wanted))
        ),
    )
    async with Daemon(config) as daemon, ClientSession(timeout=ClientTimeout(total=patience)) as http:
        _, secret = await daemon.store.add_key(owner="", label="demo", rights=(Right.CONFIGURE,))
        stage = Stage(daemon, http, secret, screen, patience)
        stage.ports, stage.absent = ports, absent
        for actor in cast:
            await stage.register(actor)
        await daemon.gateway.refresh()
        listening = asyncio.create_task(stage.listen())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(stage.watching.wait(), patience)
            for actor in cast:
                if actor.name in stage.devices and not actor.asleep:
                    await stage.devices[actor.name].start()
            yield stage
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await asyncio.gather(*(fleet.stop() for fleet in stage.devices.values()))


async def _brokers(
    folder: Path, active: Sequence[Actor], absent: dict[str, str], around: AsyncExitStack
) -> tuple[BrokerConfig, ...]:
    """A Mosquitto for the trackers that need one; where there is none, they are absent."""
    behind = [actor for actor in active if actor.link is Transport.MQTT]
    if not behind:
        return ()
    try:
        broker = await around.enter_async_context(LocalBroker(folder))
    except BrokerError as error:
        absent.update({actor.name: str(error) for actor in behind})
        return ()
    families = sorted({models.get(actor.model).codec or "" for actor in behind})
    return tuple(BrokerConfig(family=name, host=broker.host, port=broker.port) for name in families)
