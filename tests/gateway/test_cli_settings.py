"""settings get, set, status and watch, against the real HTTP layer with a fake service behind it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import structlog
from tracker_codecs.contract import Settings
from tracker_gateway.delivery.events import Happening
from tracker_gateway.service.calls import Json
from tracker_gateway.store.nouns import Tracker

from tests.gateway import fake_service as fake
from tests.gateway.cli_runner import Result, tg
from tests.gateway.http_client import serve


class Service(fake.FakeService):
    """Walks a delivery through its states, one at each look."""

    def __init__(self) -> None:
        super().__init__()
        self.states = ["queued", "sent", "acknowledged", "confirmed"]
        self.verdict: Json = {"state": "confirmed"}

    async def read(self, tracker: Tracker) -> Json:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        final = state not in ("queued", "sent", "acknowledged")
        fields = {"tracking_interval": self.verdict}
        found = await super().read(tracker)
        return {**found, "sync": {"revision": 4, "state": state, "final": final, "fields": fields}}

    async def status(self, tracker: Tracker) -> Json:
        exchange = {"seq": 1, "attempt": 1, "revision": 4, "purpose": "write", "hex": "00ff", "reply": "ok"}
        about = {"desired": 60, "reported": 60, "state": "confirmed", "strength": "read_back"}
        sync = {"revision": 4, "state": "confirmed"}
        return {"sync": sync, "ledger": [exchange], "evidence": {"tracking_interval": about}}

    async def update(self, tracker: Tracker, settings: Settings, *, author: str, wait: float = 0.0) -> Json:
        await super().update(tracker, settings, author=author, wait=wait)
        return {"sync": {"revision": 4, "state": "queued"}}

    async def dry_run(self, tracker: Tracker, settings: Settings) -> Json:
        await super().dry_run(tracker, settings)
        command = {
            "hex": "0102",
            "text": "set 60",
            "purpose": "write",
            "expects": "ok",
            "fields": ["tracking_interval"],
        }
        angle = {"state": "unsupported", "reason": "no angle here"}
        return {"dry_run": {"revision": 4, "commands": [command], "fields": {"tracking_angle": angle}}}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def gateway(service: Service) -> Iterator[tuple[str, Callable[[], None]]]:
    """Address of a gateway in a thread of its own, and what stops it."""
    found: dict[str, Any] = {}
    ready = threading.Event()

    async def run() -> None:
        async with serve(service) as api:
            found.update(url=api.url, loop=asyncio.get_running_loop(), stop=asyncio.Event())
            ready.set()
            await found["stop"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)

    def stop() -> None:
        with suppress(RuntimeError):  # stopped already
            found["loop"].call_soon_threadsafe(found["stop"].set)

    with structlog.testing.capture_logs():  # the thread shares this process's stdout with the command
        yield found["url"], stop
    stop()
    thread.join(10)


@pytest.fixture
def env(gateway: tuple[str, Callable[[], None]]) -> dict[str, str]:
    """The environment of a command."""
    return {"TRACKER_GATEWAY_URL": gateway[0], "TRACKER_GATEWAY_HASH": fake.FULL}


@pytest.fixture
def stop(gateway: tuple[str, Callable[[], None]]) -> Callable[[], None]:
    """Stops the gateway."""
    return gateway[1]


def settings(env: dict[str, str], *arguments: str) -> Result:
    return tg("settings", *arguments, env=env)


def test_get(env: dict[str, str], service: Service) -> None:
    service.states = ["confirmed"]
    result = settings(env, "get", "1")
    assert (result.code, result.err) == (0, "")
    assert "state     confirmed" in result.out
    assert [line.split()[:2] for line in result.out.splitlines()[-1:]] == [["tracking_interval", "60"]]
    assert json.loads(settings(env, "get", "1", "--json").out)["value"] == {"tracking_interval": 60}


def test_pairs_lie_over_the_present_settings(env: dict[str, str], service: Service) -> None:
    assert settings(env, "set", "1", "tracking_angle=30").code == 0
    assert settings(env, "set", "1", "tracking_angle=30", "--only").code == 0
    assert settings(env, "set", "1", '{"tracking_interval": 90}').code == 0
    assert [call[2] for call in service.calls] == [
        {"tracking_interval": 60, "tracking_angle": 30},
        {"tracking_angle": 30},
        {"tracking_interval": 90},
    ]


def test_wait_tells_each_step(env: dict[str, str]) -> None:
    result = settings(env, "set", "1", "tracking_interval=90", "--wait", "20")
    assert result.code == 0
    assert [line.split()[-1] for line in result.err.splitlines()] == ["queued", "sent", "acknowledged", "confirmed"]
    assert "confirmed" in result.out


def test_a_negative_outcome(env: dict[str, str], service: Service) -> None:
    service.states = ["sent", "mismatched"]
    service.verdict = {"state": "mismatched", "reason": "the tracker reports 120 instead of 90"}
    result = settings(env, "set", "1", "tracking_interval=90", "--wait", "20")
    assert result.code == 1
    assert "tracking_interval: mismatched: the tracker reports 120 instead of 90" in result.out
    service.states = ["queued"]
    result = settings(env, "set", "1", "tracking_interval=90", "--wait", "0.2")
    assert result.code == 1
    assert "no outcome within 0.2 s" in result.err


def test_dry_run(env: dict[str, str], service: Service) -> None:
    result = settings(env, "set", "1", "tracking_interval=90", "--dry-run")
    assert result.code == 0
    assert "0102" in result.out
    assert "no angle here" in result.out
    assert [call[0] for call in service.calls] == ["dry_run"]


def test_status(env: dict[str, str]) -> None:
    result = settings(env, "status", "1")
    assert "00ff" in result.out
    assert result.out.splitlines()[-1].split()[:5] == ["tracking_interval", "60", "60", "confirmed", "read_back"]
    assert json.loads(settings(env, "status", "1", "--json").out)["ledger"][0]["hex"] == "00ff"


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_watch_tells_what_happens_until_the_gateway_stops(
    env: dict[str, str], service: Service, stop: Callable[[], None], options: tuple[str, ...]
) -> None:
    service.happenings.put_nowait(Happening("delivery", 1, 0.0, {"state": "sent"}))
    timer = threading.Timer(1.0, stop)
    timer.start()
    result = settings(env, "watch", "1", *options)
    timer.join()
    assert result.code == 1
    assert result.err == "the gateway has stopped\n"
    if options:
        assert json.loads(result.out)["state"] == "sent"
    else:
        assert result.out.splitlines()[-1] == "1970-01-01T00:00:00.000Z  delivery: state sent"


def test_watch_of_no_tracker(env: dict[str, str]) -> None:
    assert "(code 201)" in settings(env, "watch", "999").err


def test_refusals_are_one_line(env: dict[str, str]) -> None:
    result = settings(env, "set", "1", "tracking_interval=5")
    assert (result.code, result.out) == (1, "")
    wrong = "tracking_settings.tracking_interval must be at least 30 s"
    assert result.err == f"tracker-gateway: refused: Invalid parameters (code 7): {wrong}\n"
    assert "(code 201)" in settings(env, "get", "999").err
    assert "(code 4)" in settings({**env, "TRACKER_GATEWAY_HASH": "0" * 32}, "get", "1").err


def test_no_gateway_there(env: dict[str, str]) -> None:
    result = settings(env, "get", "1", "--url", "http://127.0.0.1:1")
    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert "is the gateway running?" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["get"],
        ["get", "x"],
        ["get", "0"],
        ["set", "1"],
        ["set", "1", "tracking_interval"],
        ["set", "1", "a=1", "a=2"],
        ["set", "1", "{"],
        ["get", "1", "--url", "localhost"],
        ["get", "1", "--url", "http://x:y"],
    ],
)
def test_wrong_use(env: dict[str, str], arguments: list[str]) -> None:
    result = settings(env, *arguments)
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1


def test_no_key() -> None:
    result = tg("settings", "get", "1", env={"TRACKER_GATEWAY_HASH": ""})
    assert result.code == 2
    assert "TRACKER_GATEWAY_HASH" in result.err
