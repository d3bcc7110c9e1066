"""The calls and their order of checks, over real sockets. Codes, texts and statuses are the public API's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tracker_gateway.service.calls import ApiError

from tests.gateway import fake_service as fake
from tests.gateway.http_client import TRACKING, Api, serve


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    async with serve() as served:
        yield served


GOOD = {"tracker_id": fake.PLAIN, "tracking_settings": {"tracking_interval": 60}}


@pytest.mark.parametrize("prefix", ["", "/v2"])
@pytest.mark.parametrize("suffix", ["", "/"])
async def test_paths_with_and_without_prefix_and_slash(api: Api, prefix: str, suffix: str) -> None:
    status, answer = await api.post(f"{prefix}{TRACKING}/read{suffix}", {"tracker_id": 1})
    assert (status, answer["success"], answer["value"]) == (200, True, {"tracking_interval": 60})


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        (1, 500, "Database error"),
        (3, 400, "Wrong hash"),
        (4, 400, "User or API key not found or session ended"),
        (5, 400, "Wrong request format"),
        (6, 500, "Unexpected error"),
        (7, 400, "Invalid parameters"),
        (8, 503, "Queue service error, try again later"),
        (9, 412, "Too large request"),
        (11, 403, "Access denied"),
        (13, 403, "Operation not permitted"),
        (14, 503, "Database unavailable"),
        (15, 429, "Too many requests (rate limit exceeded)"),
        (111, 400, "Wrong handler"),
        (112, 400, "Wrong method"),
        (201, 400, "Not found in the database"),
        (208, 403, "Device blocked"),
        (213, 400, "Cannot perform action: the device is offline"),
        (214, 400, "Requested operation or parameters are not supported by the device"),
        (219, 403, "Not allowed for clones of the device"),
    ],
)
async def test_table_of_codes(api: Api, code: int, status: int, text: str) -> None:
    api.service.failure = ApiError(code)
    got, answer = await api.post(f"{TRACKING}/read", {"tracker_id": 1})
    assert got == status
    assert answer["success"] is False
    assert answer["status"] == {"code": code, "description": text}
    assert ("errors" in answer) == (code == 7)


async def test_nulls_are_omitted(api: Api) -> None:
    _, answer = await api.post(f"{TRACKING}/read", {"tracker_id": 1})
    assert answer["sync"] == {"revision": 3, "state": "confirmed", "reported": {}}


@pytest.mark.parametrize("tracker_id", [1, "1"])
async def test_update_as_json(api: Api, tracker_id: object) -> None:
    body = {**GOOD, "tracker_id": tracker_id, "something_new": [1], "hash": fake.FULL}
    assert await api.post(f"{TRACKING}/update", body, hash=None) == (
        200,
        {"success": True, "sync": {"revision": 4, "state": "queued"}},
    )
    assert api.service.calls == [("update", 1, {"tracking_interval": 60}, "full", 0.0)]


async def test_update_as_form_and_query(api: Api) -> None:
    fields = {"tracker_id": "1", "tracking_settings": '{"tracking_interval": 60}', "wait": "2.5", "hash": fake.FULL}
    async with api.session.post(f"{api.url}{TRACKING}/update", data=fields) as response:
        assert (await response.json())["success"] is True
    assert (await api.get(f"{TRACKING}/update", **fields))[1]["success"] is True
    assert api.service.calls == [("update", 1, {"tracking_interval": 60}, "full", 2.5)] * 2


async def test_json_sent_with_the_type_of_a_form(api: Api) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"nvx {fake.FULL}"}
    async with api.session.post(f"{api.url}{TRACKING}/update", data=json.dumps(GOOD), headers=headers) as response:
        assert (await response.json())["success"] is True


async def test_dry_run_stores_nothing(api: Api) -> None:
    _, answer = await api.post(f"{TRACKING}/update", {**GOOD, "dry_run": True})
    assert answer == {"success": True, "dry_run": {"revision": 4, "commands": [], "fields": {}}}
    assert api.service.calls == [("dry_run", 1, {"tracking_interval": 60})]


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"tracker_id": None}, "tracker_id"),
        ({"tracker_id": "x1"}, "tracker_id"),
        ({"tracker_id": True}, "tracker_id"),
        ({"tracker_id": 1.5}, "tracker_id"),
        ({"tracker_id": 10**40}, "tracker_id"),
        ({"tracker_id": "9" * 5000}, "tracker_id"),
        ({"tracker_id": [1]}, "tracker_id"),
        ({"tracking_settings": None}, "tracking_settings"),
        ({"tracking_settings": 5}, "tracking_settings"),
        ({"tracking_settings": "{"}, "tracking_settings"),
        ({"tracking_settings": "[1]"}, "tracking_settings"),
        ({"tracking_settings": "[" * 9 + "]" * 9}, "tracking_settings"),
        ({"dry_run": "maybe"}, "dry_run"),
        ({"wait": 61}, "wait"),
        ({"wait": -1}, "wait"),
        ({"wait": "soon"}, "wait"),
        ({"wait": True}, "wait"),
    ],
)
async def test_wrong_types_name_the_parameter(api: Api, changes: dict[str, object], parameter: str) -> None:
    status, answer = await api.post(f"{TRACKING}/update", {**GOOD, **changes})
    assert (status, answer["status"]["code"]) == (400, 7)
    assert [each["parameter"] for each in answer["errors"]] == [parameter]
    assert not api.service.calls


async def test_field_values_name_the_field(api: Api) -> None:
    _, answer = await api.post(f"{TRACKING}/update", {"tracker_id": 1, "tracking_settings": {"tracking_interval": 5}})
    assert answer["errors"] == [{"parameter": "tracking_settings.tracking_interval", "error": "must be at least 30 s"}]


class TestHash:
    async def test_missing_names_the_parameter(self, api: Api) -> None:
        _, answer = await api.post(f"{TRACKING}/read", {"tracker_id": 1}, hash=None)
        assert answer["status"]["code"] == 7
        assert [each["parameter"] for each in answer["errors"]] == ["hash"]

    @pytest.mark.parametrize("hash", ["", "xyz", "0" * 31, "0" * 65, "g" * 32, "0" * 31 + "٣"])
    async def test_malformed(self, api: Api, hash: str) -> None:
        assert await api.code(f"{TRACKING}/read", {"tracker_id": 1, "hash": hash}, hash=None) == 3

    @pytest.mark.parametrize("hash", [5, [], {}, True])
    async def test_no_text(self, api: Api, hash: object) -> None:
        assert await api.code(f"{TRACKING}/read", {"tracker_id": 1, "hash": hash}, hash=None) == 3

    @pytest.mark.parametrize("hash", [fake.REVOKED, "0" * 64])
    async def test_unknown(self, api: Api, hash: str) -> None:
        assert await api.code(f"{TRACKING}/read", {"tracker_id": 1}, hash=hash) == 4

    async def test_two_different_ones(self, api: Api) -> None:
        body = {"tracker_id": 1, "hash": fake.READER}
        assert await api.code(f"{TRACKING}/read", body, hash=fake.FULL) == 3
        assert await api.code(f"{TRACKING}/read?hash={fake.FULL}", body, hash=None) == 3
        assert await api.code(f"{TRACKING}/read?hash={fake.READER}", body, hash=fake.READER) == 0
        twice = f"{TRACKING}/read?tracker_id=1&hash={fake.FULL}&hash={fake.READER}"
        assert (await api.get(twice))[1]["status"]["code"] == 3

    async def test_other_schemes_are_not_ours(self, api: Api) -> None:
        headers = {"Authorization": "Basic dXNlcjpwYXNz"}
        url = f"{api.url}{TRACKING}/read?tracker_id=1&hash={fake.FULL}"
        async with api.session.get(url, headers=headers) as response:
            assert (await response.json())["success"] is True


class TestOrderOfChecks:
    """Each request breaks this check and every later one; the earlier check answers."""

    async def test_update(self, api: Api) -> None:
        bad = {"tracking_interval": 1}

        async def code(tracker_id: object, hash: str | None) -> int:
            return await api.code(f"{TRACKING}/update", {"tracker_id": tracker_id, "tracking_settings": bad}, hash)

        assert await code("x", "nonsense") == 7
        assert await code(999, "nonsense") == 3
        assert await code(999, "0" * 32) == 4
        assert await code(999, fake.READER) == 13
        assert await code(999, fake.FULL) == 201
        assert await code(fake.FOREIGN, fake.FULL) == 201
        assert await code(fake.PLAIN, fake.STRANGER) == 201
        assert await code(fake.BLOCKED_CLONE, fake.FULL) == 208
        assert await code(fake.CLONE, fake.FULL) == 219
        assert await code(fake.FIXED, fake.FULL) == 214
        assert await code(fake.PLAIN, fake.FULL) == 7

    async def test_a_foreign_tracker_looks_like_none(self, api: Api) -> None:
        answers = [
            await api.post(f"{TRACKING}/{call}", {"tracker_id": tracker_id, "tracking_settings": {}})
            for call in ("read", "update", "status", "history", "cancel", "reread")
            for tracker_id in (fake.FOREIGN, 999, 0, -1)
        ]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][1]["status"]["code"] == 201

    async def test_reading_needs_no_right_and_clones_may_be_read(self, api: Api) -> None:
        assert await api.code(f"{TRACKING}/read", {"tracker_id": fake.CLONE}, fake.READER) == 0
        assert await api.code(f"{TRACKING}/status", {"tracker_id": fake.PLAIN}, fake.READER) == 0
        assert await api.code(f"{TRACKING}/history", {"tracker_id": fake.PLAIN}, fake.READER) == 0

    @pytest.mark.parametrize("path", [f"{TRACKING}/cancel", f"{TRACKING}/reread", "/tracker/raw_command/send"])
    async def test_changing_needs_its_right(self, api: Api, path: str) -> None:
        assert await api.code(path, {"tracker_id": fake.PLAIN, "command": "x"}, fake.READER) == 13


async def test_history(api: Api) -> None:
    assert (await api.get(f"{TRACKING}/history", tracker_id="1", hash=fake.FULL))[1] == {"success": True, "list": []}
    await api.get(f"{TRACKING}/history", tracker_id="1", hash=fake.FULL, limit="5", before="7")
    assert api.service.calls == [("history", 1, 20, None), ("history", 1, 5, 7)]
    assert await api.code(f"{TRACKING}/history", {"tracker_id": 1, "limit": 1000}) == 7


async def test_trackers_and_models(api: Api) -> None:
    _, answer = await api.post("/v2/tracker/list/")
    assert [tracker["id"] for tracker in answer["list"]] == [1, 2, 3, 4, 5]
    _, answer = await api.post("/tracker/list", {"offset": 1, "limit": 2})
    assert [tracker["id"] for tracker in answer["list"]] == [2, 3]
    _, answer = await api.post("/tracker/read", {"tracker_id": 2})
    assert answer["value"] == {"id": 2, "label": "", "model": "telfmb920"}
    _, answer = await api.post("/tracker/list_models")
    assert answer["list"] == [{"code": "telfmb920", "track_control": "telfm"}]
    assert await api.code("/tracker/list_models", hash=None) == 7


async def test_raw_command(api: Api) -> None:
    path = "/tracker/raw_command/send"
    _, answer = await api.post(path, {"tracker_id": 1, "command": "getver"})
    assert answer == {"success": True, "id": 9, "state": "queued"}
    body = {"tracker_id": 1, "command": "0D 0a", "type": "hex", "reliable": False, "wait": 3}
    await api.post(path, body)
    assert api.service.calls == [("raw", 1, "getver", True, 0.0, "full"), ("raw", 1, b"\r\n", False, 3.0, "full")]
    _, answer = await api.post(path, {"tracker_id": 1, "command": "0g", "type": "hex"})
    assert answer["errors"] == [{"parameter": "command", "error": "Non-hex string"}]
    assert await api.code(path, {"tracker_id": 1, "command": " ", "type": "hex"}) == 7
    assert await api.code(path, {"tracker_id": 1, "command": "x", "type": "sms"}) == 7
    assert await api.code(path, {"tracker_id": 1, "command": ""}) == 7


async def test_gateway_calls_need_no_hash(api: Api) -> None:
    assert await api.get("/gateway/health") == (200, {"success": True, "status": "ok", "store": {"status": "ok"}})
    api.service.healthy = False
    status, answer = await api.get("/gateway/health")
    assert (status, answer["status"]["code"], answer["health"]["status"]) == (503, 8, "degraded")
    async with api.session.get(f"{api.url}/gateway/metrics") as response:
        assert response.content_type == "text/plain"
        assert await response.read() == b"# TYPE x counter\nx 1\n"


@pytest.mark.parametrize("path", ["/", "", "/v2", "/tracker", "/tracker/settings/tracking", "//tracker/list", "/x%0Ay"])
async def test_unknown_path(api: Api, path: str) -> None:
    async with api.session.get(api.url + path) as response:
        assert response.status == 400
        assert (await response.json())["status"] == {"code": 111, "description": "Wrong handler"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_wrong_method(api: Api, method: str) -> None:
    async with api.session.request(method, f"{api.url}{TRACKING}/read") as response:
        assert (response.status, response.headers["Allow"]) == (400, "GET, POST")
        assert (await response.json())["status"] == {"code": 112, "description": "Wrong method"}


async def test_a_defect_is_code_6_and_says_nothing_more(api: Api) -> None:
    api.service.failure = RuntimeError("the secret is 42")
    status, answer = await api.post(f"{TRACKING}/read", {"tracker_id": 1})
    assert status == 500
    assert answer == {"success": False, "status": {"code": 6, "description": "Unexpected error"}}
