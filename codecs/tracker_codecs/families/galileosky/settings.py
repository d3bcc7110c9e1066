"""Which command carries which profile field, options, and what does not fit.

`tracking_interval` is the first argument of WrPeriod, `tracking_angle` the second and `tracking_distance` the third of
Turning. Ranges of the arguments are not public; what the device makes of a value shows in its echo.
Sources: those of `texts`. WrPeriod and Turning are printed for Satellite v4.0, v5.1 and Lite; the page of the Boxfinder
manual with its track commands could not be read. Shock is printed for v4.0 and v5.1 only, and takes a mode, an angle
and a time-out that no query tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target
from tracker_codecs.errors import LocalError
from tracker_codecs.families.galileosky.texts import Turning

_ECHO = Capability(Strength.READ_BACK)
PERIOD_FIELDS = ("tracking_interval",)
TURNING_FIELDS = ("tracking_angle", "tracking_distance")
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "track": {
        **dict.fromkeys((*PERIOD_FIELDS, *TURNING_FIELDS), _ECHO),
        "shock_value": Capability(None, "Shock is printed for sister models only, with arguments that no query tells"),
        "sleep_timeout": Capability(None, "no command for it is public"),
    }
}
#: What the document's example writes: dry runs show it where nothing is known of the unit.
EXAMPLE = Turning(3, 10, 300, 60, 20)
_KEEP = re.compile(r"\s*(\d{1,5})\s*,\s*(\d{1,5})\s*,\s*(\d{1,5})\s*,\s*(\d{1,5})\s*", re.ASCII).fullmatch
_MOST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator switched on; see `options`. `parking`: seconds, 0 for the interval itself, None: not given.

    `turning`: least speed, distance, excess speed, step."""

    query: bool
    parking: int | None
    turning: tuple[int, ...] | None


def options(target: Target) -> Options:
    """Options of a model or tracker. Raises LocalError for values that make no sense.

    - `query` (true): whether commands without arguments may be sent to read the values in force. That they answer so is
      common practice and stands in no page that could be read.
    - `parking_interval`: seconds, or `same` as the interval: what WrPeriod gets where the unit does not tell it.
    - `turning_keep`: `speed,distance,excess,step`, what Turning gets for its other arguments where it tells none.
    """
    query = target.options.get("query", True)
    if not isinstance(query, bool):
        raise LocalError("must be true or false", parameter="query")
    parking = target.options.get("parking_interval")
    if parking == "same":
        parking = 0
    elif parking is not None and not is_whole(parking, 1, _MOST):
        raise LocalError("must be seconds, or same", parameter="parking_interval")
    keep = target.options.get("turning_keep")
    found = None if keep is None else _KEEP(str(keep))
    if keep is not None and found is None:
        raise LocalError(
            "must be four whole numbers: least speed, distance, excess speed, step", parameter="turning_keep"
        )
    return Options(query, parking, None if found is None else tuple(map(int, found.groups())))


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    return [
        Problem(name, Severity.REFUSE, "must be a whole number above 0 that the command can carry")
        for name, value in wanted.items()
        if not is_whole(value, 1, 359 if name == "tracking_angle" else _MOST)
    ]
