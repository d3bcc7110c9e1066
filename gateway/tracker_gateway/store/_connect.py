"""Opening the database file: pragmas set and read back, checks, numbered migrations, errors in words."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from tracker_gateway.store.base import StoreError, StoreUnavailable

#: "TrkG": marks the file as ours (PRAGMA application_id).
APPLICATION_ID = 0x54726B47
#: Milliseconds to wait for another process that writes.
BUSY_TIMEOUT = 5_000
#: Seconds that an empty file has to be filled by the process that made it.
EMPTY_TIMEOUT = 1.0
#: Files up to this size are checked in full at open; a larger one would delay the start by seconds.
CHECKED_SIZE = 64 * 1024 * 1024
_FULL = 2  # PRAGMA synchronous
_DAMAGED = "stop the gateway, keep the file, and put a backup in its place"


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """The error in words, with the path and what to do."""
    name = getattr(error, "sqlite_errorname", "") or ""
    said = f"({name or type(error).__name__}: {error})"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(f"the store {path} is damaged or not a database {said}: {_DAMAGED}")
    if name.startswith("SQLITE_FULL"):
        return StoreUnavailable(f"the disk of the store {path} is full {said}: free some space; nothing was changed")
    if name.startswith("SQLITE_READONLY"):
        return StoreUnavailable(f"the store {path} is read-only {said}: make the file and its folder writable")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreUnavailable(f"the store {path} is locked by another process {said}: end it or wait")
    if name.startswith("SQLITE_IOERR"):
        return StoreUnavailable(f"the disk of the store {path} fails {said}: check it; nothing was changed")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return StoreUnavailable(
            f"cannot open the store {path} {said}: check that it exists and may be read and written"
        )
    return StoreError(f"the store {path} failed {said}")


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with everything set that durability needs. Raises StoreError."""
    try:
        mode = "ro" if read_only else "rw"
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT / 1000,
            cached_statements=256,
        )
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        _prepare(connection, path, read_only)
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, read_only: bool) -> None:
    def pragma(text: str) -> object:
        row = connection.execute(f"PRAGMA {text}").fetchone()
        return row[0] if row else None

    _recognise(connection, path)
    if not read_only:
        journal = pragma("journal_mode = WAL")
        if journal != "wal":
            raise StoreError(
                f"the store {path} cannot keep a write-ahead log (journal_mode is {journal}): put it on a local disk"
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: a plain fsync there stays in the drive's cache
        if pragma("synchronous") != _FULL:
            raise StoreError(
                f"the store {path} does not accept synchronous=FULL: updates would not survive a power cut"
            )
    connection.execute("PRAGMA foreign_keys = ON")
    if pragma("foreign_keys") != 1:
        raise StoreError(f"the store {path} was opened by an SQLite without foreign keys")


def _recognise(connection: sqlite3.Connection, path: Path) -> None:
    """Refuses files that are not ours or are newer. Raises StoreError, sqlite3.Error."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and (tables or application):
        raise StoreError(f"{path} is a database of another program: give the store a path of its own")
    newest = max(migrations())
    if version > newest:
        raise StoreError(
            f"the store {path} has version {version}, this program knows {newest}: use the newer release that wrote it"
        )


@cache
def migrations() -> dict[int, str]:
    """Version -> SQL that leads to it from the one before."""
    folder = resources.files("tracker_gateway.store").joinpath("migrations")
    found = {int(file.name[:4]): file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".sql")}
    assert sorted(found) == list(range(1, len(found) + 1)), "migrations are numbered from 1 without a gap"
    return found


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), "a migration ends with a complete statement"


def migrate(connection: sqlite3.Connection, path: Path) -> int:
    """Bring the file to the present version, all or nothing; the version it had. Raises StoreError."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            _recognise(connection, path)  # again: another process may have been faster
            found = int(connection.execute("PRAGMA user_version").fetchone()[0])
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            for version in range(found + 1, max(migrations()) + 1):
                for statement in _statements(migrations()[version]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise explain(error, path) from error
    return found


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Look for damage. Raises StoreError."""
    try:
        if path.stat().st_size <= CHECKED_SIZE:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise StoreError(f"the store {path} is damaged ({said}): {_DAMAGED}")
    except sqlite3.Error as error:
        raise explain(error, path) from error


def create(path: Path) -> None:
    """Make the file where it is missing, for its owner's eyes only: it holds device passwords. Raises StoreError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        refuse_empty(path)
    except FileNotFoundError:
        raise StoreError(
            f"cannot make the store {path}: the folder {path.parent} does not exist, make it first"
        ) from None
    except OSError as error:
        raise StoreUnavailable(f"cannot make the store {path} ({error.strerror}): make its folder writable") from error


def refuse_empty(path: Path) -> None:
    """A store that was cut to nothing must not pass for a new one. Raises StoreError."""
    if path.is_dir():
        raise StoreError(f"cannot open the store {path}: it is a folder, name a file in it")
    until = time.monotonic() + EMPTY_TIMEOUT  # another process may be making it just now
    try:
        while not path.stat().st_size:
            if time.monotonic() > until:
                raise StoreError(
                    f"the store {path} is an empty file: put a backup in its place, or remove it to begin anew"
                )
            time.sleep(0.02)
    except OSError as error:
        raise StoreUnavailable(
            f"cannot open the store {path} ({error.strerror}): check that it exists and may be read and written"
        ) from error


def claim(path: Path) -> int:
    """A lock beside the file that one process holds; the descriptor that keeps it. Raises StoreError."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"cannot make {lock} ({error.strerror}): make its folder writable") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreError(
            f"another gateway works with the store {path}: two would send every command twice; end it, or give this "
            "one a store of its own"
        ) from None
    return descriptor
