"""Devices that speak on a TCP port as on their serial port: the gateway dials, with real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tracker_codecs.contract import Emulator
from tracker_gateway.bench import work
from tracker_gateway.bench.work import Wanted
from tracker_gateway.config.links import SerialConfig
from tracker_gateway.process.address import socket_address
from tracker_gateway.transports import serial as module
from tracker_gateway.transports.port import LineForm, Port, PortError

from tests.gateway.serial_world import CASES, delivered, device, final, gateway, health, reaches, section


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports are tried again sooner."""
    monkeypatch.setattr(module, "BACKOFF", 0.1)


class Node:
    """An emulated node that listens; each connection is its serial port. `hang_up` as a restart does."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        self._open.add(writer)
        try:
            for datum in self.emulator.connect():
                writer.write(datum.data)
            while data := await reader.read(4096):
                for datum in self.emulator.receive(data):
                    writer.write(datum.data)
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """Close every connection, unanswered."""
        for writer in self._open:
            writer.transport.abort()


@asynccontextmanager
async def node() -> AsyncIterator[Node]:
    """A Meshtastic node on a free port."""
    unit = Node(device("meshtastic", Path("unused")).emulator)
    server = await asyncio.start_server(unit.serve, "127.0.0.1", 0)
    unit.port = server.sockets[0].getsockname()[1]
    try:
        yield unit
    finally:
        server.close()
        unit.hang_up()


def at(port: int) -> Any:
    """The section of a node on this port."""
    return section("meshtastic", Path()) | {"port": f"socket://127.0.0.1:{port}"}


async def test_a_node_on_tcp_is_dialled_set_and_confirmed(tmp_path: Path) -> None:
    settings = CASES["meshtastic"][2]
    async with node() as unit, gateway(tmp_path, at(unit.port)) as world:
        assert (await reaches(world, "ok"))["form"] == "a TCP port"
        sync = await delivered(world, 1, settings)
        assert (sync["state"], sync["strength"]) == ("confirmed", "read_back")
        assert {name: unit.emulator.settings[name] for name in settings} == settings


async def test_a_node_that_hangs_up_in_its_restart_is_dialled_again_and_confirmed(tmp_path: Path) -> None:
    async with node() as unit, gateway(tmp_path, at(unit.port)) as world:
        await reaches(world, "ok")
        store = unit.emulator._store  # type: ignore[attr-defined]

        def restart(wanted: Any) -> None:
            store(wanted)
            asyncio.get_running_loop().call_soon(unit.hang_up)

        unit.emulator._store = restart  # type: ignore[attr-defined]
        sync = await delivered(world, 1, CASES["meshtastic"][2])
        assert (sync["state"], sync["strength"]) == ("confirmed", "read_back")
        assert (await health(world))["reopened"] > 0


async def test_a_node_that_is_off_is_told_and_gets_what_waited(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with gateway(tmp_path, at(port)) as world:
        await reaches(world, "refuses the connection")
        await world.ask("update", tracker_id=1, tracking_settings=CASES["meshtastic"][2])
        unit = Node(device("meshtastic", Path("unused")).emulator)
        server = await asyncio.start_server(unit.serve, "127.0.0.1", port)
        assert (await final(world, 1))["state"] == "confirmed"
        server.close()
        unit.hang_up()


async def test_the_bench_reaches_it_too() -> None:
    async with node() as unit:
        shown: list[str] = []
        found = await work.connect(
            Wanted(path=f"socket://127.0.0.1:{unit.port}", codec="meshtastic"), lambda text, **_: shown.append(text)
        )
        await found.line.port.close()
    assert (found.family.name, found.known["device_id"]) == ("meshtastic", unit.emulator.device_id)
    assert shown[0] == f"socket://127.0.0.1:{unit.port} at a TCP port, as meshtastic"


async def test_a_silent_peer_is_probed(tmp_path: Path) -> None:
    """A node that lost power says nothing any more; only the kernel's probes tell."""
    async with node() as unit:
        port = Port(f"socket://127.0.0.1:{unit.port}", LineForm(0))
        await port.open()
        assert port._transport is not None
        wire = port._transport.get_extra_info("socket")
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        await port.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("socket://no.host.invalid:4403", "the name of the host is not known"),
        ("socket://127.0.0.1", "is not socket://HOST:PORT"),
    ],
)
async def test_why_it_cannot_be_dialled(path: str, words: str) -> None:
    with pytest.raises(PortError, match=words):
        await Port(path, LineForm(0)).open()


def test_addresses() -> None:
    assert socket_address("socket://[::1]:4403") == ("::1", 4403)
    assert socket_address("socket://node.example:4403") == ("node.example", 4403)
    for wrong in (
        "socket://h",
        "socket://:1",
        "socket://h:0",
        "socket://h:99999",
        "socket://h:1/x",
        "tcp://h:1",
        "h:1",
    ):
        with pytest.raises(ValueError, match="is not socket://HOST:PORT"):
            socket_address(wrong)
    with pytest.raises(ValueError, match="rfc2217://h:1 is not socket://HOST:PORT"):
        SerialConfig(family="ubx", device_id="a", port="rfc2217://h:1")
