"""Profile field <-> `+XT:` command, and what does not fit.

| field | command | the device's unit |
|---|---|---|
| tracking_interval | 3001 (with ignition on), interval and alert flag | minutes, in halves |
| psm_interval | 3002 (with ignition off), interval and alert flag | minutes |
| tracking_angle | 3003 | degrees |
| tracking_distance | 3006 | miles, as in the profiles |

OBD-II units tell them by 3050, in 29 fields (21 in another layout), field 0 being the uid and 1 the code. The angle's
place (field 6) is inferred from the wired units' 3040, so it counts only where it equals what the unit echoed to 3003.
Wired units have no public layout of 3050 and are held to their echo.
Sources: public PHP fleet application on GitHub (page Tracker Configuration, Xirgo OBDII: places, minutes); public Rails
applications on GitHub (class Tracker, names and order of 3001 to 3012); the public Go device server (recorded answer
`1.0`). The minutes agree with the profiles' limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value

#: Field -> command, in the order of writing. Below: profile units in one of the device's; steps and ranges in the
#: profile's.
CODES = {"tracking_interval": "3001", "psm_interval": "3002", "tracking_angle": "3003", "tracking_distance": "3006"}
_SCALE = {"tracking_interval": 60, "psm_interval": 60, "tracking_angle": 1, "tracking_distance": 1}
_STEP = {"tracking_interval": 30, "psm_interval": 60, "tracking_angle": 1, "tracking_distance": 1}
_RANGES = {
    "tracking_interval": (30, 2592000),
    "psm_interval": (60, 2592000),
    "tracking_angle": (10, 180),
    "tracking_distance": (1, 100),
}
_in_range = whole_numbers(_RANGES)
#: Commands whose second argument is the alert flag.
WITH_ALERT = ("tracking_interval", "psm_interval")
QUERY = "3050"
#: Number of fields of an answer to 3050 behind the code -> places of the settings and of the alert flags among them.
_LAYOUTS = {
    27: {"tracking_interval": 0, "psm_interval": 2, "tracking_angle": 4, "tracking_distance": 7},
    19: {"tracking_interval": 0, "psm_interval": 2, "tracking_angle": 4, "tracking_distance": 6},
}
_ALERTS = {"tracking_interval": 1, "psm_interval": 3}
_NUMBER = re.compile(r"\d{1,7}(?:\.\d{1,4})?", re.ASCII)
_ECHO = Capability(Strength.ACKNOWLEDGED, "the unit echoes the value; its answer to 3050 is not public")
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "obd": dict.fromkeys(CODES, Capability(Strength.READ_BACK)),
    "wired": dict.fromkeys(CODES, _ECHO),
}


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = _in_range(target, wanted)
    told = {each.field for each in problems}
    for name, value in wanted.items():
        if name not in told and value % _STEP[name]:
            problems.append(Problem(name, Severity.REFUSE, f"the unit counts in steps of {_STEP[name]} s"))
    return problems


def encode(name: str, value: int) -> str:
    """The value in the device's unit: `1`, `0.5`."""
    return str((Decimal(value) / _SCALE[name]).normalize().__format__("f"))


def decode(name: str, text: str) -> Value:
    """The value in the profile's unit; None for a text that is no number. A broken number stays one."""
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text) * _SCALE[name]
    return int(value) if value == value.to_integral_value() else float(value)


def possible(name: str, value: Value) -> bool:
    """Whether the profile could hold this value."""
    low, high = _RANGES[name]
    return value is not None and low <= value <= high


def told(cells: Sequence[str]) -> dict[str, Value]:
    """Profile fields in an answer to 3050; nothing where its number of fields is not known."""
    places = _LAYOUTS.get(len(cells), {})
    found = {name: decode(name, cells[place]) for name, place in places.items()}
    return {name: value for name, value in found.items() if value is not None}


def alerts(target: Target, cells: Sequence[str]) -> dict[str, str]:
    """The alert flags as they stand; where the unit does not tell them, option `alerts` (1, as in all examples)."""
    default = "0" if target.options.get("alerts") in (0, "0", False) else "1"
    known = len(cells) in _LAYOUTS
    flags = {name: cells[place] if known else "" for name, place in _ALERTS.items()}
    return {name: flag if flag in ("0", "1") else default for name, flag in flags.items()}
