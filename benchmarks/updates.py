"""S4 and S7: updates over HTTP, to the first byte on the tracker's socket and to the confirmation by read-back."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from aiohttp import ClientSession, TCPConnector
from tracker_codecs import registry
from tracker_profiles import models

from benchmarks.bench import MODELS, Result, percentile, register, server
from benchmarks.load import Obedient, Paced, connect, owing_frame

FAMILY = "gt06"
#: A unit that tells its command forms with the reading of its timer: who it is, reading, write, read-back. A vehicle
#: unit that nobody knows yet is asked two questions more.
UNIT = {"platform": "clone"}


class Updates:
    """Asks for updates over HTTP."""

    def __init__(self, session: ClientSession, port: int, secret: str) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}/tracker/settings/tracking/update"
        self._headers = {"Authorization": f"NVX {secret}"}

    async def __call__(self, tracker_id: int, settings: dict[str, Any], **more: Any) -> Any:
        body = {"tracker_id": tracker_id, "tracking_settings": settings, **more}
        async with self._session.post(self._url, json=body, headers=self._headers) as response:
            answer = await response.json()
        if not answer["success"]:
            raise RuntimeError(f"an update was refused: {answer}")
        return answer


async def latency(count: int = 400, frames: float = 12_000, rate: float = 50.0) -> list[Result]:
    """S4: `rate` updates/s while position frames come at half load; from the request to the first byte of a command."""
    family = registry.get(FAMILY)
    variant = models.get(MODELS[FAMILY][0]).variant
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids, trackers, secret = await register(folder, FAMILY, 1200, 860000000000000)
        async with server("gateway", folder) as measured:
            heard: dict[str, asyncio.Future[float]] = {}

            def first(device_id: str, now: float) -> None:
                waits = heard.pop(device_id, None)
                if waits is not None:
                    waits.set_result(now)

            obedient, noisy = iter(ids[:200]), iter(ids[200:])
            emulators = cast(
                list[Obedient],
                await connect(
                    measured.ports[FAMILY],
                    lambda ready: Obedient(family.emulator(next(obedient), variant), ready, first),
                    200,
                ),
            )

            def paced(ready: Callable[[], None]) -> Paced:
                emulator = family.emulator(next(noisy), variant)
                frame, owed = owing_frame(family, emulator)
                login = b"".join(datum.data for datum in emulator.connect())
                answer = sum(len(getattr(event, "owed", b"")) for event in family.stream().feed(login))
                return Paced(login, answer, frame, owed, ready)

            noise = cast(list[Paced], await connect(measured.ports[FAMILY], paced, 1000))
            load = asyncio.create_task(_steady(noise, frames))
            async with ClientSession(connector=TCPConnector(limit=50)) as session:
                update = Updates(session, measured.ports["http"], secret)
                chance = random.Random(4)
                to_socket: list[float] = []
                answered: list[float] = []

                async def one(number: int) -> None:
                    which = number % len(emulators)
                    began = perf_counter()
                    written = heard[ids[which]] = asyncio.get_running_loop().create_future()
                    await update(trackers[which], {"tracking_interval": 30 + chance.randrange(17_000)})
                    answered.append(perf_counter() - began)
                    to_socket.append(await written - began)

                cpu, start = measured.cpu(), perf_counter()
                tasks = []
                for number in range(count):
                    tasks.append(asyncio.create_task(one(number)))
                    await asyncio.sleep(max(0.0, start + (number + 1) / rate - perf_counter()))
                await asyncio.wait_for(asyncio.gather(*tasks), 30)
                busy = (measured.cpu() - cpu) / (perf_counter() - start)
            load.cancel()
    half, most = percentile(to_socket, 0.5) * 1000, percentile(to_socket, 0.99) * 1000
    more = {"cpu": round(busy, 2), "frames_per_s": frames, "updates": count}
    durable = percentile(answered, 0.5) * 1000
    return [
        Result("S4 update to first byte, p50", half, "ms", "<= 5", half <= 5, durable, "HTTP answer (on disk)", more),
        Result("S4 update to first byte, p99", most, "ms", "<= 25", most <= 25, None, "", more),
    ]


async def _steady(noise: list[Paced], frames: float) -> None:
    """So many frames a second, spread over the connections."""
    step, position, began, sent = 0.01, 0, perf_counter(), 0
    while True:
        await asyncio.sleep(step)
        due = int((perf_counter() - began) * frames) - sent
        for _ in range(due):
            noise[position].go()
            position = (position + 1) % len(noise)
        sent += due


async def confirmations(count: int = 10_000) -> Result:
    """S7: so many trackers online, one update each, until every one is confirmed by read-back."""
    family = registry.get(FAMILY)
    variant = models.get(MODELS[FAMILY][0]).variant
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids, trackers, secret = await register(folder, FAMILY, count, 860000000000000)
        async with server("gateway", folder) as measured:
            waiting = iter(ids)
            await connect(
                measured.ports[FAMILY],
                lambda ready: Obedient(family.emulator(next(waiting), variant, options=UNIT), ready, lambda *_: None),
                count,
            )
            async with ClientSession(connector=TCPConnector(limit=64)) as session:
                update = Updates(session, measured.ports["http"], secret)
                queue = iter(trackers)
                cpu, began = measured.cpu(), perf_counter()

                async def work() -> None:
                    for tracker in queue:
                        await update(tracker, MODELS[FAMILY][1])

                await asyncio.gather(*(work() for _ in range(64)))
                accepted = perf_counter() - began
                while await _confirmed(session, measured.ports["http"]) < count:
                    if perf_counter() - began > 120:
                        raise RuntimeError("not all were confirmed within two minutes")
                    await asyncio.sleep(0.05)
                seconds, used = perf_counter() - began, measured.cpu() - cpu
            rss = measured.rss()
    return Result(
        f"S7 {count:,} updates until confirmed by read-back",
        count / seconds,
        "confirmed/s",
        ">= 1,000",
        count / seconds >= 1000,
        count / accepted,
        "updates accepted/s",
        {"cpu": round(used / seconds, 2), "seconds": round(seconds, 2), "rss_mib": round(rss / 2**20)},
    )


async def _confirmed(session: ClientSession, port: int) -> int:
    async with session.get(f"http://127.0.0.1:{port}/gateway/metrics") as response:
        for line in (await response.text()).splitlines():
            if line.startswith('tracker_gateway_deliveries_total{state="confirmed"}'):
                return int(float(line.split()[1]))
    return 0
