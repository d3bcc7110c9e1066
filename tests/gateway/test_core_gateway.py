"""The use cases over a real store: what is read, what is waited for, what is described."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from tracker_codecs.contract import Datum
from tracker_codecs.family import Family
from tracker_gateway.delivery.ledger import mask_text
from tracker_gateway.service.calls import ApiError
from tracker_gateway.store import StoreUnavailable
from tracker_profiles import profiles

from tests.gateway import fake_family
from tests.gateway.delivery_world import GOOD, OTHER, World
from tests.gateway.running import until


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World.open(tmp_path)
    yield made
    await made.close()


async def test_the_value_read_is_desired_else_reported_and_never_a_default(world: World) -> None:
    gateway, tracker = world.gateway, world.tracker
    assert (await gateway.read(tracker))["value"] == {}
    atrack = await world.store.add_tracker(device_id="356307042441013", model="atrack_ak1")
    await gateway.refresh()
    assert profiles.get("atrack").fields["tracking_distance"].default == 100
    assert (await gateway.read(atrack))["value"] == {}
    world.link(world.emulator(settings={"tracking_interval": 432})).login()
    await gateway.reread(tracker, wait=1)
    assert (await gateway.read(tracker))["value"] == {"tracking_interval": 432, "tracking_distance": 1000}
    await world.update(OTHER)
    assert (await gateway.read(tracker))["value"] == OTHER


async def test_waiting_ends_with_the_delivery(world: World) -> None:
    link = world.link(world.emulator())
    link.at_once = False
    link.login()
    begun = time.monotonic()
    asked = asyncio.create_task(world.gateway.update(world.tracker, GOOD, author="test", wait=30))
    async with asyncio.timeout(5):
        while not link.written:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    link.at_once = True
    link.deliver()
    assert (await asked)["sync"]["state"] == "confirmed"
    assert time.monotonic() - begun < 10


async def test_waiting_ends_when_a_newer_one_comes(world: World) -> None:
    asked = asyncio.create_task(world.gateway.update(world.tracker, GOOD, author="test", wait=30))
    await until(lambda: world.told("delivery"))
    await world.update(OTHER)
    assert (await asyncio.wait_for(asked, 5))["sync"]["revision"] == 2


async def test_what_is_accepted_is_delivered_though_its_caller_left(world: World) -> None:
    asked = asyncio.create_task(world.gateway.update(world.tracker, GOOD, author="test"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await until(lambda: world.engine.open_lanes == 1)


async def test_a_tracker_is_described(world: World) -> None:
    link = world.link(world.emulator())
    assert world.gateway.describe(world.tracker)["connected"] is False
    link.login()
    world.clock.pass_(10)
    link.hear(b"beat\n")
    told = world.gateway.describe(world.tracker)
    assert (told["connected"], told["peer"], told["transport"], told["contested"]) == (True, "memory", "tcp", False)
    assert told["connected_at"] == "2025-06-15T15:23:20.000Z"
    assert told["last_contact"] == "2025-06-15T15:23:30.000Z"


async def test_health_tells_of_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.gateway.health()["status"] == "ok"
    world.gateway.add_health("links", lambda: {"status": "degraded"})
    assert world.gateway.health()["status"] == "degraded"
    monkeypatch.setattr(world.store, "problem", lambda: "disk full")
    assert world.gateway.health()["store"] == {"status": "degraded", "detail": "disk full"}


async def test_a_change_that_could_not_be_fetched_is_fetched_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: int) -> None:
        raise StoreUnavailable("locked")

    await world.store.change_tracker(world.tracker.tracker_id, label="van")
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "get_tracker", fail)
        with pytest.raises(StoreUnavailable):
            await world.gateway.refresh()
    await world.gateway.refresh()
    found = world.gateway.register.get(world.tracker.tracker_id)
    assert found is not None
    assert found.label == "van"


async def test_a_device_id_that_moves_to_another_tracker(world: World) -> None:
    store, register = world.store, world.gateway.register
    other = await store.add_tracker(device_id="200000000000002", model=fake_family.MODEL)
    await store.change_tracker(world.tracker.tracker_id, device_id="300000000000003")
    await store.change_tracker(other.tracker_id, device_id=world.tracker.device_id)
    await world.gateway.refresh()
    found = register.by_device(world.tracker.device_id, "fake")
    assert found is not None
    assert found.tracker_id == other.tracker_id
    assert register.by_device("200000000000002", "fake") is None
    assert register.by_device(world.tracker.device_id, "gt06") is None


async def test_a_disk_that_is_full_is_told_and_nothing_is_accepted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(world.store, "accept", fail)
    with pytest.raises(ApiError) as caught:
        await world.update(GOOD)
    assert caught.value.code == 8
    assert world.engine.open_lanes == 0


async def test_passwords_stay_out_of_the_ledger(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = world.family.apply

    def apply(target: object, settings: dict[str, object]) -> object:
        inner = honest(target, settings)  # type: ignore[arg-type]
        command = next(inner)
        secret = replace(command, payload=b"set s3cret\n", text="set s3cret", secrets=(b"s3cret",))
        reply = yield secret
        raise RuntimeError(f"s3cret in {reply.text}")

    class Echo:
        def receive(self, data: bytes, channel: str) -> list[Datum]:
            return [Datum(b"ok 64 s3cret\n")]

    link = world.link(world.emulator())
    link.login()
    link.device = Echo()  # type: ignore[assignment]
    monkeypatch.setattr(Family, "apply", lambda _, target, wanted: apply(target, wanted))
    await world.update(GOOD)
    told = str(await world.gateway.status(world.tracker))
    assert b"s3cret".hex() not in told
    assert "s3cret" not in told
    assert told.count("******") >= 2


def test_a_password_within_bytes_that_are_shown_as_digits_is_starred_too() -> None:
    assert mask_text(b"\x01pw1234\xff".hex() + " 1234", [b"1234"]) == "01" + b"pw".hex() + "********ff ****"
