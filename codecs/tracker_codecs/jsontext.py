"""JSON from a peer, read strictly: bounded, no key twice, no numbers that are none."""

from __future__ import annotations

import json
import math
from typing import Any

from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest payload read, in bytes, unless the family says otherwise.
MAX_PAYLOAD = 65536


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


def parse(data: bytes, limit: int = MAX_PAYLOAD) -> Any:
    """The JSON value of a payload. Raises PeerError: too long, no UTF-8, no JSON, nested too deep, a key twice."""
    if len(data) > limit:
        raise PeerError(f"payload of {len(data)} bytes, more than {limit}", discarded=data[:64])
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except RecursionError:
        raise PeerError("JSON nested too deep", discarded=data[:64]) from None
    except ValueError as fault:
        raise PeerError(f"no JSON message: {clean(str(fault), 80)}", discarded=data[:64]) from None
