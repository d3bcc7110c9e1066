"""Places as text protocols write them."""

from __future__ import annotations

import re

_DDMM = re.compile(r"(\d{1,3})(\d\d(?:\.\d{1,8})?)", re.ASCII).fullmatch


def from_minutes(text: str, half: str, places: int = 6) -> float | None:
    """Degrees of a `ddmm.mmmm` or `dddmm.mmmm` text in its half (N, S, E, W), rounded to so many places.

    South and west are negative. None for a text that is none, 60 minutes or more, or another half.
    """
    found = _DDMM(text)
    if found is None or float(found[2]) >= 60 or half not in ("N", "S", "E", "W"):
        return None
    value = int(found[1]) + float(found[2]) / 60
    return round(-value if half in "SW" else value, places)
