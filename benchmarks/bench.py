"""What the scenarios share: the measured process, its trackers, CPU time, and how a result is told."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker_gateway.store import open_store
from tracker_gateway.store.nouns import Right

#: The measured process runs on this core, the load on the other one.
SERVER_CORE, LOAD_CORE = 0, 1
#: family -> a model of it, and settings of its profile that read back equal.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "teltonika": ("telfmb920", {}),
    "queclink": ("gv55lite", {}),
    "gt06": ("concox_x3", {"tracking_interval": 60, "tracking_distance": 100}),
}


@dataclass
class Result:
    """A figure beside its target and its floor. `ok` None: there is no target."""

    name: str
    figure: float
    unit: str
    target: str = ""
    ok: bool | None = None
    floor: float | None = None
    floor_name: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Figure over floor."""
        return None if not self.floor else self.figure / self.floor


@dataclass
class Server:
    """The measured process."""

    process: asyncio.subprocess.Process
    ports: dict[str, int]

    def cpu(self) -> float:
        """Seconds of CPU used so far."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def server(kind: str, folder: Path, loop: str = "uvloop") -> AsyncIterator[Server]:
    """Start it on its core; kill it at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.server", kind, str(folder), str(SERVER_CORE), loop),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        if not line:
            raise RuntimeError(f"the measured process ({kind}) did not start")
        yield Server(process, json.loads(line))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def register(folder: Path, family: str, count: int, first: int) -> tuple[list[str], list[int], str]:
    """A store with so many trackers and a key: device ids, tracker ids, secret."""
    store = await open_store(folder / "bench.db")
    try:
        device_ids = [str(first + number) for number in range(count)]
        model = MODELS[family][0]
        made = await asyncio.gather(*(store.add_tracker(device_id=each, model=model) for each in device_ids))
        _, secret = await store.add_key(owner="", label="benchmark", rights=frozenset(Right))
    finally:
        await store.close()
    return device_ids, [each.tracker_id for each in made], secret


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def stay_on(core: int) -> None:
    """Keep this process on a core of its own."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > core:
        os.sched_setaffinity(0, {core})
