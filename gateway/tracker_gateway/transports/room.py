"""What every link of a process shares, and what the links of one listener share."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tracker_codecs.contract import Target, Transport
from tracker_codecs.family import Family

from tracker_gateway.config.links import LinksConfig, Unregistered
from tracker_gateway.process.log import Sparing
from tracker_gateway.process.metrics import LinkStats, Metrics
from tracker_gateway.sessions.live import LiveSessions
from tracker_gateway.sessions.session import Session, SessionListener
from tracker_gateway.store.nouns import Tracker
from tracker_gateway.transports.guard import Guard
from tracker_gateway.transports.unknown import UnknownDevices


class Register(Protocol):
    """What links ask of the register of trackers; answered from memory."""

    def by_device(self, device_id: str, family: str) -> Tracker | None:
        """The tracker of this device id whose model this family serves; never a clone."""

    def target(self, tracker: Tracker) -> Target:
        """The tracker as its codec sees it."""

    def expect(self, device_id: str, transport: Transport, link_options: Mapping[str, Any]) -> None:
        """By configuration this device is met on such a link, with these options."""

    def learn(self, tracker_id: int, known: Mapping[str, str]) -> None:
        """What a tracker told of itself."""

    def on_change(self, callback: Callable[[Tracker | None, Tracker | None], None]) -> None:
        """Call back with (before, after) whenever a tracker was added, changed or removed."""


class Tape(Protocol):
    """What records one link. Never raises. See `recording.recorder`."""

    def device(self, data: bytes, channel: str = "") -> None:
        """The device said this."""

    def owed(self, data: bytes, channel: str = "") -> None:
        """It was answered this."""

    def command(self, data: bytes, channel: str = "") -> None:
        """A command was written."""

    def identified(self, session: Session) -> Tape | None:
        """It is this tracker, before anything owed to it is written. None: it is not recorded."""

    def gone(self) -> None:
        """The link is over."""


class Tap(Protocol):
    """Makes a tape for every link that comes up."""

    def tape(self, family: Family, transport: Transport) -> Tape:
        """For a link of this family."""


class ListenError(Exception):
    """A port cannot be listened on; the text names it and says why."""


@dataclass(slots=True)
class Shared:
    """Of all links: limits, the register of sessions, the listener of what happens. `clock`: the loop's time, s."""

    config: LinksConfig
    register: Register
    listener: SessionListener
    live: LiveSessions
    metrics: Metrics
    guard: Guard
    sparing: Sparing
    unknown: UnknownDevices
    clock: Callable[[], float]
    tap: Tap | None = None

    @property
    def lists_unknown(self) -> bool:
        """Device ids that are not registered are noted for adoption."""
        return self.config.unregistered is Unregistered.LIST


@dataclass(slots=True)
class Room:
    """Of the links of one family on one transport."""

    shared: Shared
    family: Family
    transport: Transport
    stats: LinkStats

    @property
    def idle_timeout(self) -> float:
        """Seconds of silence after which a link counts as dead."""
        return self.shared.config.idle_timeout or self.family.limits.idle


def why_not_listening(room: Room, host: str, port: int, error: OSError) -> str:
    """Says which port of which family, and what to do."""
    place = f"cannot listen on {host}:{port}/{room.transport.value} for {room.family.name}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{place}: the port is in use; end the other program or choose another port under [[listeners]]"
        case errno.EACCES | errno.EPERM:
            return f"{place}: not permitted; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        case errno.EADDRNOTAVAIL:
            return f"{place}: this machine has no such address"
    return f"{place}: {error.strerror or error}"
