"""TCP: one listener a family and port, and the link of one connection, without a task or stream object of its own."""

from __future__ import annotations

import asyncio
import socket
from asyncio import Protocol, Transport
from collections.abc import Sequence, Set
from typing import cast

from tracker_gateway.transports.guard import DECISIVE, foreign, source_of
from tracker_gateway.transports.link import Link
from tracker_gateway.transports.room import ListenError, Room, why_not_listening
from tracker_gateway.transports.sniff import Sniffer

#: Connections the kernel holds for us: a restart brings a whole fleet back at once.
BACKLOG = 4096
#: Kernel keep-alive: silence, pause and tries (s, s, count) before a vanished peer is noticed.
KEEPALIVE = (120, 30, 4)


class TcpLink(Link, Protocol):
    """One connection. Its first bytes (3 at most) are held back until they cannot open another protocol any more."""

    __slots__ = ("_admitted", "_links", "_opening", "_transport")

    def __init__(self, room: Room, links: set[TcpLink]) -> None:
        super().__init__(room)
        self._links = links
        self._transport: Transport | None = None
        self._admitted = False
        self._opening: bytes | None = b""

    # -- asyncio.Protocol ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A device connected: counted and limited before a byte of it is read."""
        self._transport = cast(Transport, transport)
        name = transport.get_extra_info("peername") or ("?", 0)
        self.peer = f"{name[0]}:{name[1]}"
        self.source = source_of(str(name[0]))
        if not self.room.shared.guard.admit(self.source):
            self.room.stats.turned_away += 1
            self.ending = "a limit on links is reached"
            self._transport.abort()
            return
        self._begin()

    def _begin(self) -> None:
        assert self._transport is not None
        self._admitted = True
        self.room.stats.opened += 1
        self.room.stats.links += 1
        self._links.add(self)
        _keep_alive(self._transport.get_extra_info("socket"))
        self._transport.set_write_buffer_limits(high=self.room.shared.config.write_buffer)

    def adopt(self, transport: Transport, opening: bytes) -> None:
        """Go on with a connection that was admitted, and whose first bytes showed that it is of this family."""
        self._transport = transport
        name = transport.get_extra_info("peername") or ("?", 0)
        self.peer = f"{name[0]}:{name[1]}"
        self.source = source_of(str(name[0]))
        self._opening = None
        self._begin()
        transport.set_protocol(self)
        self.contain(self.take, opening)

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        if self.ending:
            return
        if self._opening is not None:
            data = self._opening + data
            verdict = foreign(data[:DECISIVE])
            if verdict is None:
                self._opening = data
                self.last_heard = self.room.shared.clock()
                return
            self._opening = None
            if verdict:
                self.room.stats.foreign += 1
                self.end("foreign", "speaks another protocol")
                return
        self.contain(self.take, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        if self._admitted:
            self._links.discard(self)
            self.gone("the device closed the link" if exc is None else f"the link broke: {exc.__class__.__name__}")

    # -- Link ---------------------------------------------------------------------------------------------------------
    def send(self, data: bytes) -> None:
        """Bytes that are owed. A device that does not read what it is owed is let go."""
        if self._put(data):
            if self.tape is not None:
                self.tape.owed(data)
        elif not self.ending:
            self.end("slow", "does not read what is sent to it")

    def write(self, data: bytes, channel: str = "") -> bool:
        """See Session."""
        taken = self._put(data)
        if taken and self.tape is not None:
            self.tape.command(data)
        return taken

    def _put(self, data: bytes) -> bool:
        transport = self._transport
        if transport is None or self.ending or transport.is_closing():
            return False
        if transport.get_write_buffer_size() + len(data) > self.room.shared.config.write_buffer:
            return False
        transport.write(data)
        self.room.stats.bytes_out += len(data)
        return True

    def disconnect(self, *, now: bool) -> None:
        """End the connection: after what is written, or `now`."""
        if self._transport is not None:
            if now:
                self._transport.abort()
            else:
                self._transport.close()


class TcpListener:
    """A port that devices of one family connect to; of several, where the first bytes decide."""

    def __init__(self, rooms: Sequence[Room], host: str, port: int) -> None:
        self.rooms = rooms
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._links: set[TcpLink] = set()
        self._sniffed: set[Sniffer] = set()

    async def start(self) -> None:
        """Listen. Raises ListenError."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._protocol, self._host, self._port, backlog=BACKLOG, reuse_address=True
            )
        except OSError as error:
            raise ListenError(why_not_listening(self.rooms[0], self._host, self._port, error)) from error

    def _protocol(self) -> Protocol:
        if len(self.rooms) == 1:
            return TcpLink(self.rooms[0], self._links)
        return Sniffer(self.rooms, self._sniffed, self._recognised)

    def _recognised(self, room: Room, transport: Transport, opening: bytes) -> None:
        TcpLink(room, self._links).adopt(transport, opening)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the real port where 0 was asked for."""
        assert self._server is not None
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    @property
    def links(self) -> Set[Link | Sniffer]:
        """The connections that are open."""
        return self._links | self._sniffed if self._sniffed else self._links

    async def stop(self) -> None:
        """Accept no more. The links are closed by the hub."""
        if self._server is not None:
            self._server.close()


def _keep_alive(sock: socket.socket | None) -> None:
    """Let the kernel find out about peers that vanished without a word."""
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    idle, interval, count = KEEPALIVE
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)
