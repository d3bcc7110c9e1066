"""UDP: a session is a device id, reached at the address that spoke last for it.

Carrier NAT gives a device another address whenever it likes, from one datagram to the next even. So a new address takes
a session over at once; only when an address that was left speaks again within `udp_window` are there two senders, and
the identity is contested. Addresses that name no registered device cost no state, and never get more bytes than they
sent.
"""

from __future__ import annotations

import asyncio
from asyncio import DatagramProtocol, DatagramTransport
from collections.abc import Collection, Sequence
from typing import Any, cast

import structlog
from tracker_codecs.contract import Checksum, Message
from tracker_codecs.text import clean

from tracker_gateway.store.nouns import Tracker
from tracker_gateway.transports.guard import source_of
from tracker_gateway.transports.link import Link
from tracker_gateway.transports.room import ListenError, Room, why_not_listening

Address = tuple[Any, ...]
#: Addresses a session remembers having left.
MAX_LEFT = 4

log = structlog.stdlib.get_logger("tracker_gateway.links")


class UdpLink(Link):
    """A device, wherever it is. Exists only while it is registered and heard of."""

    __slots__ = ("_address", "_endpoint", "_left", "contested_until", "strayed")

    def __init__(self, room: Room, endpoint: UdpListener, address: Address) -> None:
        super().__init__(room)
        self._endpoint = endpoint
        self._address = address
        self._left: dict[Address, float] = {}
        self.contested_until = 0.0
        self.strayed = False
        self.peer = _shown(address)
        self.source = source_of(str(address[0]))

    @property
    def address(self) -> Address:
        """Where it spoke last from."""
        return self._address

    def move(self, address: Address) -> None:
        """It speaks from another address now."""
        now = self.room.shared.clock()
        window = self.room.shared.config.udp_window
        if now - self._left.pop(address, float("-inf")) < window:
            self.contested_until = now + window
            self.room.shared.live.flag(self.tracker, True)
        self._left[self._address] = now
        if len(self._left) > MAX_LEFT:
            del self._left[next(iter(self._left))]
        self._address = address
        self.peer = _shown(address)

    def check(self, now: float) -> None:
        """See Link; also ends a contest when only one address spoke for long enough."""
        if self.contested_until and now > self.contested_until and not self.ending:
            self.contested_until = 0.0
            self.room.shared.live.flag(self.tracker, False)
        super().check(now)

    def other_device(self, message: Message) -> None:
        """Another device has this address now: the port finds out which."""
        self.strayed = True

    def send(self, data: bytes) -> None:
        """Bytes that are owed, to where the device spoke from."""
        if self._put(data) and self.tape is not None:
            self.tape.owed(data)

    def write(self, data: bytes, channel: str = "") -> bool:
        """See Session."""
        taken = self._put(data)
        if taken and self.tape is not None:
            self.tape.command(data)
        return taken

    def _put(self, data: bytes) -> bool:
        if self.ending or not self._endpoint.send(data, self._address):
            return False
        self.room.stats.bytes_out += len(data)
        return True

    def disconnect(self, *, now: bool) -> None:
        """Forget it."""
        if self._endpoint.forget(self):
            self.gone(self.ending)


class UdpListener(DatagramProtocol):
    """A port that devices of these families send datagrams to."""

    def __init__(self, rooms: Sequence[Room], host: str, port: int) -> None:
        self.rooms = rooms
        self._host = host
        self._port = port
        self._transport: DatagramTransport | None = None
        self._paused = False
        self._by_address: dict[Address, UdpLink] = {}
        self._by_device: dict[str, UdpLink] = {}

    async def start(self) -> None:
        """Listen. Raises ListenError."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_datagram_endpoint(lambda: self, local_addr=(self._host, self._port))
        except OSError as error:
            raise ListenError(why_not_listening(self.rooms[0], self._host, self._port, error)) from error

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the real port where 0 was asked for."""
        assert self._transport is not None
        name = self._transport.get_extra_info("sockname")
        return name[0], name[1]

    @property
    def links(self) -> Collection[Link]:
        """The devices that were heard of lately."""
        return self._by_device.values()

    async def stop(self) -> None:
        """Hear no more; what owed replies are written has left already."""
        for link in list(self._by_device.values()):
            link.end("gateway", "the gateway stops")
        if self._transport is not None:
            self._transport.close()

    # -- asyncio.DatagramProtocol -------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast(DatagramTransport, transport)

    def error_received(self, exc: Exception) -> None:
        """The kernel tells of an address that cannot be reached; the device will speak again or not."""
        self.rooms[0].stats.peer_errors += 1

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        self._paused = True

    def resume_writing(self) -> None:
        """It does again."""
        self._paused = False

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A datagram: from a device at its usual address, from one that moved, or from a stranger."""
        link = self._by_address.get(addr)
        if link is not None:
            link.contain(link.take, data)
            if not link.strayed:
                return
            link.strayed = False
        try:
            self._stranger(data, addr)
        except Exception:  # as `Link.contain`: a codec's defect costs this datagram, not the port
            self.rooms[0].stats.failures += 1
            if self.rooms[0].shared.sparing.allow(source_of(str(addr[0]))):
                names = ", ".join(room.family.name for room in self.rooms)
                log.error("datagram failed", family=names, peer=_shown(addr), exc_info=True)

    # -- for links ----------------------------------------------------------------------------------------------------
    def send(self, data: bytes, address: Address) -> bool:
        """Send a datagram. False: the port is closed or its buffer full."""
        if self._transport is None or self._transport.is_closing() or self._paused:
            return False
        self._transport.sendto(data, address)
        return True

    def forget(self, link: UdpLink) -> bool:
        """Take a link off the tables; whether it was there."""
        if self._by_address.get(link.address) is link:
            del self._by_address[link.address]
        claimed = link.claimed or ""
        if self._by_device.get(claimed) is not link:
            return False
        del self._by_device[claimed]
        return True

    # -- whose is it --------------------------------------------------------------------------------------------------
    def _stranger(self, data: bytes, address: Address) -> None:
        """A datagram from an address that is nobody's yet, or another device's.

        A datagram is whole and names its device, so on a shared port the register decides: the family is that of the
        model under which this device is registered.
        """
        self.rooms[0].stats.bytes_in += len(data)
        source = source_of(str(address[0]))
        named = [(room, message) for room in self.rooms if (message := _named(room, data, source)) is not None]
        if not named:
            self.rooms[0].stats.peer_errors += 1
            return
        for room, message in named:
            tracker = room.shared.register.by_device(message.device_id or "", room.family.name)
            if tracker is not None and not tracker.blocked:
                self._known(room, tracker, data, address)
                return
        for room, message in named:
            tracker = room.shared.register.by_device(message.device_id or "", room.family.name)
            if tracker is not None or len(named) == 1:
                self._refuse(room, data, address, message, tracker)
                return
        self.rooms[0].stats.peer_errors += 1
        if self.rooms[0].shared.sparing.allow(source):
            names = ", ".join(room.family.name for room, _ in named)
            log.info("not recognised", could_be=names, opening=data[:32], source=source)

    def _known(self, room: Room, tracker: Tracker, data: bytes, address: Address) -> None:
        """A datagram of a registered device."""
        link = self._link(room, tracker.device_id, address)
        if link is None:
            room.stats.turned_away += 1
        elif link.identified:
            link.contain(link.take, data)
        else:
            link.contain(lambda found: self._welcome(link, found, data), tracker)

    def _link(self, room: Room, device_id: str, address: Address) -> UdpLink | None:
        """The link of a registered device, at this address from now on. None: a limit is reached."""
        shared = room.shared
        stranger = self._by_address.pop(address, None)
        link = self._by_device.get(device_id)
        if link is not None:
            if self._by_address.get(link.address) is link:
                del self._by_address[link.address]
            if link.address != address:
                link.move(address)
        elif len(self._by_device) < shared.config.udp_max_sources and shared.guard.admit(source_of(str(address[0]))):
            link = UdpLink(room, self, address)
            room.stats.opened += 1
            room.stats.links += 1
        if link is None:
            if stranger is not None:
                self._by_address[address] = stranger
            return None
        self._by_address[address] = link
        return link

    def _welcome(self, link: UdpLink, tracker: Tracker, data: bytes) -> None:
        """The first datagram of a registered device."""
        link.claimed = tracker.device_id
        self._by_device[tracker.device_id] = link
        # Its own stream hears the datagram from the start: what is owed may depend on all of it.
        if link.tape is not None:
            link.tape.device(data)
        events = link.stream.feed(data)
        first = next(event for event in events if isinstance(event, Message) and event.device_id == link.claimed)
        link.identify(tracker, first)
        link.room.stats.frames += len(events)
        link.handle([event for event in events if event is not first])

    def _refuse(self, room: Room, data: bytes, address: Address, message: Message, tracker: Tracker | None) -> None:
        """Not ours, or blocked: what the family says to such a device, never more than it sent itself."""
        shared = room.shared
        room.stats.unregistered += 1
        device_id = clean(message.device_id or "", 64)
        if tracker is None and shared.lists_unknown:
            shared.unknown.note(device_id, room.family.name, room.transport.value, _shown(address))
        cause = "unregistered" if tracker is None else "blocked"
        if shared.sparing.allow(source_of(str(address[0]))):
            log.info("refused", cause=cause, device_id=device_id, family=room.family.name, peer=_shown(address))
        reply = room.family.refuse(message)
        if reply and len(reply) <= len(data):
            self.send(reply, address)


def _named(room: Room, data: bytes, source: str) -> Message | None:
    """The first message of a datagram that names its device, as this family understands it."""
    try:
        events = room.family.stream(room.transport).feed(data)
    except Exception:  # as `Link.contain`: a codec's defect costs this datagram, and no other family
        room.stats.failures += 1
        if room.shared.sparing.allow(source):
            log.error("datagram failed", family=room.family.name, source=source, exc_info=True)
        return None
    named = (
        event
        for event in events
        if isinstance(event, Message) and event.device_id is not None and event.checksum is not Checksum.BAD
    )
    return next(named, None)


def _shown(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
