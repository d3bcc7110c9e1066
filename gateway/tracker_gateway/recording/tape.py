"""The file of a recording: a dialogue that is whole YAML at any moment, as every step is one line and one write."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tracker_gateway import __version__
from tracker_gateway.recording.dialogue import MAX_FILE, RECORDED

#: What recordings are called, and nothing else: `<device id>-<time>-<number>.recording.yaml`.
SUFFIX = ".recording.yaml"
#: Files of one name and second.
_TRIES = 1000

Step = Mapping[str, Any]


class TapeError(Exception):
    """A recording cannot be written; the text says why."""


def encoding_of(opening: bytes) -> str:
    """How bytes are written in a file that begins with these: `ascii` where they are text."""
    return "ascii" if opening and all(0x20 <= byte < 0x7F or byte in b"\r\n\t" for byte in opening) else "hex"


def encoded(data: bytes, encoding: str) -> str:
    """Bytes as a dialogue writes them."""
    return data.decode("latin-1") if encoding == "ascii" else data.hex()


def _line(step: Step) -> bytes:
    """One step as a YAML flow mapping; JSON strings are YAML strings, but for DEL."""
    inner = ", ".join(f"{name}: {json.dumps(value)}" for name, value in step.items())
    return f"- {{{inner}}}\n".replace("\x7f", "\\u007f").encode()


class TapeFile:
    """An open file. Never larger than `max_bytes`."""

    def __init__(self, path: Path, fd: int, max_bytes: int) -> None:
        self.path = path
        self._fd = fd
        self._limit = min(max_bytes, MAX_FILE)
        self._size = 0

    @classmethod
    def create(
        cls, directory: Path, name: str, head: Mapping[str, Any], steps: Sequence[Step], *, max_bytes: int, now: float
    ) -> TapeFile:
        """A new file with its head and first steps (at least one), written in one piece. `now`: Unix time, s.

        Raises TapeError.
        """
        stem = f"{re.sub(r'[^A-Za-z0-9.-]', '_', name)[:64]}-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for number in range(1, _TRIES):
                path = directory / f"{stem}-{number}{SUFFIX}"
                try:
                    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
                    break
                except FileExistsError:
                    continue
            else:
                raise TapeError(f"{directory}: too many recordings called {stem}")
        except OSError as error:
            raise TapeError(f"{directory}: {error.strerror or error}") from None
        tape = cls(path, fd, max_bytes)
        text = f"{RECORDED} {__version__}\n" + yaml.safe_dump(
            dict(head), sort_keys=False, allow_unicode=True, width=120
        )
        if not tape._put(text.encode() + b"steps:\n" + b"".join(map(_line, steps))):
            tape.close()
            path.unlink(missing_ok=True)
            raise TapeError(f"{path}: the first steps are larger than {max_bytes} bytes")
        return tape

    def append(self, step: Step) -> bool:
        """One more step. False: the file is full. Raises TapeError; the file is whole even then."""
        return self._put(_line(step))

    def end(self, outcome: Mapping[str, Any] | None) -> None:
        """No more steps; how the last update ended. Raises TapeError."""
        if outcome is not None:
            self._put(yaml.safe_dump({"outcome": dict(outcome)}, sort_keys=False).encode())
        self.close()

    def close(self) -> None:
        """Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _put(self, data: bytes) -> bool:
        if self._fd < 0 or self._size + len(data) > self._limit:
            return False
        try:
            if os.write(self._fd, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            raise TapeError(f"{self.path}: {error.strerror or error}") from None
        self._size += len(data)
        return True


def make_room(directory: Path, max_files: int, keep: frozenset[Path]) -> list[Path]:
    """Delete the oldest recordings so that one more fits; those of `keep` stay. Gives what was deleted."""
    found = [path for path in directory.glob(f"*{SUFFIX}") if path not in keep]
    surplus = len(found) + len(keep) + 1 - max_files
    if surplus <= 0:
        return []
    aged = sorted((path.stat().st_mtime, path) for path in found)
    gone = [path for _, path in aged[:surplus]]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone
