"""A port for several families: the first bytes decide, by the codecs' own recognisers; what is ambiguous is refused."""

from __future__ import annotations

import asyncio
from asyncio import Protocol, Transport
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, TypeVar, cast

import structlog
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_profiles import models

from tracker_gateway.transports.guard import DECISIVE, foreign, source_of
from tracker_gateway.transports.link import LINGER
from tracker_gateway.transports.room import Room

#: Bytes that are looked at before a link counts as nobody's.
MAX_OPENING = 256

log = structlog.stdlib.get_logger("tracker_gateway.links")
A = TypeVar("A")


class Sniffer(Protocol):
    """A connection whose family is not known yet. `adopt(room, transport, opening)` makes it a link once it is."""

    __slots__ = ("_adopt", "_admitted", "_began", "_gone", "_opening", "_rooms", "_source", "_transport", "_waiting")

    def __init__(
        self,
        rooms: Sequence[Room],
        waiting: set[Sniffer],
        adopt: Callable[[Room, Transport, bytes], None],
    ) -> None:
        self._rooms = rooms
        self._waiting = waiting
        self._adopt = adopt
        self._opening = b""
        self._source = ""
        self._admitted = False
        self._gone = 0.0
        self._began = rooms[0].shared.clock()

    # -- asyncio.Protocol ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A device connected: counted and limited before a byte of it is read."""
        self._transport = cast(Transport, transport)
        name = transport.get_extra_info("peername") or ("?", 0)
        self._source = source_of(str(name[0]))
        if not self._rooms[0].shared.guard.admit(self._source):
            self._rooms[0].stats.turned_away += 1
            self._transport.abort()
            return
        self._admitted = True
        self._waiting.add(self)

    def data_received(self, data: bytes) -> None:
        """More of the opening."""
        if self._gone:
            return
        self._opening += data
        self.contain(self._decide, len(self._opening) >= MAX_OPENING)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone before anybody knew whose it is."""
        if self._admitted:
            self._leave()
            self._rooms[0].shared.guard.known(self._source)
            self._rooms[0].shared.guard.gone()

    # -- for the hub --------------------------------------------------------------------------------------------------
    def contain(self, call: Callable[[A], None], argument: A) -> None:
        """As `Link.contain`: a recogniser that fails costs this connection only."""
        try:
            call(argument)
        except Exception:
            self._rooms[0].stats.failures += 1
            log.error("recognition failed", source=self._source, exc_info=True)
            self.end("failure", "failed")

    def check(self, now: float) -> None:
        """Deadlines; a device that waits for an answer before it says more is judged by what it said."""
        if self._gone:
            if now - self._gone > LINGER:
                self.disconnect(now=True)
        elif self._opening:
            self._decide(True)
        elif now - self._began > self._rooms[0].shared.config.identify_timeout:
            self.end("identify", "said nothing in time")

    def end(self, cause: str, reason: str) -> None:
        """Close the connection."""
        if not self._gone:
            self._gone = self._rooms[0].shared.clock()
            self._rooms[0].stats.closes[cause] += 1
            self._transport.close()

    def disconnect(self, *, now: bool) -> None:
        """End the transport."""
        self._transport.abort()

    # -- whose is it --------------------------------------------------------------------------------------------------
    def _decide(self, last: bool) -> None:
        if foreign(self._opening[:DECISIVE]):
            self._rooms[0].stats.foreign += 1
            self.end("foreign", "speaks another protocol")
            return
        verdicts = {room.family.name: room.family.recognise(self._opening) for room in self._rooms}
        could_be = [room for room in self._rooms if verdicts[room.family.name]]
        open_ = [name for name, verdict in verdicts.items() if verdict is None]
        if open_ and not last:
            return
        if len(could_be) == 1:
            self._leave()
            self._admitted = False  # the link goes on with what was counted here
            self._adopt(could_be[0], self._transport, self._opening)
            return
        shared = self._rooms[0].shared
        if not could_be and open_ and shared.clock() - self._began < shared.config.identify_timeout:
            return
        self._rooms[0].stats.peer_errors += 1
        if shared.sparing.allow(self._source):
            names = ", ".join(room.family.name for room in could_be)
            log.info("not recognised", could_be=names or "none", opening=self._opening[:32], source=self._source)
        self.end("ambiguous" if could_be else "unrecognised", "its family is not clear")

    def _leave(self) -> None:
        self._waiting.discard(self)


def clashes(families: Sequence[Family]) -> list[str]:
    """Pairs of families that cannot share a port, because one takes the opening of the other's devices for its own."""
    openings = {family.name: _openings(family) for family in families}
    return [
        f"{one.name} and {other.name}"
        for one, other in combinations(families, 2)
        if any(other.recognise(opening) for opening in openings[one.name])
        or any(one.recognise(opening) for opening in openings[other.name])
    ]


def _openings(family: Family) -> list[bytes]:
    """What devices of this family may say first, by its emulators."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found: list[bytes] = []
    for variant in family.variants:
        try:
            emulator = family.emulator(_sample_id(family), variant)
            pieces: list[list[Any]] = [emulator.connect(), emulator.heartbeat(), emulator.report(now)]
        except LocalError:
            continue
        found += [b"".join(datum.data for datum in piece) for piece in pieces if piece]
    return found


def _sample_id(family: Family) -> str:
    model = next((each for each in models.all_models().values() if each.codec == family.name), None)
    kind, *bounds = (model.id_type if model is not None else "imei").split(",")
    length = int(bounds[0]) if bounds else {"imei": 15, "meid": 14}.get(kind, 15)
    return ("1234567890" * (length // 10 + 1))[:length]
