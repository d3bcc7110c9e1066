"""tracker, key and check-config, on a real store in a temporary folder."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tracker_gateway.cli.device_ids import complaint, following, sample
from tracker_gateway.store import open_store
from tracker_gateway.store.nouns import Right, UnknownDevice
from tracker_profiles import store as catalogue

from tests.gateway import fake_family
from tests.gateway.cli_runner import Result, tg

IMEI = "356307042441013"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store will be; the working directory is the temporary folder."""
    fake_family.install()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKER_GATEWAY_STORE__PATH", str(tmp_path / "g.db"))
    return tmp_path / "g.db"


def add(*arguments: str) -> Result:
    return tg("tracker", "add", *arguments, "--json")


def rows(*arguments: str) -> Any:
    result = tg(*arguments, "--json")
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def test_no_store_yet(place: Path) -> None:
    for arguments in (("tracker", "list"), ("key", "list"), ("tracker", "block", "1"), ("key", "revoke", "1")):
        result = tg(*arguments)
        assert (result.code, result.out) == (1, "")
        assert f"there is no store at {place} yet" in result.err
    assert not place.exists()


def test_add_makes_the_store_and_says_so(place: Path) -> None:
    result = tg("tracker", "add", IMEI, "--model", fake_family.MODEL)
    assert (result.code, result.out) == (0, "registered as tracker 1\n")
    assert result.err == f"creating the store {place}\n"
    assert tg("tracker", "add", IMEI[::-1], "--model", fake_family.MODEL).out == "registered as tracker 2\n"


def test_life_of_a_tracker(place: Path) -> None:
    arguments = ("--owner", "acme", "--label", "van 7", "--option", "password=0000", "--option", "sack=true")
    assert add(IMEI, "--model", fake_family.MODEL, *arguments).code == 0
    (row,) = rows("tracker", "list")
    assert (row["id"], row["device_id"], row["owner"], row["label"]) == (1, IMEI, "acme", "van 7")
    assert rows("tracker", "show", IMEI) == row
    assert row["options"] == {"password": "***", "sack": True}
    assert "0000" not in tg("tracker", "show", "1").out
    assert tg("tracker", "block", "1").out == "tracker 1 is blocked\n"
    assert rows("tracker", "show", "1")["blocked"] is True
    assert tg("tracker", "unblock", IMEI).code == 0
    assert rows("tracker", "show", "1")["blocked"] is False
    assert rows("tracker", "list", "--owner", "other") == []
    assert tg("tracker", "list", "--owner", "other").out == "no trackers are registered\n"
    assert tg("tracker", "remove", "1", stdin="").code == 130
    assert tg("tracker", "remove", "1", stdin="n\n").code == 130
    assert tg("tracker", "remove", "1", "--yes").out == "removed tracker 1\n"
    assert tg("tracker", "show", "1").err == "tracker-gateway: there is no tracker 1\n"


def test_clones_share_a_device_id(place: Path) -> None:
    assert add(IMEI, "--model", fake_family.MODEL).code == 0
    result = tg("tracker", "add", IMEI, "--model", fake_family.MODEL)
    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert IMEI in result.err
    assert add(IMEI, "--model", fake_family.MODEL, "--clone").code == 0
    assert "several trackers have the device id" in tg("tracker", "show", IMEI).err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("12", "--model", fake_family.MODEL), "15 digits"),
        (("356307042441O13", "--model", fake_family.MODEL), "15 digits"),
        ((IMEI, "--model", "telfmb92O"), "did you mean"),
    ],
)
def test_what_cannot_be_registered(place: Path, arguments: tuple[str, ...], words: str) -> None:
    result = tg("tracker", "add", *arguments)
    assert result.code == 1
    assert words in result.err
    assert not place.exists()


def test_a_model_that_cannot_be_set_is_noted(place: Path) -> None:
    result = tg("tracker", "add", IMEI, "--model", "albatross_s6")
    assert result.code == 0
    assert "nothing can be pushed to albatross_s6" in result.err


def test_adopt(place: Path) -> None:
    async def call_in() -> None:
        store = await open_store(place)
        for device_id, family in ((IMEI, "fake"), ("490154203237518", "gt06")):
            await store.note_unknown(UnknownDevice(device_id, family, "tcp", "192.0.2.1:999", 1.0, 2.0, 3))
        await store.close()

    asyncio.run(call_in())
    assert {row["device_id"] for row in rows("tracker", "list", "--unknown")} == {IMEI, "490154203237518"}
    assert "192.0.2.1" in tg("tracker", "list", "--unknown").out
    adopt = ("tracker", "adopt")
    assert "no unknown device" in tg(*adopt, "111111111111111", "--model", fake_family.MODEL).err
    assert "speaks gt06" in tg(*adopt, "490154203237518", "--model", fake_family.MODEL).err
    assert tg(*adopt, IMEI, "--model", fake_family.MODEL).out == "adopted as tracker 1\n"
    assert [row["device_id"] for row in rows("tracker", "list", "--unknown")] == ["490154203237518"]


def test_keys(place: Path) -> None:
    result = tg("key", "create", "--label", "office", "--owner", "acme", "--right", "tracker_configure")
    assert result.code == 0
    secret = result.out.strip()
    assert len(secret) == 64
    assert set(secret) <= set("0123456789abcdef")
    (row,) = rows("key", "list")
    assert (row["id"], row["owner"], row["label"], row["rights"]) == (1, "acme", "office", ["tracker_configure"])
    assert secret not in json.dumps(row)
    made = json.loads(tg("key", "create", *(f"--right={right.value}" for right in Right), "--json").out)
    assert made["rights"] == sorted(right.value for right in Right)
    assert len(made["hash"]) == 64
    assert tg("key", "revoke", "1").out == "revoked key 1\n"
    assert [row["revoked"] for row in rows("key", "list")] == [True, False]
    assert tg("key", "revoke", "7").code == 1
    assert tg("key", "create", "--right", "everything").code == 2


def test_a_store_that_is_none(place: Path) -> None:
    place.write_bytes(b"this is no database, " * 500)
    result = tg("tracker", "list")
    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert str(place) in result.err


def test_check_config(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text("[http]\nport = 8123\n")
    result = tg("check-config", str(path))
    assert (result.code, result.err) == (0, "")
    assert "http.port = 8123" in result.out
    assert f"store.path = {place}" in result.out
    assert json.loads(tg("check-config", "--json").out)["http"]["port"] == 8080
    path.write_text("[http]\nprot = 8123\nport = 99999\n")
    result = tg("check-config", "--config", str(path))
    assert (result.code, result.out) == (1, "")
    assert len(result.err.splitlines()) == 1
    assert "prot" in result.err
    assert "no such file" in tg("check-config", str(tmp_path / "none.toml")).err
    assert tg("check-config", str(path), "--config", "other.toml").code == 2


def test_device_ids() -> None:
    assert complaint("imei", IMEI) is None
    assert complaint("meid", "A1B2C3D4E5F607") is None
    assert complaint("id,10", "1234567890") is None
    assert complaint("id,8,10", "1234567") == "a device id of this model has 8 to 10 digits"
    assert complaint("string,3,8", "a b") == "a device id of this model has 3 to 8 printable characters"
    for id_type in ("imei", "meid", "id,7", "id,6,12", "string,4,20"):
        assert complaint(id_type, sample(id_type)) is None
        ids = following(id_type, sample(id_type), 3)
        assert len(set(ids)) == 3
        assert ids[0] == sample(id_type)
        assert all(complaint(id_type, each) is None for each in ids)
    # Check digits of two IMEIs printed in public documents.
    assert following("imei", "490154203237518", 2)[0] == "490154203237518"
    assert following("imei", "356307042441013", 2)[0] == "356307042441013"
    with pytest.raises(ValueError, match="cannot be counted up"):
        following("id,3", "999", 2)


def test_models_of_ones_own(place: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "models").mkdir(parents=True)
    entry = "{name: Mine, profile: albatross_s6, variant: plain}"
    (tmp_path / "own" / "models" / "own.yaml").write_text(
        f"codec: fake\nvendor: Own\nid_type: imei\nmodels:\n  own_tracker: {entry}\n"
    )
    (tmp_path / "gateway.toml").write_text('extra_profiles = ["own"]\n')
    before = catalogue.roots()
    try:
        assert tg("models", "show", "own_tracker").code == 0
        assert add(IMEI, "--model", "own_tracker").code == 0
    finally:
        catalogue.use(before)
