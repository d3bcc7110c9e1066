"""The embedded store: one SQLite file, WAL, synchronous=FULL, group commit."""

# ruff: noqa: D102  # the methods are documented where they are declared, in `Store`

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
import time
from asyncio import Future
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracker_codecs.contract import FieldOutcome, Settings

from tracker_gateway.store import _connect, _deliveries, _rows
from tracker_gateway.store._threads import Worker, Writer
from tracker_gateway.store.base import (
    KEEP_UNKNOWN,
    Delivery,
    Exchange,
    NotStored,
    RawCommand,
    Reported,
    Store,
    StoreError,
    StoreUnavailable,
    Twin,
    secret_digest,
)
from tracker_gateway.store.nouns import Desired, Key, Right, Tracker, UnknownDevice

_KEYS = 0  # in the table of changes
_CHANGEABLE = ("device_id", "model", "owner", "label", "blocked", "clone", "options", "experimental")


class SqliteStore(Store):
    """See `Store`. Writes go through one thread, reads through another; `open` makes one."""

    def __init__(self, path: Path, writer: Worker | None, reader: Worker) -> None:
        self.name = str(path)
        self._path = path
        self._writer = writer
        self._reader = reader
        self._claim: int | None = None

    @classmethod
    async def open(cls, path: Path, *, read_only: bool = False) -> SqliteStore:
        """Open, check and migrate the file. Raises StoreError."""
        writing, reading = await asyncio.to_thread(_open, path, read_only)
        loop = asyncio.get_running_loop()
        writer = None if writing is None else Writer(writing, path, loop, "store-writer")
        reader = Worker(reading, path, loop, "store-reader")
        for worker in (writer, reader):
            if worker is not None:
                worker.start()
        return cls(path, writer, reader)

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer.close()
        await self._reader.close()
        if self._claim is not None:
            os.close(self._claim)  # the lock goes with it
            self._claim = None

    async def claim(self) -> None:
        if self._claim is None:
            self._claim = await asyncio.to_thread(_connect.claim, self._path)

    def problem(self) -> str:
        return "" if self._writer is None else self._writer.problem

    def _write(self) -> Worker:
        if self._writer is None:
            raise StoreUnavailable(f"the store {self._path} was opened for reading only")
        return self._writer

    # -- trackers -----------------------------------------------------------------------------------------------------
    async def add_tracker(
        self,
        *,
        device_id: str,
        model: str,
        owner: str = "",
        label: str = "",
        clone: bool = False,
        options: Mapping[str, Any] | None = None,
        experimental: bool = False,
    ) -> Tracker:
        packed = _rows.dumps(dict(options or {}))

        def work(db: sqlite3.Connection) -> Tracker:
            _free(db, device_id, clone)
            row = db.execute(
                "INSERT INTO trackers (device_id, model, owner, label, clone, options, experimental, created) "
                f"VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING {_rows.TRACKER}",
                (device_id, model, owner, label, clone, packed, experimental, time.time()),
            ).fetchone()
            db.execute("DELETE FROM unknown_devices WHERE device_id = ?", (device_id,))
            _note_change(db, row[0])
            return _rows.tracker(row)

        return await self._write().do(work)

    async def list_trackers(self, owner: str | None = None) -> list[Tracker]:
        def work(db: sqlite3.Connection) -> list[Tracker]:
            where, values = ("", ()) if owner is None else ("WHERE owner = ?", (owner,))
            found = db.execute(f"SELECT {_rows.TRACKER} FROM trackers {where} ORDER BY tracker_id", values)
            return [_rows.tracker(row) for row in found]

        return await self._reader.do(work)

    async def get_tracker(self, tracker_id: int) -> Tracker | None:
        return await self._reader.do(lambda db: _get_tracker(db, tracker_id))

    async def change_tracker(self, tracker_id: int, **fields: Any) -> Tracker:
        wrong = sorted(fields.keys() - set(_CHANGEABLE))
        if wrong:
            raise StoreError(f"{', '.join(wrong)} of a tracker cannot be changed; {', '.join(_CHANGEABLE)} can")
        if "options" in fields:
            fields["options"] = _rows.dumps(dict(fields["options"]))

        def work(db: sqlite3.Connection) -> Tracker:
            old = _get_tracker(db, tracker_id)
            if old is None:
                raise NotStored(f"there is no tracker {tracker_id}")
            clone = fields.get("clone", old.clone)
            if "device_id" in fields or "clone" in fields:
                _free(db, fields.get("device_id", old.device_id), clone, but=tracker_id)
            for name, value in fields.items():
                db.execute(f"UPDATE trackers SET {name} = ? WHERE tracker_id = ?", (value, tracker_id))
            new = _get_tracker(db, tracker_id)
            assert new is not None
            db.execute("DELETE FROM unknown_devices WHERE device_id = ?", (new.device_id,))
            if (new.model, new.device_id) != (old.model, old.device_id):
                db.execute("UPDATE twins SET reported = '{}', known = '{}' WHERE tracker_id = ?", (tracker_id,))
            _note_change(db, tracker_id)
            return new

        return await self._write().do(work)

    async def remove_tracker(self, tracker_id: int) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            gone = db.execute("DELETE FROM trackers WHERE tracker_id = ?", (tracker_id,)).rowcount > 0
            if gone:
                _note_change(db, tracker_id)
            return gone

        return await self._write().do(work)

    # -- unregistered devices -----------------------------------------------------------------------------------------
    async def note_unknown(self, device: UnknownDevice) -> None:
        row = (
            device.device_id,
            device.family,
            device.transport,
            device.peer,
            device.first_seen,
            device.last_seen,
            device.times,
        )

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                f"INSERT INTO unknown_devices ({_rows.UNKNOWN}) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (device_id) DO UPDATE SET family = excluded.family, transport = excluded.transport, "
                "peer = excluded.peer, last_seen = excluded.last_seen, times = times + excluded.times",
                row,
            )
            surplus = db.execute("SELECT count(*) FROM unknown_devices").fetchone()[0] - KEEP_UNKNOWN
            if surplus > 0:
                db.execute(
                    "DELETE FROM unknown_devices WHERE device_id IN "
                    "(SELECT device_id FROM unknown_devices ORDER BY last_seen LIMIT ?)",
                    (surplus,),
                )

        await self._write().do(work)

    async def list_unknown(self) -> list[UnknownDevice]:
        query = f"SELECT {_rows.UNKNOWN} FROM unknown_devices ORDER BY last_seen DESC, device_id"
        return await self._reader.do(lambda db: [_rows.unknown(row) for row in db.execute(query)])

    async def forget_unknown(self, device_id: str) -> bool:
        query = "DELETE FROM unknown_devices WHERE device_id = ?"
        return await self._write().do(lambda db: db.execute(query, (device_id,)).rowcount > 0)

    # -- keys ---------------------------------------------------------------------------------------------------------
    async def add_key(self, *, owner: str, label: str, rights: Iterable[Right]) -> tuple[Key, str]:
        secret = secrets.token_hex(32)
        packed = _rows.dumps(sorted(Right(right).value for right in rights))

        def work(db: sqlite3.Connection) -> Key:
            row = db.execute(
                "INSERT INTO keys (owner, label, rights, digest, created) "
                f"VALUES (?, ?, ?, ?, ?) RETURNING {_rows.KEY}",
                (owner, label, packed, secret_digest(secret), time.time()),
            ).fetchone()
            _note_change(db, _KEYS)
            return _rows.key(row)

        return await self._write().do(work), secret

    async def list_keys(self) -> list[Key]:
        query = f"SELECT {_rows.KEY} FROM keys ORDER BY key_id"
        return await self._reader.do(lambda db: [_rows.key(row) for row in db.execute(query)])

    async def revoke_key(self, key_id: int) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            query = "UPDATE keys SET revoked = 1 WHERE key_id = ? AND revoked = 0"
            ended = db.execute(query, (key_id,)).rowcount > 0
            if ended:
                _note_change(db, _KEYS)
            return ended

        return await self._write().do(work)

    async def find_key(self, secret: str) -> Key | None:
        digest = secret_digest(secret)

        def work(db: sqlite3.Connection) -> Key | None:
            query = f"SELECT {_rows.KEY} FROM keys WHERE digest = ? AND revoked = 0"
            row = db.execute(query, (digest,)).fetchone()
            return _rows.key(row) if row else None

        return await self._reader.do(work)

    async def live_keys(self) -> dict[bytes, Key]:
        query = f"SELECT digest, {_rows.KEY} FROM keys WHERE revoked = 0"
        return await self._reader.do(lambda db: {row[0]: _rows.key(row[1:]) for row in db.execute(query)})

    # -- changes by other processes -----------------------------------------------------------------------------------
    async def change_counter(self) -> int:
        query = "SELECT coalesce(max(seq), 0) FROM changes"
        return await self._reader.do(lambda db: int(db.execute(query).fetchone()[0]))

    async def changed_trackers(self, since: int) -> set[int]:
        query = "SELECT tracker_id FROM changes WHERE seq > ?"
        return await self._reader.do(lambda db: {row[0] for row in db.execute(query, (since,))})

    # -- desired, deliveries, twin ------------------------------------------------------------------------------------
    async def accept(
        self,
        tracker_id: int,
        settings: Settings,
        *,
        author: str,
        now: float,
        expires: float,
        fields: Mapping[str, FieldOutcome],
    ) -> Twin:
        work = _deliveries.accept(tracker_id, settings, author, now, expires, fields)
        return await self._write().do(work)

    def save(
        self,
        tracker_id: int,
        *,
        delivery: Delivery | None = None,
        exchanges: Sequence[Exchange] = (),
        reported: Mapping[str, Reported] | None = None,
        known: Mapping[str, str] | None = None,
        reread: float | None = None,
    ) -> Future[None]:
        return self._write().do(_deliveries.save(tracker_id, delivery, exchanges, reported, known, reread))

    async def twin(self, tracker_id: int) -> Twin:
        return await self._reader.do(lambda db: _deliveries.twin(db, tracker_id))

    async def ask_reread(self, tracker_id: int, asked: float) -> Twin:
        return await self._write().do(_deliveries.ask_reread(tracker_id, asked))

    async def pending(self) -> list[Twin]:
        return await self._reader.do(_deliveries.pending)

    async def all_known(self) -> dict[int, dict[str, str]]:
        query = "SELECT tracker_id, known FROM twins WHERE known <> '{}'"
        return await self._reader.do(lambda db: {row[0]: _rows.loads(row[1]) for row in db.execute(query)})

    async def ledger(self, tracker_id: int, revision: int) -> list[Exchange]:
        query = f"SELECT {_rows.EXCHANGE} FROM exchanges WHERE tracker_id = ? AND revision = ? ORDER BY seq"
        return await self._reader.do(lambda db: [_rows.exchange(r) for r in db.execute(query, (tracker_id, revision))])

    async def history(self, tracker_id: int, *, limit: int, before: int | None) -> list[tuple[Desired, Delivery]]:
        return await self._reader.do(lambda db: _deliveries.history(db, tracker_id, limit, before))

    # -- raw commands -------------------------------------------------------------------------------------------------
    async def add_raw(
        self, tracker_id: int, command: str | bytes, *, reliable: bool, author: str, now: float, expires: float
    ) -> RawCommand:
        return await self._write().do(_deliveries.add_raw(tracker_id, command, reliable, author, now, expires))

    def save_raw(self, command: RawCommand) -> Future[None]:
        return self._write().do(lambda db: _deliveries.save_raw(db, command))

    async def pending_raw(self) -> list[RawCommand]:
        query = f"SELECT {_rows.RAW} FROM raw_commands WHERE final = 0 ORDER BY command_id"
        return await self._reader.do(lambda db: [_rows.raw(row) for row in db.execute(query)])

    async def get_raw(self, command_ids: Collection[int]) -> list[RawCommand]:
        query = f"SELECT {_rows.RAW} FROM raw_commands WHERE command_id = ?"
        return await self._reader.do(
            lambda db: [_rows.raw(row) for each in command_ids for row in db.execute(query, (each,))]
        )


def _open(path: Path, read_only: bool) -> tuple[sqlite3.Connection | None, sqlite3.Connection]:
    if read_only:
        if not path.is_file():
            raise StoreError(f"there is no store {path}: start the gateway once, or name another path")
        _connect.refuse_empty(path)
        reading = _connect.connect(path, read_only=True)
        version = int(reading.execute("PRAGMA user_version").fetchone()[0])
        if version < max(_connect.migrations()):
            reading.close()
            raise StoreError(
                f"the store {path} is of an older release: start the gateway once, it brings it up to date"
            )
        return None, reading
    _connect.create(path)
    writing = _connect.connect(path)
    try:
        _connect.check(writing, path)
        _connect.migrate(writing, path)
        reading = _connect.connect(path)
    except StoreError:
        writing.close()
        raise
    reading.execute("PRAGMA query_only = ON")
    return writing, reading


def _note_change(db: sqlite3.Connection, tracker_id: int) -> None:
    db.execute(
        "INSERT INTO changes (tracker_id, seq) VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM changes)) "
        "ON CONFLICT (tracker_id) DO UPDATE SET seq = excluded.seq",
        (tracker_id,),
    )


def _free(db: sqlite3.Connection, device_id: str, clone: bool, but: int = 0) -> None:
    """Raises StoreError when an original of this device id exists and another is asked for."""
    if clone:
        return
    row = db.execute(
        "SELECT tracker_id FROM trackers WHERE device_id = ? AND clone = 0 AND tracker_id <> ?", (device_id, but)
    ).fetchone()
    if row is not None:
        raise StoreError(
            f"device id {device_id} is registered already, as tracker {row[0]}: remove that one, or add a clone"
        )


def _get_tracker(db: sqlite3.Connection, tracker_id: int) -> Tracker | None:
    row = db.execute(f"SELECT {_rows.TRACKER} FROM trackers WHERE tracker_id = ?", (tracker_id,)).fetchone()
    return _rows.tracker(row) if row else None
