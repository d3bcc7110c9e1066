"""Talks to the running gateway over HTTP. The standard library does: importing an HTTP client would cost 0.2 s."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import click
import orjson

from tracker_gateway.cli.output import Failure

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_URL = "http://127.0.0.1:8080"
URL_VARIABLE = "TRACKER_GATEWAY_URL"
HASH_VARIABLE = "TRACKER_GATEWAY_HASH"
#: Seconds to wait for an answer, beyond what the call itself asks the gateway to wait.
TIMEOUT = 15.0
#: The same for a stream of events, which says something every 15 s.
STREAM_TIMEOUT = 60.0


class Api:
    """The gateway's API with one key."""

    def __init__(self, url: str, secret: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise click.UsageError(f"an address is written http://host:port, not {url!r}")
        try:
            self._port = parts.port
        except ValueError:
            raise click.UsageError(f"{url!r} has no valid port") from None
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._base = parts.path.rstrip("/")
        self._secret = secret
        self.url = url

    def call(self, path: str, *, patience: float = 0.0, **parameters: Any) -> dict[str, Any]:
        """The answer's members. Raises Failure with one line for a refusal and for a gateway that is not there."""
        connection = self._connection(TIMEOUT + patience)
        headers = {"Authorization": f"NVX {self._secret}", "Content-Type": "application/json"}
        try:
            connection.request("POST", f"{self._base}{path}", orjson.dumps(parameters), headers)
            answer = orjson.loads(connection.getresponse().read())
        except (OSError, HTTPException) as error:
            raise Failure(self._silent(error)) from None
        except orjson.JSONDecodeError:
            raise Failure(f"{self.url} does not answer as a gateway does") from None
        finally:
            connection.close()
        if not isinstance(answer, dict) or not answer.pop("success", False):
            raise Failure(_refusal(answer))
        return answer

    def events(self, tracker_id: int) -> Iterator[dict[str, Any]]:
        """What happens to a tracker, as it happens, until the gateway stops. Raises Failure as `call` does."""
        connection = self._connection(STREAM_TIMEOUT)
        try:
            path = f"{self._base}/gateway/events?tracker_id={tracker_id}"
            connection.request("GET", path, headers={"Authorization": f"NVX {self._secret}"})
            response = connection.getresponse()
            if response.getheader("Content-Type", "").split(";")[0] != "text/event-stream":
                raise Failure(_refusal(orjson.loads(response.read())))
            for line in response:
                if line.startswith(b"data: "):
                    yield orjson.loads(line[6:])
        except (OSError, HTTPException) as error:
            raise Failure(self._silent(error)) from None
        except orjson.JSONDecodeError:
            raise Failure(f"{self.url} does not answer as a gateway does") from None
        finally:
            connection.close()

    def _connection(self, timeout: float) -> HTTPConnection:
        kind = HTTPSConnection if self._secure else HTTPConnection
        return kind(self._host, self._port, timeout=timeout)

    def _silent(self, error: Exception) -> str:
        reason = getattr(error, "strerror", None) or error
        return f"no answer from {self.url}: {reason}; is the gateway running?"

    def tracking(self, action: str, tracker_id: int, **parameters: Any) -> dict[str, Any]:
        """A call on the tracking settings of one tracker."""
        return self.call(f"/tracker/settings/tracking/{action}", tracker_id=tracker_id, **parameters)


def _refusal(answer: Any) -> str:
    """One line for an error object."""
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), dict):
        return "the gateway gave an answer that is none"
    status = answer["status"]
    text = f"refused: {status.get('description')} (code {status.get('code')})"
    if answer.get("detail"):
        text += f": {answer['detail']}"
    errors = [f"{each.get('parameter')} {each.get('error')}" for each in answer.get("errors", ())]
    return f"{text}: {'; '.join(errors)}" if errors else text


def gateway_options(command: Callable[P, R]) -> Callable[P, R]:
    """Adds `--url` and `--hash` to a command, which gets them as `url` and `secret`."""
    command = click.option(
        "--hash",
        "secret",
        envvar=HASH_VARIABLE,
        show_envvar=True,
        metavar="HASH",
        help="The API key. Better in the environment: other users see command lines.",
    )(command)
    return click.option(
        "--url", envvar=URL_VARIABLE, show_envvar=True, default=DEFAULT_URL, show_default=True, help="The gateway."
    )(command)


def connect(url: str, secret: str | None) -> Api:
    """The API. Raises a usage error when there is no key."""
    if not secret:
        raise click.UsageError(
            f"no API key: set {HASH_VARIABLE} or give --hash; `tracker-gateway key create` makes one"
        )
    return Api(url, secret)
