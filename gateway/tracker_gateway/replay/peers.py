"""The device's end of a link, for replays: what it says goes out, what the gateway says comes in."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

import aiomqtt


class PeerGone(Exception):
    """The gateway closed the link, or it cannot be reached; the text says which."""


class Peer(ABC):
    """One device. Everything has a time limit, set by the caller."""

    @abstractmethod
    async def open(self) -> None:
        """Connect (again). Raises PeerGone."""

    @abstractmethod
    async def say(self, data: bytes, channel: str = "") -> None:
        """Send bytes. Raises PeerGone."""

    @abstractmethod
    async def hear(self) -> tuple[bytes, str]:
        """The next bytes of the gateway, as they come, and their channel. Raises PeerGone."""

    @abstractmethod
    async def close(self) -> None:
        """Hang up."""


class TcpPeer(Peer):
    """A connection to a port."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """See Peer."""
        await self.close()
        try:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            raise PeerGone(f"cannot connect to {self._host}:{self._port}: {error.strerror or error}") from None

    async def say(self, data: bytes, channel: str = "") -> None:
        """See Peer."""
        assert self._writer is not None
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            raise PeerGone("the gateway closed the link") from None

    async def hear(self) -> tuple[bytes, str]:
        """See Peer."""
        assert self._reader is not None
        try:
            data = await self._reader.read(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise PeerGone("the gateway closed the link")
        return data, ""

    async def close(self) -> None:
        """See Peer."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue(1000)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Kept until somebody listens; beyond the bound the newest are dropped, as a kernel does."""
        if not self.heard.full():
            self.heard.put_nowait(data)


class UdpPeer(Peer):
    """Datagrams to a port, from an address of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._transport: asyncio.DatagramTransport | None = None
        self._protocol = _Datagrams()

    async def open(self) -> None:
        """See Peer."""
        await self.close()
        loop = asyncio.get_running_loop()
        self._transport, self._protocol = await loop.create_datagram_endpoint(_Datagrams, remote_addr=self._to)

    async def say(self, data: bytes, channel: str = "") -> None:
        """See Peer."""
        assert self._transport is not None
        self._transport.sendto(data)

    async def hear(self) -> tuple[bytes, str]:
        """See Peer."""
        return await self._protocol.heard.get(), ""

    async def close(self) -> None:
        """See Peer."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None


class MqttPeer(Peer):
    """A device (or the network server before it) on a broker, which hears these topics."""

    def __init__(self, host: str, port: int, topics: Sequence[str]) -> None:
        self._to = (host, port)
        self._topics = topics
        self._client: aiomqtt.Client | None = None

    async def open(self) -> None:
        """See Peer."""
        await self.close()
        client = aiomqtt.Client(*self._to, max_queued_incoming_messages=1000)
        try:
            await client.__aenter__()
            self._client = client
            for topic in self._topics:
                await client.subscribe(topic, qos=1)
        except aiomqtt.MqttError as error:
            raise PeerGone(f"cannot use the broker at {self._to[0]}:{self._to[1]}: {error}") from None

    async def say(self, data: bytes, channel: str = "") -> None:
        """See Peer."""
        assert self._client is not None
        if not channel:
            raise PeerGone("the step names no channel: nothing can be said on MQTT without a topic")
        try:
            await self._client.publish(channel, data, qos=1)
        except aiomqtt.MqttError as error:
            raise PeerGone(f"the broker takes nothing more: {error}") from None

    async def hear(self) -> tuple[bytes, str]:
        """See Peer."""
        assert self._client is not None
        try:
            message = await anext(self._client.messages)
        except aiomqtt.MqttError:
            raise PeerGone("the broker closed the link") from None
        return message.payload if isinstance(message.payload, bytes) else b"", message.topic.value

    async def close(self) -> None:
        """See Peer."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)
