"""IO elements: how a profile names one, the command texts and the answers to them.

An element of the profile is written as the command takes it: `id=28,profile=3,enable=1,average=1000`.
`setioparam` leaves what is not named as it was; `getioparam id,profile` tells all of an enabled element.
Source: SMS command list of 2018/08/01 (easymanua.ls: FM Pro pages 22 and 23; manualshive.com: FM Eco pages 22 and 23).
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: What an element may set beside its three mandatory keys.
OPTIONAL = ("level", "delta", "average", "eventon", "include", "priority", "switch", "edge")
_NUMBER = r"(?:0|[1-9][0-9]{0,9})"
_ELEMENT = re.compile(rf"id=({_NUMBER}),profile=([1-4]),enable=([01])((?:,[a-z]+={_NUMBER})*)", re.ASCII).fullmatch
_TOLD = re.compile(r"\s*([a-z]+)\s*=\s*([0-9]{1,10})\s*", re.ASCII | re.IGNORECASE).fullmatch
_ABOUT = re.compile(r"(?:error:\s*)?i/o id ([0-9]{1,10})\s+(.+)", re.ASCII | re.DOTALL).fullmatch


class Element(NamedTuple):
    """One IO element: which, whether it is enabled, and the other values that were named, in their order."""

    id: int
    profile: int
    enable: int
    values: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        """As the profile and the command write it."""
        pairs = (("id", self.id), ("profile", self.profile), ("enable", self.enable), *self.values)
        return ",".join(f"{key}={value}" for key, value in pairs)

    @property
    def place(self) -> tuple[int, int]:
        """What `getioparam` is asked for."""
        return self.id, self.profile


def element(text: object) -> Element | None:
    """An element of the profile; None where the text is none or names a key that is unknown or stands twice."""
    found = _ELEMENT(text) if isinstance(text, str) else None
    if found is None:
        return None
    values = tuple((key, int(value)) for key, _, value in (pair.partition("=") for pair in found[4].split(",")[1:]))
    keys = [key for key, _ in values]
    if len(set(keys)) != len(keys) or not set(keys) <= set(OPTIONAL):
        return None
    return Element(int(found[1]), int(found[2]), int(found[3]), values)


def shaped(asked: Element, told: Element) -> Element:
    """What a unit told, with the keys and the order of what was asked."""
    if not told.enable:
        return told._replace(values=())
    have = dict(told.values)
    return told._replace(values=tuple((key, have[key]) for key, _ in asked.values))


def wrote(text: str) -> bool | None:
    """Whether an answer to `setioparam` says yes; None for any other text."""
    low = text.strip().lower()
    if low.startswith("setioparam ok, slot:"):
        return True
    if low.startswith(("setioparam error", "you do not have permission to change the settings")):
        return False
    return None


def told(text: str, place: tuple[int, int]) -> Element | str | None:
    """What an answer to `getioparam` of this place says: the element, or why not; None for any other text."""
    low = text.strip().strip("\"'").lower()
    refusals = ("error: more than one i/o", "error: wrong request", "you do not have permission to read")
    if low.startswith(refusals):
        return low
    about = _ABOUT(low)
    if about is not None:
        if int(about[1]) != place[0]:
            return None
        off = about[2].startswith("is not enabled") and not low.startswith("error")
        return Element(*place, 0) if off else low
    pairs: dict[str, int] = {}
    for part in low.split(","):
        pair = _TOLD(part)
        if pair is None or pair[1] in pairs:
            return None
        pairs[pair[1]] = int(pair[2])
    if pairs.keys() != {"id", "profile", "enable", *OPTIONAL} or (pairs["id"], pairs["profile"]) != place:
        return None
    return Element(*place, pairs["enable"], tuple((key, pairs[key]) for key in OPTIONAL))
