"""S1, S6 and S8: many trackers at rest, all of them back at once after a restart, and a cold start; the start-up."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, time
from typing import Any

from aiohttp import ClientSession
from tracker_codecs import registry
from tracker_codecs.contract import FieldOutcome, FieldState
from tracker_gateway.store import open_store
from tracker_profiles import models

from benchmarks.bench import MODELS, Result, register, server
from benchmarks.load import Obedient, connect

FAMILY = "gt06"


def allow_sockets() -> None:
    """As many open files as this process may have; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _unit(ids: Any) -> Callable[[Callable[[], None]], Obedient]:
    family, variant = registry.get(FAMILY), models.get(MODELS[FAMILY][0]).variant
    return lambda ready: Obedient(family.emulator(next(ids), variant), ready, lambda *_: None)


async def idle(count: int = 15_000) -> list[Result]:
    """S1: memory of idle, logged-in trackers."""
    allow_sockets()
    with tempfile.TemporaryDirectory() as name:
        ids, _, _ = await register(Path(name), FAMILY, count, 860000000000000)
        async with server("gateway", Path(name)) as measured:
            before = measured.rss()
            await connect(measured.ports[FAMILY], _unit(iter(ids)), count)
            await asyncio.sleep(2)
            after, sessions = measured.rss(), await metric(measured.ports["http"], "tracker_gateway_sessions{")
    each, whole = (after - before) / count / 1024, after / 2**20
    lost = {"lost": count - int(sessions)}
    return [
        Result(f"S1 {count:,} idle trackers", each, "KiB each", "<= 12", each <= 12 and not lost["lost"], more=lost),
        Result("S1 in all", whole, "MiB", "<= 250", whole <= 250),
    ]


async def restart(count: int = 5_000) -> list[Result]:
    """S6: that many deliveries are pending, and all their trackers call in at once."""
    allow_sockets()
    with tempfile.TemporaryDirectory() as name:
        ids, trackers, _ = await register(Path(name), FAMILY, count, 860000000000000)
        store = await open_store(Path(name) / "bench.db")
        settings = MODELS[FAMILY][1]
        fields = {field: FieldOutcome(FieldState.UNKNOWN, value) for field, value in settings.items()}
        now = time()
        await asyncio.gather(
            *(
                store.accept(each, settings, author="bench", now=now, expires=now + 86400, fields=fields)
                for each in trackers
            )
        )
        await store.close()
        async with server("gateway", Path(name)) as measured:
            began = perf_counter()
            await connect(measured.ports[FAMILY], _unit(iter(ids)), count)
            logged_in = perf_counter() - began
            while await metric(measured.ports["http"], 'tracker_gateway_deliveries_total{state="confirmed"}') < count:
                if perf_counter() - began > 120:
                    raise RuntimeError("not all were confirmed within two minutes")
                await asyncio.sleep(0.05)
            confirmed = perf_counter() - began
    return [
        Result(f"S6 {count:,} trackers call in, logged in", logged_in, "s", "<= 10", logged_in <= 10),
        Result("S6 all of their deliveries written and confirmed", confirmed, "s", "<= 20", confirmed <= 20),
    ]


async def cold(count: int = 50_000) -> list[Result]:
    """S8: start with that many registered trackers."""
    with tempfile.TemporaryDirectory() as name:
        await register(Path(name), FAMILY, count, 860000000000000)
        began = perf_counter()
        async with server("gateway", Path(name)) as measured:
            seconds, mib = perf_counter() - began, measured.rss() / 2**20
    return [
        Result(f"S8 cold start, {count:,} trackers, until it listens", seconds, "s", "<= 2", seconds <= 2),
        Result("S8 memory", mib, "MiB", "<= 400", mib <= 400),
    ]


async def startup(rounds: int = 5) -> list[Result]:
    """The command's help, and a daemon with the embedded defaults until it listens: the least of some rounds each."""
    command = (sys.executable, "-m", "tracker_gateway.cli")
    helped, listening = [], []
    for _ in range(rounds):
        began = perf_counter()
        process = await asyncio.create_subprocess_exec(*command, "--help", stdout=asyncio.subprocess.DEVNULL)
        if await asyncio.wait_for(process.wait(), 30):
            raise RuntimeError("--help failed")
        helped.append(perf_counter() - began)
        with tempfile.TemporaryDirectory() as name:
            port = free_port()
            own = {"TRACKER_GATEWAY_STORE__PATH": f"{name}/g.db", "TRACKER_GATEWAY_HTTP__PORT": str(port)}
            began = perf_counter()
            process = await asyncio.create_subprocess_exec(
                *command, "serve", env={**os.environ, **own}, cwd=name, stderr=asyncio.subprocess.DEVNULL
            )
            async with asyncio.timeout(30):
                while not await _answers(port):  # noqa: ASYNC110  # another process
                    await asyncio.sleep(0.005)
            listening.append(perf_counter() - began)
            process.terminate()
            await asyncio.wait_for(process.wait(), 30)
    bare = {"families": len(registry.all_families()), "models": len(models.codes())}
    return [
        Result("start: --help", min(helped) * 1000, "ms", "<= 500", min(helped) <= 0.5, more=bare),
        Result("start: until it listens", min(listening) * 1000, "ms", "<= 1,000", min(listening) <= 1),
    ]


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def free_port() -> int:
    """A port of the loopback that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def metric(port: int, prefix: str) -> float:
    """The sum of the metrics that begin so."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/gateway/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(prefix))
