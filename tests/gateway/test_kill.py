"""R1, end to end: the daemon is killed with SIGKILL while it accepts updates; nothing that it answered for is lost."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout
from tracker_codecs import registry
from tracker_codecs.contract import Emulator
from tracker_gateway.store import open_store
from tracker_gateway.store.nouns import Right

from tests.gateway.running import TRACKING, free_port

ROUNDS = 10
TRACKERS = 4
#: Profile concox_distance_interval: see profiles/tracker_profiles/catalog/.
MODEL = "concox_x3"


@asynccontextmanager
async def daemon(folder: Path, http: int, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`tracker-gateway serve` in a process of its own, ready to be asked; killed at the end."""
    environment = {
        **os.environ,
        "TRACKER_GATEWAY_STORE__PATH": str(folder / "g.db"),
        "TRACKER_GATEWAY_HTTP__PORT": str(http),
        "TRACKER_GATEWAY_HTTP__RATE_LIMIT": "0.0",
        "TRACKER_GATEWAY_LISTENERS": f'[{{family = "gt06", host = "127.0.0.1", port = {port}}}]',
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tracker_gateway.cli", "serve"),
        cwd=folder,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(20):
            while b"ready" not in (line := await process.stderr.readline()):
                assert line, "the daemon ended before it was ready"
        reader = asyncio.create_task(process.stderr.read())
        try:
            yield process
        finally:
            kill(process)
            await reader
    finally:
        kill(process)
        await process.wait()


def kill(process: asyncio.subprocess.Process) -> None:
    """SIGKILL, also where it is dead already."""
    with suppress(ProcessLookupError):
        process.kill()


def settings(number: int) -> dict[str, Any]:
    """Settings that differ with the number, within the profile."""
    return {"tracking_interval": 30 + number % 17_000, "tracking_distance": 100}


class Asker:
    """Updates one tracker after the other's answer; remembers what was answered with success."""

    def __init__(self, session: ClientSession, url: str, secret: str, tracker_id: int) -> None:
        self.session = session
        self.url = url
        self.headers = {"Authorization": f"NVX {secret}"}
        self.tracker_id = tracker_id
        self.answered: dict[int, dict[str, Any]] = {}
        self.count = 0

    async def ask(self, action: str, **body: Any) -> Any:
        body = {"tracker_id": self.tracker_id, **body}
        async with self.session.post(f"{self.url}{TRACKING}/{action}", json=body, headers=self.headers) as answer:
            return await answer.json()

    async def update_until_killed(self) -> None:
        while True:
            self.count += 1
            wanted = settings(self.count * TRACKERS + self.tracker_id)
            try:
                answer = await self.ask("update", tracking_settings=wanted)
            except (ClientError, TimeoutError, OSError):
                return
            assert answer["success"] is True, answer
            self.answered[answer["sync"]["revision"]] = wanted


async def play(emulator: Emulator, port: int) -> None:
    """An emulated device on a new link, obeying until cancelled; it keeps its settings from link to link."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"".join(datum.data for datum in emulator.connect()))
        while data := await reader.read(4096):
            writer.write(b"".join(datum.data for datum in emulator.receive(data)))
    finally:
        writer.close()


async def test_no_answered_update_is_lost_when_the_daemon_is_killed(tmp_path: Path) -> None:
    http, port = free_port(), free_port()
    store = await open_store(tmp_path / "g.db")
    units = {}
    for number in range(TRACKERS):
        device_id = str(123456789012340 + number)
        tracker_id = (await store.add_tracker(device_id=device_id, model=MODEL, owner="acme")).tracker_id
        units[tracker_id] = registry.get("gt06").emulator(device_id, "concox_distance_interval")
    _, secret = await store.add_key(owner="acme", label="tests", rights=frozenset(Right))
    await store.close()
    chance = random.Random(20_26)
    async with ClientSession(timeout=ClientTimeout(total=10)) as session:
        askers = [Asker(session, f"http://127.0.0.1:{http}", secret, each) for each in units]
        for _ in range(ROUNDS):
            async with daemon(tmp_path, http, port) as process:
                tasks = [asyncio.create_task(asker.update_until_killed()) for asker in askers]
                devices = [asyncio.create_task(play(units[asker.tracker_id], port)) for asker in askers[:2]]
                await asyncio.sleep(chance.uniform(0.02, 0.5))
                kill(process)
                await asyncio.gather(*tasks)
                await asyncio.gather(*devices, return_exceptions=True)
        assert sum(len(asker.answered) for asker in askers) > ROUNDS * TRACKERS
        async with daemon(tmp_path, http, port):
            for asker in askers:
                listed = (await asker.ask("history", limit=200))["list"]
                kept = {entry["revision"]: entry["settings"] for entry in listed}
                expected = {number: each for number, each in asker.answered.items() if number >= min(kept)}
                assert {number: kept.get(number) for number in expected} == expected
                assert max(kept) >= max(asker.answered)
            devices = [asyncio.create_task(play(units[asker.tracker_id], port)) for asker in askers]
            for asker in askers:
                answer = await asker.ask("reread", wait=20)
                for _ in range(100):
                    answer = await asker.ask("read")
                    if answer["sync"]["final"]:
                        break
                    await asyncio.sleep(0.1)
                assert answer["sync"]["state"] == "confirmed", answer
                carried = answer["value"].keys() - answer["sync"]["unsupported"].keys()
                assert {name: answer["sync"]["reported"][name] for name in carried} == {
                    name: answer["value"][name] for name in carried
                }
                assert carried
            for device in devices:
                device.cancel()
            await asyncio.gather(*devices, return_exceptions=True)
