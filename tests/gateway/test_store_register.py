"""The register, the keys and the unknown devices of the store, also with two processes at one file."""

# ruff: noqa: ASYNC240  # small local files and children; nothing else runs in the loop

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tracker_gateway.store import NotStored, Reported, Store, StoreError, open_store, secret_digest
from tracker_gateway.store import sqlite as sqlite_store
from tracker_gateway.store.nouns import Right, UnknownDevice


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "g.db")
    yield opened
    await opened.close()


def unknown(device_id: str, seen: float, times: int = 1) -> UnknownDevice:
    return UnknownDevice(device_id, "gt06", "tcp", "192.0.2.1", seen, seen, times)


async def fill(store: Store, tracker_id: int) -> None:
    """Something in every table for this tracker."""
    await store.accept(tracker_id, {"tracking_interval": 30}, author="a", now=1, expires=9, fields={})
    await store.save(tracker_id, reported={"tracking_interval": Reported(60, 1.0)}, known={"dialect": "b"}, reread=5.0)
    await store.add_raw(tracker_id, "STATUS#", reliable=True, author="a", now=1, expires=9)


async def test_a_tracker_keeps_every_field_and_changes_them_one_by_one(store: Store) -> None:
    added = await store.add_tracker(
        device_id="1", model="m", owner="o", label="l", options={"password": "p", "n": [1]}, experimental=True
    )
    assert (added.tracker_id, added.device_id, added.model, added.owner, added.label) == (1, "1", "m", "o", "l")
    assert (added.options, added.experimental, added.blocked, added.clone) == (
        {"password": "p", "n": [1]},
        True,
        False,
        False,
    )
    changed = await store.change_tracker(1, label="L", blocked=True, options={})
    assert (changed.label, changed.blocked, changed.options) == ("L", True, {})
    assert (changed.owner, changed.created) == ("o", added.created)
    assert await store.get_tracker(1) == changed
    with pytest.raises(StoreError, match="created of a tracker cannot be changed"):
        await store.change_tracker(1, created=5)
    with pytest.raises(NotStored):
        await store.change_tracker(2, label="x")
    assert await store.get_tracker(2) is None


async def test_trackers_are_listed_by_id_and_owner(store: Store) -> None:
    for device_id, owner in (("9", "b"), ("8", "a"), ("7", "b")):
        await store.add_tracker(device_id=device_id, model="m", owner=owner)
    assert [each.device_id for each in await store.list_trackers()] == ["9", "8", "7"]
    assert [each.device_id for each in await store.list_trackers("b")] == ["9", "7"]
    assert await store.list_trackers("") == []


async def test_one_original_and_many_clones_share_a_device_id(store: Store) -> None:
    first = await store.add_tracker(device_id="1", model="m")
    with pytest.raises(StoreError, match="device id 1 is registered already, as tracker 1"):
        await store.add_tracker(device_id="1", model="m")
    copy = await store.add_tracker(device_id="1", model="m", clone=True)
    with pytest.raises(StoreError, match="registered already"):
        await store.change_tracker(copy.tracker_id, clone=False)
    other = await store.add_tracker(device_id="2", model="m")
    with pytest.raises(StoreError, match="registered already"):
        await store.change_tracker(other.tracker_id, device_id="1")
    await store.remove_tracker(first.tracker_id)
    assert not (await store.change_tracker(copy.tracker_id, clone=False)).clone


async def test_removal_takes_everything_along_and_no_id_comes_back(store: Store, tmp_path: Path) -> None:
    tracker = await store.add_tracker(device_id="1", model="m")
    await fill(store, tracker.tracker_id)
    assert await store.remove_tracker(1) is True
    assert await store.remove_tracker(1) is False
    with sqlite3.connect(tmp_path / "g.db") as db:
        for table in ("trackers", "desired", "deliveries", "exchanges", "twins", "raw_commands"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert (await store.pending(), await store.pending_raw(), await store.all_known()) == ([], [], {})
    assert (await store.add_tracker(device_id="1", model="m")).tracker_id == 2
    await store.save(1, reported={"x": Reported(1, 1.0)})  # of one that is gone: nothing, and nobody minds
    assert (await store.twin(1)).reported == {}
    for refused in (
        store.accept(1, {}, author="", now=1, expires=2, fields={}),
        store.add_raw(1, "x", reliable=True, author="", now=1, expires=2),
    ):
        with pytest.raises(NotStored):
            await refused


@pytest.mark.parametrize("change", [{"model": "n"}, {"device_id": "2"}])
async def test_another_unit_or_model_forgets_what_was_reported_and_learned(
    store: Store, change: dict[str, str]
) -> None:
    await store.add_tracker(device_id="1", model="m")
    await fill(store, 1)
    await store.change_tracker(1, label="x")
    assert (await store.twin(1)).known == {"dialect": "b"}
    await store.change_tracker(1, **change)
    twin = await store.twin(1)
    assert (twin.reported, twin.known) == ({}, {})
    assert twin.desired is not None  # what was asked for stays


async def test_unknown_devices_are_counted_bounded_and_leave_on_registration(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "KEEP_UNKNOWN", 3)
    await store.note_unknown(unknown("a", 10.0, 2))
    await store.note_unknown(UnknownDevice("a", "queclink", "udp", "192.0.2.9", 20.0, 20.0, 3))
    assert await store.list_unknown() == [UnknownDevice("a", "queclink", "udp", "192.0.2.9", 10.0, 20.0, 5)]
    for at, device_id in enumerate("bcd"):
        await store.note_unknown(unknown(device_id, 30.0 + at))
    assert [each.device_id for each in await store.list_unknown()] == ["d", "c", "b"]  # a: not heard of for longest
    await store.add_tracker(device_id="d", model="m")
    await store.change_tracker(1, device_id="c")
    assert [each.device_id for each in await store.list_unknown()] == ["b"]
    assert (await store.forget_unknown("b"), await store.forget_unknown("b")) == (True, False)


async def test_keys_are_found_by_their_secret_which_is_nowhere_in_the_files(store: Store, tmp_path: Path) -> None:
    key, secret = await store.add_key(owner="o", label="l", rights=[Right.CONFIGURE])
    other, second = await store.add_key(owner="", label="", rights=[])
    assert len(secret) == 64
    assert int(secret, 16)
    assert secret != second
    assert (key.rights, key.owner, other.rights) == (frozenset({Right.CONFIGURE}), "o", frozenset())
    assert await store.find_key(secret) == key
    assert await store.live_keys() == {secret_digest(secret): key, secret_digest(second): other}
    assert (await store.revoke_key(1), await store.revoke_key(1), await store.revoke_key(9)) == (True, False, False)
    assert await store.find_key(secret) is None
    assert list(await store.live_keys()) == [secret_digest(second)]
    assert [(each.key_id, each.revoked) for each in await store.list_keys()] == [(1, True), (2, False)]
    assert await store.find_key("\udcff") is None  # what a header may hold
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert secret_digest(secret) in kept
    assert secret.encode() not in kept
    assert bytes.fromhex(secret) not in kept


async def test_changes_are_told_by_a_counter(store: Store) -> None:
    assert (await store.change_counter(), await store.changed_trackers(0)) == (0, set())
    await store.add_tracker(device_id="1", model="m")
    await store.add_tracker(device_id="2", model="m")
    seen = await store.change_counter()
    await store.accept(1, {}, author="", now=1, expires=2, fields={})  # no change of the register
    assert await store.change_counter() == seen
    await store.change_tracker(2, label="x")
    assert await store.changed_trackers(seen) == {2}
    await store.add_key(owner="", label="", rights=[])
    await store.remove_tracker(1)
    assert await store.changed_trackers(seen) == {0, 1, 2}
    seen = await store.change_counter()
    await store.revoke_key(1)
    assert await store.changed_trackers(seen) == {0}


ADDING = """
import asyncio, sys
from tracker_gateway.store import open_store
async def main():
    store = await open_store(sys.argv[1])
    for each in range(40):
        await store.add_tracker(device_id=f"{sys.argv[2]}-{each}", model="m")
        await store.add_key(owner="", label="", rights=[])
    await store.close()
asyncio.run(main())
"""


async def test_several_processes_make_and_fill_one_store(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    crowd = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", ADDING, str(path), name), stderr=subprocess.PIPE, cwd=tmp_path
        )
        for name in "abc"
    ]
    for process in crowd:
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err.decode()
    store = await open_store(path)
    trackers = await store.list_trackers()
    assert {each.device_id for each in trackers} == {f"{name}-{each}" for name in "abc" for each in range(40)}
    assert [each.tracker_id for each in trackers] == list(range(1, 121))
    assert len(await store.live_keys()) == 120
    assert await store.changed_trackers(0) == set(range(121))
    await store.close()


async def test_a_second_opening_sees_what_the_first_one_wrote_and_a_reader_cannot_write(
    store: Store, tmp_path: Path
) -> None:
    reader = await open_store(f"sqlite:{tmp_path / 'g.db'}", read_only=True)
    await store.add_tracker(device_id="1", model="m")
    assert [each.device_id for each in await reader.list_trackers()] == ["1"]
    with pytest.raises(StoreError, match="opened for reading only"):
        await reader.add_tracker(device_id="2", model="m")
    await reader.close()


VALUES: list[dict[str, Any]] = [
    {"device_id": "\udcff", "model": "m"},
    {"device_id": object(), "model": "m"},
    {"device_id": 2**70, "model": "m"},
    {"device_id": None, "model": "m"},
    {"device_id": "2", "model": "m", "options": {"password": "hunter2", "x": object()}},
    {"device_id": "2", "model": "m", "options": {"x": 2**70}},
]


@pytest.mark.parametrize("fields", VALUES)
async def test_a_value_that_cannot_be_kept_harms_nobody_else(store: Store, fields: dict[str, Any]) -> None:
    wrong = store.add_tracker(**fields)
    right = store.add_tracker(device_id="1", model="m")
    bad, good = await asyncio.gather(wrong, right, return_exceptions=True)  # one group, one commit
    assert isinstance(bad, StoreError)
    assert "hunter2" not in str(bad)
    assert not isinstance(good, BaseException)
    assert [each.device_id for each in await store.list_trackers()] == ["1"]
    with pytest.raises(StoreError):
        await store.get_tracker(2**70)
    assert await store.get_tracker(1) == good
    assert store.problem() == ""


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "g.db")
    pending = asyncio.ensure_future(store.add_tracker(device_id="1", model="m"))
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert (await pending).tracker_id == 1  # what was begun is finished
    with pytest.raises(StoreError, match="closed"):
        await store.list_trackers()
    with pytest.raises(StoreError, match="closed"):
        await store.add_tracker(device_id="2", model="m")
