"""The texts that travel inside commands and answers: what they say, strictly or not at all.

Sources: GT06D SMS/GPRS command list; EV02 and X3 V1.7 command lists; NT06/GT06L command guides; VL03 protocol (MODE
item of the status text); Seeworld S119 manual; Concox protocol v1.8.1 appendix B (answers).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, NamedTuple

_FLAGS = re.IGNORECASE | re.ASCII
_FAILED = re.compile(r"error|fail|invalid|not running|wrong", _FLAGS)
#: `ok` at the end of a word (SETOK, APEXOK!), not in the middle of one (broken).
_ACCEPTED = re.compile(r"ok(?![a-z])|success", _FLAGS)
_END = r"\s*[;.#!]?\s*"
_TIMER = re.compile(rf"\s*timer\s*[:=,]\s*(\d{{1,5}})(?:\s*,\s*(\d{{1,5}}))?{_END}", _FLAGS)
_DISTANCE = re.compile(rf"\s*distance\s*[:=,]\s*(\d{{1,5}}){_END}", _FLAGS)
_ANGLE = re.compile(rf"\s*anglerep\s*[:=,]\s*(on|off)(?:\s*,\s*(\d{{1,3}}))?(?:\s*,\s*(\d{{1,2}}))?{_END}", _FLAGS)
_MODE = re.compile(
    r"\s*(?:mode\s*=\s*)?mode\s*[:=,]\s*"
    r"(?:([12])\s*,\s*(\d{1,5})(?:\s*,\s*(\d{1,5}))?|(3)\s*,\s*([01]\d|2[0-3]):([0-5]\d)\s*,\s*(\d{1,2}))" + _END,
    _FLAGS,
)
_SEEWORLD = re.compile(r"\s*timer set ok\. now data upload period is (\d{1,5}) seconds\.?\s*", _FLAGS)
_ECHO = re.compile(r"[A-Z]{2,}=")


class Verdict(StrEnum):
    """What an answer text says; there is no list of all texts, so UNKNOWN leaves the decision to the read-back."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Timer(NamedTuple):
    """Seconds between uploads: with ACC on, with ACC off (None on units that know one value only). 0 is off."""

    on: int
    off: int | None

    @property
    def text(self) -> str:
        """Arguments as they are written."""
        return f"{self.on}" if self.off is None else f"{self.on},{self.off}"


class Angle(NamedTuple):
    """Corner reports: on or off, degrees 5..180, detection time 2..5 s (None where the unit does not say)."""

    on: bool
    degrees: int | None = None
    seconds: int | None = None

    @property
    def text(self) -> str:
        """Arguments as they are written."""
        if not self.on:
            return "OFF"
        return f"ON,{self.degrees}" if self.seconds is None else f"ON,{self.degrees},{self.seconds}"


class Mode(NamedTuple):
    """Working mode: 1 timed and 2 smart (with `seconds`), 3 sleep (with `wakeup` HH:MM and `hours` between wake-ups).

    `third` is a further number some units print in mode 1; its meaning is not published.
    """

    number: int
    seconds: int | None = None
    wakeup: str | None = None
    hours: int | None = None
    third: int | None = None

    @property
    def text(self) -> str:
        """Arguments as they are written."""
        return f"3,{self.wakeup},{self.hours}" if self.number == 3 else f"{self.number},{self.seconds}"


def verdict(text: str) -> Verdict:
    """Whether an answer says yes or no; words of failure go before words of success."""
    if _FAILED.search(text):
        return Verdict.FAILED
    return Verdict.ACCEPTED if _ACCEPTED.search(text) else Verdict.UNKNOWN


def status(text: str) -> str:
    """The same for people: `ok`, `refused` (state unchanged), `error` or `unknown`; `WORD=data` counts as ok."""
    found = verdict(text)
    if found is Verdict.FAILED:
        return "refused" if "not running" in text.lower() else "error"
    return "ok" if found is Verdict.ACCEPTED or _ECHO.match(text) else "unknown"


def timer(text: str) -> Timer | None:
    """`Timer:5,5;`: None unless the whole text is that."""
    found = _TIMER.fullmatch(text)
    return Timer(int(found[1]), None if found[2] is None else int(found[2])) if found else None


def distance(text: str) -> int | None:
    """`Distance:200`, metres, 0 is off: None unless the whole text is that."""
    found = _DISTANCE.fullmatch(text)
    return int(found[1]) if found else None


def angle(text: str) -> Angle | None:
    """`ANGLEREP:ON,20,2`: None unless the whole text is that; ON must come with degrees."""
    found = _ANGLE.fullmatch(text)
    if not found or (found[1].lower() == "on" and found[2] is None):
        return None
    return Angle(found[1].lower() == "on", *(None if v is None else int(v) for v in found.groups()[1:]))


def mode(text: str) -> Mode | None:
    """`MODE=MODE,1,180` (item of the status text) or `MODE:1,180`: None unless the whole text is that."""
    found = _MODE.fullmatch(text)
    if not found:
        return None
    if found[4]:
        return Mode(3, wakeup=f"{found[5]}:{found[6]}", hours=int(found[7]))
    return Mode(int(found[1]), int(found[2]), third=None if found[3] is None else int(found[3]))


def mode_item(text: str) -> Mode | None:
    """The MODE item of the status text of information packet 0x94/04, where it has exactly one."""
    items = [item for item in text.split(";") if item.strip().upper().startswith("MODE")]
    return mode(items[0]) if len(items) == 1 else None


class Parameters(NamedTuple):
    """What a PARAM# answer tells. In distance mode Distance replaces its TIMER item, so TIMER tells `distance` 0."""

    timer: Timer | None
    distance: int | None
    sends: int | None


def parameters(text: str) -> Parameters | None:
    """A PARAM# answer: items `key:value` between `;`. None unless exactly one item is TIMER or Distance, and sound."""
    items: dict[str, str] = {}
    for item in text.split(";"):
        key, colon, value = item.strip().partition(":")
        if not colon:
            continue
        if key.lower() in items:
            return None
        items[key.lower()] = value
    if ("timer" in items) == ("distance" in items):
        return None
    sends = items.get("sends", "").strip()
    minutes = int(sends) if sends.isascii() and sends.isdigit() else None
    if "timer" in items:
        found = timer(f"timer:{items['timer']}")
        return Parameters(found, 0, minutes) if found else None
    metres = distance(f"distance:{items['distance']}")
    return Parameters(None, metres, minutes) if metres is not None else None


def explained(text: str) -> dict[str, Any]:
    """For people: everything of the above that this text tells."""
    told: dict[str, Any] = {}
    if found := parameters(text):
        told["timer_acc_on"] = found.timer.on if found.timer else None
        told["timer_acc_off"] = found.timer.off if found.timer else None
        told["distance"] = found.distance or None
        if found.sends is not None:
            told["sends_min"] = found.sends
    elif single := timer(text):
        told |= {"timer_acc_on": single.on, "timer_acc_off": single.off}
    elif (metres := distance(text)) is not None:
        told["distance"] = metres
    elif turn := angle(text):
        told |= {"angle_reports": turn.on, "angle": turn.degrees, "angle_detection_time": turn.seconds}
    elif period := _SEEWORLD.fullmatch(text):
        told["seconds"] = int(period[1])
    if working := mode_item(text):
        told["mode"] = working.number
        if working.number == 3:
            told |= {"wakeup": working.wakeup, "hours": working.hours}
        else:
            told["timer"] = working.seconds
        if working.third is not None:
            told["third_value"] = working.third
    return told
