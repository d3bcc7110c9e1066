"""Replays against a gateway of their own: real session code, real sockets, a store in a temporary folder."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker_codecs import registry
from tracker_codecs.contract import Transport
from tracker_codecs.errors import LocalError

from tracker_gateway.config.file import Config
from tracker_gateway.daemon import Daemon
from tracker_gateway.delivery.work import SERIALS
from tracker_gateway.recording.dialogue import Action, Dialogue
from tracker_gateway.replay.broker import BrokerError, LocalBroker
from tracker_gateway.replay.peers import MqttPeer, Peer, TcpPeer, UdpPeer
from tracker_gateway.replay.replay import Replay, ReplayError, Result
from tracker_gateway.service.calls import ApiError
from tracker_gateway.service.gateway import Gateway
from tracker_gateway.store.nouns import Tracker

if TYPE_CHECKING:
    from tracker_gateway.replay.serialpeer import SerialPeer

#: Seconds that a device may take to be identified.
IDENTIFY = 5.0
#: Revisions after which the command numbers begin anew.
SERIAL_PERIOD = 0x10000 // SERIALS


class _InProcess:
    """Asks the gateway of this process."""

    def __init__(self, gateway: Gateway, tracker: Tracker) -> None:
        self._gateway = gateway
        self._tracker = tracker
        self._asked: list[asyncio.Task[Any]] = []

    async def do(self, action: Action) -> None:
        """See Operator."""
        for _ in range(int(IDENTIFY / 0.01)):
            if self._gateway.engine.session(self._tracker.tracker_id) is not None:
                break
            await asyncio.sleep(0.01)
        try:
            if action.update is not None:
                await self._gateway.update(self._tracker, action.update, author="replay")
            elif action.raw is not None or action.raw_hex is not None:
                command = bytes.fromhex(action.raw_hex) if action.raw_hex is not None else action.raw or ""
                await self._gateway.raw_command(self._tracker, command, reliable=True, author="replay")
            else:
                await self._gateway.reread(self._tracker)
        except ApiError as error:
            wrong = "; ".join(f"{each.parameter}: {each.error}" for each in error.errors)
            raise ReplayError(f"the gateway refuses it with code {error.code}: {error.detail or wrong}") from None

    async def ended(self, seconds: float) -> dict[str, Any]:
        """See Operator."""
        for _ in range(max(1, int(seconds / 0.02))):
            sync: dict[str, Any] = (await self._gateway.read(self._tracker))["sync"]
            if sync["final"]:
                break
            await asyncio.sleep(0.02)
        return sync


def peer_of(dialogue: Dialogue, address: tuple[str, int]) -> Peer:
    """The device's end of the link; the address is the gateway's, on MQTT the broker's."""
    if dialogue.transport is Transport.MQTT:
        return MqttPeer(*address, sorted({step.channel for step in dialogue.steps if step.gateway is not None}))
    if dialogue.transport is Transport.SERIAL:
        raise LocalError("a dialogue on a serial port is replayed against a gateway of its own, not at an address")
    return UdpPeer(*address) if dialogue.transport is Transport.UDP else TcpPeer(*address)


@asynccontextmanager
async def _broker(dialogue: Dialogue) -> AsyncIterator[tuple[str, int] | None]:
    """A broker of our own, where the dialogue needs one. Raises LocalError where there is none to be had."""
    if dialogue.transport is not Transport.MQTT:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="broker-") as folder:
        broker = LocalBroker(Path(folder))
        try:
            await broker.start()
        except BrokerError as error:
            raise LocalError(f"a dialogue on MQTT needs a broker: {error}") from None
        try:
            yield broker.address
        finally:
            await broker.stop()


@asynccontextmanager
async def _port(dialogue: Dialogue) -> AsyncIterator[SerialPeer | None]:
    """A serial port with the device at its other end, where the dialogue needs one."""
    if dialogue.transport is not Transport.SERIAL:
        yield None
        return
    from tracker_gateway.replay.serialpeer import SerialPeer  # not on every platform

    with tempfile.TemporaryDirectory(prefix="port-") as folder:
        peer = SerialPeer(Path(folder) / "tty")
        try:
            yield peer
        finally:
            await peer.close()


def _links(dialogue: Dialogue, broker: tuple[str, int] | None, port: SerialPeer | None) -> dict[str, Any]:
    """The sections of the configuration for the one link that is needed."""
    if port is not None:
        section = {"family": dialogue.family, "device_id": dialogue.device_id, "port": str(port.path)}
        return {"listeners": [], "serial": [section]}
    if broker is not None:
        address = {"host": broker[0], "port": broker[1]}
        return {"listeners": [], "brokers": [{"family": dialogue.family, **address}]}
    link = {"family": dialogue.family, "transport": dialogue.transport.value, "host": "127.0.0.1", "port": 0}
    return {"listeners": [link]}


async def _subscribed(daemon: Daemon) -> None:
    """Wait until the gateway hears what is said on its broker."""
    for _ in range(int(IDENTIFY / 0.01)):
        if daemon.hub.health()["status"] == "ok":
            break
        await asyncio.sleep(0.01)


@asynccontextmanager
async def _gateway(
    dialogue: Dialogue, broker: tuple[str, int] | None, port: SerialPeer | None
) -> AsyncIterator[tuple[Daemon, Tracker]]:
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        config = Config.model_validate(
            {
                "store": {"path": str(Path(folder) / "replay.db")},
                "http": {"enabled": False},
                **_links(dialogue, broker, port),
            },
            strict=False,
        )
        async with Daemon(config) as daemon:
            tracker = await daemon.store.add_tracker(
                device_id=dialogue.device_id,
                model=dialogue.model,
                options=dialogue.options,
                experimental=dialogue.experimental,
            )
            await _seed(daemon, tracker, dialogue)
            await daemon.gateway.refresh()
            if broker is not None:
                await _subscribed(daemon)
            yield daemon, tracker


async def _seed(daemon: Daemon, tracker: Tracker, dialogue: Dialogue) -> None:
    """What the gateway knew before: facts, and how many revisions there had been (command numbers count from them)."""
    if dialogue.known:
        await daemon.store.save(tracker.tracker_id, known=dialogue.known)
        daemon.gateway.register.learn(tracker.tracker_id, dialogue.known)
    for step in dialogue.steps:
        if step.do is not None and step.do.update is not None:
            settings, before = step.do.update, (step.do.revision or 1) - 1
            for _ in range(before % SERIAL_PERIOD):
                await daemon.store.accept(
                    tracker.tracker_id, settings, author="replay", now=0.0, expires=1.0, fields={}
                )
            break


async def replay(dialogue: Dialogue, *, pace: float = 0.0, patience: float = 10.0) -> Result:
    """Replay a dialogue against a fresh gateway. Raises LocalError for a family that is not known, or without a broker.

    On MQTT a Mosquitto is started for it.
    """
    family = registry.get(dialogue.family)
    async with (
        _broker(dialogue) as broker,
        _port(dialogue) as port,
        _gateway(dialogue, broker, port) as (daemon, tracker),
    ):
        peer = port or peer_of(dialogue, broker or daemon.addresses[family.name, dialogue.transport])
        operator = _InProcess(daemon.gateway, tracker)
        return await Replay(dialogue, family, peer, operator, pace=pace, patience=patience).run()
