"""Which command carries which profile field, and what does not fit.

`(P04,1,U,R)`: U seconds between uploads while awake, R minutes between wake-ups by the clock while asleep. R is no
setting of these profiles and is kept. The manual gives U 5 to 600 and R 30 to 1440 (from 5 since firmware 20210311);
the profile of the JT701 goes further.
Sources: Jointech JT701D protocol manual V1.4. That JT703B and JT707 take P04 as well is inferred from the vendor's kits
of one family and from the ranges; their own command lists are not public.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target
from tracker_codecs.errors import LocalError

FIELD, WORD = "tracking_interval", "P04"
#: The variant of the GP units, of which the session alone is public.
GP = "gp"
GP_REASON = "its reports are public, its settings commands are not"
#: Minutes between wake-ups: a dry run shows them where nothing is known of the unit.
WAKE_UP = 30
_MANUAL = (5, 600)
#: The widest of the profiles.
_WIDEST = (5, 60000)
_GUESS = Capability(Strength.READ_BACK, "P04 is published for the JT701 only", experimental=True)


def _hidden(*names: str) -> dict[str, Capability]:
    return dict.fromkeys(names, Capability(None, "its command is not public"))


VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "jt701": {FIELD: Capability(Strength.READ_BACK)},
    "jt703": {FIELD: _GUESS, **_hidden("sleep_mode", "wakeup_timers", "sleep_time_in_minutes")},
    "jt707": {FIELD: _GUESS, **_hidden("psm_interval", "psm_mode")},
    GP: {},
}


def range_of(target: Target) -> tuple[int, int]:
    """Seconds that may be written. Raises LocalError for an option that makes no sense.

    Option `beyond_manual` (false): true lets a JT701 have intervals above 600 s; the read-back shows what it takes.
    """
    beyond = target.options.get("beyond_manual", False)
    if not isinstance(beyond, bool):
        raise LocalError("must be true or false", parameter="beyond_manual")
    return _WIDEST if beyond or target.variant != "jt701" else _MANUAL


def why_not(target: Target, name: str) -> str:
    """Why a field is not carried."""
    return GP_REASON if target.variant == GP else "no public command of these units carries it"


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    low, high = range_of(target)
    reason = f"the unit takes {low} to {high} s"
    return [Problem(name, Severity.REFUSE, reason) for name, value in wanted.items() if not is_whole(value, low, high)]
