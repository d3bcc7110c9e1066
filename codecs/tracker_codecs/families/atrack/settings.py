"""Profile field <-> argument of AT$TRAC, and what does not fit.

`AT$TRAC=mode,time,distance,heading,minimum speed,count,channels[,schedule,off time[,...]]`: seconds, metres, degrees.
Mode 1 reports by time; mode 131 by time, distance and heading. No table of modes is public, so a unit that is read and
stands in another mode is left alone. `channels` is a mask of where reports go (2: the server, 16: Bluetooth, FFFF:
everywhere); bits that stand there are kept. An argument may be empty and trailing ones left out.
Sources: configuration pages of ten models (`AT$TRAC=1,60,,,,,2`); a public Android application that sets up an AX7
(nine arguments with their names, mode 131). Mode 131 with channel 2 is composed of the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import Capability, Strength, Value, Variants

#: Field -> position among the arguments.
PLACES = {"tracking_interval": 1, "tracking_distance": 2, "tracking_angle": 3}
TIME, ALL = "1", "131"
CHANNELS = 6
SERVER = 2
_SHOWN = "read back only where the unit answers AT$TRAC=?, which no public text shows"
_BESIDE = f"goes with an interval and the other one, or into a unit that tells its AT$TRAC; {_SHOWN}"
_SLEEP = "the vendor's papers define the arguments of AT$PMGR, and were not read here"
VARIANTS: Variants = {
    "trac": {
        "tracking_interval": Capability(Strength.ACKNOWLEDGED, _SHOWN),
        "tracking_distance": Capability(Strength.ACKNOWLEDGED, _BESIDE),
        "tracking_angle": Capability(Strength.ACKNOWLEDGED, _BESIDE),
        "control_mode": Capability(
            None, "the vendor's papers define the modes that follow the ignition, and were not read here"
        ),
        "on_stop_tracking_interval": Capability(
            None, "the vendor's papers tell which argument of AT$TRAC holds it, and were not read here"
        ),
        "psm_mode": Capability(None, _SLEEP),
        "psm_interval": Capability(None, _SLEEP),
    }
}
#: Above 65535 s nobody has published that a unit takes the interval.
RANGES = {"tracking_interval": (1, 65535), "tracking_distance": (1, 65535), "tracking_angle": (1, 359)}
check = whole_numbers(RANGES)
_ARGUMENTS = re.compile(r"(?:[0-9A-F]{0,8},){3,11}[0-9A-F]{0,8}", re.ASCII)


def arguments(text: str) -> list[str] | None:
    """The arguments that an answer `$TRAC=...` holds; None for another text."""
    word, _, values = text.partition("=")
    return values.split(",") if word == "$TRAC" and _ARGUMENTS.fullmatch(values) else None


def told(found: Sequence[str] | None) -> dict[str, Value]:
    """Profile fields that these arguments tell; in mode 1 distance and heading do not count."""
    if found is None or found[0] not in (TIME, ALL):
        return {}
    names = PLACES if found[0] == ALL else ("tracking_interval",)
    return {name: int(found[PLACES[name]]) for name in names if found[PLACES[name]].isdecimal()}


def fresh(carried: Mapping[str, Value]) -> list[str] | str:
    """The documented line for a unit that tells nothing of itself, or why there is none."""
    if carried.keys() == {"tracking_interval"}:
        return [TIME, str(carried["tracking_interval"]), "", "", "", "", str(SERVER)]
    if carried.keys() == PLACES.keys():
        return [ALL, *(str(carried[name]) for name in PLACES), "0", "0", str(SERVER)]
    return (
        "not written: AT$TRAC carries interval, distance and angle at once, and the unit does not tell its own; "
        "set all three, or the interval alone"
    )


def changed(found: Sequence[str], carried: Mapping[str, Value]) -> list[str] | str:
    """The arguments read, with the wanted ones in their places; or why not."""
    if found[0] not in (TIME, ALL):
        return f"not written: the unit reports in mode {found[0] or '(none)'}, whose meaning is not public"
    line = [*found, *[""] * (CHANNELS + 1 - len(found))]
    line[CHANNELS] = _with_server(line[CHANNELS])
    if not line[CHANNELS]:
        return f"not written: the unit reports to channels {found[CHANNELS]}, whose meaning is not public"
    if carried.keys() - {"tracking_interval"}:
        wanted_too = [name for name in PLACES if name not in carried and line[PLACES[name]] in ("", "0")]
        if wanted_too:
            return f"not written: the unit holds no value for {' and '.join(wanted_too)}; set all three"
        line[0] = ALL
    for name, value in carried.items():
        line[PLACES[name]] = str(value)
    return line


def _with_server(mask: str) -> str:
    """The mask with the server's bit; empty where it is hexadecimal and lacks the bit."""
    if not mask or mask.isdecimal():
        return str(int(mask or "0") | SERVER)
    return mask if int(mask, 16) & SERVER else ""
