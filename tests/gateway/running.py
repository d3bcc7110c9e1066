"""A whole gateway in this process, on free ports of the loopback and a store of its own; and a device to talk to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from tracker_codecs.contract import Transport
from tracker_gateway.config.file import Config
from tracker_gateway.config.links import ListenerConfig
from tracker_gateway.daemon import Daemon
from tracker_gateway.store.nouns import Right

from tests.gateway import fake_family

TRACKING = "/tracker/settings/tracking"


def config(path: Path, *families: str | tuple[str, Transport], **sections: Any) -> Config:
    """A configuration with a listener for each family (TCP unless said) on free ports."""
    fake_family.install()
    pairs = [each if isinstance(each, tuple) else (each, Transport.TCP) for each in families]
    listeners = [ListenerConfig(family=name, transport=link, host="127.0.0.1", port=0) for name, link in pairs]
    data = {
        "store": {"path": str(path / "g.db")},
        "http": {"port": 0, "rate_limit": 0.0},
        "listeners": [each.model_dump() for each in listeners],
        **sections,
    }
    return Config.model_validate(data, strict=False)


class Line:
    """A TCP connection of a device, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self, count: int, seconds: float = 5.0) -> bytes:
        """So many bytes."""
        return await asyncio.wait_for(self.reader.readexactly(count), seconds)

    async def line(self, seconds: float = 5.0) -> bytes:
        """One line of text."""
        return await asyncio.wait_for(self.reader.readuntil(b"\n"), seconds)

    async def silent(self, seconds: float = 0.15) -> bool:
        """Nothing comes and the link stays up."""
        try:
            data = await asyncio.wait_for(self.reader.read(100), seconds)
        except TimeoutError:
            return True
        raise AssertionError(f"not silent: {data!r}")

    async def closed(self, seconds: float = 5.0) -> bytes:
        """What still comes until the gateway closes the link."""
        try:
            return await asyncio.wait_for(self.reader.read(), seconds)
        except ConnectionError:
            return b""

    def hang_up(self) -> None:
        self.writer.close()


class Running:
    """A running daemon and what tests do to it."""

    def __init__(self, daemon: Daemon, http: ClientSession, secret: str) -> None:
        self.daemon = daemon
        self.gateway = daemon.gateway
        self.http = http
        self.secret = secret

    async def add(self, device_id: str, model: str = fake_family.MODEL, **fields: Any) -> int:
        """Register a tracker; its id."""
        added = await self.daemon.store.add_tracker(device_id=device_id, model=model, owner="acme", **fields)
        await self.gateway.refresh()
        return added.tracker_id

    async def connect(self, family: str = "fake") -> Line:
        """A connection to the TCP port of a family."""
        host, port = self.daemon.addresses[family, Transport.TCP]
        return Line(*await asyncio.open_connection(host, port))

    def stats(self, family: str = "fake", transport: str = "tcp") -> Any:
        """The plain counters of a family's links."""
        return self.daemon.metrics.link_stats(family, transport)

    async def ask(self, action: str, **body: Any) -> Any:
        """An answer of the HTTP interface."""
        host, port = self.daemon.http_address
        path = action if action.startswith("/") else f"{TRACKING}/{action}"
        headers = {"Authorization": f"NVX {self.secret}"}
        async with self.http.post(f"http://{host}:{port}{path}", json=body, headers=headers) as response:
            return await response.json()


@asynccontextmanager
async def running(wanted: Config) -> AsyncIterator[Running]:
    """A daemon with this configuration, a key with all rights, a client."""
    async with Daemon(wanted) as daemon, ClientSession() as http:
        _, secret = await daemon.store.add_key(owner="acme", label="tests", rights=frozenset(Right))
        yield Running(daemon, http, secret)


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait for it; the condition's name tells what never came."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never became true")


def free_port() -> int:
    """A TCP port nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
