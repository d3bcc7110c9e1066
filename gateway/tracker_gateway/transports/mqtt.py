"""MQTT: one client a broker, and a session for every registered device that speaks through it.

aiomqtt does not reconnect, acknowledges before our code runs, and queues without a bound; so reconnecting with
back-off and resubscribing are done here, the bounded queues in `mqtt_client`. Retained messages are old news: they are
counted and dropped, and neither wake a session nor prove anything.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import aiomqtt
import structlog
from tracker_codecs.contract import Checksum, Kind, Message
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

from tracker_gateway.config.links import BrokerConfig
from tracker_gateway.store.nouns import Tracker
from tracker_gateway.transports.link import Link
from tracker_gateway.transports.mqtt_client import (
    Counts,
    Inbox,
    Out,
    SubscriptionRefused,
    cause,
    connection,
    make_client,
    plain_topic,
    publish_all,
    refused,
    subscribe,
    tls_context,
)
from tracker_gateway.transports.room import Room

#: Seconds before a broker is called again: at first, at most, and where it refused us (a password does not heal fast).
BACKOFF, MAX_BACKOFF, REFUSED_BACKOFF = 1.0, 60.0, 30.0
#: Looks, 20 ms apart, whether everything is published when the gateway stops.
FAREWELL_LOOKS = 50
#: Seconds between attempts to end the task of a broker.
FAREWELL = 0.5
#: Messages that are taken in one go.
BATCH = 100
#: Most characters of a device id.
MAX_ID = 128
#: What goes wrong with brokers; anything else is a defect of ours, and still no reason never to call again.
_TROUBLE = (aiomqtt.MqttError, OSError, ValueError, LocalError, SubscriptionRefused)

log = structlog.stdlib.get_logger("tracker_gateway.mqtt")


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

    @property
    def known(self) -> Mapping[str, str]:
        """Nothing: the stream is every device's."""
        return {}

    def spoke(self, topic: str) -> None:
        """A message of this device came on this topic."""
        self.last_heard = self.room.shared.clock()
        if topic == self._topic:
            return
        self._topic = topic
        self.peer = clean(f"{self._broker.address[0]}:{self._broker.address[1]}/{topic}", 200)
        self.link_options = {**self._broker.config.options, "topic": topic}

    def heard(self, message: Message) -> None:
        """Answer what is owed, then tell the listener."""
        self.answer(message)
        self.room.shared.listener.message(self, message)

    def answer(self, message: Message) -> None:
        """Record what was said (a frame, which may hold less than the payload: no secrets), and send what is owed."""
        if self.tape is not None:
            self.tape.device(message.frame, message.channel or self._topic)
        if message.owed and self._put(message.owed, message.owed_channel) and self.tape is not None:
            self.tape.owed(message.owed, message.owed_channel)

    def send(self, data: bytes) -> None:
        """Owed bytes of the identifying message go out with `heard`, which knows their topic."""

    def write(self, data: bytes, channel: str = "") -> bool:
        """See Session; `channel` is the topic."""
        taken = self._put(data, channel)
        if taken and self.tape is not None:
            self.tape.command(data, channel)
        return taken

    def _put(self, data: bytes, channel: str) -> bool:
        if self.ending or not channel or not self._broker.publish(channel, data):
            return False
        self.room.stats.bytes_out += len(data)
        return True

    def disconnect(self, *, now: bool) -> None:
        """Forget it; the broker's connection stays."""
        if self._broker.forget(self):
            self.gone(self.ending)


class Broker:
    """The link to one broker, with the devices of one family behind it."""

    def __init__(self, room: Room, config: BrokerConfig) -> None:
        self.room = room
        self.rooms: Sequence[Room] = (room,)
        self.config = config
        self.stream = room.family.stream(room.transport)
        self.connected = False
        self.problem = "not connected yet"
        self.counts = Counts()
        self.reconnects = 0
        self._links: dict[str, MqttLink] = {}
        self._outbox: asyncio.Queue[Out] = asyncio.Queue(config.queue)
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    # -- for the hub --------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Connect, and stay connected. A broker that is down is no reason not to start."""
        self.room.shared.metrics.broker(
            self._name,
            self.room.family.name,
            {
                "connected": lambda: self.connected,
                "dropped": lambda: self.counts.dropped,
                "retained": lambda: self.counts.retained,
                "reconnects": lambda: self.reconnects,
            },
        )
        self._task = asyncio.create_task(self._run(), name=f"broker {self.config.host}")

    async def stop(self) -> None:
        """Say what waits, shortly, and good-bye to the broker."""
        self._end_all("the gateway stops")
        for _ in range(FAREWELL_LOOKS):
            if not self.connected or self._outbox.empty():
                break
            await asyncio.sleep(0.02)
        self.connected, self.problem = False, "the gateway stops"
        self._stopping = True
        task, self._task = self._task, None
        while task is not None and not task.done():
            # Once is not always enough: on Python 3.11 a cancellation gets lost where the link breaks at the same time.
            task.cancel()
            await asyncio.wait((task,), timeout=FAREWELL)

    @property
    def address(self) -> tuple[str, int]:
        """Where the broker is."""
        return self.config.host, self.config.port

    @property
    def links(self) -> Collection[Link]:
        """The devices that were heard of lately."""
        return self._links.values()

    def health(self) -> dict[str, Any]:
        """For `Hub.health`."""
        told: dict[str, Any] = {
            "broker": self._name,
            "family": self.room.family.name,
            "status": "ok" if self.connected else "degraded",
            "sessions": self.room.stats.sessions,
            "dropped": self.counts.dropped,
            "retained": self.counts.retained,
            "reconnects": self.reconnects,
        }
        return told if self.connected else {**told, "detail": self.problem}

    # -- for links ----------------------------------------------------------------------------------------------------
    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand a message to the connection. False: there is none, its queue is full, or the topic is none."""
        if not self.connected or self._outbox.full():
            return False
        if not plain_topic(topic):  # it would break the link of all the others
            log.error("no topic to publish on", family=self.room.family.name, topic=clean(topic, 120))
            return False
        self._outbox.put_nowait(Out(topic, payload))
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
        while not self._stopping:
            began = self.room.shared.clock()
            unwanted = False
            try:
                await self._session()
            except* Exception as errors:
                if errors.split(_TROUBLE)[1] is not None:
                    log.error("the link to a broker failed", broker=self._name, exc_info=True)
                self._lost(cause(errors))
                unwanted = refused(errors)
            if self.room.shared.clock() - began > MAX_BACKOFF:
                delay = BACKOFF
            await asyncio.sleep(random.uniform(0.5, 1.0) * max(delay, REFUSED_BACKOFF if unwanted else 0.0))
            delay = min(delay * 2, MAX_BACKOFF)
            self.reconnects += 1

    async def _session(self) -> None:
        """One connection, until it breaks. Raises what broke it."""
        config, family = self.config, self.room.family
        most = family.limits.max_frame
        tls = await asyncio.to_thread(tls_context, config) if config.tls else None
        inbox: list[Inbox] = []

        def queue(maxsize: int) -> Inbox:
            inbox.append(Inbox(self.counts, most, maxsize))
            return inbox[0]

        client = make_client(config, tls, queue, most)
        async with connection(client):
            await subscribe(client, config.topics or family.topics(config.options), config.subscribe_qos)
            while not self._outbox.empty():  # of a connection that is gone: nobody waits for it any more
                self._outbox.get_nowait()
            self.connected, self.problem = True, ""
            log.info("connected", broker=self._name, family=family.name)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(publish_all(client, self._outbox, config.publish_qos))
                tasks.create_task(self._hear_all(client, inbox[0]))

    async def _hear_all(self, client: aiomqtt.Client, inbox: Inbox) -> None:
        async for message in client.messages:
            self._contained(message)
            for _ in range(BATCH):
                if inbox.empty():
                    break
                self._contained(inbox.get_nowait())

    @property
    def _name(self) -> str:
        name = f"{self.config.host}:{self.config.port}"
        return f"{name} as {self.config.client_id}" if self.config.client_id else name

    def _lost(self, problem: str) -> None:
        if self.connected or problem != self.problem:
            log.warning("broker lost", broker=self._name, family=self.room.family.name, problem=problem)
        self.connected = False
        self.problem = problem
        self._end_all(f"the broker's connection was lost: {problem}")

    def _end_all(self, reason: str) -> None:
        for link in list(self._links.values()):
            link.end("broker", reason)

    # -- what came ----------------------------------------------------------------------------------------------------
    def _contained(self, message: aiomqtt.Message) -> None:
        """One payload; a codec's defect costs this payload only."""
        topic = message.topic.value
        try:
            self._take(message.payload, topic)
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
        if len(device_id) > MAX_ID or not plain_topic(device_id):
            self.room.stats.peer_errors += 1  # nobody is called so, and nothing could be sent there
            return
        tracker = shared.register.by_device(device_id, self.room.family.name)
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
        link.answer(message)
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
