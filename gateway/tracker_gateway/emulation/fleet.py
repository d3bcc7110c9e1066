"""Many emulated devices of one family against one address: a gateway's, or on MQTT a broker's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

from tracker_codecs.contract import Emulator, Transport
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family

from tracker_gateway.emulation.device import Address, Counters, Device, Listener, News, Pace

#: Connects a second, so that a server's queue of new connections holds.
RATE = 500.0


class Fleet:
    """Devices that are started and stopped together; `async with` does both. `counters` are those of all devices.

    `login` is user and password at a broker.
    """

    def __init__(
        self,
        emulators: Iterable[Emulator],
        family: Family,
        link: Transport,
        host: str,
        port: int,
        *,
        pace: Pace | None = None,
        rate: float = RATE,
        listener: Listener | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        if link is Transport.SERIAL:
            raise LocalError("devices are emulated on tcp, udp and mqtt, not on serial", parameter="transport")
        self._host = host
        self._port = port
        self._rate = rate
        self._link = link
        self._addresses: list[Address] = []
        self._listener = listener
        self._waiting: set[asyncio.Event] = set()
        self.counters = Counters()
        self.devices: Sequence[Device] = tuple(
            Device(
                each, family, link, self._addresses, pace=pace, counters=self.counters, listener=self._told, login=login
            )
            for each in emulators
        )

    async def start(self) -> None:
        """Begin to connect, `rate` devices a second. Raises OSError for a host that has no address."""
        kind = socket.SOCK_DGRAM if self._link is Transport.UDP else socket.SOCK_STREAM
        found = await asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=kind)
        # IPv4 first: a `localhost` that is both is mostly listened on there.
        ordered = sorted(found, key=lambda each: each[0] is not socket.AF_INET)
        self._addresses[:] = list(dict.fromkeys((str(each[4][0]), int(each[4][1])) for each in ordered))
        for index, device in enumerate(self.devices):
            device.start(after=index / self._rate)

    async def stop(self, patience: float = 2.0) -> None:
        """Close every link, at the latest after so many seconds."""
        for device in self.devices:
            device.begin_stop()
        await asyncio.gather(*(device.stop(patience) for device in self.devices))

    async def __aenter__(self) -> Fleet:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def reached(self) -> int:
        """Devices whose link the server took at least once."""
        return sum(device.reached for device in self.devices)

    @property
    def problem(self) -> str:
        """Why a device has no link, the first that knows; empty where all is well."""
        return next(
            (each.problem for each in self.devices if not (each.connected and each.reached) and each.problem), ""
        )

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition, looked at with every news of a device, came true within so many seconds."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    news.clear()
                    await news.wait()
            return True
        except TimeoutError:
            return condition()
        finally:
            self._waiting.discard(news)

    def _told(self, device: Device, news: News) -> None:
        for event in self._waiting:
            event.set()
        if self._listener is not None:
            self._listener(device, news)
