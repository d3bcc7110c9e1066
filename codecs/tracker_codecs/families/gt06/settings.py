"""Which profile fields a variant carries, and by which commands: the plan of a change, made before anything is sent.

A variant is the command set of one tracking profile and bears its name. Sources: GT06D command list, NT06/GT06L command
guides (TIMER, DISTANCE, ANGLEREP, MODE); X3 command list V1.7; Plaspy device pages (GT350, Qbit M, GT710).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracker_codecs.contract import Capability, Carried, Problem, Settings, Severity, Strength, Target, Value
from tracker_codecs.errors import LocalError
from tracker_codecs.families.gt06 import gt02
from tracker_codecs.families.gt06.texts import Angle, Mode

#: Device ranges: TIMER in seconds (0 is off), DISTANCE in metres (0 is off), ANGLEREP in degrees, its detection time in
#: seconds, MODE,1 and MODE,2 in seconds, MODE,3 in hours.
TIMER_RANGE = (5, 18000)
DISTANCE_RANGE = (50, 10000)
ANGLE_RANGE = (5, 180)
DETECTION_RANGE = (2, 5)
MODE_RANGE = (10, 86400)
HOURS_RANGE = (1, 24)
#: Published factory values.
DETECTION_DEFAULT = 2
MODE_1_DEFAULT = 180
_WAKEUP = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)

_READ = Capability(Strength.READ_BACK)
_MODE_TOLD = "what MODE# answers is not published: acknowledged only, unless the unit tells its mode in a status packet"
_MODE = Capability(Strength.ACKNOWLEDGED, _MODE_TOLD)
_SMART = Capability(Strength.ACKNOWLEDGED, "time of the smart mode, MODE,2; " + _MODE_TOLD)
#: The same on a unit that has told its mode before.
_TOLD = Capability(Strength.READ_BACK, "from the status packet, which tells the mode")
_EXCLUDED = (
    "the unit reports by time or by distance: TIMER switches DISTANCE off, and the profile always asks for a time"
)
_GUESS = Capability(Strength.READ_BACK, "TIMER is published for sister models only", experimental=True)

VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "concoxgt06": {
        "type": _MODE,
        "tracking_interval": _READ,
        "tracking_distance": _READ,
        "tracking_angle": _READ,
        "psm_interval": _SMART,
    },
    "concox_distance_interval": {"tracking_interval": _READ, "tracking_distance": Capability(None, _EXCLUDED)},
    "concox_interval": {"tracking_interval": _READ},
    "jimi_jc100": {"tracking_interval": _READ},
    "concox_gt700": {"type": _MODE, "tracking_interval": _MODE, "psm_interval": _MODE, "wakeup_time": _MODE},
    "concox_gt350": {
        "tracking_interval": _READ,
        "psm_interval": Capability(None, "no command for it is public for this model"),
        "psm_mode": Capability(None, "no command for it is public for this model"),
    },
    "concox_jv200": {"tracking_interval": _GUESS},
    "concox_qbit": {
        "gps_tracking_interval": _GUESS,
        "lbs_tracking_interval": Capability(None, "no command for the LBS interval is public"),
        "mode": Capability(None, "no command for the choice between GPS and LBS is public"),
    },
    gt02.VARIANT: {},
}
#: The field that TIMER carries, where it is carried by TIMER.
TIMER_FIELD = {name: "tracking_interval" for name in VARIANTS if name not in ("concox_gt700", gt02.VARIANT)} | {
    "concox_qbit": "gps_tracking_interval"
}
#: Fields that each value of `type` uses; a type that is not here cannot be reached.
USED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "concoxgt06": {
        "interval": ("tracking_interval",),
        "distance": ("tracking_distance",),
        "interval_angle": ("tracking_interval", "tracking_angle"),
        "intelligent": ("psm_interval",),
    },
    "concox_gt700": {"interval": ("tracking_interval",), "power_save": ("psm_interval", "wakeup_time")},
}
_UNREACHABLE = {
    ("concoxgt06", "distance_interval_angle"): (
        "cannot be reached: TIMER and DISTANCE switch each other off (tracking_interval against tracking_distance)"
    ),
    ("concoxgt06", "power_save"): "MODE,3 needs a time of day and whole hours, which this profile does not have",
    ("concox_gt700", "intelligent"): "which setting the time in MODE,2 stands for is not published for these models",
}
#: Variants whose distance mode must be looked at when the interval is read: in it no interval is in force.
WITH_DISTANCE = frozenset({"concoxgt06", "concox_distance_interval"})


@dataclass(slots=True)
class Plan:
    """What will be written. `angle` 0 is off. `last` says which of TIMER and DISTANCE is wanted, and so comes last."""

    timer: int | None = None
    distance: int | None = None
    angle: int | None = None
    mode: Mode | None = None
    angle_fields: tuple[str, ...] = ()
    mode_fields: tuple[str, ...] = ()


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
        if reason := _type_problem(target, str(kind), settings):
            problems.append(Problem("type", Severity.REFUSE, f"{kind}: {reason}"))
    elif variant == "concox_gt700":
        return [Problem(name, Severity.REFUSE, "needs type beside it") for name in settings]
    elif "tracking_interval" in settings and variant == "concoxgt06":
        used = [name for name in capabilities(target) if name != "tracking_distance"]
    for name, value in settings.items():
        if name != "type" and used is not None and name not in used:
            reason = f"type {kind} does not use it" if kind else _EXCLUDED
            problems.append(Problem(name, Severity.UNSUPPORTED, reason))
        elif problem := _value_problem(variant, name, value, kind):
            problems.append(problem)
    return problems


def _type_problem(target: Target, kind: str, settings: Settings) -> str:
    """Why this value of `type` cannot be reached, or empty."""
    used = USED[target.variant].get(kind)
    if used is None:
        return _UNREACHABLE.get((target.variant, kind), "needs settings that this profile does not have")
    if kind == "intelligent" and not options(target).mode_command:
        return "needs MODE,2, and this unit has no MODE command"
    missing = [name for name in used if name not in settings]
    return f"needs {', '.join(missing)}" if missing else ""


def capabilities(target: Target) -> Mapping[str, Capability]:
    """The variant's fields, as the options leave them. Raises KeyError for an unknown variant."""
    found = VARIANTS[target.variant]
    if "mode" in target.known:
        found = {name: _TOLD if each in (_MODE, _SMART) else each for name, each in found.items()}
    if target.variant != "concoxgt06" or options(target).mode_command:
        return found
    return {**found, "type": _READ, "psm_interval": Capability(None, "this unit has no MODE command")}


def _value_problem(variant: str, name: str, value: Value, kind: Value) -> Problem | None:
    if variant == "concox_gt700":
        if name == "tracking_interval":
            return _range_problem(name, value, *MODE_RANGE, "seconds", 60)
        if name == "wakeup_time" and not (isinstance(value, str) and _WAKEUP.fullmatch(value)):
            return Problem(name, Severity.REFUSE, "must be a time of day, HH:MM")
        return _range_problem(name, value, *HOURS_RANGE, "hours") if name == "psm_interval" else None
    if name == TIMER_FIELD.get(variant):
        return _range_problem(name, value, *TIMER_RANGE, "seconds")
    if name == "tracking_distance":
        return _range_problem(name, value, *DISTANCE_RANGE, "metres")
    if name == "tracking_angle":
        if value == 0 and kind == "interval_angle":
            return Problem(name, Severity.REFUSE, "0 switches corner reports off, which type interval_angle asks for")
        return None if value == 0 else _range_problem(name, value, *ANGLE_RANGE, "degrees, or 0 for off")
    return _range_problem(name, value, *MODE_RANGE, "seconds") if name == "psm_interval" else None


def plan(target: Target, wanted: Settings) -> Plan:
    """The writes for these settings."""
    made = Plan()
    asked = wanted.asked if isinstance(wanted, Carried) else wanted
    variant = target.variant
    if variant == "concox_gt700":
        _plan_modes(made, wanted)
        return made
    made.timer = wanted.get(TIMER_FIELD[variant])
    if variant != "concoxgt06":
        return made
    made.distance = wanted.get("tracking_distance")
    made.angle = wanted.get("tracking_angle")
    made.angle_fields = ("tracking_angle",) if made.angle is not None else ()
    kind = wanted.get("type")
    if kind == "intelligent" or (kind is None and "psm_interval" in wanted):
        made.mode = Mode(2, wanted["psm_interval"]) if "psm_interval" in wanted else None
        made.mode_fields = tuple(name for name in ("type", "psm_interval") if name in wanted)
    elif kind is not None:
        if options(target).mode_command:
            # leaves the smart and the sleep mode; its time is put right by TIMER afterwards, or idle beside a distance
            made.mode = Mode(1, asked.get("tracking_interval", MODE_1_DEFAULT))
            made.mode_fields = ("type",)
        if kind != "interval_angle":
            made.angle, made.angle_fields = 0, ("type",)
    return made


def _plan_modes(made: Plan, wanted: Mapping[str, Value]) -> None:
    """AT3, AT4, GT710: one MODE command says all. Minutes of the profile are seconds on the wire."""
    if "psm_interval" in wanted and "wakeup_time" in wanted and wanted.get("type") != "interval":
        made.mode = Mode(3, wakeup=wanted["wakeup_time"], hours=wanted["psm_interval"])
    elif "tracking_interval" in wanted:
        made.mode = Mode(1, wanted["tracking_interval"] * 60)
    if made.mode is not None:
        made.mode_fields = tuple(wanted)


def reported(
    variant: str, timer: int | None, distance: int | None, angle: Angle | None, mode: Mode | None
) -> dict[str, Value]:
    """What the readings (None: not read) mean in the profile's own fields and units."""
    told: dict[str, Value] = {}
    if variant == "concox_gt700":
        if mode is None or mode.number == 2:
            return {"type": "intelligent"} if mode else {}
        if mode.number == 3:
            return {"type": "power_save", "psm_interval": mode.hours, "wakeup_time": mode.wakeup}
        if mode.third:  # its meaning is not published: it may be a distance beside the time
            return {}
        seconds = mode.seconds or 0
        return {"type": "interval", "tracking_interval": seconds / 60 if seconds % 60 else seconds // 60}
    if distance:
        timer = 0  # no time mode beside a distance
    if timer is not None:
        told[TIMER_FIELD[variant]] = timer
    if variant not in WITH_DISTANCE:
        return told
    if distance is not None:
        told["tracking_distance"] = distance
    if variant != "concoxgt06":
        return told
    if angle is not None:
        told["tracking_angle"] = angle.degrees if angle.on else 0
    if mode is not None:
        if kind := _kind(mode, timer, distance, angle):
            told["type"] = kind
        if mode.number == 2:
            told["psm_interval"] = mode.seconds
    return told


def _kind(mode: Mode, timer: int | None, distance: int | None, angle: Angle | None) -> str | None:
    if mode.number != 1:
        return "intelligent" if mode.number == 2 else "power_save"
    if distance is None or angle is None or mode.third:  # a third number may be a distance beside the time
        return None
    if distance:
        return "distance" if not angle.on else None
    if not timer:
        return None
    return "interval_angle" if angle.on else "interval"


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator switched on; see `options`."""

    language: bytes
    acc_off_default: int | None
    acc_off_same: bool
    detection_default: int | None
    mode_command: bool


def options(target: Target) -> Options:
    """The options of a model or tracker. Raises LocalError for values that make no sense.

    - `language_bytes` (off): append 00 02 (English) to commands, as the tables of the specification say and its
      examples do not.
    - `acc_off_interval`: seconds, or "same": what to write for the ACC-off time of TIMER where the unit does not
      tell it.
    - `mode_command` (on): false for units without a MODE command; `type` is then told by TIMER, DISTANCE and ANGLEREP.
    - `angle_detection_time`: 2..5 s: the same for the detection time of ANGLEREP (2 is the published factory value).
    """
    given = target.options
    language = given.get("language_bytes", False)
    if not isinstance(language, bool):
        raise LocalError("must be true or false", parameter="language_bytes")
    modes = given.get("mode_command", True)
    if not isinstance(modes, bool):
        raise LocalError("must be true or false", parameter="mode_command")
    off = given.get("acc_off_interval")
    low, high = TIMER_RANGE
    whole = isinstance(off, int) and not isinstance(off, bool) and (off == 0 or low <= off <= high)
    if off not in (None, "same") and not whole:
        raise LocalError(f"must be 0, {low} to {high} seconds or 'same'", parameter="acc_off_interval")
    seconds = given.get("angle_detection_time")
    if seconds is not None and seconds not in range(DETECTION_RANGE[0], DETECTION_RANGE[1] + 1):
        raise LocalError("must be 2 to 5 seconds", parameter="angle_detection_time")
    return Options(b"\0\2" if language else b"", off if whole else None, off == "same", seconds, modes)
