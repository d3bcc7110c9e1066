"""Server-Sent Events over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, ClientSession
from tracker_gateway.delivery.events import Happening
from tracker_gateway.http import events

from tests.gateway import fake_service as fake
from tests.gateway.http_client import Api, serve

HEADERS = {"Authorization": f"NVX {fake.FULL}"}


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    async with serve() as served:
        yield served


async def lines(response: ClientResponse, count: int) -> list[str]:
    """So many lines that are not empty."""
    found: list[str] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            line = (await response.content.readline()).decode().strip()
            if line:
                found.append(line)
    return found


def told(line: str) -> Any:
    return json.loads(line.removeprefix("data: "))


async def test_events_of_one_tracker(api: Api) -> None:
    async with api.session.get(f"{api.url}/v2/gateway/events?tracker_id=1", headers=HEADERS) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        api.service.happenings.put_nowait(Happening("delivery", 1, 0.5, {"state": "sent", "detail": None}))
        first, event, data = await lines(response, 3)
    assert first == ": watching"
    assert event == "event: delivery"
    assert told(data) == {"kind": "delivery", "tracker_id": 1, "time": "1970-01-01T00:00:00.500Z", "state": "sent"}
    assert api.service.calls == [("watch", 1)]


async def test_events_of_all_show_nothing_of_others(api: Api) -> None:
    async with api.session.get(f"{api.url}/gateway/events", headers=HEADERS) as response:
        for tracker_id in (fake.FOREIGN, 999, fake.PLAIN):
            api.service.happenings.put_nowait(Happening("session", tracker_id, 0.0, {"connected": True}))
        data = (await lines(response, 3))[2]
    assert told(data)["tracker_id"] == fake.PLAIN


async def test_checks_come_first(api: Api) -> None:
    async with api.session.get(f"{api.url}/gateway/events") as response:
        assert (await response.json())["status"]["code"] == 7
    async with api.session.get(f"{api.url}/gateway/events?tracker_id={fake.FOREIGN}", headers=HEADERS) as response:
        assert (await response.json())["status"]["code"] == 201
    async with api.session.post(f"{api.url}/gateway/events", headers=HEADERS) as response:
        assert (await response.json())["status"]["code"] == 112


async def test_a_silent_stream_is_kept_alive(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEPALIVE", 0.01)
    async with api.session.get(f"{api.url}/gateway/events", headers=HEADERS) as response:
        assert (await lines(response, 3))[1:] == [": still here"] * 2


async def test_streams_are_bounded_and_come_free_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEPALIVE", 0.01)
    monkeypatch.setattr(events, "MAX_STREAMS", 1)
    url = f"{api.url}/gateway/events"
    async with api.session.get(url, headers=HEADERS) as first:
        await lines(first, 1)
        async with api.session.get(url, headers=HEADERS) as second:
            assert (second.status, (await second.json())["status"]["code"]) == (503, 8)
    async with asyncio.timeout(10):
        while True:
            async with api.session.get(url, headers=HEADERS) as third:
                if third.status == 200:
                    break
            await asyncio.sleep(0.02)


async def test_stopping_ends_the_streams() -> None:
    async with ClientSession() as session:
        async with serve() as api:
            response = await session.get(f"{api.url}/gateway/events", headers=HEADERS)
            await lines(response, 1)
        # The gateway is stopped now, without having waited for the listener to go.
        assert (await asyncio.wait_for(response.content.read(), 5)).strip() == b""
