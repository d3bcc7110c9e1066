"""A gateway with devices on pseudo-terminals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tracker_codecs import registry
from tracker_codecs.contract import NO_FAULTS, Faults, Transport
from tracker_gateway.config.file import Config
from tracker_gateway.emulation.serial import SerialDevice
from tracker_profiles import models

from tests.gateway.running import Running, running

#: Model, device id, settings to push, settings the device starts with.
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ubx": ("ublox_9", "f9p on the roof", {"tracking_interval_ms": 250}),
    "pmtk": ("quectel_l70", "bench-1", {"tracking_interval_ms": 200}),
    "meshtastic": ("meshtastic", "a1b2c3d4", {"tracking_interval": 600, "tracking_distance": 50}),
    "dragino-at": ("dragino_trackerd_serial", "a84041ffff123456", {"tracking_interval": 600}),
    "enfora": ("enfora_mt_gl", "135790246811220", {"tracking_interval": 300, "tracking_distance": 1000}),
    "box-telematics": ("box_tracker", "N878123", {"tracking_interval": 120, "tracking_angle": 30}),
}
#: Devices that cannot be asked who they are (they name themselves in what they say, or answer to their own id only),
#: and those that cannot take every field that their profile asks for.
CASES_UNASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gt06": ("concox_x3", "135790246811220", {"tracking_interval": 60, "tracking_distance": 100}),
    "queclink": (
        "gl300",
        "135790246811220",
        {
            "type": "interval",
            "tracking_interval": 300,
            "tracking_distance": 100,
            "tracking_angle": 30,
            "psm_interval": 600,
            "movement_detection": False,
            "non_movement_duration": 420,
        },
    ),
    "suntech": (
        "suntech_st340lc",
        "100850000",
        {"tracking_interval": 60, "tracking_distance": 500, "tracking_angle": 30},
    ),
    "syrus": (
        "syrus_2g",
        "357042063052352",
        {"tracking_interval": 300, "tracking_distance": 1000, "tracking_angle": 45},
    ),
    "calamp": (
        "calamp_lmu_4200",
        "4532104183",
        {"tracking_interval": 300, "tracking_distance": 500, "tracking_angle": 40, "psm_interval": 3600},
    ),
}
ALL = CASES | CASES_UNASKED


def device(family: str, path: Path, faults: Faults = NO_FAULTS, options: Any = None, **port: Any) -> SerialDevice:
    """An emulated device of this family on a port."""
    model = models.get(ALL[family][0])
    name = ALL[family][1] if not model.id_type.startswith("string") else "0a1b2c3d4e5f"
    emulator = registry.get(family).emulator(
        name, model.variant, transport=Transport.SERIAL, faults=faults, options={**model.options, **(options or {})}
    )
    return SerialDevice(emulator, path, **port)


@contextmanager
def plugged(unit: SerialDevice) -> Iterator[SerialDevice]:
    """The device, answering in a thread while the command runs here."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def do(call: Callable[[], None]) -> None:
        call()

    asyncio.run_coroutine_threadsafe(do(unit.plug), loop).result(5)
    try:
        yield unit
    finally:
        asyncio.run_coroutine_threadsafe(do(unit.unplug), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def restarts(unit: SerialDevice, seconds: float = 0.3) -> None:
    """A node that takes its port away after each commit, and comes back."""
    store = unit.emulator._store  # type: ignore[attr-defined]

    def restart(wanted: Any) -> None:
        store(wanted)
        loop = asyncio.get_running_loop()
        loop.call_soon(unit.unplug)
        loop.call_later(seconds, unit.plug)

    unit.emulator._store = restart  # type: ignore[attr-defined]


def section(family: str, path: Path, **more: Any) -> dict[str, Any]:
    """The configuration of a port."""
    return {"family": family, "device_id": ALL[family][1], "port": str(path), **more}


@asynccontextmanager
async def gateway(
    folder: Path, *sections: dict[str, Any], register: bool = True, **more: Any
) -> AsyncIterator[Running]:
    """A running gateway with these ports, their devices registered."""
    config = Config.model_validate(
        {
            "store": {"path": str(folder / "g.db")},
            "http": {"port": 0, "rate_limit": 0.0},
            "listeners": [],
            "links": {"frame_timeout": 1.0},
            "delivery": {"delays": [0.3, 0.3, 0.3]},
            "serial": list(sections),
            **more,
        },
        strict=False,
    )
    async with running(config) as world:
        if register:
            for each in sections:
                await world.add(each["device_id"], ALL[each["family"]][0])
        yield world


async def health(world: Running, number: int = 0) -> dict[str, Any]:
    """What /gateway/health says of a port."""
    host, port = world.daemon.http_address
    async with world.http.get(f"http://{host}:{port}/gateway/health") as response:
        answer = await response.json()
    found: dict[str, Any] = answer.get("health", answer)["links"]["serial"][number]
    assert (response.status == 503) == (found["status"] == "degraded")
    return found


async def reaches(world: Running, text: str, seconds: float = 8.0) -> dict[str, Any]:
    """Wait until a port's health says this: `ok`, or a part of what is wrong."""
    found: dict[str, Any] = {}
    for _ in range(int(seconds / 0.05)):
        found = await health(world)
        if text == found["status"] or text in found.get("detail", ""):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {text!r}: {found}")


async def delivered(world: Running, tracker_id: int, settings: dict[str, Any], seconds: float = 15.0) -> dict[str, Any]:
    """Push settings; the state at the end."""
    answer = await world.ask("update", tracker_id=tracker_id, tracking_settings=settings)
    assert answer["success"], answer
    return await final(world, tracker_id, seconds)


async def final(world: Running, tracker_id: int, seconds: float = 15.0) -> dict[str, Any]:
    """The `sync` object once it is final."""
    sync: dict[str, Any] = {}
    for _ in range(int(seconds / 0.05)):
        sync = (await world.ask("read", tracker_id=tracker_id))["sync"]
        if sync["final"]:
            return sync
        await asyncio.sleep(0.05)
    raise AssertionError(f"not final: {sync}")
