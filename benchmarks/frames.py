"""S2: position frames of 2,000 trackers, checksum verified, answer owed, against a bare echo in the same run."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from time import perf_counter
from typing import cast

from tracker_codecs import registry
from tracker_profiles import models

from benchmarks.bench import MODELS, Result, Server, register, server
from benchmarks.load import Talker, connect, owing_frame

TRACKERS = 2000
SECONDS = 3.0
#: Frames a connection keeps under way: enough that the measured core is never idle.
WINDOW = 1


async def _rate(talkers: list[Talker], measured: Server, seconds: float) -> tuple[float, float]:
    """Answers a second, and the share of its core that the measured process used."""
    for talker in talkers:
        talker.go(WINDOW)
    await asyncio.sleep(0.5)
    before, cpu, began = sum(talker.count for talker in talkers), measured.cpu(), perf_counter()
    await asyncio.sleep(seconds)
    after, used, ended = sum(talker.count for talker in talkers), measured.cpu(), perf_counter()
    return (after - before) / (ended - began), (used - cpu) / (ended - began)


async def _echo(frame: bytes, loop: str, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with server("echo", Path(folder), loop) as measured:
            made = await connect(
                measured.ports["echo"], lambda ready: Talker(b"", 0, frame, len(frame), ready), TRACKERS
            )
            talkers = cast(list[Talker], made)
            rate, cpu = await _rate(talkers, measured, seconds)
            for talker in talkers:
                talker.close()
    return rate / max(cpu, 0.01)


async def measure(name: str, loop: str = "uvloop", seconds: float = SECONDS) -> Result:
    """One family on one loop. Both figures are for a whole core of the measured process."""
    family = registry.get(name)
    variant = models.get(MODELS[name][0]).variant
    sample = family.emulator("123456789012345", variant)
    frame, _ = owing_frame(family, sample)
    echo = await _echo(frame, loop, seconds)
    with tempfile.TemporaryDirectory() as folder:
        ids, _, _ = await register(Path(folder), name, TRACKERS, 860000000000000)
        async with server("gateway", Path(folder), loop) as measured:
            waiting = iter(ids)

            def talker(ready: object) -> Talker:
                emulator = family.emulator(next(waiting), variant)
                own, owed = owing_frame(family, emulator)
                login = b"".join(datum.data for datum in emulator.connect())
                stream = family.stream()
                answer = sum(len(getattr(event, "owed", b"")) for event in stream.feed(login))
                return Talker(login, answer, own, owed, ready)  # type: ignore[arg-type]

            talkers = cast(list[Talker], await connect(measured.ports[name], talker, TRACKERS))
            rate, cpu = await _rate(talkers, measured, seconds)
            rss = measured.rss()
            for each in talkers:
                each.close()
    per_core = rate / max(cpu, 0.01)
    floor = 30_000 if loop == "uvloop" else 9_000
    ok = per_core >= floor or (loop == "uvloop" and per_core >= 0.5 * echo)
    return Result(
        f"S2 {name}, {loop}, {TRACKERS} trackers",
        per_core,
        "frames/s a core",
        f">= {floor:,}" + (" or half of the echo" if loop == "uvloop" else ""),
        ok,
        echo,
        "bare echo of the same frame",
        {"cpu": round(cpu, 2), "rss_mib": round(rss / 2**20), "frame_bytes": len(frame)},
    )
