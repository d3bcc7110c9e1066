"""Reads what a request carries: JSON, a form or a query, each within its bounds."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from tracker_gateway.http.errors import TOO_LARGE, WRONG_FORMAT
from tracker_gateway.service.calls import ApiError

#: Bytes of a request body, at most.
BODY_LIMIT = 256 * 1024
#: Nesting of a JSON text, at most; the outermost object is level 1.
JSON_DEPTH = 8
#: Seconds a client may take to send its body.
BODY_TIMEOUT = 20.0
#: Fields of a form, at most.
MAX_FIELDS = 200

# Matches from every quote, closed or not, so that a body of quotes costs one pass.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")


def too_deep(text: bytes, depth: int = JSON_DEPTH) -> bool:
    """Whether a JSON text nests deeper than `depth`, told without parsing it; brackets that do not pair count too."""
    brackets = _STRING.sub(b"", text).translate(_TO_SQUARE, _NOT_BRACKETS)
    for _ in range(depth):
        brackets = brackets.replace(b"[]", b"")  # one pass takes the innermost pairs away, all of them
    return bool(brackets)


def parse_json(text: bytes | str) -> Any:
    """A JSON value. Raises ValueError with a readable reason: too deep, not JSON, not finite, not UTF-8."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if too_deep(raw):
        raise ValueError(f"brackets do not pair, or nest deeper than {JSON_DEPTH} levels")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None


async def read_body(request: web.BaseRequest) -> bytes:
    """The body. Raises ApiError 9 beyond the limit (unread when the length is declared), 5 when it does not come."""
    if request.content_length is not None and request.content_length > BODY_LIMIT:
        raise ApiError(TOO_LARGE, f"a request body has at most {BODY_LIMIT} bytes")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiError(WRONG_FORMAT, "a compressed body is not understood")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise ApiError(TOO_LARGE, f"a request body has at most {BODY_LIMIT} bytes")
    except TimeoutError:
        raise ApiError(WRONG_FORMAT, f"the body did not come within {BODY_TIMEOUT:.0f} s") from None
    except web.RequestPayloadError:
        raise ApiError(WRONG_FORMAT, "the body is broken or incomplete") from None
    return bytes(body)


def parse_pairs(text: bytes | str) -> list[tuple[str, str]]:
    """Fields of a form or query, in order. Raises ApiError 5."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        return [(name.decode(), value.decode()) for name, value in pairs]
    except UnicodeDecodeError:
        raise ApiError(WRONG_FORMAT, "a form or query is UTF-8") from None
    except ValueError:
        raise ApiError(WRONG_FORMAT, f"a form or query has at most {MAX_FIELDS} fields") from None


def fields_of(pairs: list[tuple[str, str]]) -> tuple[dict[str, Any], list[Any]]:
    """Fields by name, and every `hash` among them. Raises ApiError 5 for another field given twice, differently."""
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name != "hash" and found.setdefault(name, text) != text:
            raise ApiError(WRONG_FORMAT, "a form or query names each field once")
    return found, [text for name, text in pairs if name == "hash"]


def parse_body(body: bytes, content_type: str) -> tuple[dict[str, Any], list[Any]]:
    """Parameters of a POST body, a JSON object or a form, and the hashes in it. Raises ApiError 5.

    A body that opens with a brace is JSON whatever its type says: `curl -d` calls everything a form.
    """
    start = body.lstrip()[:1]
    if not start:
        return {}, []
    if start == b"{" or content_type.endswith("json"):
        try:
            value = parse_json(body)
        except ValueError as error:
            raise ApiError(WRONG_FORMAT, str(error)) from None
        if not isinstance(value, dict):
            raise ApiError(WRONG_FORMAT, "the body is a JSON object")
        presented = value.pop("hash", None)
        return value, [] if presented is None else [presented]
    if content_type == "application/x-www-form-urlencoded":
        return fields_of(parse_pairs(body.strip()))
    raise ApiError(WRONG_FORMAT, "send a JSON object (application/json) or a form (application/x-www-form-urlencoded)")
