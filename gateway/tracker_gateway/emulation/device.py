"""One emulated device on a TCP or UDP socket, without a task of its own: thousands of them fit into one process.

On MQTT it is a client of a broker (and, where its family has one, the network server before the device).
"""

from __future__ import annotations

import asyncio
import math
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from tracker_codecs.contract import Datum, Emulator, Message, Transport, Value
from tracker_codecs.family import Family

from tracker_gateway.emulation.mqtt import MqttTransport

#: Seconds to get a connection, and to get the answer to a login, before the device tries anew.
CONNECT_TIMEOUT = 10.0
LOGIN_TIMEOUT = 20.0
#: Seconds between reports at least, whatever is set: a device does not keep the whole process busy.
SHORTEST = 0.01
#: Bytes that wait for a server which does not read, before reports are left out.
WRITE_BUFFER = 65_536

Address = tuple[str, int]


class News(StrEnum):
    """What a listener is told of."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    REFUSED = "refused"  # no connection was to be had
    REPORTED = "reported"
    ANSWERED = "answered"  # a command got its answer
    CHANGED = "changed"  # the device's true settings are others now


Listener = Callable[["Device", News], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """When a device does what; seconds.

    `every`: between reports; None: as the device is set. `heartbeat`: between keep-alives, where the family has one.
    `awake`: the link is up so long, then down for `asleep`; None: it stays up. `retry`: the pause before the second try
    to connect, doubled for each further one up to `retry_limit`; each pause is cut by chance, by up to a half.
    """

    every: float | None = None
    heartbeat: float = 180.0
    awake: float | None = None
    asleep: float = 0.0
    retry: float = 1.0
    retry_limit: float = 60.0


@dataclass(slots=True)
class Counters:
    """What devices did. `connected` is a present number, the others are sums."""

    connected: int = 0
    connects: int = 0
    refused: int = 0  # attempts to connect that failed
    lost: int = 0  # links that ended though the device wanted them
    reports: int = 0
    heartbeats: int = 0
    answered: int = 0  # commands
    changed: int = 0  # times that settings became others
    held: int = 0  # reports left out because the server did not read


class Device(asyncio.BaseProtocol):
    """Keeps its link up, reports, obeys. `addresses` are tried in turn; `settings` is the device's true state.

    `reached`: the server took the link at least once (UDP: and did not refuse what was sent). `problem`: why the last
    attempt failed.
    """

    __slots__ = (
        "_addresses",
        "_beat",
        "_begun",
        "_full",
        "_gone",
        "_heard",
        "_interval",
        "_last",
        "_listener",
        "_login",
        "_loop",
        "_opening",
        "_pace",
        "_phase",
        "_report",
        "_settings",
        "_sleeping",
        "_stopped",
        "_transport",
        "_tries",
        "counters",
        "emulator",
        "family",
        "link",
        "problem",
        "reached",
    )

    def __init__(
        self,
        emulator: Emulator,
        family: Family,
        link: Transport,
        addresses: Sequence[Address],
        *,
        pace: Pace | None = None,
        counters: Counters | None = None,
        listener: Listener | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.emulator = emulator
        self.family = family
        self.link = link
        self.counters = counters or Counters()
        self.reached = False
        self.problem = ""
        self._pace = pace or Pace()
        self._addresses = addresses
        self._listener = listener
        self._login = login
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transport: Any = None
        self._opening: asyncio.Task[None] | None = None
        self._phase: asyncio.TimerHandle | None = None
        self._report: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._gone: asyncio.Event | None = None
        self._settings = emulator.settings
        self._interval = 0.0
        self._last = -math.inf
        self._tries = 0
        self._stopped = True
        self._sleeping = self._heard = self._begun = self._full = False

    @property
    def device_id(self) -> str:
        """Who it is."""
        return self.emulator.device_id

    @property
    def settings(self) -> dict[str, Value]:
        """What it really does, by profile field."""
        return self.emulator.settings

    @property
    def connected(self) -> bool:
        """Its link is up."""
        return self._transport is not None

    # -- life ---------------------------------------------------------------------------------------------------------
    def start(self, after: float = 0.0) -> None:
        """Connect, `after` so many seconds. To be called in a running loop; nothing happens if it runs already."""
        if self._stopped:
            self._stopped = False
            self._tries = 0
            self._loop = asyncio.get_running_loop()
            self._phase = self._loop.call_later(after, self._connect)

    async def stop(self, patience: float = 2.0) -> None:
        """Close the link, after what is written or after so many seconds. It may be started again."""
        self.begin_stop()
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._transport is None:
            return
        self._gone = asyncio.Event()
        try:
            async with asyncio.timeout(patience):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()
            await self._gone.wait()
        finally:
            self._gone = None

    def begin_stop(self) -> None:
        """The same, without waiting for the end."""
        self._stopped = True
        self._rest()
        if self._phase is not None:
            self._phase.cancel()
            self._phase = None
        if self._opening is not None:
            self._opening.cancel()
        if self._transport is not None:
            self._transport.close()

    def _connect(self) -> None:
        assert self._loop is not None
        self._phase = None
        self._opening = self._loop.create_task(self._open())

    async def _open(self) -> None:
        assert self._loop is not None
        problem: OSError | None = None
        try:
            for host, port in self._addresses:
                try:
                    async with asyncio.timeout(CONNECT_TIMEOUT):
                        if self.link is Transport.MQTT:
                            topics = self.emulator.subscriptions()
                            line = await MqttTransport.open(self, (host, port), topics, self._login)
                            self.connection_made(line)
                            line.start()
                        elif self.link is Transport.UDP:
                            await self._loop.create_datagram_endpoint(self._itself, remote_addr=(host, port))
                        else:
                            await self._loop.create_connection(self._itself, host, port)
                    return
                except OSError as error:
                    problem = error
        finally:
            self._opening = None
        if problem is not None:
            self._refuse(problem)
            self._retry()

    def _itself(self) -> Any:
        return self

    def _refuse(self, error: Exception) -> None:
        number = getattr(error, "errno", None)
        late = "no connection in time" if isinstance(error, TimeoutError) else str(error)
        self.problem = os.strerror(number).lower() if number else late or type(error).__name__
        self.counters.refused += 1
        self._tell(News.REFUSED)

    def _retry(self) -> None:
        if self._stopped or self._loop is None:
            return
        pause = min(self._pace.retry * 2 ** min(self._tries, 30), self._pace.retry_limit)
        self._tries += 1
        self._phase = self._loop.call_later(pause * random.uniform(0.5, 1.0), self._connect)

    def _sleep(self) -> None:
        self._phase = None
        if self._transport is not None:
            self._sleeping = True
            self._transport.close()

    # -- the protocol -------------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The link is up: the family's opening goes first, and reports begin when a login is answered."""
        assert self._loop is not None
        self._transport = transport
        self._sleeping = self._heard = self._begun = self._full = False
        self.reached = True
        self.counters.connected += 1
        self.counters.connects += 1
        if self._stopped:
            self._transport.close()
            return
        if self.link is Transport.TCP:
            cast(asyncio.WriteTransport, transport).set_write_buffer_limits(high=WRITE_BUFFER)
        opening = self.emulator.connect()
        self._say(opening)
        self._tell(News.CONNECTED)
        if self._pace.awake is not None:
            self._phase = self._loop.call_later(self._pace.awake, self._sleep)
        if self.link is Transport.TCP and self._owed(opening):
            self._report = self._loop.call_later(LOGIN_TIMEOUT, self._unanswered)
        else:
            self._begin()

    def _owed(self, opening: Sequence[Datum]) -> bool:
        """Does the server owe an answer to this?"""
        stream = self.family.stream(self.link)
        events = [event for datum in opening for event in stream.feed(datum.data)]
        return any(isinstance(event, Message) and event.owed for event in events)

    def _unanswered(self) -> None:
        self._report = None
        self.problem = "the login was not answered"
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        assert self._loop is not None
        self._begun = True
        self._report_now()
        first = self._pace.heartbeat * random.uniform(0.5, 1.0)
        self._beat = self._loop.call_later(first, self._heartbeat)

    def data_received(self, data: bytes) -> None:
        """Bytes came from the server."""
        self.heard(data)

    def heard(self, data: bytes, channel: str = "") -> None:
        """The same; on MQTT with their topic."""
        self._heard = True
        self._tries = 0
        answers = self.emulator.receive(data, channel)
        if answers:
            self._say(answers)
            self.counters.answered += 1
            self._tell(News.ANSWERED)
            self._notice()
        if not self._begun and not self._stopped and self._transport is not None:
            if self._report is not None:
                self._report.cancel()
            self._begin()

    def datagram_received(self, data: bytes, address: object) -> None:
        """The same on UDP."""
        self.data_received(data)

    def error_received(self, error: OSError) -> None:
        """Nobody takes our datagrams. Once heard of, the server is believed to come back."""
        if self._heard or self._transport is None:
            return
        self.reached = False
        self._refuse(error)
        self._transport.close()

    def eof_received(self) -> bool:
        """The server closed: so do we."""
        return False

    def pause_writing(self) -> None:
        """The server does not read."""
        self._full = True

    def resume_writing(self) -> None:
        """It reads again."""
        self._full = False

    def connection_lost(self, error: Exception | None) -> None:
        """The link is down."""
        assert self._loop is not None
        self._transport = None
        self._rest()
        self.counters.connected -= 1
        if self._gone is not None:
            self._gone.set()
        self._tell(News.DISCONNECTED)
        if self._stopped:
            return
        if self._phase is not None:
            self._phase.cancel()
            self._phase = None
        if self._sleeping:
            self._phase = self._loop.call_later(self._pace.asleep, self._connect)
        else:
            self.counters.lost += 1
            self._retry()

    # -- what it does -------------------------------------------------------------------------------------------------
    def _rest(self) -> None:
        for timer in (self._report, self._beat):
            if timer is not None:
                timer.cancel()
        self._report = self._beat = None

    def _say(self, said: Sequence[Datum]) -> None:
        if self._transport is None or not said:
            return
        if self.link is Transport.MQTT:
            for datum in said:
                self._transport.publish(datum)
        elif self.link is Transport.UDP:
            for datum in said:
                self._transport.sendto(datum.data)
        else:
            self._transport.write(b"".join([datum.data for datum in said]))

    def _report_now(self) -> None:
        assert self._loop is not None
        if self._full:
            self.counters.held += 1
        else:
            self._say(self.emulator.report(datetime.now(UTC)))
            self.counters.reports += 1
            self._tell(News.REPORTED)
        self._interval = self._wanted()
        now = self._loop.time()
        # By the plan, not from now on, so that lateness does not add up; unless a whole interval was missed.
        due = self._last + self._interval
        self._last = due if now - self._interval < due <= now else now
        self._plan()

    def _wanted(self) -> float:
        return self.emulator.report_interval if self._pace.every is None else self._pace.every

    def _plan(self) -> None:
        assert self._loop is not None
        if self._report is not None:
            self._report.cancel()
            self._report = None
        if 0 < self._interval < math.inf:
            self._report = self._loop.call_at(self._last + max(self._interval, SHORTEST), self._report_now)

    def _heartbeat(self) -> None:
        assert self._loop is not None
        said = self.emulator.heartbeat()
        self._beat = None
        if said:
            if not self._full:
                self._say(said)
                self.counters.heartbeats += 1
            self._beat = self._loop.call_later(self._pace.heartbeat, self._heartbeat)

    def _notice(self) -> None:
        """A command may have changed what the device does; the next report comes by the new interval."""
        present = self.emulator.settings
        if present == self._settings:
            return
        self._settings = present
        self.counters.changed += 1
        if self._begun and self._wanted() != self._interval:
            self._interval = self._wanted()
            self._plan()
        self._tell(News.CHANGED)

    def _tell(self, news: News) -> None:
        if self._listener is not None:
            self._listener(self, news)
