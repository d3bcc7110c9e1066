"""The application: one dispatcher that knows the order of checks, and the only place that writes answers."""

from __future__ import annotations

import time
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
import structlog
from aiohttp import web

from tracker_gateway.http import routes
from tracker_gateway.http.auth import MISSING, hash_of_header, well_formed
from tracker_gateway.http.body import BODY_LIMIT, fields_of, parse_body, parse_pairs, read_body
from tracker_gateway.http.errors import (
    DATABASE_ERROR,
    INVALID_PARAMETERS,
    NOT_PERMITTED,
    TOO_MANY_REQUESTS,
    UNEXPECTED_ERROR,
    WRONG_HANDLER,
    WRONG_METHOD,
    error_body,
    error_kind,
)
from tracker_gateway.http.events import Stream, Streams
from tracker_gateway.http.handlers import Answer, Call
from tracker_gateway.http.limits import RateLimiter, source_of
from tracker_gateway.http.params import read_params
from tracker_gateway.http.route import Route
from tracker_gateway.service.calls import ApiError, Service

log = structlog.stdlib.get_logger("tracker_gateway.http")


class HttpConfig(Protocol):
    """What this layer asks of the configuration."""

    @property
    def rate_limit(self) -> float:
        """Requests a second for each key and for each source; 0: no limit."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """The defaults, for whoever has no configuration file."""

    rate_limit: float = 50.0


class HttpMetrics(Protocol):
    """Told of every answered request."""

    def http_request(self, route: str, code: int, seconds: float) -> None:
        """`route` is a path of the table or `other`; `code` 0 is success."""


@dataclass(slots=True)
class _Trace:
    """What the access log says of a request: never its query, body or headers, which may hold the hash."""

    source: str
    method: str
    route: str = "other"
    key_id: int | None = None
    tracker_id: int | None = None
    code: int = 0
    started: float = field(default_factory=time.perf_counter)


def without_nulls(value: Any) -> Any:
    """The value with every null member of an object left out, at any depth."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(inner) for inner in value]
    return value


class Dispatcher:
    """Answers every request: request format (5, 7), hash (3, 4), right (13), tracker (201), then the service's checks.

    Unknown paths (111), wrong methods (112) and floods (15) are told before anything is read.
    """

    def __init__(self, service: Service, config: HttpConfig, metrics: HttpMetrics | None) -> None:
        self._service = service
        self._metrics = metrics
        self._sources = RateLimiter(config.rate_limit, time.monotonic)
        self._keys = RateLimiter(config.rate_limit, time.monotonic)
        self.streams = Streams()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """The answer to any request. Only a cancellation leaves here as an exception."""
        trace = _Trace(source=request.remote or "", method=request.method)
        try:
            response = await self._answer(request, trace)
        except ApiError as error:
            trace.code = error_kind(error.code).code
            response = _json(error_body(trace.code, detail=error.detail, errors=error.errors))
            if trace.code == TOO_MANY_REQUESTS:
                response.headers["Retry-After"] = "1"
        except Exception as error:  # the boundary: whatever breaks inside is told as code 6 and logged, never shown
            trace.code = UNEXPECTED_ERROR
            log.error("request failed", route=trace.route, error=type(error).__name__, exc_info=True)
            response = _json(error_body(UNEXPECTED_ERROR))
        self._record(trace)
        return response

    async def _answer(self, request: web.Request, trace: _Trace) -> web.StreamResponse:
        if not self._sources.allow(source_of(request.remote)):
            raise ApiError(TOO_MANY_REQUESTS, "too many requests from this address")
        route = routes.find(request.path)
        if route is None:
            raise ApiError(WRONG_HANDLER)
        trace.route = route.path
        if request.method not in route.methods:
            trace.code = WRONG_METHOD
            return _json(error_body(WRONG_METHOD), Allow=", ".join(route.methods))
        if not route.authenticated:
            answer = await route.handler(Call(self._service, {}))
        else:
            answer = await self._authenticated(request, route, trace)
        if isinstance(answer, Stream):
            return await self._stream(request, answer, route)
        return _success(route, answer, trace)

    async def _authenticated(self, request: web.Request, route: Route, trace: _Trace) -> Answer:
        given, hashes = await _given(request)
        values, errors = read_params(route.params, given)
        if not hashes:
            errors.append(MISSING)
        if errors:
            raise ApiError(INVALID_PARAMETERS, errors=errors)
        key = await self._service.authenticate(well_formed(hashes))
        trace.key_id = key.key_id
        if not self._keys.allow(key.key_id):
            raise ApiError(TOO_MANY_REQUESTS, "too many requests with this key")
        if route.right is not None and route.right not in key.rights:
            raise ApiError(NOT_PERMITTED, f"the key lacks the right {route.right.value}")
        tracker = None
        if values.get("tracker_id") is not None:
            tracker = self._service.tracker(key, values["tracker_id"])
            trace.tracker_id = tracker.tracker_id
        return await route.handler(Call(self._service, values, key, tracker))

    async def _stream(self, request: web.Request, stream: Stream, route: Route) -> web.StreamResponse:
        self.streams.admit()
        response = web.StreamResponse(headers={"Content-Type": route.media_type, "Cache-Control": "no-store"})
        with suppress(ConnectionError):  # the client went away: the usual end of a stream
            await response.prepare(request)
            async with aclosing(self.streams.follow(stream)) as pieces:
                async for piece in pieces:
                    await response.write(piece)
            await response.write_eof()
        response.force_close()
        return response

    def _record(self, trace: _Trace) -> None:
        seconds = time.perf_counter() - trace.started
        if self._metrics is not None:
            self._metrics.http_request(trace.route, trace.code, seconds)
        level = log.error if trace.code in (DATABASE_ERROR, UNEXPECTED_ERROR) else log.info
        level(
            "request",
            method=trace.method if trace.method.isalpha() and len(trace.method) <= 16 else "other",
            route=trace.route,
            code=trace.code,
            ms=round(seconds * 1000, 2),
            source=trace.source,
            **({"key_id": trace.key_id} if trace.key_id is not None else {}),
            **({"tracker_id": trace.tracker_id} if trace.tracker_id is not None else {}),
        )


async def _given(request: web.Request) -> tuple[dict[str, Any], list[Any]]:
    """Parameters of the body over those of the query, and every hash presented, wherever it stood."""
    hashes: list[Any] = list(hash_of_header(request.headers.get("Authorization")))
    values, found = fields_of(parse_pairs(request.rel_url.raw_query_string))
    hashes += found
    if request.method == "POST":
        await _invite_body(request)
        in_body, found = parse_body(await read_body(request), request.content_type)
        values |= in_body
        hashes += found
    return values, hashes


async def _invite_body(request: web.Request) -> None:
    """Answers `Expect: 100-continue`, unless the body is too large anyway, so that nobody sends 10 MB in vain."""
    if request.headers.get("Expect", "").lower() == "100-continue" and (request.content_length or 0) <= BODY_LIMIT:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer proper has not begun


def _success(route: Route, answer: dict[str, Any] | bytes, trace: _Trace) -> web.Response:
    if isinstance(answer, bytes):
        charset = "utf-8" if route.media_type.startswith("text/") else None
        return web.Response(body=answer, content_type=route.media_type, charset=charset)
    if answer.get("success") is False:
        trace.code = answer["status"]["code"]
        return _json(answer)
    return _json({"success": True, **answer})


def _json(body: dict[str, Any], **headers: str) -> web.Response:
    code = 0 if body["success"] else body["status"]["code"]
    return web.Response(
        body=orjson.dumps(without_nulls(body), option=orjson.OPT_NON_STR_KEYS),
        status=error_kind(code).status if code else 200,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **headers},
    )


async def _no_expectation(request: web.Request) -> None:
    """The dispatcher itself asks for a body that it wants; the router need not."""


#: The dispatcher of an application, for the runner.
DISPATCHER = web.AppKey("dispatcher", Dispatcher)


def make_app(service: Service, config: HttpConfig | None = None, metrics: HttpMetrics | None = None) -> web.Application:
    """The application. Serve it with `JsonRunner`, which answers broken HTTP in JSON too."""
    app = web.Application()
    dispatcher = app[DISPATCHER] = Dispatcher(service, config or HttpOptions(), metrics)

    async def dispatch(request: web.Request) -> web.StreamResponse:
        return await dispatcher(request)

    async def end_streams(_: web.Application) -> None:
        dispatcher.streams.close()

    app.on_shutdown.append(end_streams)
    app.router.add_route("*", r"/{path:[\s\S]*}", dispatch, expect_handler=_no_expectation)
    return app
