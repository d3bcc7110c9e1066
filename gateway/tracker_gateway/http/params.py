"""Parameters of a call: declared once, read from JSON or text, and described in the OpenAPI document."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tracker_gateway.http.body import parse_json
from tracker_gateway.service.calls import FieldError

_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,19}(\.[0-9]{1,9})?", re.ASCII)
_FLAGS = {"true": True, "false": False, "1": True, "0": False}


class Kind(StrEnum):
    """What a parameter is."""

    INTEGER = "integer"  # or a string of digits
    NUMBER = "number"  # or its decimal form
    FLAG = "boolean"  # or true, false, 1, 0 as text
    TEXT = "string"
    SETTINGS = "object"  # or the object's JSON text


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a call; bounds are inclusive."""

    name: str
    kind: Kind
    description: str
    required: bool = False
    default: Any = None
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    max_length: int = 4096


def _integer(param: Param, raw: Any) -> int:
    if isinstance(raw, str) and _DIGITS.fullmatch(raw):
        raw = int(raw)
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise ValueError("must be an integer")
    return raw


def _number(param: Param, raw: Any) -> float:
    if isinstance(raw, str) and _DECIMAL.fullmatch(raw):
        raw = float(raw)
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not math.isfinite(raw):
        raise ValueError("must be a number")
    return float(raw)


def _flag(param: Param, raw: Any) -> bool:
    if isinstance(raw, str):
        raw = _FLAGS.get(raw.lower())
    if not isinstance(raw, bool):
        raise ValueError("must be true or false")
    return raw


def _text(param: Param, raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be a string")
    if not raw or len(raw) > param.max_length:
        raise ValueError(f"must have 1 to {param.max_length} characters")
    if param.choices and raw not in param.choices:
        raise ValueError(f"must be one of {', '.join(param.choices)}")
    return raw


def _settings(param: Param, raw: Any) -> dict[str, Any]:
    if isinstance(raw, str):
        raw = parse_json(raw)
    if not isinstance(raw, dict):
        raise ValueError("must be a JSON object")
    return raw


_READERS: dict[Kind, Callable[[Param, Any], Any]] = {
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.TEXT: _text,
    Kind.SETTINGS: _settings,
}


def read_params(params: Sequence[Param], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """The values of these parameters and what is wrong with them. A null counts as absent; others are ignored."""
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for param in params:
        raw = given.get(param.name)
        if raw is None:
            values[param.name] = param.default
            if param.required:
                errors.append(FieldError(param.name, "is required"))
            continue
        try:
            value = _READERS[param.kind](param, raw)
        except ValueError as error:
            errors.append(FieldError(param.name, str(error)))
            continue
        if param.kind in (Kind.INTEGER, Kind.NUMBER) and not _within(param, value):
            errors.append(FieldError(param.name, f"must lie between {param.minimum} and {param.maximum}"))
        values[param.name] = value
    return values, errors


def _within(param: Param, value: float) -> bool:
    low, high = param.minimum, param.maximum
    return (low is None or value >= low) and (high is None or value <= high)
