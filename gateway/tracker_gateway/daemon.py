"""The daemon: puts store, use cases, links and HTTP together, and takes them apart in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
from collections.abc import Mapping
from types import TracebackType

import structlog
from tracker_codecs.contract import Transport
from tracker_profiles import directories

from tracker_gateway import __version__
from tracker_gateway.config.file import Config
from tracker_gateway.http import JsonRunner, make_app
from tracker_gateway.process import log as logging_
from tracker_gateway.process.loop import run_loop
from tracker_gateway.process.metrics import Metrics
from tracker_gateway.recording.recorder import Recorder
from tracker_gateway.service.gateway import Gateway
from tracker_gateway.store import Store, open_store
from tracker_gateway.transports.hub import Hub
from tracker_gateway.transports.room import ListenError

#: Seconds that requests under way get to end when the gateway stops.
HTTP_GRACE = 5.0

log = structlog.stdlib.get_logger("tracker_gateway.daemon")


class Daemon:
    """One gateway: `async with Daemon(config) as daemon`. `addresses` and `http_address` tell its real ports."""

    store: Store
    gateway: Gateway
    hub: Hub

    def __init__(self, config: Config) -> None:
        self.config = config
        self.metrics = Metrics()
        self._runner: JsonRunner | None = None
        self._undo = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Open the store, take up what is pending, listen. Raises StoreError, ListenError, CatalogError.

        What was started before a failure is stopped again.
        """
        try:
            await self._start()
        except BaseException:
            await self._undo.aclose()
            raise

    async def _start(self) -> None:
        config = self.config
        for directory in config.extra_profiles:
            directories.add_directory(directory)
        self.store = await open_store(config.store.path)
        self._undo.push_async_callback(self.store.close)
        await self.store.claim()
        self.gateway = Gateway(self.store, self.metrics, config.delivery)
        self.metrics.deliveries_open.set_function(lambda: self.gateway.engine.open_lanes)
        await self.gateway.start()
        self._undo.push_async_callback(self.gateway.stop)
        recorder = self._recorder()
        self.hub = Hub(config.links, self.gateway.register, self.gateway.engine, self.store, self.metrics)
        self.hub.shared.tap = recorder
        self._undo.push_async_callback(self.hub.stop, "the gateway stops")
        if config.http.enabled:
            await self._serve_http()
        await self.hub.start(config.listeners, config.brokers, config.serial)
        self.gateway.add_health("links", self.hub.health)

    def _recorder(self) -> Recorder | None:
        """Stops after the links, so that it hears of their end."""
        if not self.config.recording.enabled:
            return None
        clock = asyncio.get_running_loop().time
        recorder = Recorder(self.config.recording, self.gateway.register, self.gateway.bus, clock)
        self._undo.callback(recorder.stop)
        return recorder

    async def _serve_http(self) -> None:
        http = self.config.http
        runner = JsonRunner(
            make_app(self.gateway, http, self.metrics), handle_signals=False, shutdown_timeout=HTTP_GRACE
        )
        await runner.setup()
        self._undo.push_async_callback(runner.cleanup)
        from aiohttp.web import TCPSite

        try:
            await TCPSite(runner, http.host, http.port, backlog=512).start()
        except OSError as error:
            raise ListenError(
                f"cannot serve HTTP on {http.host}:{http.port}: {error.strerror or error}; "
                "choose another address under [http]"
            ) from error
        self._runner = runner
        host, port = self.http_address
        log.info("serving http", address=f"{host}:{port}")
        if not _loopback(host):
            log.warning("http is open to other machines; keys travel in clear text unless a TLS proxy stands before it")

    async def stop(self) -> None:
        """Answer requests under way, close links, see everything on disk. Idempotent."""
        await self._undo.aclose()

    async def __aenter__(self) -> Daemon:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def http_address(self) -> tuple[str, int]:
        """Where HTTP is served."""
        assert self._runner is not None
        address = self._runner.addresses[0]
        return address[0], address[1]

    @property
    def addresses(self) -> Mapping[tuple[str, Transport], tuple[str, int]]:
        """Where each family is listened for."""
        return self.hub.addresses


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


async def _until_told(config: Config) -> None:
    """Runs a daemon until SIGINT or SIGTERM; a second one ends it at once."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(name: str) -> None:
        if told.is_set():
            raise KeyboardInterrupt
        log.info("stopping", signal=name)
        told.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, tell, each.name)
    async with Daemon(config) as daemon:
        log.info(
            "ready",
            version=__version__,
            store=daemon.store.name,
            trackers=len(daemon.gateway.register.all()),
            pending=daemon.gateway.engine.open_lanes,
        )
        await told.wait()
    log.info("stopped")


def run(config: Config) -> None:
    """The `serve` command: logs to standard error, returns when told to stop. Raises StoreError, ListenError."""
    logging_.configure(config.logging.level.value, config.logging.format.value)
    run_loop(_until_told(config))
