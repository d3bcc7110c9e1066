"""The measured process: `python -m benchmarks.server echo|gateway FOLDER CORE [LOOP]`. Prints where it listens.

`echo` is the floor: a bare protocol that sends back what it gets, on the same loop. `gateway` is the daemon with a
store in FOLDER and a listener for every family that the benchmark drives. LOOP is `uvloop` or `asyncio`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, cast

from tracker_codecs.contract import Transport
from tracker_gateway.config.file import Config
from tracker_gateway.daemon import Daemon
from tracker_gateway.process import log

FAMILIES = ("teltonika", "queclink", "gt06")


class Echo(asyncio.Protocol):
    """The least a server can do."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def _echo() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=4096)
    _tell({"echo": server.sockets[0].getsockname()[1]})
    await asyncio.Event().wait()


async def _gateway(folder: Path) -> None:
    log.configure("error")
    config = Config.model_validate(
        {
            "store": {"path": str(folder / "bench.db")},
            "http": {"port": 0, "rate_limit": 0.0},
            "links": {"max_unidentified_per_source": 20_000, "max_unidentified": 20_000},
            "listeners": [{"family": name, "host": "127.0.0.1", "port": 0} for name in FAMILIES],
        },
        strict=False,
    )
    async with Daemon(config) as daemon:
        ports: dict[str, Any] = {name: daemon.addresses[name, Transport.TCP][1] for name in FAMILIES}
        _tell({"http": daemon.http_address[1], **ports})
        await asyncio.Event().wait()


def _tell(ports: dict[str, Any]) -> None:
    print(json.dumps(ports), flush=True)


def main() -> None:
    kind, folder, core, loop = (*sys.argv[1:], "uvloop")[:4]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    work = _echo() if kind == "echo" else _gateway(Path(folder))
    if loop == "uvloop":
        import uvloop

        uvloop.run(work)
    else:
        asyncio.run(work)


if __name__ == "__main__":
    main()
