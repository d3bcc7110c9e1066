"""Profile fields and the commands that carry them: the plan of a change, made before anything is sent.

A variant is the command set of one tracking profile and bears its name. Sources: MEITRACK GPRS Protocol T622 edition
V1.2 (A11 in minutes, A12 in units of 10 s, A13, A14, A16, A73, their ranges), V1.6 / V1.7 (the list for all models).
The unit of A15 is inferred from the profile's maximum, 65535 x 10 s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value

_ACK = Capability(Strength.ACKNOWLEDGED)
_SLEEP = Capability(
    Strength.ACKNOWLEDGED,
    "time between heartbeats (A11), which a unit sends in deep sleep only; that the profile means it is inferred",
)
_PARKED = Capability(
    Strength.ACKNOWLEDGED,
    "A15 (its unit of 10 s is inferred) and A16,1; needs the unit's first input wired to the ignition",
)
_BASE = {"tracking_interval": _ACK, "tracking_distance": _ACK, "tracking_angle": _ACK}
_SLEEPING = _BASE | {"psm_mode": _ACK, "psm_interval": _SLEEP}
_OEM = Capability(
    Strength.ACKNOWLEDGED, "taken for a Meitrack unit under another brand; no public document says so", True
)
_NAVIXY = dict.fromkeys((*_BASE, "type", "psm_mode", "psm_interval"), _OEM)
_SECRET = Capability(None, "no command for it is public")

VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "meitrack": _SLEEPING,
    "meitrack_asset": _SLEEPING,
    "meitrack_vehicle": _SLEEPING | {"on_stop_tracking_interval": _PARKED},
    "meitrack_without_ps": _BASE,
    "tt1": _NAVIXY | dict.fromkeys(("bat_voltage", "bat_psm_interval"), _SECRET),
    "m7": _NAVIXY | dict.fromkeys(("wakeup_timer1", "wakeup_timer2", "wakeup_timer3"), _SECRET),
}
#: Numeric field -> command, its unit in the profile's unit, smallest and largest number on the wire.
NUMBERS = {
    "tracking_interval": ("A12", 10, 0, 65535),
    "tracking_distance": ("A14", 1, 0, 65535),
    "tracking_angle": ("A13", 1, 0, 359),
    "psm_interval": ("A11", 60, 0, 65535),
    "on_stop_tracking_interval": ("A15", 10, 1, 65535),
    "psm_mode": ("A73", 1, 0, 2),
}
#: Order of writing. Sleep comes last: a sleeping unit is deaf.
ORDER = ("A12", "A14", "A13", "A11", "A15", "A16", "A73")
#: The field that each `type` needs, and the one that it switches off.
TYPES = {
    "interval": ("tracking_interval", "tracking_distance"),
    "distance": ("tracking_distance", "tracking_interval"),
}


class Step(NamedTuple):
    """One command of a change: its text, and the fields it writes."""

    text: str
    fields: tuple[str, ...]


def check(target: Target, settings: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    needs, off = TYPES.get(str(settings.get("type")), ("", ""))
    for name, value in settings.items():
        if name == off:
            problems.append(Problem(name, Severity.UNSUPPORTED, f"type {settings['type']} switches it off"))
        elif reason := _type(settings, needs) if name == "type" else _unfit(target, name, value):
            problems.append(Problem(name, Severity.REFUSE, reason))
    return problems


def _type(settings: Settings, needs: str) -> str:
    if not needs:
        return "must be interval or distance"
    return "" if settings.get(needs) else f"{settings['type']} needs {needs} above 0 beside it"


def _unfit(target: Target, name: str, value: Value) -> str:
    _, unit, low, high = NUMBERS[name]
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number"
    if value % unit:
        return f"the unit counts it in steps of {unit} s"
    if name == "on_stop_tracking_interval" and value == 0:
        return "what 0 does is not published: the unit takes 10 to 655350 s"
    if name == "psm_mode" and value == 2 and target.variant in ("tt1", "m7"):
        return "no command for its power save with timers or on back-up battery is public"
    return "" if low * unit <= value <= high * unit else f"the unit takes {low * unit} to {high * unit}"


def plan(settings: Settings) -> list[Step]:
    """The commands for settings that have passed `check`, in their order."""
    steps: dict[str, Step] = {}
    for name, value in settings.items():
        if name in NUMBERS:
            command, unit, *_ = NUMBERS[name]
            steps[command] = Step(f"{command},{value // unit}", (name,))
    if "on_stop_tracking_interval" in settings:
        steps["A16"] = Step("A16,1", ("on_stop_tracking_interval",))
    if kind := settings.get("type"):
        needs, off = TYPES[kind]
        on_command, off_command = NUMBERS[needs][0], NUMBERS[off][0]
        steps[on_command] = Step(steps[on_command].text, (needs, "type"))
        steps[off_command] = Step(f"{off_command},0", ("type",))
    return [steps[command] for command in ORDER if command in steps]
