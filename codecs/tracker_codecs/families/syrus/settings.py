"""Profile field <-> counter and heading generator, and what does not fit.

| field | place | the device's unit |
|---|---|---|
| tracking_interval | EEEE of the counter, or BBBB where no distance is set | seconds |
| tracking_distance | DDDD of the counter | 100 m |
| tracking_angle | XAGH, its last three digits | degrees; printed for the Antares SB (5.21) only: experimental |

The least time between reports is no setting of the profile: what the unit has stays. A unit that had no distance
has none; the option `spacing` (seconds) gives it, otherwise 10 s. With 0 nothing would be reported.
Sources: those of `layout`.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value
from tracker_codecs.families.syrus.layout import Counter

INTERVAL, DISTANCE, ANGLE = "tracking_interval", "tracking_distance", "tracking_angle"
#: The fields that a counter holds.
TIMED = (INTERVAL, DISTANCE)
SPACING = 10
_RANGES = {INTERVAL: (1, 9999, "s"), DISTANCE: (100, 999900, "m"), ANGLE: (1, 180, "degrees")}
_HEADING = Capability(Strength.ACKNOWLEDGED, "the command is printed for the Antares SB, not for Syrus", True)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "syrus": {INTERVAL: Capability(Strength.READ_BACK), DISTANCE: Capability(Strength.READ_BACK), ANGLE: _HEADING}
}


def number(target: Target, option: str, low: int, high: int) -> int | None:
    """An option of the tracker as a number of this range; None where it is none."""
    value = target.options.get(option)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 4:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in wanted.items():
        low, high, unit = _RANGES[name]
        if not is_whole(value, low, high):
            problems.append(Problem(name, Severity.REFUSE, f"must be a whole number, {low} to {high} {unit}"))
        elif name == DISTANCE and value % 100:
            problems.append(Problem(name, Severity.REFUSE, "the unit counts in steps of 100 m"))
        elif name in TIMED and "counter" in target.options and number(target, "counter", 0, 9) is None:
            problems.append(Problem(name, Severity.UNSUPPORTED, "the option counter is no number from 0 to 9"))
    return problems


def changed(before: Counter, wanted: Settings, spacing: int) -> Counter:
    """The counter with the wanted interval and distance; what is not asked for stays as the unit has it."""
    seconds = wanted.get(INTERVAL, before.interval)
    distance = wanted[DISTANCE] // 100 if DISTANCE in wanted else before.metres // 100
    if not distance:
        return Counter(before.number, seconds)
    bound = seconds or 9999
    kept = before.metres and before.least < bound
    return Counter(before.number, before.least if kept else min(spacing, bound), distance, seconds)


def told(counter: Counter) -> dict[str, Value]:
    """Profile fields of a counter; 0 where it does not report by time or distance."""
    return {INTERVAL: counter.interval, DISTANCE: counter.metres}
