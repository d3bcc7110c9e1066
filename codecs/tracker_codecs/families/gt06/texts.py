"""The texts that travel inside commands and answers: what they say, strictly or not at all.

What the numbers in a TIMER or MODE answer mean depends on the platform of the unit: see `platforms` and `forms`.
Sources: GT06D SMS/GPRS command list; EV02 and X3 V1.7 command lists; VL03 protocol (MODE item of the status text);
Seeworld S119 manual; Concox protocol v1.8.1 appendix B (answers); tracker firmware on GitHub
(amitv87/2503D_MQTT, track/cust/cust_src/Track_cust_cmd.c: every text of the F platforms); adoggie/BlueEarth (recorded
answers of a GT310, an EV25 and a GT03F); tridge/windsurfer-tracker and HamedFazaely/zx909-gw (clones);
bohdan-s/WanWay-Tech-S20 (S20); hssflavio-ux/jimi_webhook (refusals of cameras).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, NamedTuple

_FLAGS = re.IGNORECASE | re.ASCII
_FAILED = re.compile(
    r"error|fail|invalid|not running|wrong|not support|not recognized|time out|not authorized|busy|locked|fehler",
    _FLAGS,
)
#: `ok` at the end of a word (SETOK, APEXOK!), not in the middle of one (broken).
_ACCEPTED = re.compile(r"ok(?![a-z])|success", _FLAGS)
_END = r"\s*[;.#!]?\s*"
_TIMER = re.compile(r"\s*timer\s*[:=,]\s*(\d{1,5})(?:\s*,\s*(\d{1,5}))?(?:\s*,\s*(\d{1,5}))?\s*(;?)[.#!]?\s*", _FLAGS)
_TIMER_WORDS = re.compile(rf"\s*timer acc on\s*:\s*(\d{{1,5}})s\s*,\s*acc off\s*:\s*(\d{{1,5}})s{_END}", _FLAGS)
_DISTANCE = re.compile(rf"\s*distance\s*[:=,]\s*(\d{{1,5}}){_END}", _FLAGS)
_ANGLE = re.compile(
    rf"\s*anglerep\s*[:=,]\s*(on|off|ein|aus)(?:\s*,\s*(\d{{1,3}}))?(?:\s*,\s*(\d{{1,2}}))?{_END}", _FLAGS
)
_MODE = re.compile(
    r"\s*(?:mode\s*=\s*)?mode\s*[:=,]\s*([1-9])((?:\s*,\s*(?:\d{1,5}|[01]\d:[0-5]\d|2[0-3]:[0-5]\d)){0,13})"
    rf"(?:\s*\((min|s)\))?{_END}",
    _FLAGS,
)
_HEARTBEAT = re.compile(r"\s*hbt\s*:\s*(\d{1,5})(min|sec)?(?:\s*,\s*(\d{1,5})(?:min|sec)?)?\s*(;?)\s*", _FLAGS)
_HEARTBEAT_WORDS = re.compile(r"\s*hbt acc on\s*:\s*(\d{1,5})s\s*,\s*acc off\s*:\s*(\d{1,5})s\s*;?\s*", _FLAGS)
#: Answers of clones to MODE4 and its like, and of the S20 line to SWMODE#.
_WORKING = re.compile(r"\s*(?:mode(\d) ok freq\s*:.*|swmode\s*:\s*(\d)\s*,\s*\d{1,5}\s*)", _FLAGS)
_VERSION = re.compile(r"(?:<version#>)?\s*(?:\[version\]|(version\s*:))?\s*([!-~]{1,64}).*", _FLAGS | re.DOTALL)
_STATUS = re.compile(r"\s*battery\s*:.*\bgps\s*:", _FLAGS | re.DOTALL)
_IGNITION = re.compile(r"\bacc\s*:\s*(?:on|off)\b", _FLAGS)
_REPORT = re.compile(
    r"\s*timing report\s*:\s*\((on|off)\s*,\s*acc on\s*:\s*(\d{1,5})\s*,\s*acc off\s*:\s*(\d{1,5})\)\s*;"
    rf"\s*fixed pitch\s*:\s*\((on|off)\s*,\s*distance\s*:\s*(\d{{1,5}})\){_END}",
    _FLAGS,
)
_SEEWORLD = re.compile(r"\s*timer set ok\. now data upload period is (\d{1,5}) seconds\.?\s*", _FLAGS)
_ECHO = re.compile(r"[A-Z]{2,}=")


class Verdict(StrEnum):
    """What an answer text says; there is no list of all texts, so UNKNOWN leaves the decision to the read-back."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Shape(StrEnum):
    """How a unit words its timer and heartbeat, which tells clones and the S20 line from the rest."""

    PLAIN = "plain"  # TIMER:20,300
    WORDS = "words"  # TIMER ACC ON:20s,ACC OFF:300s
    CLOSED = "closed"  # Timer:10,10;


class Timer(NamedTuple):
    """The one to three numbers of a timer. Which of them are seconds or minutes, and of what, the platform says."""

    numbers: tuple[int, ...]
    shape: Shape = Shape.PLAIN


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
    """The working mode: its number, its values as they stand (`600`, `08:00`), and the unit behind them (min or s)."""

    number: int
    values: tuple[str, ...] = ()
    unit: str = ""

    @property
    def text(self) -> str:
        """Arguments as they are written."""
        return ",".join((str(self.number), *self.values))


class Heartbeat(NamedTuple):
    """Seconds: a unit with an ACC input tells two, one for each of its states. The words are as those of the timer."""

    seconds: tuple[int, ...]
    shape: Shape = Shape.PLAIN


def verdict(text: str) -> Verdict:
    """Whether an answer says yes or no; words of failure go before words of success."""
    if _FAILED.search(text):
        return Verdict.FAILED
    return Verdict.ACCEPTED if _ACCEPTED.search(text) else Verdict.UNKNOWN


def status(text: str) -> str:
    """The same for people: `ok` (`WORD=data`, a clone's value too), `refused` (state unchanged), `error`, `unknown`."""
    found = verdict(text)
    if found is Verdict.FAILED:
        return "refused" if "not running" in text.lower() else "error"
    valued = _ECHO.match(text) or _TIMER_WORDS.fullmatch(text) or _HEARTBEAT_WORDS.fullmatch(text)
    return "ok" if found is Verdict.ACCEPTED or valued else "unknown"


def timer(text: str) -> Timer | None:
    """`TIMER:20,300`, `Timer:5,5;`, `TIMER ACC ON:20s,ACC OFF:300s`: None unless the whole text is that."""
    if words := _TIMER_WORDS.fullmatch(text):
        return Timer((int(words[1]), int(words[2])), Shape.WORDS)
    found = _TIMER.fullmatch(text)
    if found is None:
        return None
    return Timer(tuple(int(n) for n in found.groups()[:3] if n is not None), Shape.CLOSED if found[4] else Shape.PLAIN)


def distance(text: str) -> int | None:
    """`Distance:200`, metres, 0 is off: None unless the whole text is that."""
    found = _DISTANCE.fullmatch(text)
    return int(found[1]) if found else None


def angle(text: str) -> Angle | None:
    """`ANGLEREP:ON,20,2` (EIN and AUS in German): None unless the whole text is that; ON must come with degrees."""
    found = _ANGLE.fullmatch(text)
    if found is None:
        return None
    on = found[1].lower() in ("on", "ein")
    return None if on and found[2] is None else Angle(on, *(None if v is None else int(v) for v in found.groups()[1:]))


def mode(text: str) -> Mode | None:
    """`MODE:1,600,1440`, `MODE:3,08:00,24`, `MODE:1,10(min)`, `MODE=MODE,1,180`: None unless the whole text is that."""
    found = _MODE.fullmatch(text)
    if found is None:
        return None
    return Mode(int(found[1]), tuple(v.strip() for v in found[2].split(",")[1:]), (found[3] or "").lower())


def mode_item(text: str) -> Mode | None:
    """The MODE item of the status text of information packet 0x94/04, where it has exactly one."""
    items = [item for item in text.split(";") if item.strip().upper().startswith("MODE")]
    return mode(items[0]) if len(items) == 1 else None


def heartbeat(text: str) -> Heartbeat | None:
    """`HBT:3min, 5min`, `HBT:3`, `HBT:3,3;`, `HBT ACC ON:15s,ACC OFF:15s`: None unless the whole text is that."""
    if words := _HEARTBEAT_WORDS.fullmatch(text):
        return Heartbeat((int(words[1]), int(words[2])), Shape.WORDS)
    found = _HEARTBEAT.fullmatch(text)
    if found is None:
        return None
    scale = 1 if (found[2] or "").lower() == "sec" else 60
    seconds = tuple(int(value) * scale for value in (found[1], found[3]) if value is not None)
    return Heartbeat(seconds, Shape.CLOSED if found[4] else Shape.PLAIN)


def version(text: str) -> str | None:
    """`[VERSION]NT61_10_A1D_SC1_R0_V02`: the name behind the brackets; `Version:S20_...` where that is the wording.

    Other firmware tells its name bare. None for a refusal and for anything that holds no name.
    """
    found = _VERSION.fullmatch(text)
    if found is None or verdict(text) is not Verdict.UNKNOWN or "_" not in found[2]:
        return None
    return f"Version:{found[2]}" if found[1] else found[2]


def ignition(text: str) -> bool | None:
    """Whether a STATUS# answer has an item for ACC, on or off; None for a text that is no such answer."""
    return _IGNITION.search(text) is not None if _STATUS.match(text) else None


class Parameters(NamedTuple):
    """What PARAM# or REPORT# tells to be in force: None for a timer or a distance (metres) that is not."""

    timer: Timer | None
    distance: int | None
    mode: Mode | None = None
    sends: int | None = None


def parameters(text: str) -> Parameters | None:
    """A PARAM# answer: items `key:value` between `;`, the unit's id first. None unless every item of use is sound."""
    items: dict[str, str] = {}
    for item in text.split(";"):
        key, colon, value = item.strip().partition(":")
        if not colon:
            continue
        if key.lower() in items:
            return None
        items[key.lower()] = value
    if next(iter(items), "") != "imei" or not items.keys() & {"timer", "distance", "mode", "sends", "timezone"}:
        return None  # the unit's id alone is an answer to another question
    found = timer(f"timer:{items['timer']}") if "timer" in items else None
    metres = distance(f"distance:{items['distance']}") if "distance" in items else None
    working = mode(f"mode:{items['mode']}") if "mode" in items else None
    if (found is None) is ("timer" in items) or (metres is None) is ("distance" in items):
        return None
    sends = items.get("sends", "").strip()
    return Parameters(found, metres, working, int(sends) if sends.isascii() and sends.isdigit() else None)


def report(text: str) -> Parameters | None:
    """`Timing report:(ON, acc on:10, acc off:300); Fixed pitch:(OFF, distance:300)`, the answer to REPORT#."""
    found = _REPORT.fullmatch(text)
    if found is None:
        return None
    timed, fixed = (found[at].lower() == "on" for at in (1, 4))
    return Parameters(Timer((int(found[2]), int(found[3]))) if timed else None, int(found[5]) if fixed else None)


def explained(text: str) -> dict[str, Any]:
    """For people: everything of the above that this text tells."""
    told: dict[str, Any] = {}
    found = parameters(text) or report(text)
    if found:
        told |= _in_force_told(found, vehicle="defense time:" in text.lower() or "acc on:" in text.lower())
        if fixed := _REPORT.fullmatch(text):
            told["distance"] = int(fixed[5])  # stored, whether it is in force or not
    elif single := timer(text):
        told |= _timer_told(single, vehicle=single.shape is Shape.WORDS)
    elif (metres := distance(text)) is not None:
        told["distance"] = metres
    elif turn := angle(text):
        told |= {"angle_reports": turn.on, "angle": turn.degrees, "angle_detection_time": turn.seconds}
    elif beat := heartbeat(text):
        told |= {"heartbeat_s": beat.seconds[0], "heartbeat_values": len(beat.seconds)}
        if len(beat.seconds) > 1:
            told["heartbeat_acc_off_s"] = beat.seconds[1]
    elif period := _SEEWORLD.fullmatch(text):
        told["seconds"] = int(period[1])
    elif (ignites := ignition(text)) is not None:
        told["acc_item"] = ignites
    elif other := _WORKING.fullmatch(text):
        told["mode"] = int(other[1] or other[2])
    elif "version" in text.lower() and (name := version(text)):
        told["version"] = name
    working = mode_item(text) or (found.mode if found else None)
    return told | (_mode_told(working) if working else {})


def _in_force_told(found: Parameters, *, vehicle: bool) -> dict[str, Any]:
    told: dict[str, Any] = _timer_told(found.timer, vehicle=vehicle) if found.timer else {}
    told["in_force"] = " and ".join(["time"] * bool(found.timer) + ["distance"] * bool(found.distance)) or "not told"
    told["distance"] = found.distance
    if found.sends is not None:
        told["sends_min"] = found.sends
    return told


def _timer_told(found: Timer, *, vehicle: bool) -> dict[str, Any]:
    """Its numbers; by name only where the text itself is that of a unit with an ACC input."""
    if vehicle and len(found.numbers) == 2:
        return {"timer_acc_on": found.numbers[0], "timer_acc_off": found.numbers[1]}
    return {"timer_values": list(found.numbers)}


def _mode_told(found: Mode) -> dict[str, Any]:
    told: dict[str, Any] = {"mode": found.number}
    if len(found.values) == 2 and ":" in found.values[0] and found.values[1].isdigit():
        return told | {"wakeup": found.values[0], "hours": int(found.values[1])}
    if found.values and found.values[0].isdigit():
        told["timer"] = int(found.values[0])
        told |= {"third_value": int(found.values[1])} if len(found.values) == 2 and found.values[1].isdigit() else {}
    elif found.values:
        told["mode_values"] = list(found.values)
    return told | ({"mode_unit": found.unit} if found.unit else {})
