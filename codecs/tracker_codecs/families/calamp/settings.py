"""Profile fields and the parameters that carry them: the time-distance profile, an array of four.

262 time (u32, s), 263 distance (u32, m), 264 change of heading (u8, degrees). Which of the four the unit's PEG script
starts is a property of that script: option `profile_index` (0 to 3, 0 unless given). Sleeping is an action of the
script, its time usually that of a timer: parameter 265 (u32, s), carried only where the option `sleep_timer` (0 to 15)
names the timer. Which PEG action starts a profile is not public, so that it runs cannot be read: what is read back is
stored, and acknowledged at most. Source: CalAmp LMU Users Guide 1.0.6 (manualshelf.com, page-124 to page-130).
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Transport, Value
from tracker_codecs.errors import LocalError

#: Field -> parameter, largest value, name of the option that holds its index, largest index.
PARAMETERS = {
    "tracking_interval": (262, 0xFFFFFFFF, "profile_index", 3),
    "tracking_distance": (263, 0xFFFFFFFF, "profile_index", 3),
    "tracking_angle": (264, 0xFF, "profile_index", 3),
    "psm_interval": (265, 0xFFFFFFFF, "sleep_timer", 15),
}
NO_RECORD = (
    "the layout of a parameter record over UDP stands in the vendor's LM Direct Reference Guide, which was not read "
    "here: these settings are pushed through the unit's serial port"
)
NO_TIMER = (
    "how long a unit sleeps is in its PEG script; name the script's timer with the option `sleep_timer` and switch "
    "experimental on"
)
STORED = "stored; whether the unit's PEG script goes by it cannot be read"
_STORED = Capability(Strength.ACKNOWLEDGED, STORED)
_TIMER = Capability(Strength.ACKNOWLEDGED, "that the script sleeps by the timer named is the operator's word", True)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "lmu": {
        name: Capability(None, NO_TIMER) if option == "sleep_timer" else _STORED
        for name, (_, _, option, _) in PARAMETERS.items()
    }
}
_UDP = dict.fromkeys(PARAMETERS, Capability(None, NO_RECORD))


def capabilities(target: Target) -> Mapping[str, Capability]:
    """What this tracker takes over the link it has."""
    if target.transport is Transport.UDP:
        return _UDP
    fields = VARIANTS[target.variant]
    return fields if target.options.get("sleep_timer") is None else {**fields, "psm_interval": _TIMER}


def index(name: str, options: Mapping[str, Value]) -> int:
    """The index of a field's parameter. Raises LocalError for an option that holds none."""
    _, _, option, most = PARAMETERS[name]
    given = options.get(option, 0)
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= most:
        raise LocalError(f"must be a whole number from 0 to {most}", parameter=option)
    return given


def place(name: str, options: Mapping[str, Value]) -> str:
    """`<parameter>,<index>`."""
    return f"{PARAMETERS[name][0]},{index(name, options)}"


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`. Raises LocalError for wrong options."""
    return [
        Problem(name, Severity.REFUSE, reason)
        for name, value in wanted.items()
        if index(name, target.options) >= 0 and (reason := _unfit(name, value))
    ]


def _unfit(name: str, value: Value) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number"
    most = PARAMETERS[name][1]
    return "" if 0 <= value <= most else f"the unit takes 0 to {most}"
