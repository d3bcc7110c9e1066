"""The two threads that own the database connections: one writes with group commit, one reads."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from tracker_gateway.store._connect import explain
from tracker_gateway.store.base import StoreError, StoreUnavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
#: Jobs that share one commit at most.
MAX_GROUP = 512
#: SQLite's own failures that concern one job alone; any other may concern the file, and so the whole group.
_OWN_FAULT = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class _Job(NamedTuple):
    work: Work
    future: Future[Any]


class _Done(NamedTuple):
    future: Future[Any]
    result: Any
    error: BaseException | None


def _resolve(done: list[_Done]) -> None:
    for future, result, error in done:
        if future.done():  # its waiter gave up
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


class Worker(threading.Thread):
    """Owns a connection and does jobs on it, in their order. `do` may be called from the event loop only."""

    def __init__(self, connection: sqlite3.Connection, path: Path, loop: AbstractEventLoop, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._connection = connection
        self._path = path
        self._loop = loop
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        #: Why the last group failed; empty while all is well.
        self.problem = ""

    def do(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Queue a job; the future has its result once it is done (for a writer: on disk)."""
        future: Future[T] = self._loop.create_future()
        if self._closed:
            future.set_exception(StoreError(f"the store {self._path} is closed"))
        else:
            self._queue.put(_Job(work, future))
        return future

    async def close(self) -> None:
        """Do what is queued, then end the thread and close the connection."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self.join)

    def run(self) -> None:
        """The thread."""
        open_ = True
        group: list[_Job] = []
        try:
            while open_:
                first = self._queue.get()
                group = []
                while first is not None:
                    group.append(first)
                    if len(group) == MAX_GROUP:
                        break
                    try:
                        first = self._queue.get_nowait()
                    except Empty:
                        break
                open_ = first is not None
                if group:
                    self._tell(self._group(group))
                    group = []
        finally:
            # Also reached when the thread dies (no memory): nobody may wait for ever for it.
            self._closed = True
            if open_:
                self.problem = f"the thread of the store {self._path} ended: restart the gateway"
            gone = StoreError(f"the thread of the store {self._path} ended")
            self._tell([_Done(job.future, None, gone) for job in [*group, *self._left()]])
            self._connection.close()

    def _left(self) -> list[_Job]:
        left = []
        with contextlib.suppress(Empty):
            while True:
                job = self._queue.get_nowait()
                if job is not None:
                    left.append(job)
        return left

    def _tell(self, done: list[_Done]) -> None:
        if done:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_resolve, done)

    def _group(self, jobs: list[_Job]) -> list[_Done]:
        done = []
        for job in jobs:
            try:
                done.append(_Done(job.future, job.work(self._connection), None))
            except Exception as error:
                done.append(_Done(job.future, None, self._words(error)))
        return done

    def _words(self, error: Exception) -> StoreError:
        """Whatever a job failed with, as a StoreError."""
        if isinstance(error, StoreError):
            return error
        if isinstance(error, sqlite3.Error):
            return explain(error, self._path)
        words = StoreError(f"the store {self._path} cannot do this ({type(error).__name__}: {error})")
        words.__cause__ = error  # a defect or a value no database takes (a lone surrogate, an integer beyond 64 bits)
        return words


class Writer(Worker):
    """Does all jobs that wait in one transaction: one fsync for many callers."""

    def __init__(self, connection: sqlite3.Connection, path: Path, loop: AbstractEventLoop, name: str) -> None:
        super().__init__(connection, path, loop, name)
        self._file = _identity(path)

    def _group(self, jobs: list[_Job]) -> list[_Done]:
        execute = self._connection.execute
        done: list[_Done] = []
        try:
            if _identity(self._path) != self._file:  # SQLite would go on writing into a file that nobody finds again
                raise StoreUnavailable(f"the store {self._path} was moved, removed or replaced: restart the gateway")
            execute("BEGIN IMMEDIATE")
            for job in jobs:
                execute("SAVEPOINT job")
                try:
                    result = job.work(self._connection)
                except Exception as error:
                    if isinstance(error, sqlite3.Error) and not isinstance(error, _OWN_FAULT):
                        raise
                    execute("ROLLBACK TO job")
                    done.append(_Done(job.future, None, self._words(error)))
                else:
                    done.append(_Done(job.future, result, None))
                execute("RELEASE job")
            execute("COMMIT")
        except (sqlite3.Error, StoreUnavailable) as error:
            failed = self._words(error)
            self.problem = str(failed)
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):  # it was rolled back already
                    execute("ROLLBACK")
            return [_Done(job.future, None, type(failed)(str(failed))) for job in jobs]
        self.problem = ""
        return done


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is at this path now."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
