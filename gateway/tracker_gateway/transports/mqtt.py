"""MQTT: one client a broker, and a session for every registered device that speaks through it.

aiomqtt does not reconnect, acknowledges before our code runs, and queues without a bound; so reconnecting with
back-off, a bounded queue that counts what it drops, and resubscribing are done here. Retained messages are old news:
they are counted and dropped, and neither wake a session nor prove anything.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import aiomqtt
import structlog
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from tracker_codecs.contract import Checksum, Kind, Message
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

from tracker_gateway.config import BrokerConfig
from tracker_gateway.transports.link import Link
from tracker_gateway.transports.room import Room
from tracker_gateway.types import Tracker

#: Seconds before a broker is called again: at first, at most, and where it refused us (a password does not heal fast).
BACKOFF, MAX_BACKOFF, REFUSED_BACKOFF = 1.0, 60.0, 30.0
#: Seconds for connecting, subscribing, publishing.
TIMEOUT = 15.0
_VERSIONS = {
    "3.1": aiomqtt.ProtocolVersion.V31,
    "3.1.1": aiomqtt.ProtocolVersion.V311,
    "5": aiomqtt.ProtocolVersion.V5,
}
#: CONNACK codes that mean: not you. MQTT 3 (4, 5) and 5 (bad user name or password, not authorised, banned).
_REFUSALS = frozenset({4, 5, 134, 135, 138})

log = structlog.stdlib.get_logger("tracker_gateway.mqtt")


class _Out(NamedTuple):
    topic: str
    payload: bytes


class MqttLink(Link):
    """A registered device behind a broker. `link_options`: the broker's, and the `topic` this device spoke on last."""

    __slots__ = ("_broker", "_topic")

    def __init__(self, broker: Broker, device_id: str) -> None:
        super().__init__(broker.room)
        self.stream = broker.stream
        self._broker = broker
        self._topic = ""
        self.claimed = device_id
        self.source = f"mqtt:{device_id}"

    def spoke(self, topic: str) -> None:
        """A message of this device came on this topic."""
        self.last_heard = self.room.shared.clock()
        self._topic = topic
        self.peer = clean(f"{self._broker.address[0]}:{self._broker.address[1]}/{topic}", 200)
        self.link_options = {**self._broker.config.options, "topic": topic}

    def heard(self, message: Message) -> None:
        """Answer what is owed, then tell the listener."""
        if message.owed:
            self.write(message.owed, message.owed_channel)
        self.room.shared.listener.message(self, message)

    def send(self, data: bytes) -> None:
        """Owed bytes of the identifying message go out with `heard`, which knows their topic."""

    def write(self, data: bytes, channel: str = "") -> bool:
        """See Session; `channel` is the topic."""
        if self.ending or not channel or not self._broker.publish(channel, data):
            return False
        self.room.stats.bytes_out += len(data)
        return True

    def disconnect(self, *, now: bool) -> None:
        """Forget it; the broker's connection stays."""
        if self._broker.forget(self):
            self.gone(self.ending)


class _Counted(asyncio.Queue[Any]):
    """A bounded queue that counts what finds no room, instead of a log line for each."""

    dropped = 0

    def put_nowait(self, item: Any) -> None:
        """Keep it, or count it."""
        if self.full():
            self.dropped += 1
        else:
            super().put_nowait(item)


class Broker:
    """The link to one broker, with the devices of one family behind it."""

    def __init__(self, room: Room, config: BrokerConfig) -> None:
        self.room = room
        self.rooms: Sequence[Room] = (room,)
        self.config = config
        self.stream = room.family.stream(room.transport)
        self.connected = False
        self.problem = "not connected yet"
        self.retained = 0
        self.reconnects = 0
        self._dropped = 0
        self._links: dict[str, MqttLink] = {}
        self._outbox: asyncio.Queue[_Out] = asyncio.Queue(config.queue)
        self._inbox: _Counted | None = None
        self._task: asyncio.Task[None] | None = None

    # -- for the hub --------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Connect, and stay connected. A broker that is down is no reason not to start."""
        self.room.shared.metrics.broker(
            f"{self.config.host}:{self.config.port}",
            self.room.family.name,
            {
                "connected": lambda: self.connected,
                "dropped": lambda: self.dropped,
                "retained": lambda: self.retained,
                "reconnects": lambda: self.reconnects,
            },
        )
        self._task = asyncio.create_task(self._run(), name=f"broker {self.config.host}")

    async def stop(self) -> None:
        """Say good-bye to the broker."""
        self._end_all("the gateway stops")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the broker is."""
        return self.config.host, self.config.port

    @property
    def links(self) -> Collection[Link]:
        """The devices that were heard of lately."""
        return self._links.values()

    @property
    def dropped(self) -> int:
        """Messages for which the queue had no room."""
        return self._dropped + (self._inbox.dropped if self._inbox is not None else 0)

    def health(self) -> dict[str, Any]:
        """For `Hub.health`."""
        told: dict[str, Any] = {
            "broker": f"{self.config.host}:{self.config.port}",
            "family": self.room.family.name,
            "status": "ok" if self.connected else "degraded",
            "sessions": self.room.stats.sessions,
            "dropped": self.dropped,
            "retained": self.retained,
            "reconnects": self.reconnects,
        }
        return told if self.connected else {**told, "detail": self.problem}

    # -- for links ----------------------------------------------------------------------------------------------------
    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand a message to the connection. False: there is none, or its queue is full."""
        if not self.connected or self._outbox.full():
            return False
        self._outbox.put_nowait(_Out(topic, payload))
        return True

    def forget(self, link: MqttLink) -> bool:
        """Take a link off the table; whether it was there."""
        claimed = link.claimed or ""
        if self._links.get(claimed) is not link:
            return False
        del self._links[claimed]
        return True

    # -- the connection -----------------------------------------------------------------------------------------------
    async def _run(self) -> None:
        delay = BACKOFF
        while True:
            began = self.room.shared.clock()
            refused = False
            try:
                await self._session()
            except* (aiomqtt.MqttError, OSError, ValueError, LocalError) as errors:
                self._lost(_cause(errors))
                refused = _refused(errors)
            if self.room.shared.clock() - began > MAX_BACKOFF:
                delay = BACKOFF
            await asyncio.sleep(random.uniform(0.5, 1.0) * max(delay, REFUSED_BACKOFF if refused else 0.0))
            delay = min(delay * 2, MAX_BACKOFF)
            self.reconnects += 1

    async def _session(self) -> None:
        """One connection, until it breaks. Raises what broke it."""
        config = self.config
        topics = config.topics or tuple(self.room.family.topics(config.options))
        client = aiomqtt.Client(
            config.host,
            config.port,
            username=config.user or None,
            password=config.password.get_secret_value() or None,
            identifier=config.client_id or None,
            protocol=_VERSIONS[config.version],
            keepalive=config.keepalive,
            timeout=TIMEOUT,
            tls_context=await asyncio.to_thread(_tls, config) if config.tls else None,
            queue_type=_Counted,
            max_queued_incoming_messages=config.queue,
            clean_session=None if config.version == "5" else config.clean,
            clean_start=config.clean if config.version == "5" else MQTT_CLEAN_START_FIRST_ONLY,
        )
        async with client:
            self._dropped = self.dropped
            self._inbox = client._queue if isinstance(client._queue, _Counted) else None  # for its count
            for topic in topics:
                await client.subscribe(topic, qos=config.subscribe_qos)
            while not self._outbox.empty():  # of a connection that is gone: nobody waits for it any more
                self._outbox.get_nowait()
            self.connected, self.problem = True, ""
            log.info("connected", broker=f"{config.host}:{config.port}", family=self.room.family.name)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._publish_all(client))
                tasks.create_task(self._hear_all(client))

    async def _publish_all(self, client: aiomqtt.Client) -> None:
        while True:
            topic, payload = await self._outbox.get()
            await client.publish(topic, payload, qos=self.config.publish_qos, retain=False)

    async def _hear_all(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            data = bytes(payload) if isinstance(payload, bytes | bytearray) else str(payload or "").encode()
            if message.retain:
                self.retained += 1
                continue
            self._contained(data, str(message.topic))

    def _lost(self, problem: str) -> None:
        if self.connected or problem != self.problem:
            log.warning("broker lost", broker=f"{self.config.host}:{self.config.port}", problem=problem)
        self.connected = False
        self.problem = problem
        self._end_all(f"the broker's connection was lost: {problem}")

    def _end_all(self, reason: str) -> None:
        for link in list(self._links.values()):
            link.end("broker", reason)

    # -- what came ----------------------------------------------------------------------------------------------------
    def _contained(self, data: bytes, topic: str) -> None:
        """One payload; a codec's defect costs this payload only."""
        try:
            self._take(data, topic)
        except Exception:
            self.room.stats.failures += 1
            if self.room.shared.sparing.allow(f"mqtt:{self.room.family.name}"):
                log.error("payload failed", family=self.room.family.name, topic=clean(topic, 120), exc_info=True)

    def _take(self, data: bytes, topic: str) -> None:
        stats = self.room.stats
        stats.bytes_in += len(data)
        for event in self.stream.feed(data, topic):
            stats.frames += 1
            if isinstance(event, PeerError):
                stats.peer_errors += 1
                if self.room.shared.sparing.allow(f"mqtt:{topic}"):
                    log.info("not understood", reason=clean(event.reason), topic=clean(topic, 120))
            elif event.device_id is not None and event.checksum is not Checksum.BAD:
                self._message(event, event.device_id, topic)

    def _message(self, message: Message, device_id: str, topic: str) -> None:
        link = self._links.get(device_id)
        if link is None:
            # What only the network in between says (queued, sent) is no sign of the device.
            if message.kind is not Kind.OTHER:
                self._stranger(message, device_id, topic)
            return
        if message.kind is not Kind.OTHER:
            link.spoke(topic)
        link.contain(link.heard, message)

    def _stranger(self, message: Message, device_id: str, topic: str) -> None:
        shared = self.room.shared
        tracker = shared.directory.by_device(device_id, self.room.family.name)
        if tracker is None or tracker.blocked:
            self._refuse(device_id, topic, tracker)
        elif len(self._links) >= shared.config.udp_max_sources or not shared.guard.admit(f"mqtt:{device_id}"):
            self.room.stats.turned_away += 1
        else:
            link = self._links[device_id] = MqttLink(self, device_id)
            self.room.stats.opened += 1
            self.room.stats.links += 1
            link.spoke(topic)
            link.contain(lambda found: self._welcome(link, found, message), tracker)

    def _welcome(self, link: MqttLink, tracker: Tracker, message: Message) -> None:
        if message.owed:
            link.write(message.owed, message.owed_channel)
        link.identify(tracker, message)

    def _refuse(self, device_id: str, topic: str, tracker: Tracker | None) -> None:
        shared = self.room.shared
        self.room.stats.unregistered += 1
        shown = clean(device_id, 64)
        if tracker is None and shared.lists_unknown:
            shared.unknown.note(shown, self.room.family.name, self.room.transport.value, clean(topic, 64))
        if shared.sparing.allow(f"mqtt:{device_id}"):
            cause = "unregistered" if tracker is None else "blocked"
            log.info("refused", cause=cause, device_id=shown, family=self.room.family.name, topic=clean(topic, 120))


def _tls(config: BrokerConfig) -> ssl.SSLContext:
    """The context; reading the certificates may block, so not in the loop. Raises OSError, SSLError, with the file."""
    try:
        context = ssl.create_default_context(cafile=str(config.ca) if config.ca else None)
        if config.certificate:
            context.load_cert_chain(str(config.certificate), str(config.key) if config.key else None)
    except (OSError, ssl.SSLError) as error:
        raise OSError(f"its certificates cannot be read ({config.ca or config.certificate}): {error}") from None
    return context


def _refused(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_refused, error.exceptions))
    rc = getattr(error, "rc", None)
    return getattr(rc, "value", rc) in _REFUSALS


def _cause(error: BaseException) -> str:
    """What is wrong, in words."""
    if isinstance(error, BaseExceptionGroup):
        return _cause(error.exceptions[0])
    if _refused(error):
        return "the broker refuses the user name or password"
    said = clean(str(error), 200)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return f"the broker's certificate is not accepted: {said.partition('CERTIFICATE_VERIFY_FAILED] ')[2] or said}"
    return said or type(error).__name__
