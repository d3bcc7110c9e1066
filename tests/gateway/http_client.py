"""Serves an application on a real socket and talks to it: by aiohttp, or byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web
from tracker_gateway.http import HttpOptions, JsonRunner, make_app

from tests.gateway.fake_service import FULL, FakeService

TRACKING = "/tracker/settings/tracking"


@dataclass
class Api:
    """A served application and a client for it."""

    service: FakeService
    session: ClientSession
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def post(self, path: str, body: dict[str, Any] | None = None, hash: str | None = FULL) -> tuple[int, Any]:
        """Status and JSON of a POST with a JSON body; the hash goes into the header."""
        headers = {} if hash is None else {"Authorization": f"NVX {hash}"}
        async with self.session.post(self.url + path, json=body or {}, headers=headers) as response:
            return response.status, await response.json()

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        """Status and JSON of a GET."""
        async with self.session.get(self.url + path, params=query) as response:
            return response.status, await response.json()

    async def code(self, path: str, body: dict[str, Any] | None = None, hash: str | None = FULL) -> int:
        """The code of the answer, 0 for success."""
        _, answer = await self.post(path, body, hash)
        return 0 if answer["success"] else int(answer["status"]["code"])

    async def send(self, head: str, body: bytes = b"") -> tuple[int, Any]:
        """Status and JSON of an answer to these very bytes; the connection is closed behind it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)
            raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            if raw.startswith(b"HTTP/1.1 100"):
                raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            lines = raw.decode("latin-1").lower().split("\r\n")
            length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
            return int(lines[0].split()[1]), json.loads(await asyncio.wait_for(reader.readexactly(length), 10))
        finally:
            writer.close()


@asynccontextmanager
async def serve(service: FakeService | None = None, rate_limit: float = 0.0, metrics: Any = None) -> AsyncIterator[Api]:
    """A fake service behind the real application on a port of its own."""
    service = service or FakeService()
    runner = JsonRunner(make_app(service, HttpOptions(rate_limit=rate_limit), metrics))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with ClientSession() as session:
            yield Api(service, session, port)
    finally:
        await runner.cleanup()
