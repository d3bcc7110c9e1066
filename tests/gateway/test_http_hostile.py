"""Bad input: every request gets JSON with a code of the table, cheaply, and nothing secret is logged."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tracker_gateway.http.body import BODY_LIMIT, too_deep
from tracker_gateway.http.errors import ERRORS
from tracker_gateway.http.limits import RateLimiter, source_of
from tracker_gateway.http.routes import ROUTES

from tests.gateway import fake_service as fake
from tests.gateway.http_client import TRACKING, Api, serve


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    async with serve() as served:
        yield served


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": 1} x',
        b'{"a":' + b"[" * 8 + b"]" * 8 + b"}",
        b"[" * 200_000,
        b'{"a":' * 40_000,
        b"1" * 100_000,
        b'"' + b'\\"' * 100_000,
    ],
)
async def test_bodies_that_are_no_json_object(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"NVX {fake.FULL}"}
    async with api.session.post(f"{api.url}{TRACKING}/read", data=body, headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["status"]["code"] == 5


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
        ({"Content-Type": "text/plain"}, b"tracker_id=1"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"tracker_id=%ff"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"tracker_id=1&tracker_id=2"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&" * 300),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"\x1f\x8b"),
    ],
)
async def test_bodies_of_other_kinds(api: Api, headers: dict[str, str], body: bytes) -> None:
    async with api.session.post(f"{api.url}{TRACKING}/read", data=body, headers=headers) as response:
        assert (response.status, (await response.json())["status"]["code"]) == (400, 5)


def test_depth_is_told_without_parsing() -> None:
    assert not too_deep(b"[" * 8 + b"]" * 8)
    assert too_deep(b"[" * 9 + b"]" * 9)
    assert not too_deep(b'{"a": [{"b": {}}, [[], {}], "[[[[[[[[[[[[[["]}')
    assert not too_deep(b'"\\"[[[[[[[[[[[[["')
    assert too_deep(b"[")
    started = time.perf_counter()
    for text in (b'"' * BODY_LIMIT, b'"' + b'\\"' * (BODY_LIMIT // 2), b"[]" * (BODY_LIMIT // 2), b"[" * BODY_LIMIT):
        too_deep(text)
    assert time.perf_counter() - started < 2.0  # a quadratic scan takes minutes


async def test_declared_10_mb_are_refused_unread(api: Api) -> None:
    head = f"POST {TRACKING}/update HTTP/1.1\nHost: x\nContent-Length: 10485760"
    status, answer = await api.send(head, b"x" * 1000)  # nothing more comes
    assert (status, answer["status"]) == (412, {"code": 9, "description": "Too large request"})
    status, answer = await api.send(f"{head}\nExpect: 100-continue")
    assert (status, answer["status"]["code"]) == (412, 9)


async def test_10_mb_sent_get_an_answer(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield b" " * 65536

    headers = {"Authorization": f"NVX {fake.FULL}"}
    for body in (b" " * 10_485_760, chunks()):
        async with api.session.post(f"{api.url}{TRACKING}/read", data=body, headers=headers) as response:
            assert (response.status, (await response.json())["status"]["code"]) == (412, 9)


async def test_just_fits(api: Api) -> None:
    body = json.dumps({"tracker_id": 1}).encode().ljust(BODY_LIMIT)
    headers = {"Authorization": f"NVX {fake.FULL}", "Expect": "100-continue"}
    async with api.session.post(f"{api.url}{TRACKING}/read", data=body, headers=headers) as response:
        assert response.status == 200
    async with api.session.post(f"{api.url}{TRACKING}/read", data=body + b" ", headers=headers) as response:
        assert response.status == 412


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        ("NONSENSE", 400, 5),
        ("GET / HTTP/9.9\nHost: x", 400, 5),
        ("BREW / HTTP/1.1\nHost: x", 400, 5),
        ("POST / HTTP/1.1\nHost: x\nContent-Length: -1", 400, 5),
        ("POST / HTTP/1.1\nHost: x\nContent-Length: 99999999999999999999999", 400, 5),
        ("GET / HTTP/1.1\nHost: x\nBroken", 400, 5),
        (f"GET /{'a' * 9000} HTTP/1.1\nHost: x", 412, 9),
        (f"GET / HTTP/1.1\nHost: x\nX: {'a' * 9000}", 412, 9),
        ("OPTIONS * HTTP/1.1\nHost: x\nExpect: nothing", 400, 111),
        ("GET / HTTP/1.1\nHost: x\nExpect: nothing", 400, 111),
        ("GET / HTTP/1.1\nHost: x\nConnection: upgrade\nUpgrade: websocket", 400, 111),
        ("POST /tracker/list HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nzz", 400, 5),
    ],
)
async def test_http_that_is_broken(api: Api, head: str, status: int, code: int) -> None:
    got, answer = await api.send(head)
    assert (got, answer["success"], answer["status"]["code"]) == (status, False, code)


async def test_source_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """At one moment of the limiter's clock, however long the requests take."""
    monkeypatch.setattr(
        "tracker_gateway.http.app.RateLimiter", lambda rate, clock, *rest: RateLimiter(rate, lambda: 0.0, *rest)
    )
    async with serve(rate_limit=50) as api:
        codes = [(await api.get("/gateway/health"))[0] for _ in range(80)]
        assert codes[:50] == [200] * 50
        assert 429 in codes
        status, answer = await api.get("/nowhere")
        assert (status, answer["status"]["code"]) == (429, 15)


def test_buckets_refill_and_the_table_is_bounded() -> None:
    now = 0.0
    limiter = RateLimiter(50, lambda: now, max_buckets=3)
    assert [limiter.allow("a") for _ in range(51)] == [True] * 50 + [False]
    now = 0.1
    assert [limiter.allow("a") for _ in range(6)] == [True] * 5 + [False]
    now = 1000.0
    assert sum(limiter.allow("a") for _ in range(100)) == 50
    for client in range(100):
        limiter.allow(client)
    assert len(limiter) == 3
    unlimited = RateLimiter(0, lambda: now)
    assert all(unlimited.allow("a") for _ in range(1000))
    assert len(unlimited) == 0


async def test_key_limit_counts_a_key_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    count = iter(range(1000))
    monkeypatch.setattr("tracker_gateway.http.app.source_of", lambda address: next(count))
    async with serve(rate_limit=50) as api:
        codes = [await api.code("/tracker/list") for _ in range(70)]
        assert codes[:50] == [0] * 50
        assert 15 in codes
        assert await api.code("/tracker/list", hash=fake.READER) == 0


def test_sources() -> None:
    assert source_of("203.0.113.7") == "203.0.113.7"
    assert source_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:1") != source_of("2001:db8:0:1::1")
    assert source_of("fe80::1%eth0") == source_of("fe80::2%eth0")
    assert source_of(None) == ""


async def test_the_hash_is_never_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with structlog.testing.capture_logs() as logs, caplog.at_level("DEBUG"):
        await api.post(f"{TRACKING}/read", {"tracker_id": 1})
        await api.get(f"{TRACKING}/read", tracker_id="1", hash=fake.FULL)
        await api.get(f"/{fake.FULL}")
        await api.get(f"{TRACKING}/read", tracker_id=fake.FULL, hash=fake.READER, **{fake.FULL: "x"})
        await api.send(f"GET /?hash={fake.FULL} HTTP/9.9\nHost: x")
        await api.send(f"GET / HTTP/1.1\nHost: x\nAuthorization {fake.FULL}")
        await api.session.request(f"X{fake.FULL.upper()}", f"{api.url}/tracker/list")
        api.service.failure = RuntimeError("broken")
        await api.post(f"{TRACKING}/read", {"tracker_id": 1})
    written = (repr(logs) + caplog.text).lower()
    assert "request" in written
    assert fake.FULL not in written
    assert fake.READER not in written
    entry = next(each for each in logs if each.get("tracker_id"))
    assert entry["route"] == f"{TRACKING}/read"
    assert entry["key_id"] == 1


async def test_metrics_hear_of_every_request() -> None:
    seen: list[tuple[str, int]] = []

    class Metrics:
        def http_request(self, route: str, code: int, seconds: float) -> None:
            assert 0 <= seconds < 5
            seen.append((route, code))

    async with serve(metrics=Metrics()) as api:
        await api.post("/v2/tracker/list")
        await api.post("/tracker/read", {"tracker_id": 999})
        await api.get("/anything")
        api.service.healthy = False
        await api.get("/gateway/health")
    assert seen == [("/tracker/list", 0), ("/tracker/read", 201), ("other", 111), ("/gateway/health", 8)]


async def test_openapi_document(api: Api) -> None:
    status, document = await api.get("/gateway/openapi.json")
    assert status == 200
    assert document["openapi"].startswith("3.1.")
    assert set(document["paths"]) == set(ROUTES)
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split('"#/components/')[1:]}
    for reference in names:
        section, name = reference.split("/")
        assert name in document["components"][section], reference
    assert document["components"]["schemas"]["profile.telfm"]["properties"]["tracking_angle"]["type"] == "integer"
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    identifiers = [operation["operationId"] for operation in operations]
    assert len(set(identifiers)) == len(identifiers)


_TEXT = st.text(max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "hash": st.sampled_from([fake.FULL, fake.READER, fake.REVOKED, "x", 7, None]),
        "tracker_id": st.integers(-2, 8) | _JSON,
        "tracking_settings": st.dictionaries(st.sampled_from(["tracking_interval", "x"]), _JSON) | _JSON,
        "wait": st.sampled_from([0, "1", 0.0, -1, 61, None]),
        "dry_run": st.booleans() | _JSON,
        "command": _JSON,
        "type": st.sampled_from(["text", "hex", "x"]),
    },
)
_BODY = st.one_of(
    _FIELDS.map(lambda fields: json.dumps(fields).encode("utf-8", "replace")), st.binary(max_size=64), _JSON.map(repr)
)
_PATHS = st.one_of(
    st.sampled_from([*ROUTES, "/v2/tracker/list/", "/v2/v2/tracker/list", "/"]),
    _TEXT.map(lambda text: f"/{quote(text)}"),
)


async def _ask(
    api: Api, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any
) -> tuple[int, str, bytes]:
    async with api.session.request(method, api.url + path, params=query, headers=headers, data=body) as response:
        endless = response.content_type == "text/event-stream"
        return response.status, response.content_type, b"" if endless else await response.read()


@given(
    method=st.sampled_from(["GET", "POST", "POST", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"]),
    path=_PATHS,
    query=st.dictionaries(st.sampled_from(["hash", "tracker_id", "limit", "before", "x"]), _TEXT, max_size=3),
    authorization=st.sampled_from([None, f"NVX {fake.FULL}", "NVX", "NVX  x", "Basic x", ""]),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", "x", ""]),
    body=_BODY,
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_request_gets_json_with_a_code_of_the_table(
    method: str, path: str, query: dict[str, str], authorization: str | None, kind: str, body: Any
) -> None:
    headers = {"Content-Type": kind} | ({} if authorization is None else {"Authorization": authorization})

    async def run() -> tuple[int, str, bytes]:
        async with serve() as api:
            return await _ask(api, method, path, query, headers, body)

    status, content_type, raw = asyncio.run(run())
    if status == 200 and path in ("/gateway/metrics", "/gateway/openapi.json", "/gateway/events"):
        return  # their good answers are not of the usual form
    answer = json.loads(raw)
    assert content_type == "application/json"
    if answer["success"]:
        assert status == 200
        return
    kind_of = ERRORS[answer["status"]["code"]]
    assert answer["status"]["description"] == kind_of.description
    assert status == kind_of.status
    assert status < 500, answer
