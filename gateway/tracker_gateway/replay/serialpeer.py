"""The device's end of a serial port, for replays: a pseudo-terminal behind a path of its own. POSIX only."""

from __future__ import annotations

import asyncio
import os
import tty
from contextlib import suppress
from pathlib import Path

from tracker_gateway.replay.peers import Peer, PeerGone


class SerialPeer(Peer):
    """Plugged in from the beginning, so that the gateway finds it; opened again, it is another terminal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._master = self._slave = -1
        self._fresh = True
        self._plug()

    def _plug(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))

    async def open(self) -> None:
        """See Peer."""
        if not self._fresh:
            await self.close()
            self._plug()
        self._fresh = False

    async def say(self, data: bytes, channel: str = "") -> None:
        """See Peer."""
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.01)  # the gateway reads on
            except OSError:
                raise PeerGone("the port is gone") from None

    async def hear(self) -> tuple[bytes, str]:
        """See Peer."""
        while True:
            await self._readable()
            with suppress(BlockingIOError):
                return os.read(self._master, 65536), ""

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._master, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._master)

    async def close(self) -> None:
        """See Peer."""
        if self._master >= 0:
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = -1
