"""Which files the store opens (R20): every older version with its content; all else is refused in clear words."""

# ruff: noqa: ASYNC240  # small local files and children; nothing else runs in the loop

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracker_codecs.contract import FieldOutcome, FieldState, Strength
from tracker_gateway.store import (
    Delivery,
    Exchange,
    RawCommand,
    Reported,
    StoreError,
    _connect,
    open_store,
)
from tracker_gateway.store.nouns import DeliveryState, Desired, Key, Right, Tracker, UnknownDevice

STORED = Path(__file__).parents[1] / "databases"
NEWEST = 2


@pytest.mark.parametrize("version", [1, 2])
async def test_a_stored_database_opens_with_its_content(tmp_path: Path, version: int) -> None:
    path = Path(shutil.copy(STORED / f"v{version}.db", tmp_path))
    if version < NEWEST:
        with pytest.raises(StoreError, match=r"v1\.db is of an older release: start the gateway once"):
            await open_store(path, read_only=True)
    store = await open_store(path)
    van = Tracker(
        7, "356307042441013", "telfmb920", "fleet", "Van ü", False, False, {"password": "p4ss"}, True, 1700000000.5
    )
    assert await store.list_trackers() == [
        van,
        Tracker(9, "356307042441013", "telfmb920", "fleet", "copy", True, True, {}, False, 1700000002.0),
    ]
    app = Key(1, "fleet", "app", frozenset({Right.CONFIGURE}), 1700000000.0, False)
    assert await store.list_keys() == [app, Key(2, "", "old", frozenset(), 1700000000.0, True)]
    assert (await store.find_key("1" * 64), await store.find_key("2" * 64)) == (app, None)
    twin = await store.twin(7)
    asked = {"tracking_interval": 30, "sleep_mode": True}
    fields = {
        "tracking_interval": FieldOutcome(FieldState.WRITTEN, 30, None, Strength.ACCEPTED, ""),
        "sleep_mode": FieldOutcome(FieldState.UNKNOWN, True, None, None, "asleep"),
    }
    assert twin.desired == Desired(2, asked, "app", 1700000020.0)
    assert twin.delivery == Delivery(
        7, 2, DeliveryState.SENT, 1700000030.0, 1702592020.0, unsure=True, attempts=2, fields=fields
    )
    assert twin.reported == {"tracking_interval": Reported(60, 1700000015.0)}
    assert (twin.known, twin.reread) == ({"dialect": "fmb"}, 1700000040.0)
    assert await store.pending() == [twin]
    older = (await store.history(7, limit=9, before=2))[0][1]
    assert (older.state, older.final, older.detail) == (DeliveryState.SUPERSEDED, True, "by revision 2")
    assert await store.ledger(7, 2) == [
        Exchange(
            *(2, 1, "write", ("tracking_interval",), b"\x00\xff\r\n", "setparam 10000:30", "setparam", "timeout"),
            *(b"", "", 1700000025.0, 1700000030.0, False, 1),
        )
    ]
    assert await store.changed_trackers(4) == {0, 10}
    devices, commands = await store.list_unknown(), await store.get_raw([3, 4])
    if version == 1:
        assert (devices, commands) == ([], [])
    else:
        assert devices == [
            UnknownDevice("860000000000001", "gt06", "tcp", "192.0.2.7:40000", 1700000000.0, 1700000100.0, 12)
        ]
        queued = DeliveryState.QUEUED
        waiting = RawCommand(3, 7, b"STATUS\0", True, "app", queued, 1700000000.0, 1700000000.0, 1702592000.0)
        assert commands[0] == waiting
        assert (commands[1].command, commands[1].final, commands[1].reply) == ("STATUS#", True, b"OK")
        assert await store.pending_raw() == [waiting]
    # It is a store like any other from now on, and no id comes back.
    assert (await store.add_tracker(device_id="1", model="m")).tracker_id == 11
    assert (await store.accept(7, {}, author="", now=1, expires=2, fields={})).desired == Desired(3, {}, "", 1)
    assert (await store.add_raw(7, "x", reliable=True, author="", now=1, expires=2)).command_id == (
        5 if version > 1 else 1
    )
    await store.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (NEWEST,)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_every_version_is_stored_and_a_migrated_file_has_the_schema_of_a_new_one(tmp_path: Path) -> None:
    assert sorted(_connect.migrations()) == list(range(1, NEWEST + 1))
    schemas = []
    for name in ("new", *(f"v{version}" for version in range(1, NEWEST + 1))):
        path = tmp_path / f"{name}.db"
        if name != "new":
            shutil.copy(STORED / f"{name}.db", path)
        await (await open_store(path)).close()
        with sqlite3.connect(path) as db:
            schemas.append(db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall())
    assert len(schemas[0]) > 10
    assert schemas[1:] == schemas[:1] * NEWEST


async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copy(STORED / "v1.db", tmp_path))
    broken = {**_connect.migrations(), 3: "CREATE TABLE fine (x INTEGER) STRICT;\nCREATE TABLE trackers (x INTEGER);\n"}
    with monkeypatch.context() as patch:
        patch.setattr(_connect, "migrations", lambda: broken)
        with pytest.raises(StoreError, match="table trackers already exists"):
            await open_store(path)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'raw_commands'").fetchone() == (0,)
    await (await open_store(path)).close()


def sql(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


async def refused(path: Path, *, read_only: bool = False) -> str:
    """Opening this fails; what is said. The file stays as it is."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError) as told:
        await open_store(path, read_only=read_only)
    assert str(path) in str(told.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    return str(told.value)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_version_is_refused(tmp_path: Path, read_only: bool) -> None:
    path = Path(shutil.copy(STORED / "v2.db", tmp_path))
    sql(path, f"PRAGMA user_version = {NEWEST + 1}")
    assert "has version 3, this program knows 2: use the newer release" in await refused(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("statement", ["CREATE TABLE t (x)", "PRAGMA application_id = 5"])
async def test_the_database_of_another_program_is_refused(tmp_path: Path, statement: str, read_only: bool) -> None:
    path = tmp_path / "other.db"
    sql(path, "VACUUM", statement)
    assert "is a database of another program" in await refused(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("content", [b"no database, but quite some text " * 99, b"\0" * 8192, b"SQLite format 3"])
async def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes, read_only: bool) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(content)
    assert "is damaged or not a database" in await refused(path, read_only=read_only)


async def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    whole = (STORED / "v2.db").read_bytes()
    path = tmp_path / "x.db"
    for spoiled in (
        whole[: len(whole) // 2],  # cut short
        whole[:1024] + b"\xff" * 1024 + whole[2048:],  # the root page of a table
        whole[:105] + b"\xff" * 300 + whole[405:],  # the schema
    ):
        path.write_bytes(spoiled)
        said = await refused(path)
        assert "is damaged" in said
        assert "put a backup in its place" in said


@pytest.mark.parametrize("read_only", [False, True])
async def test_an_empty_file_does_not_pass_for_a_new_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    monkeypatch.setattr(_connect, "EMPTY_TIMEOUT", 0.05)
    path = tmp_path / "x.db"
    path.touch()
    assert "is an empty file: put a backup in its place, or remove it" in await refused(path, read_only=read_only)


async def test_an_empty_file_is_waited_for_while_another_process_makes_the_store(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.touch()
    opening = asyncio.ensure_future(open_store(path))
    await asyncio.sleep(0.1)
    assert not opening.done()
    content = (STORED / "v2.db").read_bytes()
    path.write_bytes(content)
    store = await opening
    assert len(await store.list_trackers()) == 2
    await store.close()


async def test_folders_and_paths_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    assert "it is a folder, name a file in it" in await refused(tmp_path)
    assert "the folder" in (said := await refused(tmp_path / "no" / "x.db"))
    assert "does not exist, make it" in said
    assert "there is no store" in await refused(tmp_path / "x.db", read_only=True)
    assert not (tmp_path / "x.db").exists()
    (tmp_path / "file").write_text("x")
    assert "cannot make the store" in await refused(tmp_path / "file" / "x.db")
    (tmp_path / "link.db").symlink_to(tmp_path / "gone.db")
    assert "cannot open the store" in await refused(tmp_path / "link.db")


@pytest.mark.parametrize(
    "where", ["postgresql://user:hunter2@host/db", "sqlite://host/x.db", "file:x.db", "", "sqlite:"]
)
async def test_other_urls_are_refused_without_showing_them(where: str) -> None:
    with pytest.raises(StoreError, match="cannot open the store") as told:
        await open_store(where)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("form", ["{}", "sqlite:{}", "sqlite://{}", "sqlite:///{}"])
async def test_every_form_of_a_path_leads_to_the_same_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "with ? and # and %41 and ü.db"
    store = await open_store(form.format(path))
    assert store.name == str(path)
    await store.close()
    assert path.stat().st_size > 4096


async def test_relative_paths_count_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for where, name in (("a.db", "a.db"), ("sqlite:b.db", "b.db"), ("./c:d.db", "c:d.db")):
        await (await open_store(where)).close()
        assert (tmp_path / name).exists()


OPENING = """
import asyncio, os, sys
from tracker_gateway.store import open_store, StoreUnavailable
async def warm():  # imports what it needs while it still may read everything
    await (await open_store("warm.db")).close()
asyncio.run(warm())
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)  # root may write everywhere
async def main():
    try:
        await open_store(sys.argv[1])
    except StoreUnavailable as error:
        print(error)
    store = await open_store(sys.argv[2], read_only=True)
    print(len(await store.list_trackers()))
asyncio.run(main())
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.parametrize(("rights", "said"), [(0o444, "read-only"), (0o000, "cannot open")])
def test_a_file_that_may_not_be_written_is_refused(open_folder: Path, rights: int, said: str) -> None:
    path = Path(shutil.copy(STORED / "v2.db", open_folder / "x.db"))
    other = Path(shutil.copy(STORED / "v2.db", open_folder / "y.db"))
    path.chmod(rights)
    other.chmod(0o444)
    arguments = [sys.executable, "-c", OPENING, str(path), str(other)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, cwd=open_folder)
    assert done.returncode == 0, done.stderr
    refusal, trackers = done.stdout.splitlines()
    assert said in refusal
    assert str(path) in refusal
    assert trackers == "2"  # a command that only looks needs no right to write


def test_a_folder_that_may_not_be_written_is_refused(open_folder: Path) -> None:
    other = Path(shutil.copy(STORED / "v2.db", open_folder / "y.db"))
    other.chmod(0o444)
    closed = open_folder / "closed"
    closed.mkdir(mode=0o555)
    arguments = [sys.executable, "-c", OPENING, str(closed / "x.db"), str(other)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, cwd=open_folder)
    assert done.returncode == 0, done.stderr
    assert "cannot make the store" in done.stdout
    assert "make its folder writable" in done.stdout
    assert not os.listdir(closed)
