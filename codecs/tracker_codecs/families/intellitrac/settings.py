"""Profile field <-> argument of TRACKING, and what does not fit.

`$ST+TRACKING=<password>,<mode>,<time>,<distance>,<count>,<persist>[,<communication>]`, all decimal numbers

| field | argument | the device's unit |
|---|---|---|
| tracking_interval | time | seconds |
| tracking_distance | distance | metres, 16 bits |
| type | mode | 1 time, 2 distance, 3 the maker's mixed mode; 5, 6, 7 the same while the ignition is on |

Count (of reports; 0 without end), persist (1: tracking goes on after a restart), communication (3: GPRS) and the
half of the mode that the ignition rules are no settings of a profile and stay as the unit told them.
Sources: public C++ fleet server on GitHub (namespace VisiPlug: intellitrac_commands.h, intellix1_commands.h,
modules intellitrac, intellix1 and nd).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value, Variants
from tracker_codecs.errors import LocalError

INTERVAL, DISTANCE, TYPE, ANGLE = "tracking_interval", "tracking_distance", "type", "tracking_angle"
#: Values of `type` that a mode exists for.
MODES = {"interval": 1, "distance": 2, "intelligent": 3}
#: Modes that count only while the ignition is on are by this higher.
_IGNITION = 4
_TYPES = {mode + more: name for name, mode in MODES.items() for more in (0, _IGNITION)}
#: What a mode does not look at; the mixed one looks at both.
_IDLE = {1: DISTANCE, 2: INTERVAL}
_RANGES = {INTERVAL: (1, 65535, "s"), DISTANCE: (1, 65535, "m")}
_ANSWER = re.compile(r"\$TRACKING=(\d),(\d{1,9}),(\d{1,5}),(\d{1,5}),([01])(?:,(\d))?", re.ASCII)
_PASSWORD = re.compile(r"[0-9A-Za-z]{1,16}", re.ASCII)
_READ = Capability(Strength.READ_BACK, "acknowledged only where the unit does not answer the query")
_NO_ANGLE = Capability(None, "no public command of these units carries a heading")
VARIANTS: Variants = {
    "x1": {INTERVAL: _READ, DISTANCE: _READ, TYPE: _READ, ANGLE: _NO_ANGLE},
    "careu": {INTERVAL: _READ, DISTANCE: _READ, ANGLE: _NO_ANGLE},
}


class Tracking(NamedTuple):
    """The arguments of TRACKING; `communication` is None where the unit has none."""

    mode: int
    time: int
    distance: int
    reports: int = 0
    persist: int = 1
    communication: int | None = None

    @property
    def text(self) -> str:
        """The arguments as they are written."""
        return ",".join(str(each) for each in self if each is not None)

    @property
    def type(self) -> str | None:
        """The value of the profile's `type`; None for a mode that is not known."""
        return _TYPES.get(self.mode)


def tracking(text: str) -> Tracking | None:
    """The arguments in an answer `$TRACKING=...`; None where it is no such answer."""
    found = _ANSWER.fullmatch(text)
    if found is None:
        return None
    *numbers, last = found.groups()
    mode, time, distance, reports, persist = (int(each) for each in numbers)
    return Tracking(mode, time, distance, reports, persist, None if last is None else int(last))


def unread(target: Target) -> Tracking:
    """What is written besides the settings where nothing is read: no end, persistent, by GPRS (X1).

    The mode is that of the option `type`; 0 where none is given.
    """
    mode = MODES.get(str(target.options.get("type", "")), 0)
    return Tracking(mode, 0, 0, 0, 1, 3 if target.variant == "x1" else None)


def changed(before: Tracking, wanted: Settings) -> Tracking:
    """The arguments with the wanted settings; what is not asked for stays, and so does the half of the mode."""
    mode = before.mode
    if TYPE in wanted:
        mode = MODES[wanted[TYPE]] + (_IGNITION if before.mode > _IGNITION and before.type else 0)
    return before._replace(
        mode=mode, time=wanted.get(INTERVAL, before.time), distance=wanted.get(DISTANCE, before.distance)
    )


def told(found: Tracking) -> dict[str, Value]:
    """Profile fields in the arguments."""
    known = {} if found.type is None else {TYPE: found.type}
    return {INTERVAL: found.time, DISTANCE: found.distance, **known}


def idle(found: Tracking) -> dict[str, str]:
    """Fields whose arguments are stored and not in force in this mode, with the reason."""
    mode = found.mode - _IGNITION if found.mode > _IGNITION else found.mode
    names = [INTERVAL, DISTANCE] if found.type is None else [_IDLE[mode]] if mode in _IDLE else []
    return dict.fromkeys(names, f"stored; the unit reports in mode {found.mode}, which does not use it")


def password(target: Target) -> str:
    """Option `password`, else 0000. Raises LocalError for one that would break its place in a command."""
    given = target.options.get("password", "0000")
    text = str(given)
    if not isinstance(given, str | int) or isinstance(given, bool) or not _PASSWORD.fullmatch(text):
        raise LocalError("must be 1 to 16 letters and digits", parameter="password")
    return text


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in wanted.items():
        if name == TYPE:
            if not isinstance(value, str) or value not in MODES:
                problems.append(Problem(name, Severity.REFUSE, f"these units know {', '.join(MODES)}"))
            continue
        low, high, unit = _RANGES[name]
        if not is_whole(value, low, high):
            problems.append(Problem(name, Severity.REFUSE, f"must be a whole number, {low} to {high} {unit}"))
    return problems
