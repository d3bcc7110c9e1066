"""An emulated device on a serial port: a pseudo-terminal with the codec's emulator at its other end.

`path` is a link to the port, as /dev/serial/by-id has them: a device that is plugged in again has another terminal
behind the same path. POSIX only.
"""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from tracker_codecs.contract import Datum, Emulator

#: Bytes that wait for a host which does not read; more are lost, as on a real port.
BUFFER = 65_536
#: Seconds between reports at least, and from the plug to the first.
SHORTEST = 0.02


class SerialDevice:
    """A device on its own port; `async with` plugs it in and takes it away.

    `baudrate`: at any other setting of the port both sides hear garbage; None: any will do, as on native USB.
    `piece`: bytes that arrive at once at most; None: whole answers. `noise`: goes before everything it says.
    `reports` False: it says nothing unasked.
    """

    def __init__(
        self,
        emulator: Emulator,
        path: Path,
        *,
        baudrate: int | None = None,
        piece: int | None = None,
        noise: bytes = b"",
        reports: bool = True,
    ) -> None:
        self.emulator = emulator
        self.path = path
        self.heard = bytearray()
        self._speed = None if baudrate is None else getattr(termios, f"B{baudrate}")
        self._piece = piece
        self._noise = noise
        self._reports = reports
        self._master = self._slave = -1
        self._waiting: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._stream: asyncio.Handle | None = None

    @property
    def plugged(self) -> bool:
        """The port is there."""
        return self._master >= 0

    def plug(self) -> None:
        """Make the port. To be called in a running loop."""
        assert not self.plugged
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        new = self.path.with_name(f"{self.path.name}.new")
        new.symlink_to(os.ttyname(self._slave))
        new.replace(self.path)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._master, self._ready)
        self._say(self.emulator.connect())
        if self._reports:
            self._timer = loop.call_later(SHORTEST, self._report)

    def unplug(self) -> None:
        """Pull the cable: whoever has the port open loses it."""
        if not self.plugged:
            return
        for timer in (self._timer, self._stream):
            if timer is not None:
                timer.cancel()
        self._timer = self._stream = None
        self._waiting.clear()
        asyncio.get_running_loop().remove_reader(self._master)
        with suppress(FileNotFoundError):
            self.path.unlink()
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    async def __aenter__(self) -> SerialDevice:
        self.plug()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.unplug()

    def say(self, data: bytes) -> None:
        """Say something that is no answer."""
        self._say([Datum(data)])

    # -- the other end ------------------------------------------------------------------------------------------------
    def _ready(self) -> None:
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            return
        self.heard += data
        del self.heard[:-BUFFER]
        self._say(self.emulator.receive(self._garbled(data)))

    def _report(self) -> None:
        self._say(self.emulator.report(datetime.now(UTC)))
        pause = max(self.emulator.report_interval, SHORTEST)
        self._timer = asyncio.get_running_loop().call_later(pause, self._report)

    def _say(self, said: Sequence[Datum]) -> None:
        if not said or not self.plugged:
            return
        data = self._garbled(b"".join(self._noise + datum.data for datum in said))
        if self._piece is None:
            self._write(data)
            return
        self._waiting.extend(data[at : at + self._piece] for at in range(0, len(data), self._piece))
        if self._stream is None:
            self._stream = asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """One piece in each round of the loop, so that the other side reads them one by one."""
        self._stream = None
        if self._waiting and self.plugged:
            self._write(self._waiting.popleft())
            self._stream = asyncio.get_running_loop().call_later(0.0002, self._next)

    def _write(self, data: bytes) -> None:
        with suppress(BlockingIOError):
            os.write(self._master, data)

    def _garbled(self, data: bytes) -> bytes:
        """What is heard of this at the present setting of the port: at the wrong rate neither bits nor bounds fit."""
        if self._speed is None or termios.tcgetattr(self._slave)[5] == self._speed:
            return data
        return bytes((byte * 7 & 0x7F ^ 0x25) | 0x80 for byte in data[::2])
