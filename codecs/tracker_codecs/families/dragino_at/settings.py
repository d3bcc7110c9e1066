"""Profile fields, in seconds, and the AT commands that carry them, in milliseconds.

The console counts milliseconds where the same settings over the air count seconds; it reads them as a signed 32-bit
number and refuses less than 60. Here as over the air 6 s is the least. AT+MTDC counts only while AT+INTWK is 1.
Sources: dragino/TrackerD (at.cpp: `at_tdc_set`, `at_mtdc_set`, `at_atdc_set`, `at_intwk_set`), public field notes on
firmware 1.4.6 to 1.4.8. For the LGT-92 only the vendor's list of commands names AT+TDC; its unit is inferred.
"""

from __future__ import annotations

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value, Variants

#: Field -> command word.
WORDS = {
    "tracking_interval": "TDC",
    "motion_tracking_interval": "MTDC",
    "alarm_tracking_interval": "ATDC",
    "motion_wake": "INTWK",
}
#: Seconds.
RANGE = (6, 2147483)
_LGT92 = Capability(Strength.READ_BACK, "the unit of AT+TDC on the LGT-92 is inferred from its sisters", True)
VARIANTS: Variants = {
    "trackerd": dict.fromkeys(WORDS, Capability(Strength.READ_BACK)),
    "lgt92": {"tracking_interval": _LGT92},
}


def check(target: Target, settings: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in settings.items():
        if name == "motion_tracking_interval" and settings.get("motion_wake") is False:
            problems.append(Problem(name, Severity.UNSUPPORTED, "no effect while motion_wake is false"))
        elif reason := _unfit(name, value):
            problems.append(Problem(name, Severity.REFUSE, reason))
    return problems


def _unfit(name: str, value: Value) -> str:
    if name == "motion_wake":
        return "" if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number"
    return "" if RANGE[0] <= value <= RANGE[1] else f"the unit takes {RANGE[0]} to {RANGE[1]} s"


def encode(name: str, value: Value) -> str:
    """The value as the console takes it."""
    return str(int(value)) if name == "motion_wake" else str(value * 1000)


def decode(name: str, number: int) -> Value:
    """The value that the console printed, in the profile's units; a fraction of a second stays one."""
    if name == "motion_wake":
        return {0: False, 1: True}.get(number)
    return number // 1000 if number % 1000 == 0 else number / 1000
