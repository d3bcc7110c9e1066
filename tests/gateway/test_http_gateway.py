"""The HTTP layer over the real gateway and a real store; no tracker is connected."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import ClientSession
from tracker_gateway.process.metrics import Metrics
from tracker_gateway.service.gateway import Gateway
from tracker_gateway.store import Store, open_store
from tracker_gateway.store.nouns import Right

from tests.gateway import fake_family
from tests.gateway.http_client import TRACKING, Api, serve

GOOD = {"tracking_interval": 60, "tracking_distance": 100}


@dataclass
class Served:
    """A served gateway with four trackers of owner `acme` and one of `other`."""

    api: Api
    store: Store
    gateway: Gateway
    hash: str
    plain: int
    angle: int
    blocked: int
    clone: int
    unsettable: int
    session: int
    foreign: int

    async def ask(self, action: str, **body: Any) -> Any:
        path = action if action.startswith("/") else f"{TRACKING}/{action}"
        return (await self.api.post(path, {"tracker_id": self.plain, **body}, hash=self.hash))[1]

    async def code(self, action: str, **body: Any) -> int:
        answer = await self.ask(action, **body)
        return 0 if answer["success"] else int(answer["status"]["code"])


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    fake_family.install()
    store = await open_store(tmp_path / "g.db")
    ids: dict[str, int] = {}
    for name, model, owner, fields in (
        ("plain", fake_family.MODEL, "acme", {}),
        ("angle", fake_family.ANGLE_MODEL, "acme", {}),
        ("blocked", fake_family.MODEL, "acme", {"blocked": True}),
        ("clone", fake_family.MODEL, "acme", {}),
        ("unsettable", "albatross_s6", "acme", {}),
        ("session", "totemtech_at05", "acme", {}),
        ("foreign", fake_family.MODEL, "other", {}),
    ):
        device_id = str(100000000000000 + len(ids))
        added = await store.add_tracker(device_id=device_id, model=model, owner=owner, clone=name == "clone")
        if fields:
            await store.change_tracker(added.tracker_id, **fields)
        ids[name] = added.tracker_id
    _, secret = await store.add_key(owner="acme", label="tests", rights=frozenset(Right))
    metrics = Metrics()
    gateway = Gateway(store, metrics)
    await gateway.start()
    try:
        async with serve(gateway, metrics=metrics) as api:
            yield Served(api, store, gateway, secret, **ids)
    finally:
        await gateway.stop()
        await store.close()


async def test_an_update_is_kept_and_told(served: Served) -> None:
    answer = await served.ask("read")
    assert answer["success"] is True
    assert "revision" not in answer["sync"]
    answer = await served.ask("update", tracking_settings=GOOD)
    assert (answer["success"], answer["sync"]["revision"], answer["sync"]["state"]) == (True, 1, "queued")
    answer = await served.ask("read")
    assert answer["value"] == GOOD
    assert answer["sync"]["best_strength"] == "read_back"
    twin = await served.store.twin(served.plain)
    assert twin.desired is not None
    assert dict(twin.desired.settings) == GOOD
    assert twin.desired.author == "tests"
    answer = await served.ask("update", tracking_settings={**GOOD, "tracking_interval": 90}, wait=0.1)
    assert answer["sync"]["revision"] == 2
    assert [each["state"] for each in (await served.ask("history"))["list"]] == ["queued", "superseded"]
    assert (await served.ask("status"))["ledger"] == []
    assert (await served.ask("cancel"))["sync"]["state"] == "cancelled"


async def test_dry_run_keeps_nothing(served: Served) -> None:
    answer = await served.ask("update", tracking_settings=GOOD, dry_run=True)
    commands = answer["dry_run"]["commands"]
    assert bytes.fromhex(commands[0]["hex"]).endswith(b" interval=60 distance=100\n")
    assert (await served.store.twin(served.plain)).desired is None


async def test_unsupported_fields_are_told(served: Served) -> None:
    answer = await served.ask("update", tracker_id=served.angle, tracking_settings={**GOOD, "tracking_angle": 30})
    assert answer["success"] is True
    assert answer["sync"]["unsupported"] == {"tracking_angle": "the protocol has no angle"}


async def test_refusals_in_their_order(served: Served) -> None:
    bad = {"tracking_interval": 1}
    assert await served.code("update", tracker_id=served.foreign, tracking_settings=bad) == 201
    assert await served.code("update", tracker_id=served.blocked, tracking_settings=bad) == 208
    assert await served.code("update", tracker_id=served.clone, tracking_settings=bad) == 219
    for tracker in (served.unsettable, served.session):
        assert await served.code("update", tracker_id=tracker, tracking_settings=bad) == 214
        assert await served.code("update", tracker_id=tracker, tracking_settings=GOOD, dry_run=True) == 214
    answer = await served.ask("update", tracking_settings={**GOOD, "tracking_interval": 1, "colour": 3})
    assert [each["parameter"] for each in answer["errors"]] == [
        "tracking_settings.tracking_interval",
        "tracking_settings.colour",
    ]
    answer = await served.ask("update", tracking_settings={**GOOD, "tracking_distance": 55})
    assert answer["errors"] == [{"parameter": "tracking_settings.tracking_distance", "error": "only multiples of 10 m"}]
    assert await served.code("update", tracking_settings={**GOOD, "tracking_interval": 10**30}) == 7
    assert await served.code("update", tracking_settings={**GOOD, "tracking_interval": 60.0}) == 7
    assert await served.code("read", tracker_id=served.blocked) == 208
    assert await served.code("read", tracker_id=served.clone) == 0
    assert await served.code("read", tracker_id=served.unsettable) == 214
    assert await served.code("read", tracker_id=served.session) == 214


async def test_raw_command_to_nobody(served: Served) -> None:
    path = "/tracker/raw_command/send"
    assert await served.code(path, command="get 1", reliable=False) == 213
    assert await served.code(path, command="get\x00") == 7
    answer = await served.ask(path, command="get 1")
    assert (answer["success"], answer["state"]) == (True, "queued")
    assert await served.code(path, tracker_id=served.blocked, command="get 1") == 208


async def test_a_model_known_by_its_session_takes_raw_commands(served: Served) -> None:
    refused = await served.ask("update", tracker_id=served.session, tracking_settings=GOOD)
    assert refused["status"]["code"] == 214
    assert "its reports are public, its settings commands are not" in str(refused)
    answer = await served.ask("/tracker/raw_command/send", tracker_id=served.session, command="006")
    assert (answer["success"], answer["state"]) == (True, "queued")
    assert await served.code("/tracker/raw_command/send", tracker_id=served.unsettable, command="006") == 214
    models = {each["code"]: each for each in (await served.ask("/tracker/list_models"))["list"]}
    assert models["totemtech_at05"]["session_only"] is True
    assert (models["totemtech_at05"]["pushable"], models["telfmb920"]["session_only"]) == (False, False)


async def test_trackers_models_health_metrics(served: Served) -> None:
    listed = (await served.ask("/tracker/list"))["list"]
    assert [each["id"] for each in listed] == [1, 2, 3, 4, 5, 6]
    assert (await served.ask("/tracker/read"))["value"]["model"] == fake_family.MODEL
    by_code = {each["code"]: each for each in (await served.ask("/tracker/list_models"))["list"]}
    assert by_code["telfmb920"]["track_control"] == "telfm"
    assert (await served.api.get("/gateway/health"))[1]["status"] == "ok"
    async with served.api.session.get(f"{served.api.url}/gateway/metrics") as response:
        text = await response.text()
    assert 'tracker_gateway_http_requests_total{code="0",route="/tracker/list"} 1.0' in text


async def test_events(served: Served) -> None:
    headers = {"Authorization": f"NVX {served.hash}"}
    async with ClientSession() as session, session.get(f"{served.api.url}/gateway/events", headers=headers) as stream:
        assert (await stream.content.readline()).startswith(b":")
        await served.ask("update", tracking_settings=GOOD)
        await served.ask("cancel")
        while not (line := await stream.content.readline()).startswith(b"data: "):
            pass
    event = json.loads(line[6:])
    assert (event["tracker_id"], event["kind"]) == (served.plain, "delivery")


async def test_keys_come_and_go(served: Served) -> None:
    key, secret = await served.store.add_key(owner="other", label="", rights=())
    assert (await served.api.post("/tracker/list", hash=secret))[1]["list"][0]["id"] == served.foreign
    await served.store.revoke_key(key.key_id)
    await served.gateway.refresh()
    assert await served.api.code("/tracker/list", hash=secret) == 4
