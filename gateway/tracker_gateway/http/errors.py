"""The one table of error codes: text and HTTP status of every code this API can answer.

Source: the public Navixy API documentation, page "Errors" (codes, texts, HTTP statuses; default status 400).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tracker_gateway.service.calls import ApiError, FieldError

DATABASE_ERROR = 1
WRONG_HASH = 3
KEY_NOT_FOUND = 4
WRONG_FORMAT = 5
UNEXPECTED_ERROR = 6
INVALID_PARAMETERS = 7
TRY_AGAIN_LATER = 8
TOO_LARGE = 9
NOT_PERMITTED = 13
DATABASE_UNAVAILABLE = 14
TOO_MANY_REQUESTS = 15
WRONG_HANDLER = 111
WRONG_METHOD = 112
NOT_FOUND = 201
DEVICE_BLOCKED = 208
DEVICE_OFFLINE = 213
NOT_SUPPORTED = 214
CLONE = 219


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row: what the code says and which HTTP status carries it."""

    code: int
    description: str
    status: int = 400


ERRORS: dict[int, ErrorKind] = {
    kind.code: kind
    for kind in (
        ErrorKind(DATABASE_ERROR, "Database error", 500),
        ErrorKind(2, "Service Auth error"),
        ErrorKind(WRONG_HASH, "Wrong hash"),
        ErrorKind(KEY_NOT_FOUND, "User or API key not found or session ended"),
        ErrorKind(WRONG_FORMAT, "Wrong request format"),
        ErrorKind(UNEXPECTED_ERROR, "Unexpected error", 500),
        ErrorKind(INVALID_PARAMETERS, "Invalid parameters"),
        ErrorKind(TRY_AGAIN_LATER, "Queue service error, try again later", 503),
        ErrorKind(TOO_LARGE, "Too large request", 412),
        ErrorKind(11, "Access denied", 403),
        ErrorKind(NOT_PERMITTED, "Operation not permitted", 403),
        ErrorKind(DATABASE_UNAVAILABLE, "Database unavailable", 503),
        ErrorKind(TOO_MANY_REQUESTS, "Too many requests (rate limit exceeded)", 429),
        ErrorKind(WRONG_HANDLER, "Wrong handler"),
        ErrorKind(WRONG_METHOD, "Wrong method"),
        ErrorKind(NOT_FOUND, "Not found in the database"),
        ErrorKind(DEVICE_BLOCKED, "Device blocked", 403),
        ErrorKind(DEVICE_OFFLINE, "Cannot perform action: the device is offline"),
        ErrorKind(NOT_SUPPORTED, "Requested operation or parameters are not supported by the device"),
        ErrorKind(CLONE, "Not allowed for clones of the device", 403),
    )
}


def error_kind(code: int) -> ErrorKind:
    """The row of a code; a code outside the table is a defect of ours and answers as 6."""
    return ERRORS.get(code, ERRORS[UNEXPECTED_ERROR])


def error_body(code: int, *, detail: str = "", errors: Iterable[FieldError] = ()) -> dict[str, Any]:
    """The error object. `errors` stand beside it for code 7 only; `detail` is for people."""
    kind = error_kind(code)
    body: dict[str, Any] = {"success": False, "status": {"code": kind.code, "description": kind.description}}
    if kind.code == INVALID_PARAMETERS:
        body["errors"] = [{"parameter": each.parameter, "error": each.error} for each in errors]
    if detail:
        body["detail"] = detail
    return body


def invalid(parameter: str, error: str) -> ApiError:
    """Code 7 for one parameter."""
    return ApiError(INVALID_PARAMETERS, errors=[FieldError(parameter, error)])
