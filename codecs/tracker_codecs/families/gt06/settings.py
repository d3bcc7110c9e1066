"""Which profile fields a variant carries, and what a unit is to do for them: told before anything is sent.

A variant is the fields of one tracking profile and bears its name. By which commands a unit takes them, its platform
says, and the unit its platform: see `platforms` and `forms`. Sources: GT06D command list, X3 command list V1.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value
from tracker_codecs.errors import LocalError
from tracker_codecs.families.gt06 import gt02
from tracker_codecs.families.gt06.forms import (
    ANGLE_RANGE,
    CELL_MINUTES,
    DETECTION_RANGE,
    DISTANCE_RANGE,
    HOURS,
    TIMER_RANGE,
    Rhythm,
)

#: Published factory value of the detection time of ANGLEREP, in seconds.
DETECTION_DEFAULT = 2
#: Seconds between reports at rest of a GT370.
RESTING_RANGE = (180, 65535)
_WAKEUP = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)

_READ = Capability(
    Strength.READ_BACK, "the unit must tell its platform; where it does not tell what is in force, acknowledged only"
)
_NO_SLEEP = "no command for it is public for this model"
_EXCLUDED = (
    "the unit reports by time or by distance: TIMER switches DISTANCE off, and the profile always asks for a time"
)
_NO_TIME_OF_SLEEP = "no firmware whose commands are public has a time of sleep: vehicle units have no working mode"

VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "concoxgt06": {
        "type": _READ,
        "tracking_interval": _READ,
        "tracking_distance": _READ,
        "tracking_angle": _READ,
        "psm_interval": Capability(None, _NO_TIME_OF_SLEEP),
    },
    "concox_distance_interval": {"tracking_interval": _READ, "tracking_distance": Capability(None, _EXCLUDED)},
    "concox_interval": {"tracking_interval": _READ},
    "jimi_jc100": {"tracking_interval": _READ},
    "concox_gt700": dict.fromkeys(("type", "tracking_interval", "psm_interval", "wakeup_time"), _READ),
    "concox_gt350": {
        "tracking_interval": _READ,
        "psm_interval": Capability(None, _NO_SLEEP),
        "psm_mode": Capability(None, _NO_SLEEP),
    },
    "concox_jv200": {"tracking_interval": _READ},
    "concox_qbit": {
        "gps_tracking_interval": _READ,
        "lbs_tracking_interval": _READ,
        "mode": Capability(None, "no command for the choice between GPS and LBS is proved"),
    },
    gt02.VARIANT: {},
}
#: The field of the interval by GPS and, of a profile that has one, by cell.
INTERVAL = dict.fromkeys(VARIANTS, "tracking_interval") | {"concox_qbit": "gps_tracking_interval"}
CELL_INTERVAL = {"concox_qbit": "lbs_tracking_interval"}
#: Seconds of one in the profile's unit of the interval.
SCALE = dict.fromkeys(VARIANTS, 1) | {"concox_gt700": 60}
#: Fields that each value of `type` uses; a type that is not here cannot be reached.
USED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "concoxgt06": {
        "interval": ("tracking_interval",),
        "distance": ("tracking_distance",),
        "interval_angle": ("tracking_interval", "tracking_angle"),
    },
    "concox_gt700": {"interval": ("tracking_interval",), "power_save": ("psm_interval", "wakeup_time")},
}
_UNREACHABLE = {
    ("concoxgt06", "distance_interval_angle"): (
        "cannot be reached: TIMER and DISTANCE switch each other off (tracking_interval against tracking_distance)"
    ),
    ("concoxgt06", "intelligent"): _NO_TIME_OF_SLEEP,
    ("concoxgt06", "power_save"): _NO_TIME_OF_SLEEP,
    ("concox_gt700", "intelligent"): "which setting the time in MODE,2 stands for is not published for these models",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the unit is to do: intervals in seconds, metres, degrees (0 is off), a sleep. None is not asked for."""

    interval: int | None = None
    cell: int | None = None
    distance: int | None = None
    angle: int | None = None
    wakeup: str | None = None
    hours: int | None = None

    @property
    def sleeps(self) -> bool:
        """A sleep with a wake-up is asked for."""
        return self.wakeup is not None and self.hours is not None


def wish(target: Target, wanted: Settings) -> Wish:
    """The settings as the unit's own notions. A type without corner reports switches them off."""
    variant, kind = target.variant, wanted.get("type")
    cell = wanted.get(CELL_INTERVAL.get(variant, ""))
    if variant == "concox_gt700" and kind == "power_save":
        return Wish(wakeup=wanted.get("wakeup_time"), hours=wanted.get("psm_interval"))
    interval = wanted.get(INTERVAL[variant])
    seconds = None if interval is None else interval * SCALE[variant]
    if variant != "concoxgt06":
        return Wish(seconds, cell)
    angle = 0 if kind in ("interval", "distance") else wanted.get("tracking_angle")
    return Wish(seconds, distance=wanted.get("tracking_distance"), angle=angle)


def rhythm_fields(target: Target, wanted: Settings) -> tuple[str, ...]:
    """The fields that the unit's timer, distance or mode carries."""
    return tuple(name for name in wanted if name not in ("tracking_angle", "type")) or tuple(wanted)


def _range_problem(name: str, value: Value, low: int, high: int, unit: str, scale: int = 1) -> Problem | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return Problem(name, Severity.REFUSE, "must be a whole number")
    if low <= value * scale <= high:
        return None
    return Problem(name, Severity.REFUSE, f"the unit takes {low} to {high} {unit}")


def why_not(target: Target, name: str) -> str:
    """Why a field is not carried."""
    return gt02.REASON if target.variant == gt02.VARIANT else "no command of this family carries it"


def check(target: Target, settings: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems: list[Problem] = []
    variant = target.variant
    used: Sequence[str] | None = None
    kind = settings.get("type")
    if variant in USED and kind is not None:
        used = USED[variant].get(str(kind))
        if reason := _type_problem(variant, str(kind), settings):
            problems.append(Problem("type", Severity.REFUSE, f"{kind}: {reason}"))
    elif variant == "concox_gt700":
        return [Problem(name, Severity.REFUSE, "needs type beside it") for name in settings]
    without = used is None and variant == "concoxgt06" and "tracking_interval" in settings
    if without:
        used = [name for name in VARIANTS[variant] if name != "tracking_distance"]
    for name, value in settings.items():
        if name != "type" and used is not None and name not in used:
            reason = _EXCLUDED if without else f"type {kind} does not use it"
            problems.append(Problem(name, Severity.UNSUPPORTED, reason))
        elif problem := _value_problem(variant, name, value, kind):
            problems.append(problem)
    return problems


def _type_problem(variant: str, kind: str, settings: Settings) -> str:
    """Why this value of `type` cannot be reached, or empty."""
    used = USED[variant].get(kind)
    if used is None:
        return _UNREACHABLE.get((variant, kind), "needs settings that this profile does not have")
    missing = [name for name in used if name not in settings]
    return f"needs {', '.join(missing)}" if missing else ""


def _value_problem(variant: str, name: str, value: Value, kind: Value) -> Problem | None:
    if name == INTERVAL[variant]:
        return _range_problem(name, value, *TIMER_RANGE, "seconds", SCALE[variant])
    if name == CELL_INTERVAL.get(variant):
        return _range_problem(name, value, CELL_MINUTES[0], TIMER_RANGE[1], "seconds")
    if name == "wakeup_time" and not (isinstance(value, str) and _WAKEUP.fullmatch(value)):
        return Problem(name, Severity.REFUSE, "must be a time of day, HH:MM")
    if name == "psm_interval" and (isinstance(value, bool) or value not in HOURS):
        return Problem(name, Severity.REFUSE, f"the unit takes {', '.join(map(str, sorted(HOURS)))} hours")
    if name == "tracking_distance":
        return _range_problem(name, value, *DISTANCE_RANGE, "metres")
    if name == "tracking_angle":
        if value == 0 and kind == "interval_angle":
            return Problem(name, Severity.REFUSE, "0 switches corner reports off, which type interval_angle asks for")
        return None if value == 0 else _range_problem(name, value, *ANGLE_RANGE, "degrees, or 0 for off")
    return None


def reported(variant: str, found: Rhythm, distance: int | None, angle: int | None) -> dict[str, Value]:
    """What a unit does (None: not known) in the profile's own fields and units. `found` is what is in force."""
    told: dict[str, Value] = {}
    if found.seconds is not None:
        scale = SCALE[variant]
        told[INTERVAL[variant]] = found.seconds / scale if found.seconds % scale else found.seconds // scale
    if variant == "concox_gt700":
        if found.wakeup is not None:
            return {"type": "power_save", "psm_interval": found.hours, "wakeup_time": found.wakeup}
        return told | ({"type": "interval"} if found.seconds else {})
    if found.cell is not None and variant in CELL_INTERVAL:
        told[CELL_INTERVAL[variant]] = found.cell
    if distance is not None and "tracking_distance" in VARIANTS[variant]:
        told["tracking_distance"] = distance
    if variant == "concoxgt06":
        if angle is not None:
            told["tracking_angle"] = angle
        if kind := _kind(found.seconds, distance, angle):
            told["type"] = kind
    return told


def _kind(seconds: int | None, distance: int | None, angle: int | None) -> str | None:
    if None in (seconds, distance, angle):
        return None
    if distance:
        return None if angle or seconds else "distance"
    return ("interval_angle" if angle else "interval") if seconds else None


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator switched on; see `options`."""

    language: bytes
    detection: int | None
    resting: int | None


def options(target: Target) -> Options:
    """The options of a model or tracker. Raises LocalError for values that make no sense.

    - `language_bytes` (off): append 00 02 (English) to commands, as the tables of the specification say and its
      examples do not.
    - `angle_detection_time`: 2..5 s, to be written where the unit does not tell the detection time of ANGLEREP (2 is
      the published factory value).
    - `resting_interval`: 180..65535 s: the same for the interval at rest of a GT370 that sleeps and does not tell it.
    """
    given = target.options
    language = given.get("language_bytes", False)
    if not isinstance(language, bool):
        raise LocalError("must be true or false", parameter="language_bytes")
    detection = _seconds(given.get("angle_detection_time"), "angle_detection_time", DETECTION_RANGE)
    resting = _seconds(given.get("resting_interval"), "resting_interval", RESTING_RANGE)
    return Options(b"\0\2" if language else b"", detection, resting)


def _seconds(value: object, name: str, bounds: tuple[int, int]) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not bounds[0] <= value <= bounds[1]:
        raise LocalError(f"must be {bounds[0]} to {bounds[1]} seconds", parameter=name)
    return value
