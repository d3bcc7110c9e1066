"""S3, S5, S10 and R10: one busy connection, evidence to answer, a soak, and silent sockets beside real trackers."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from aiohttp import ClientSession, TCPConnector
from tracker_codecs import registry
from tracker_profiles import models

from benchmarks.bench import MODELS, Result, Server, percentile, register, server
from benchmarks.fleet import allow_sockets, metric
from benchmarks.load import Obedient, Talker, connect, owing_frame
from benchmarks.updates import Updates

FAMILY = "gt06"


class Timed(Talker):
    """Sends a frame when told, and notes how long its answer takes. One frame under way."""

    __slots__ = ("sent", "took")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent = 0.0
        self.took: list[float] = []

    def data_received(self, data: bytes) -> None:
        if self.login_owed:
            super().data_received(data)
        elif self.sent:
            self.took.append(perf_counter() - self.sent)
            self.sent = 0.0

    def go(self, window: int = 1) -> None:
        if not self.sent:
            self.sent = perf_counter()
            super().go(window)


def _talker(kind: type[Talker], ids: Any) -> Callable[[Callable[[], None]], Talker]:
    family = registry.get(FAMILY)
    variant = models.get(MODELS[FAMILY][0]).variant

    def make(ready: Callable[[], None]) -> Talker:
        emulator = family.emulator(next(ids), variant)
        frame, owed = owing_frame(family, emulator)
        login = b"".join(datum.data for datum in emulator.connect())
        answer = sum(len(getattr(event, "owed", b"")) for event in family.stream().feed(login))
        return kind(login, answer, frame, owed, ready)

    return make


async def single(seconds: float = 3.0, window: int = 64) -> list[Result]:
    """S3: one connection, `window` frames under way, every one acknowledged."""
    with tempfile.TemporaryDirectory() as name:
        ids, _, _ = await register(Path(name), FAMILY, 1, 860000000000000)
        async with server("gateway", Path(name)) as measured:
            (made,) = await connect(measured.ports[FAMILY], _talker(Talker, iter(ids)), 1)
            talker = cast(Talker, made)
            talker.go(window)
            await asyncio.sleep(0.5)
            before, began = talker.count, perf_counter()
            await asyncio.sleep(seconds)
            rate = (talker.count - before) / (perf_counter() - began)
    return [Result("S3 one connection, every frame acknowledged", rate, "frames/s", ">= 14,000", rate >= 14_000)]


async def visible(count: int = 300) -> list[Result]:
    """S5: from the last bytes of a tracker that prove a setting, to the HTTP answer that says `confirmed`."""
    family = registry.get(FAMILY)
    variant = models.get(MODELS[FAMILY][0]).variant
    with tempfile.TemporaryDirectory() as name:
        ids, trackers, secret = await register(Path(name), FAMILY, 50, 860000000000000)
        async with server("gateway", Path(name)) as measured:
            last: dict[str, float] = {}
            waiting = iter(ids)
            await connect(
                measured.ports[FAMILY],
                lambda ready: Obedient(family.emulator(next(waiting), variant), ready, last.__setitem__),
                len(ids),
            )
            took: list[float] = []
            async with ClientSession(connector=TCPConnector(limit=50)) as session:
                update = Updates(session, measured.ports["http"], secret)
                for number in range(count):
                    which = number % len(ids)
                    answer = await update(trackers[which], {"tracking_interval": 30 + number}, wait=10)
                    took.append(perf_counter() - last[ids[which]])
                    if answer["sync"]["state"] != "confirmed":
                        raise RuntimeError(f"not confirmed: {answer['sync']}")
    most = percentile(took, 0.99) * 1000
    middle = {"p50_ms": round(percentile(took, 0.5) * 1000, 1), "updates": count}
    return [Result("S5 last evidence to the answer, p99", most, "ms", "<= 20", most <= 20, more=middle)]


async def silent(real: int = 2_000, mute: int = 5_000, seconds: float = 5.0) -> list[Result]:
    """R10: connections that say nothing beside real trackers: what they cost these, and when they are gone."""
    allow_sockets()
    with tempfile.TemporaryDirectory() as name:
        ids, _, _ = await register(Path(name), FAMILY, real, 860000000000000)
        async with server("gateway", Path(name)) as measured:
            made = await connect(measured.ports[FAMILY], _talker(Timed, iter(ids)), real)
            talkers = cast(list[Timed], made)
            alone = await _p99(talkers, seconds)
            before = await metric(measured.ports["http"], "tracker_gateway_links{")
            began = perf_counter()
            await connect(measured.ports[FAMILY], lambda ready: Talker(b"", 0, b"", 0, ready), mute)
            beside = await _p99(talkers, seconds)
            while await metric(measured.ports["http"], "tracker_gateway_links{") > before:
                if perf_counter() - began > 120:
                    raise RuntimeError("silent connections are still there after two minutes")
                await asyncio.sleep(0.2)
            gone = perf_counter() - began
    return [
        Result(
            f"R10 p99 of {real:,} trackers beside {mute:,} silent sockets", beside, "ms", "<= 1.2 of alone",
            beside <= 1.2 * alone, alone, "p99 alone",
        ),
        Result("R10 silent sockets gone", gone, "s", "<= 40", gone <= 40),
    ]  # fmt: skip


async def _p99(talkers: list[Timed], seconds: float, rate: float = 2_000.0) -> float:
    """Milliseconds from a frame to its answer, at `rate` frames/s over all trackers."""
    for talker in talkers:
        talker.took.clear()
    began, sent = perf_counter(), 0
    while perf_counter() - began < seconds:
        due = int((perf_counter() - began) * rate) - sent
        for number in range(due):
            talkers[(sent + number) % len(talkers)].go()
        sent += due
        await asyncio.sleep(0.005)
    return percentile([each for talker in talkers for each in talker.took], 0.99) * 1000


async def soak(count: int = 2_000, seconds: float = 900.0, every: float = 10.0) -> list[Result]:
    """S10: a message of each tracker every ten seconds, one connection in a hundred dropped a second."""
    allow_sockets()
    with tempfile.TemporaryDirectory() as name:
        ids, _, _ = await register(Path(name), FAMILY, count, 860000000000000)
        async with server("gateway", Path(name)) as measured:
            port, chance = measured.ports[FAMILY], random.Random(10)
            make = {each: _talker(Timed, iter([each] * 1_000_000)) for each in ids}
            talkers: list[Timed] = []
            for each in ids:
                talkers += cast(list[Timed], await connect(port, make[each], 1))
            samples: list[tuple[float, int, int]] = []
            began, sent = perf_counter(), 0
            while (now := perf_counter() - began) < seconds:
                due = int(now * count / every) - sent
                for number in range(due):
                    talkers[(sent + number) % count].sent = 0.0
                    talkers[(sent + number) % count].go()
                sent += due
                for which in chance.sample(range(count), max(1, count // 100)):
                    talkers[which].close()
                    talkers[which] = cast(list[Timed], await connect(port, make[ids[which]], 1))[0]
                samples.append((perf_counter() - began, measured.rss(), _descriptors(measured)))
                await asyncio.sleep(1.0)
    settled = samples[len(samples) // 3 :]
    slope = _slope([(at, rss / 2**20) for at, rss, _ in settled]) * 3600
    more = {"minutes": round(seconds / 60), "rss_mib": round(settled[-1][1] / 2**20)}
    files = max(each[2] for each in settled) - min(each[2] for each in settled)
    return [
        Result(f"S10 soak, {count:,} trackers: memory", slope, "MiB an hour", "< 1", slope < 1, more=more),
        Result("S10 file descriptors, most less least", files, "", f"<= {count // 50}", files <= count // 50),
    ]


def _descriptors(measured: Server) -> int:
    return len(os.listdir(f"/proc/{measured.process.pid}/fd"))


def _slope(points: list[tuple[float, float]]) -> float:
    """Of the straight line through the points with the least squares."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread
