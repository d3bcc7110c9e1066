"""The link of an emulated device on MQTT, in the form of an asyncio transport: one client, one connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import aiomqtt
from tracker_codecs.contract import Datum

#: Seconds for connecting, subscribing, and publishing.
TIMEOUT = 10.0
#: Messages that wait in each direction; further ones are dropped.
QUEUE = 1000
#: Quality of service of everything said and heard: a message that the broker has is not lost.
QOS = 1


class Owner(Protocol):
    """Who uses the link."""

    def heard(self, data: bytes, channel: str) -> None:
        """A message came on this topic."""

    def connection_lost(self, error: Exception | None) -> None:
        """The link is down."""


class MqttTransport(asyncio.BaseTransport):
    """A connection to a broker."""

    def __init__(self, owner: Owner, client: aiomqtt.Client) -> None:
        super().__init__()
        self._owner = owner
        self._client = client
        self._out: deque[Datum] = deque(maxlen=QUEUE)
        self._news = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        owner: Owner,
        address: tuple[str, int],
        topics: Sequence[str],
        login: tuple[str, str] | None = None,
    ) -> MqttTransport:
        """Connect and subscribe; `login` is user and password. Raises OSError."""
        client = aiomqtt.Client(
            *address,
            username=login[0] if login else None,
            password=login[1] if login else None,
            timeout=TIMEOUT,
            max_queued_incoming_messages=QUEUE,
        )
        try:
            await client.__aenter__()
            for topic in topics:
                await client.subscribe(topic, qos=QOS)
        except aiomqtt.MqttError as error:
            raise OSError(str(error)) from None
        return cls(owner, client)

    def start(self) -> None:
        """Hear, and say what waits; the end is told to the owner."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def publish(self, datum: Datum) -> None:
        """Say something on its topic, in order."""
        self._out.append(datum)
        self._news.set()

    def close(self) -> None:
        """Hang up after what is said."""
        self._closing = True
        self._news.set()

    def abort(self) -> None:
        """Hang up now."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        hearing = asyncio.create_task(self._hear())
        saying = asyncio.create_task(self._say())
        problem: Exception | None = None
        try:
            done, _ = await asyncio.wait((hearing, saying), return_when=asyncio.FIRST_COMPLETED)
            problem = next((error for each in done if isinstance(error := each.exception(), Exception)), None)
        finally:
            hearing.cancel()
            saying.cancel()
            try:
                await asyncio.gather(hearing, saying, return_exceptions=True)
                with contextlib.suppress(aiomqtt.MqttError, OSError):
                    await self._client.__aexit__(None, None, None)
            finally:
                self._owner.connection_lost(problem)

    async def _hear(self) -> None:
        async for message in self._client.messages:
            if isinstance(message.payload, bytes) and not message.retain:  # a retained command is no command
                self._owner.heard(message.payload, message.topic.value)

    async def _say(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._out:
                data, topic = self._out.popleft()
                await self._client.publish(topic, data, qos=QOS)
            if self._closing:
                return
