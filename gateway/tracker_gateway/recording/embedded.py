"""Replays against a gateway of their own: real session code, real sockets, a store in a temporary folder."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tracker_codecs import registry
from tracker_codecs.contract import Transport

from tracker_gateway.config import Config
from tracker_gateway.core import Gateway
from tracker_gateway.daemon import Daemon
from tracker_gateway.recording.dialogue import Action, Dialogue
from tracker_gateway.recording.peers import Peer, TcpPeer, UdpPeer
from tracker_gateway.recording.replay import Replay, ReplayError, Result
from tracker_gateway.service import ApiError
from tracker_gateway.types import Tracker

#: Seconds that a device may take to be identified.
IDENTIFY = 5.0


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
            elif action.raw is not None:
                await self._gateway.raw_command(self._tracker, action.raw, reliable=True, author="replay")
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


def peer_of(transport: Transport, address: tuple[str, int]) -> Peer:
    """The device's end of such a link."""
    return UdpPeer(*address) if transport is Transport.UDP else TcpPeer(*address)


@asynccontextmanager
async def _gateway(dialogue: Dialogue) -> AsyncIterator[tuple[Daemon, Tracker]]:
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        config = Config.model_validate(
            {
                "store": {"path": str(Path(folder) / "replay.db")},
                "http": {"enabled": False},
                "listeners": [
                    {
                        "family": dialogue.family,
                        "transport": dialogue.transport.value,
                        "host": "127.0.0.1",
                        "port": 0,
                    }
                ],
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
            await daemon.gateway.refresh()
            yield daemon, tracker


async def replay(dialogue: Dialogue, *, pace: float = 0.0, patience: float = 10.0) -> Result:
    """Replay a dialogue against a fresh gateway. Raises LocalError for a family that is not known."""
    family = registry.get(dialogue.family)
    async with _gateway(dialogue) as (daemon, tracker):
        peer = peer_of(dialogue.transport, daemon.addresses[family.name, dialogue.transport])
        operator = _InProcess(daemon.gateway, tracker)
        return await Replay(dialogue, family, peer, operator, pace=pace, patience=patience).run()
