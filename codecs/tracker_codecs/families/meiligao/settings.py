"""Which command carries which profile field, and what does not fit.

| field | command | data |
|---|---|---|
| tracking_interval | 4102, answered by 5100 | 2 bytes, units of 10 s; 0 would stop the reports |
| tracking_distance | 4303 | decimal digits, metres; 0 is off |
| tracking_angle | 4136 | decimal digits, degrees 0 to 359; 0 is off |

Sources: Meiligao GPRS Communication Protocol V2.1. The SMS manual gives 360 as the largest angle, the protocol 359.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value

INTERVAL, DISTANCE, ANGLE = "tracking_interval", "tracking_distance", "tracking_angle"
#: Seconds a unit of the interval.
UNIT = 10
SET_INTERVAL, INTERVAL_SET, READ_INTERVAL = 0x4102, 0x5100, 0x9002
#: The others, in the order in which they are written.
COMMANDS = {DISTANCE: 0x4303, ANGLE: 0x4136}
#: Resets all settings but password, server, APN, ID and interval.
RESET = 0x4110
_MOST = {INTERVAL: 0xFFFF * UNIT, DISTANCE: 0xFFFFFFFF, ANGLE: 359}
_UNITS = {INTERVAL: "s", DISTANCE: "m", ANGLE: "degrees"}
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "vt": {
        INTERVAL: Capability(Strength.READ_BACK),
        DISTANCE: Capability(Strength.ACKNOWLEDGED),
        ANGLE: Capability(Strength.ACKNOWLEDGED),
    }
}


def data_for(field: str, value: int) -> bytes:
    """Data of the command that sets a field to a value of its profile."""
    return (value // UNIT).to_bytes(2, "big") if field == INTERVAL else b"%d" % value


def _fits(name: str, value: Value) -> bool:
    if name == INTERVAL:
        return is_whole(value, UNIT, _MOST[name]) and value % UNIT == 0
    return is_whole(value, 0, _MOST[name])


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in wanted.items():
        if not _fits(name, value):
            low = UNIT if name == INTERVAL else 0
            steps = f" in steps of {UNIT}" if name == INTERVAL else ""
            reason = f"the unit takes {low} to {_MOST[name]} {_UNITS[name]}{steps}"
            problems.append(Problem(name, Severity.REFUSE, reason))
    return problems
