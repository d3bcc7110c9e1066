"""All links of a gateway: the listeners, what their links share, and the look at deadlines every second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import structlog
from tracker_codecs import registry as families
from tracker_codecs.contract import Transport
from tracker_codecs.family import Family

from tracker_gateway.config.links import BrokerConfig, LinksConfig, ListenerConfig, SerialConfig
from tracker_gateway.process.log import Sparing
from tracker_gateway.process.metrics import Metrics
from tracker_gateway.sessions.live import LiveSessions
from tracker_gateway.sessions.session import SessionListener
from tracker_gateway.transports.guard import Guard
from tracker_gateway.transports.link import Link
from tracker_gateway.transports.mqtt import Broker
from tracker_gateway.transports.room import ListenError, Register, Room, Shared
from tracker_gateway.transports.serial import SerialLine
from tracker_gateway.transports.sniff import Sniffer, clashes
from tracker_gateway.transports.tcp import TcpListener
from tracker_gateway.transports.udp import UdpListener
from tracker_gateway.transports.unknown import UnknownDevices, UnknownStore

#: Seconds between looks at deadlines, and links looked at in one go.
SWEEP = 1.0
BATCH = 1000
#: Looks, 20 ms apart, whether links have taken their last bytes when the gateway stops.
FAREWELL_LOOKS = 150

log = structlog.stdlib.get_logger("tracker_gateway.links")


class Listener(Protocol):
    """A port."""

    rooms: Sequence[Room]

    async def start(self) -> None:
        """Listen. Raises ListenError."""

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""

    @property
    def links(self) -> Any:
        """Its links, as a collection."""

    async def stop(self) -> None:
        """Accept no more."""


class Hub:
    """To be made inside the running loop."""

    def __init__(
        self,
        config: LinksConfig,
        register: Register,
        listener: SessionListener,
        store: UnknownStore,
        metrics: Metrics,
    ) -> None:
        clock = asyncio.get_running_loop().time
        self.sessions = LiveSessions(listener, metrics, clock, stale_after=config.stale_after)
        self.shared = Shared(
            config=config,
            register=register,
            listener=listener,
            live=self.sessions,
            metrics=metrics,
            guard=Guard(
                max_links=config.max_links,
                max_unidentified=config.max_unidentified,
                max_per_source=config.max_unidentified_per_source,
                max_held=config.max_held,
            ),
            sparing=Sparing(clock),
            unknown=UnknownDevices(store, metrics),
            clock=clock,
        )
        register.on_change(self.sessions.tracker_changed)
        self._listeners: list[Listener] = []
        self._brokers: list[Broker] = []
        self._serial: list[SerialLine] = []
        self._sweeper: asyncio.Task[None] | None = None
        self._suppressed = 0

    async def start(
        self,
        wanted: Sequence[ListenerConfig],
        brokers: Sequence[BrokerConfig] = (),
        serial: Sequence[SerialConfig] = (),
    ) -> None:
        """Listen on all of these ports, or on none; call these brokers, open these serial ports. Raises ListenError."""
        try:
            for each in wanted:
                listener = self._listener(each)
                await listener.start()
                self._listeners.append(listener)
                host, port = listener.address
                names = ", ".join(each.families)
                log.info("listening", family=names, transport=each.transport.value, address=f"{host}:{port}")
        except BaseException:
            await self._stop_listening()
            raise
        for config in brokers:
            broker = Broker(self._room(families.get(config.family), Transport.MQTT), config)
            await broker.start()
            self._brokers.append(broker)
        for section in serial:
            line = SerialLine(self._room(families.get(section.family), Transport.SERIAL), section)
            await line.start()
            self._serial.append(line)
        self.shared.unknown.start()
        self._sweeper = asyncio.create_task(self._sweep_for_ever(), name="deadlines of links")

    def _listener(self, config: ListenerConfig) -> Listener:
        rooms = [self._room(families.get(name), config.transport) for name in config.families]
        if config.transport is Transport.UDP:
            return UdpListener(rooms, config.host, config.port)
        alike = "; ".join(clashes([room.family for room in rooms]))
        if alike:
            raise ListenError(f"port {config.port} cannot be shared: links open alike of {alike}; give each its own")
        return TcpListener(rooms, config.host, config.port)

    def _room(self, family: Family, transport: Transport) -> Room:
        stats = self.shared.metrics.link_stats(family.name, transport.value)
        return Room(self.shared, family, transport, stats)

    async def stop(self, reason: str) -> None:
        """Accept nobody, close every link, and wait shortly for the last bytes to leave."""
        await self._stop_listening()
        for link in list(self._links()):
            link.end("gateway", reason)
        for _ in range(FAREWELL_LOOKS):
            if not self.shared.guard.links:
                break
            await asyncio.sleep(0.02)
        for link in list(self._links()):
            link.disconnect(now=True)
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
            await self.shared.unknown.stop()

    async def _stop_listening(self) -> None:
        for listener in self._all:
            await listener.stop()

    @property
    def _all(self) -> list[Listener]:
        return [*self._listeners, *self._brokers, *self._serial]

    @property
    def addresses(self) -> Mapping[tuple[str, Transport], tuple[str, int]]:
        """Where each family is listened for; the real ports."""
        return {(room.family.name, room.transport): each.address for each in self._listeners for room in each.rooms}

    def health(self) -> dict[str, Any]:
        """For `Gateway.add_health`."""
        shared = self.shared
        brokers = [broker.health() for broker in self._brokers]
        serial = [line.health() for line in self._serial]
        return {
            "status": "ok" if all(each["status"] == "ok" for each in (*brokers, *serial)) else "degraded",
            **({"brokers": brokers} if brokers else {}),
            **({"serial": serial} if serial else {}),
            "listening": [
                {
                    "family": room.family.name,
                    "transport": room.transport.value,
                    "address": "{}:{}".format(*each.address),
                    "links": room.stats.links,
                    "sessions": room.stats.sessions,
                }
                for each in self._listeners
                for room in each.rooms
            ],
            "links": shared.guard.links,
            "unidentified": shared.guard.unidentified,
            "held": shared.guard.held,
        }

    def _links(self) -> Iterator[Link | Sniffer]:
        for listener in self._all:
            yield from tuple(listener.links)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            now = self.shared.clock()
            for count, link in enumerate(self._links()):
                link.contain(link.check, now)
                if count % BATCH == BATCH - 1:
                    await asyncio.sleep(0)
            self.sessions.sweep(now)
            self._count_suppressed()

    def _count_suppressed(self) -> None:
        more = self.shared.sparing.suppressed - self._suppressed
        if more:
            self._suppressed += more
            self.shared.metrics.log_suppressed.inc(more)
