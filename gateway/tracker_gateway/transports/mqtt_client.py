"""The connection to a broker: its settings, the bounded queue behind it, and what is wrong with it, in words."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tracker_codecs.text import clean

from tracker_gateway.config.links import BrokerConfig

#: Seconds for connecting, subscribing, publishing; and for a good-bye.
TIMEOUT, FAREWELL = 15.0, 2.0
#: Messages on their way to the broker that it has not acknowledged yet.
IN_FLIGHT = 20
#: Bytes of payloads that wait to be understood.
MAX_WAITING = 32 * 1024 * 1024
#: MQTT 5: seconds that the broker keeps the session of a client that is gone; bytes of a packet beside its payload.
SESSION_EXPIRY, PACKET_REST = 86400, 70_000
_VERSIONS = {
    "3.1": aiomqtt.ProtocolVersion.V31,
    "3.1.1": aiomqtt.ProtocolVersion.V311,
    "5": aiomqtt.ProtocolVersion.V5,
}
#: CONNACK codes that mean: not you. MQTT 3 (4, 5) and 5 (bad user name or password, not authorised, banned).
_REFUSALS = frozenset({4, 5, 134, 135, 138})
#: SUBACK codes from here on are refusals.
_SUBACK_REFUSED = 128
_leaving: set[asyncio.Task[None]] = set()


class SubscriptionRefused(Exception):
    """The broker does not let us hear what we need; the text names the topic."""


class Out(NamedTuple):
    """A message that is to be published."""

    topic: str
    payload: bytes


class Counts:
    """Of one broker, over all its connections: messages dropped for want of room, and retained ones ignored."""

    __slots__ = ("dropped", "retained")

    def __init__(self) -> None:
        self.dropped = self.retained = 0


class Inbox(asyncio.Queue[aiomqtt.Message]):
    """What came and is not understood yet, bounded in messages and bytes. Retained messages do not get in.

    `max_payload`: bytes; a larger one belongs to no device of the family.
    """

    def __init__(self, counts: Counts, max_payload: int, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self.counts = counts
        self._max_payload = max_payload
        self._waiting = 0

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Keep it, or count why not: a log line for each would be a flood of its own."""
        size = len(item.payload)
        if item.retain:
            self.counts.retained += 1
        elif self.full() or size > self._max_payload or self._waiting + size > MAX_WAITING:
            self.counts.dropped += 1
        else:
            self._waiting += size
            super().put_nowait(item)

    def _get(self) -> aiomqtt.Message:
        item: aiomqtt.Message = super()._get()
        self._waiting -= len(item.payload)
        return item


def make_client(config: BrokerConfig, tls: ssl.SSLContext | None, inbox: Any, max_payload: int) -> aiomqtt.Client:
    """The client of these settings. `inbox` gives its queue when called with `maxsize`."""
    five = config.version == "5"
    properties = None
    if five:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho
        properties.MaximumPacketSize = max_payload + PACKET_REST
        if not config.clean:
            properties.SessionExpiryInterval = SESSION_EXPIRY
    client = aiomqtt.Client(
        config.host,
        config.port,
        username=config.user or None,
        password=config.password.get_secret_value() or None,
        identifier=config.client_id or None,
        protocol=_VERSIONS[config.version],
        keepalive=config.keepalive,
        timeout=TIMEOUT,
        tls_context=tls,
        queue_type=inbox,
        max_queued_incoming_messages=config.queue,
        max_inflight_messages=IN_FLIGHT,
        clean_session=None if five else config.clean,
        clean_start=config.clean if five else MQTT_CLEAN_START_FIRST_ONLY,
        properties=properties,
    )
    client.pending_calls_threshold = IN_FLIGHT + 10
    return client


@contextlib.asynccontextmanager
async def connection(client: aiomqtt.Client) -> AsyncIterator[None]:
    """Connected within, hung up afterwards. Raises MqttError.

    Connecting runs in a thread that cannot be cancelled: what it still brings about is hung up when it ends.
    """
    opening = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        task = asyncio.ensure_future(_hang_up(client, opening))
        _leaving.add(task)
        task.add_done_callback(_leaving.discard)
        raise
    try:
        yield
    finally:
        await _hang_up(client)


async def _hang_up(client: aiomqtt.Client, opening: asyncio.Future[Any] | None = None) -> None:
    with contextlib.suppress(aiomqtt.MqttError, OSError, TimeoutError):
        if opening is not None:
            await opening
        async with asyncio.timeout(FAREWELL):
            await client.__aexit__(None, None, None)


async def subscribe(client: aiomqtt.Client, topics: Sequence[str], qos: int) -> None:
    """Ask for these topics. Raises SubscriptionRefused, MqttError, ValueError."""
    for topic in topics:
        for code in await client.subscribe(topic, qos=qos):
            if getattr(code, "value", code) >= _SUBACK_REFUSED:
                raise SubscriptionRefused(f"the broker refuses the subscription to {clean(topic, 120)}")


async def publish_all(client: aiomqtt.Client, outbox: asyncio.Queue[Out], qos: int) -> None:
    """Publish what is put into the outbox, in order, never retained. Raises what broke the connection."""
    room = asyncio.Semaphore(IN_FLIGHT)
    async with asyncio.TaskGroup() as tasks:
        while True:
            topic, payload = await outbox.get()
            await room.acquire()
            task = tasks.create_task(client.publish(topic, payload, qos=qos, retain=False))
            task.add_done_callback(lambda _: room.release())


def plain_topic(topic: str) -> bool:
    """Something can be published there: no wildcard, no control character, not empty, not the broker's own ($)."""
    return topic.isprintable() and bool(topic) and topic[0] != "$" and not set(topic) & set("+#") and len(topic) < 8192


def tls_context(config: BrokerConfig) -> ssl.SSLContext:
    """The context; reading the certificates may block, so not in the loop. Raises OSError, with the file."""
    try:
        context = ssl.create_default_context(cafile=str(config.ca) if config.ca else None)
        if config.certificate:
            context.load_cert_chain(str(config.certificate), str(config.key) if config.key else None, password="")
    except (OSError, ValueError) as error:
        raise OSError(f"its certificates cannot be read ({config.ca or config.certificate}): {error}") from None
    return context


def refused(error: BaseException) -> bool:
    """Whether the broker does not want us: trying again soon does not help."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(refused, error.exceptions))
    rc = getattr(error, "rc", None)
    return isinstance(error, SubscriptionRefused) or getattr(rc, "value", rc) in _REFUSALS


def cause(error: BaseException) -> str:
    """What is wrong, in words."""
    if isinstance(error, BaseExceptionGroup):
        return cause(error.exceptions[0])
    if isinstance(error, SubscriptionRefused):
        return str(error)
    if refused(error):
        return "the broker refuses the user name or password"
    said = clean(str(error), 200)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return f"the broker's certificate is not accepted: {said.partition('CERTIFICATE_VERIFY_FAILED] ')[2] or said}"
    return said or type(error).__name__
