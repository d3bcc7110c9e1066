"""Command texts and the answers to them.

An answer echoes the values in force behind the command's name: `TURNING:Speed=3,Angle=10,...;`,
`WRPERIOD move=60 parking=180`. Letter case, separators and blanks around `=` vary; the texts of errors are not public,
so whatever lacks the name or one of the keys is a failure.
Sources: GLONASS/GPS Satellite v4.0 manual, pages 56 to 61; GLONASS/GPS v5.1 manual, page 65; Lite manual, page 51.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = re.compile(r"\s*([^:=\s]+)")
_PAIR = re.compile(r"([A-Za-z][\w. ]{0,30}?)\s*=\s*([^,;\s]+)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII).fullmatch


def parse(text: str) -> tuple[str, dict[str, str]]:
    """Name of an answer and its pairs, both in lower case; a pair that stands twice is left out."""
    found = _NAME.match(text)
    if found is None:
        return "", {}
    out: dict[str, str] = {}
    twice = set()
    for key, value in _PAIR.findall(text[found.end() :]):
        name = key.lower()
        if name in out:
            twice.add(name)
        out[name] = value
    return found[1].lower(), {key: value for key, value in out.items() if key not in twice}


def _numbers(text: str, name: str, keys: tuple[str, ...]) -> list[int] | None:
    """The values of exactly these keys, all whole numbers; None where the text is another."""
    told, pairs = parse(text)
    if told != name or pairs.keys() != set(keys) or not all(_NUMBER(pairs[key]) for key in keys):
        return None
    return [int(pairs[key]) for key in keys]


class Period(NamedTuple):
    """Arguments of WrPeriod: seconds between records while moving, and while parked."""

    move: int
    parking: int


class Turning(NamedTuple):
    """Arguments of Turning: least speed (km/h), angle (degrees), distance (m), speed above which each step is recorded
    (km/h), that step (km/h)."""

    speed: int
    angle: int
    distance: int
    excess: int
    step: int


def arguments(found: Period | Turning) -> str:
    """As the command takes them."""
    return ",".join(map(str, found))


def period(text: str) -> Period | None:
    """What an answer to WrPeriod says; None for any other text."""
    found = _numbers(text, "wrperiod", ("move", "parking"))
    return Period(*found) if found else None


def turning(text: str) -> Turning | None:
    """What an answer to Turning says; None for any other text."""
    found = _numbers(text, "turning", ("speed", "angle", "distance", "speedex", "speeddelta"))
    return Turning(*found) if found else None
