"""Serves the application: broken HTTP is answered in JSON as well, and a silent client does not keep its socket."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson
from aiohttp import http_exceptions, web

from tracker_gateway.http.app import DISPATCHER
from tracker_gateway.http.errors import TOO_LARGE, UNEXPECTED_ERROR, WRONG_FORMAT, error_body, error_kind

#: Seconds of silence after which an idle connection, or one whose request does not get finished, is closed.
IDLE_TIMEOUT = 30.0
#: Seconds for which the rest of a refused body is read and thrown away, so that the client can read the answer.
LINGER = 2.0

_log = logging.getLogger(__name__)


class _Protocol(web.RequestHandler):
    """A connection. Requests that are no HTTP never reach the application; they are answered here."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Code 9 for a head that is too long, 5 for anything else that is no HTTP, 6 for a fault of ours."""
        if isinstance(exc, http_exceptions.LineTooLong):
            code = TOO_LARGE
        else:
            code = WRONG_FORMAT if status < 500 else UNEXPECTED_ERROR
        response = web.Response(
            body=orjson.dumps(error_body(code)), status=error_kind(code).status, content_type="application/json"
        )
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Names the kind of failure only: its text may quote a request line, and with it a hash."""
        error = kw.get("exc_info")
        _log.error("connection failed: %s", type(error).__name__ if isinstance(error, BaseException) else "error")


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Protocol(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # None is documented: no access log; ours is in the dispatcher
            keepalive_timeout=IDLE_TIMEOUT,
            lingering_time=LINGER,
            auto_decompress=False,
        )


class JsonRunner(web.AppRunner):
    """`web.AppRunner` for an application of `make_app`."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(self.app[DISPATCHER], request_factory=made.request_factory)  # type: ignore[arg-type]  # Request
