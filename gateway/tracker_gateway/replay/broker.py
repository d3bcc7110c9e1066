"""A Mosquitto of our own on the loopback: for replays and tests of families that are reached through a broker."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

#: Seconds for the broker to listen, and to end.
PATIENCE = 10.0
#: Debian installs it where the path of a plain user does not lead.
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


class BrokerError(Exception):
    """There is no Mosquitto here, or it does not start; the text says why."""


def find_mosquitto() -> str:
    """Where the program is. Raises BrokerError."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=_PLACES)
    if found is None:
        raise BrokerError("mosquitto is not installed (Debian: apt-get install mosquitto)")
    return found


class LocalBroker:
    """One Mosquitto on a free port of the loopback; `async with` starts and ends it. `folder` holds its configuration.

    `lines` are further lines of its configuration file. It may be killed and started again on the same port.
    """

    def __init__(self, folder: Path, lines: Sequence[str] = ("allow_anonymous true",)) -> None:
        self.host = "127.0.0.1"
        self.port = _free_port()
        self._folder = folder
        self._lines = lines
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.host, self.port

    async def start(self) -> None:
        """Start it, and wait until it listens. Raises BrokerError."""
        file = self._folder / f"mosquitto-{self.port}.conf"
        head = [f"user {getpass.getuser()}", "persistence false", f"listener {self.port} {self.host}"]
        file.write_text("\n".join([*head, *self._lines, ""]), "utf-8")
        with (self._folder / f"mosquitto-{self.port}.log").open("wb") as told:
            self._process = await asyncio.create_subprocess_exec(
                find_mosquitto(), "-c", str(file), stdin=asyncio.subprocess.DEVNULL, stdout=told, stderr=told
            )
        for _ in range(int(PATIENCE / 0.02)):
            if self._process.returncode is not None:
                break
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self.host, self.port)
                writer.close()
                return
            await asyncio.sleep(0.02)
        await self.kill()
        raise BrokerError(f"mosquitto does not start: {self.log()[-500:].strip()}")

    def log(self) -> str:
        """What it said since it was started last."""
        return (self._folder / f"mosquitto-{self.port}.log").read_text("utf-8", "replace")

    async def kill(self) -> None:
        """End it at once, as a loss of power would. Nothing happens if it does not run."""
        await self._end(hard=True)

    async def stop(self) -> None:
        """End it properly."""
        await self._end(hard=False)

    async def _end(self, *, hard: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill() if hard else process.terminate()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def __aenter__(self) -> LocalBroker:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
