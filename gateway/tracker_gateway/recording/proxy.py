"""Stands between devices and a gateway, passes everything on, and records it."""

from __future__ import annotations

import asyncio
import time
from asyncio import DatagramProtocol, DatagramTransport, StreamReader, StreamWriter
from collections import OrderedDict
from contextlib import suppress
from typing import Any, cast

from tracker_codecs.contract import Transport

from tracker_gateway.recording.collect import Collector, Talk

#: Devices at the same time; beyond it new TCP connections are refused, and the UDP device silent longest is forgotten.
MAX_DEVICES = 300
#: Seconds to reach the gateway.
CONNECT_TIMEOUT = 10.0
_CHUNK = 65536

Address = tuple[str, int]


class ProxyError(Exception):
    """It cannot listen; the text says why."""


class Proxy:
    """`async with Proxy(...)`: listens until left. `listen` may have port 0; `address` tells the real one."""

    def __init__(self, collector: Collector, listen: Address, against: Address) -> None:
        self.collector = collector
        self.against = against
        self.address = listen
        self.devices = 0
        self.open = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._datagrams: _Front | None = None

    async def __aenter__(self) -> Proxy:
        loop = asyncio.get_running_loop()
        try:
            if self.collector.transport is Transport.UDP:
                _, self._datagrams = await loop.create_datagram_endpoint(lambda: _Front(self), local_addr=self.address)
                self.address = self._datagrams.address
            else:
                self._server = await asyncio.start_server(self._accept, *self.address)
                self.address = self._server.sockets[0].getsockname()[:2]
        except OSError as error:
            raise ProxyError(f"cannot listen on {self.address[0]}:{self.address[1]}: {error.strerror}") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        if self._datagrams is not None:
            self._datagrams.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- TCP ----------------------------------------------------------------------------------------------------------
    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self.open >= MAX_DEVICES:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        self.devices += 1
        try:
            await self._connect(reader, writer)
        except asyncio.CancelledError:  # the proxy ends; asyncio would log it as a failure of the connection
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        name = writer.get_extra_info("peername") or ("?", 0)
        peer = f"{name[0]}:{name[1]}"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                up_reader, up_writer = await asyncio.open_connection(*self.against)
        except (OSError, TimeoutError) as error:
            self.collector.tell(f"{peer}: the gateway cannot be reached: {error or 'no answer'}")
            return
        talk = self.collector.talk(peer, time.monotonic(), time.time())
        ways = [
            asyncio.create_task(_pump(reader, up_writer, talk, device=True)),
            asyncio.create_task(_pump(up_reader, writer, talk, device=False)),
        ]
        try:
            await asyncio.wait(ways)  # each passes the end of its direction on
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            up_writer.close()
            talk.end(time.monotonic())


async def _pump(reader: StreamReader, writer: StreamWriter, talk: Talk, *, device: bool) -> None:
    try:
        while data := await reader.read(_CHUNK):
            (talk.device if device else talk.gateway)(data, time.monotonic())
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        with suppress(OSError):
            writer.transport.abort()


class _Front(DatagramProtocol):
    """The port that devices send to."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._backs: OrderedDict[Address, _Back] = OrderedDict()
        self.transport: DatagramTransport | None = None

    @property
    def address(self) -> Address:
        """Where it listens."""
        assert self.transport is not None
        return cast(Address, self.transport.get_extra_info("sockname")[:2])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self.transport = cast(DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """From a device."""
        back = self._backs.get(addr)
        if back is None:
            if len(self._backs) == MAX_DEVICES:
                self._backs.popitem(last=False)[1].close()
            talk = self._proxy.collector.talk(f"{addr[0]}:{addr[1]}", time.monotonic(), time.time())
            back = self._backs[addr] = _Back(self, addr, talk)
            self._proxy.devices += 1
            task = asyncio.create_task(back.open(self._proxy.against))
            self._proxy._tasks.add(task)
            task.add_done_callback(self._proxy._tasks.discard)
        self._backs.move_to_end(addr)
        self._proxy.open = len(self._backs)
        back.say(data)

    def close(self) -> None:
        """Hear no more."""
        for back in self._backs.values():
            back.close()
        self._backs.clear()
        if self.transport is not None:
            self.transport.close()


class _Back(DatagramProtocol):
    """A socket of its own for each device, so that the gateway tells them apart."""

    #: Datagrams that wait while the socket is being opened.
    WAITING = 64

    def __init__(self, front: _Front, device: Any, talk: Talk) -> None:
        self._front = front
        self._device = device
        self._talk = talk
        self._transport: DatagramTransport | None = None
        self._waiting: list[bytes] = []

    async def open(self, against: Address) -> None:
        """Open it, send what waits."""
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=against)
        except OSError as error:
            self._front._proxy.collector.tell(f"the gateway cannot be reached: {error}")
            return
        self._transport = transport
        for data in self._waiting:
            transport.sendto(data)
        self._waiting.clear()

    def say(self, data: bytes) -> None:
        """The device said this."""
        self._talk.device(data, time.monotonic())
        if self._transport is not None:
            self._transport.sendto(data)
        elif len(self._waiting) < self.WAITING:
            self._waiting.append(data)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """The gateway said this."""
        self._talk.gateway(data, time.monotonic())
        if self._front.transport is not None:
            self._front.transport.sendto(data, self._device)

    def error_received(self, exc: Exception) -> None:
        """The gateway is not there just now; the device will speak again."""

    def close(self) -> None:
        """Forget the device."""
        self._talk.end(time.monotonic())
        if self._transport is not None:
            self._transport.close()
