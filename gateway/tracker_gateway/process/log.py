"""Logging: structlog to standard error, secrets masked, and peers that cannot flood it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

#: A key whose name contains one of these never shows its value.
SECRET_WORDS = ("hash", "password", "secret", "authorization")
MASK = "***"


def make_plain(logger: WrappedLogger | None, method: str, event: EventDict) -> EventDict:
    """Processor: at any depth, values of keys that name a secret become `***`, and bytes hexadecimal."""
    return {key: MASK if _secret(key) else _plain(inner) for key, inner in event.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: MASK if _secret(key) else _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return value


def _secret(key: object) -> bool:
    return isinstance(key, str) and any(word in key.lower() for word in SECRET_WORDS)


def configure(level: str = "info", form: str = "console") -> None:
    """Send all logging of this process, structlog's and the standard library's, to standard error.

    `level`: debug, info, warning or error. `form`: console (for people) or json (one object a line).
    """
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        make_plain,
    ]
    renderer: Processor
    if form == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
    else:
        colours = sys.stderr.isatty()
        renderer = structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback, pad_event_to=28
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel(max(logging.WARNING, root.level))


class Sparing:
    """Decides whether a line about a peer is worth logging: a few for each source and in all per `window` seconds.

    No more than `total` sources are remembered; `clock` gives seconds. `suppressed` counts what was held back.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        per_source: int = 3,
        total: int = 300,
        window: float = 60.0,
    ) -> None:
        self._clock = clock
        self._per_source = per_source
        self._total = total
        self._window = window
        self._sources: dict[str, int] = {}
        self._logged = 0
        self._began = clock()
        self.suppressed = 0

    def allow(self, source: str) -> bool:
        """One more line about this source may be logged now."""
        now = self._clock()
        if now - self._began >= self._window:
            self._began = now
            self._logged = 0
            self._sources.clear()
        times = self._sources.get(source, 0)
        if times >= self._per_source or self._logged >= self._total:
            self.suppressed += 1
            return False
        self._sources[source] = times + 1
        self._logged += 1
        return True
