"""Nothing answered for is lost: killed processes (R1), a log cut at any byte (R2), a disk that is full."""

# ruff: noqa: ASYNC220, ASYNC240  # small local files and children; nothing else runs in the loop

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracker_gateway.store import Store, StoreError, StoreUnavailable, open_store
from tracker_gateway.store.sqlite import SqliteStore

KILLS = 20
PAGE = 4096
FRAME = 24 + PAGE  # https://www.sqlite.org/fileformat2.html#walformat
HEADER = 32

#: Accepts for ever, eight at a time, and prints what was answered.
ACCEPTING = """
import asyncio, os, sys
from tracker_gateway.store import open_store
async def accept(store, tracker):
    while True:
        twin = await store.accept(tracker, {"n": 1}, author="", now=1.0, expires=2.0, fields={})
        os.write(1, f"{tracker} {twin.desired.revision}\\n".encode())
async def main():
    store = await open_store(sys.argv[1])
    os.write(1, b"ready\\n")
    await asyncio.gather(*(accept(store, tracker) for tracker in range(1, 9)))
asyncio.run(main())
"""


async def ask(store: Store, tracker_id: int = 1) -> int:
    twin = await store.accept(tracker_id, {"n": 1}, author="", now=1.0, expires=2.0, fields={})
    assert twin.desired is not None
    return twin.desired.revision


async def newest(path: Path, *, read_only: bool = False) -> dict[int, int]:
    """Tracker -> its newest revision, with its delivery queued, by way of the store."""
    store = await open_store(path, read_only=read_only)
    found = {}
    for tracker in await store.list_trackers():
        twin = await store.twin(tracker.tracker_id)
        assert (twin.desired is None) == (twin.delivery is None)
        found[tracker.tracker_id] = 0 if twin.desired is None else twin.desired.revision
    await store.close()
    return found


def integrity(path: Path) -> object:
    db = sqlite3.connect(path)
    try:
        return [*db.execute("PRAGMA integrity_check"), *db.execute("PRAGMA foreign_key_check")]
    finally:
        db.close()


async def test_nothing_answered_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    store = await open_store(path)
    for each in range(8):
        await store.add_tracker(device_id=str(each), model="m")
    await store.close()
    chance = random.Random(1)
    answered: dict[int, int] = {}
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", ACCEPTING, str(path)], stdout=subprocess.PIPE, cwd=tmp_path
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            # Drained meanwhile, so that the child never waits for the pipe.
            reading = asyncio.create_task(asyncio.to_thread(child.stdout.read))
            await asyncio.sleep(chance.uniform(0.0, 0.25))
            child.kill()
            lines = (await reading).decode().splitlines()
        for tracker, revision in (map(int, line.split()) for line in lines):
            assert revision > answered.get(tracker, 0)
            answered[tracker] = revision
        read_only = chance.random() < 0.3  # a command that only looks must see the log of the dead process, too
        found = await newest(path, read_only=read_only)
        assert all(found[tracker] >= revision for tracker, revision in answered.items())
    assert sum(answered.values()) > KILLS * 8
    assert integrity(path) == [("ok",)]


async def test_the_pragmas_that_durability_needs_are_set(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "g.db")
    assert isinstance(store, SqliteStore)
    for worker in (store._writer, store._reader):
        assert worker is not None
        for name, expected in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            value = await worker.do(lambda db, name=name: db.execute(f"PRAGMA {name}").fetchone()[0])
            assert value == expected, name
    assert (tmp_path / "g.db").stat().st_mode & 0o077 == 0
    await store.close()


async def test_a_file_system_without_a_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Without(sqlite3.Connection):
        def execute(self, sql: str, *rest: object) -> sqlite3.Cursor:
            return super().execute(sql.replace(self.spoiled, self.instead), *rest)  # type: ignore[arg-type]

        spoiled = instead = ""

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: real(*args, factory=Without, **kwargs))
    for spoiled, instead, said in (
        ("journal_mode = WAL", "journal_mode = DELETE", "write-ahead log"),
        ("synchronous = FULL", "synchronous = NORMAL", "synchronous=FULL"),
    ):
        Without.spoiled, Without.instead = spoiled, instead
        with pytest.raises(StoreError, match=said):
            await open_store(tmp_path / f"{said}.db")


def cuts(size: int) -> Iterator[int]:
    """Lengths of a cut log: around each frame's ends, and every so often between."""
    around = {HEADER + frame * FRAME + off for frame in range(size // FRAME + 1) for off in (-1, 0, 1, 24, 25)}
    yield from sorted(cut for cut in {*around, *range(0, size, max(1, size // 200)), 1, size} if 0 <= cut <= size)


async def test_a_log_cut_at_any_byte_holds_every_answered_success_before_the_cut(tmp_path: Path) -> None:
    path, log = tmp_path / "g.db", tmp_path / "g.db-wal"
    store = await open_store(path)
    await store.add_tracker(device_id="1", model="m")
    await store.close()
    store = await open_store(path)  # the log begins anew
    lengths = [0]  # of the log when revision n was answered
    for _ in range(12):
        revision = await ask(store)
        assert revision == len(lengths)
        lengths.append(log.stat().st_size)
    whole, base = log.read_bytes(), path.read_bytes()
    await store.close()
    assert all(b > a for a, b in itertools.pairwise(lengths))
    copy = tmp_path / "cut.db"
    tried = 0
    for cut in cuts(len(whole)):
        for suffix in ("-shm", "-wal"):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
        copy.write_bytes(base)
        Path(f"{copy}-wal").write_bytes(whole[:cut])
        answered = max(revision for revision, length in enumerate(lengths) if length <= cut)
        assert integrity(copy) == [("ok",)], cut
        if tried % 10 == 0:
            assert (await newest(copy)) == {1: answered}, cut
        with sqlite3.connect(copy) as db:
            found = db.execute("SELECT max(revision), count(*), sum(final = 0) FROM deliveries").fetchone()
        db.close()
        assert found == ((answered, answered, 1) if answered else (None, 0, None)), cut
        tried += 1
    assert tried > 200


FILLING = """
import asyncio, resource, sys
from tracker_gateway.store import open_store, StoreUnavailable
async def accept(store):
    return (await store.accept(1, {"text": "x" * 3000}, author="", now=1.0, expires=2.0, fields={})).desired.revision
async def main():
    store = await open_store(sys.argv[1])
    await store.add_tracker(device_id="1", model="m")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    answered, refused = 0, ""
    for _ in range(200):
        try:
            answered = await accept(store)
        except StoreUnavailable as error:
            refused = str(error)
            break
    assert refused and store.problem() == refused, refused
    assert (await store.twin(1)).desired.revision == answered
    try:
        await accept(store)
        raise SystemExit("accepted without room")
    except StoreUnavailable:
        pass
    print(answered, flush=True)
    print(refused, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert await accept(store) == answered + 1
    assert store.problem() == ""
    print(await accept(store), flush=True)
    import os; os._exit(0)  # without closing
asyncio.run(main())
"""


async def test_a_disk_without_room_refuses_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", FILLING, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    before, refused, after = done.stdout.splitlines()
    assert int(before) > 5
    assert str(path) in refused
    assert "nothing was changed" in refused
    assert int(after) == int(before) + 2
    assert await newest(path) == {1: int(after)}
    assert integrity(path) == [("ok",)]


async def test_a_full_disk_is_called_full(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "g.db")
    assert isinstance(store, SqliteStore)
    assert store._writer is not None
    await store.add_tracker(device_id="1", model="m")
    most = "PRAGMA max_page_count = {}".format
    pages = await store._writer.do(lambda db: db.execute("PRAGMA page_count").fetchone()[0])

    def limit(to: int) -> asyncio.Future[object]:
        assert isinstance(store, SqliteStore)
        assert store._writer is not None
        return store._writer.do(lambda db: db.execute(most(to)).fetchone())

    await limit(pages)
    answered = 0

    async def fill() -> None:
        nonlocal answered
        for _ in range(200):
            answered = await ask(store)

    with pytest.raises(StoreUnavailable, match=r"disk of the store .* is full .*free some space; nothing was changed"):
        await fill()
    assert answered > 0
    assert (await newest(tmp_path / "g.db")) == {1: answered}
    assert "is full" in store.problem()
    await limit(1_000_000)
    assert await ask(store) == answered + 1
    assert store.problem() == ""
    await store.close()


async def test_a_store_whose_file_was_replaced_accepts_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    store = await open_store(path)
    await store.add_tracker(device_id="1", model="m")
    away = path.rename(tmp_path / "away.db")
    with pytest.raises(StoreUnavailable, match="was moved, removed or replaced: restart the gateway"):
        await ask(store)
    shutil.copy(away, path)
    with pytest.raises(StoreUnavailable, match="was moved"):
        await ask(store)
    path.unlink()
    away.rename(path)
    assert await ask(store) == 1
    await store.close()


async def test_a_copy_made_while_it_runs_is_a_backup(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "g.db")
    await store.add_tracker(device_id="1", model="m")
    answered = await ask(store)
    with sqlite3.connect(tmp_path / "g.db") as db:  # as docs/store.md tells
        db.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    await ask(store)
    assert await newest(tmp_path / "backup.db") == {1: answered}
    await store.close()


async def test_another_process_that_holds_the_lock_is_waited_for(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "g.db")
    await store.add_tracker(device_id="1", model="m")
    other = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(ask(store))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    assert len(await store.list_trackers()) == 1  # readers do not wait
    other.execute("COMMIT")
    assert await waiting == 1
    assert isinstance(store, SqliteStore)
    assert store._writer is not None
    await store._writer.do(lambda db: db.execute("SELECT 1"))
    other.execute("BEGIN IMMEDIATE")
    store._writer._connection.execute("PRAGMA busy_timeout = 100")
    with pytest.raises(StoreUnavailable, match="locked by another process"):
        await ask(store)
    other.execute("ROLLBACK")
    other.close()
    assert await ask(store) == 2
    await store.close()


async def test_one_process_works_on_deliveries(tmp_path: Path) -> None:
    """A second gateway on the same file would send every command twice; tools beside the gateway may come and go."""
    first = await open_store(tmp_path / "g.db")
    await first.claim()
    await first.claim()
    second = await open_store(tmp_path / "g.db")
    with pytest.raises(StoreError, match=r"another gateway works with the store .*g\.db"):
        await second.claim()
    await second.add_tracker(device_id="100000000000001", model="fake_tracker")
    await first.close()
    await second.claim()
    await second.close()
