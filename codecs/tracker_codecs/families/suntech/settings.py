"""Which values of the report group carry which profile field, what fits, and how an answer is read.

The group is written as a whole: every value but ours goes back as the unit told it. Variant `st300`:
`RPT;T1;T2;T3;A1;SND_DIST;T4;SMS_T1;SMS_T2;SMS_PACK_NO`, on some firmware with `ANGLE_RPT;RPT_TYPE` behind. Variant
`st910`: `REPORT;PARKING_INTRV;DRIVING_INTRV;EMERG_INTERVAL;EMERG_NUM;CARRY_THRES`. An answer with any other number of
values (the preset example of a manual shows ten, ST3940 and ST4940 have a list of their own) is not written to.
Sources: Suntech ST310U operation manual 1.08 (T1 to SMS_PACK_NO), ST300/340 manual 1.41 (Preset), ST940 user manual
1.19 (REPORT); plaspy-dev/docs and a public command builder (ANGLE_RPT, RPT_TYPE). The ranges of SND_DIST and ANGLE_RPT
are in no page that could be read: those of the profile are taken. DRIVING_INTRV is printed with 6400 s at most, the
profile allows 60000: the reading back decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Transport, Value
from tracker_codecs.errors import LocalError

NO_ANGLE = "this unit's report group has no value for the heading"
_READ = Capability(Strength.READ_BACK)
NO_PORT = Capability(None, "no public text tells of settings on this generation's serial port")
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "st300": {
        "tracking_interval": _READ,
        "tracking_distance": _READ,
        "tracking_angle": Capability(Strength.READ_BACK, "only firmware whose report group has eleven values takes it"),
    },
    "st910": {"tracking_interval": _READ},
}


class Layout(NamedTuple):
    """One report group: its name, names of its values, counts that are known, place of each field, an example."""

    group: str
    names: tuple[str, ...]
    counts: tuple[int, ...]
    places: Mapping[str, int]
    example: tuple[str, ...]


LAYOUTS: Mapping[str, Layout] = {
    "st300": Layout(
        "RPT",
        (
            "T1_parking_s",
            "T2_driving_s",
            "T3_emergency_s",
            "A1_attempts",
            "SND_DIST",
            "T4_keepalive_s",
            "SMS_T1",
            "SMS_T2",
            "SMS_PACK_NO",
            "ANGLE_RPT",
            "RPT_TYPE",
        ),
        (9, 11),
        {"tracking_interval": 1, "tracking_distance": 4, "tracking_angle": 9},
        ("180", "120", "60", "3", "0", "0", "0", "0", "0"),
    ),
    "st910": Layout(
        "REPORT",
        (
            "parking_interval_s",
            "driving_interval_s",
            "emergency_interval_s",
            "emergency_attempts",
            "carry_threshold",
        ),
        (5,),
        {"tracking_interval": 1},
        ("180", "180", "60", "3", "0.10"),
    ),
}
#: Profile units. 0 is no interval: it means one report at the start.
RANGES = {"tracking_interval": (1, 60000), "tracking_distance": (0, 60000), "tracking_angle": (0, 180)}
_PREFIX = re.compile(r"(?:SA|ST)\d{3}", re.ASCII).fullmatch
_VALUE = re.compile(r"\d{0,7}(?:\.\d{1,4})?", re.ASCII).fullmatch
_WHOLE = re.compile(r"(\d{1,7})(?:\.0{1,4})?", re.ASCII).fullmatch


def prefix_for(target: Target) -> str:
    """Generation in commands: what the unit was heard to say, else option `prefix`, else the variant's own.

    Raises LocalError for an option that is no generation.
    """
    default = "ST910" if target.variant == "st910" else "ST300"
    prefix = str(target.known.get("prefix") or target.options.get("prefix") or default)
    if not _PREFIX(prefix) or prefix.startswith("ST9") != (target.variant == "st910"):
        raise LocalError("must be a generation such as ST300, SA200 or ST600 (ST910 for ST9xx)", parameter="prefix")
    return prefix


def capabilities(target: Target) -> Mapping[str, Capability]:
    """See `Family.capabilities`: on a serial port ST9xx takes nothing."""
    found = VARIANTS[target.variant]
    if target.transport is Transport.SERIAL and target.variant == "st910":
        return dict.fromkeys(found, NO_PORT)
    return found


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in wanted.items():
        low, high = RANGES[name]
        if name == "tracking_angle" and target.known.get("values") == "9":
            problems.append(Problem(name, Severity.UNSUPPORTED, NO_ANGLE))
        elif not is_whole(value, low, high):
            problems.append(Problem(name, Severity.REFUSE, f"must be a whole number, {low} to {high}"))
    return problems


def whole(text: str) -> int | None:
    """A whole number, also one that is written with zeros behind the point."""
    found = _WHOLE(text)
    return int(found[1]) if found else None


def group(variant: str, parts: list[str], names: tuple[str, ...]) -> list[str] | None:
    """Values of the report group in an answer that holds all groups; None where it is not there exactly once."""
    word = LAYOUTS[variant].group
    if parts.count(word) != 1:
        return None
    found: list[str] = []
    for part in parts[parts.index(word) + 1 :]:
        if part in names:
            return found
        found.append(part)
    return None


def usable(variant: str, found: list[str] | None) -> str:
    """Why these values of a report group must not be built upon; empty if they may."""
    layout = LAYOUTS[variant]
    if found is None:
        return f"the unit's answer has no group {layout.group}"
    if len(found) not in layout.counts:
        known = " or ".join(map(str, layout.counts))
        return f"the unit's group {layout.group} has {len(found)} values; what they mean is known for {known} only"
    return "" if all(map(_VALUE, found)) else f"the unit's group {layout.group} has values that are no numbers"


def told(variant: str, found: list[str] | None) -> dict[str, Value]:
    """Profile fields that a report group tells."""
    if found is None or usable(variant, found):
        return {}
    places = LAYOUTS[variant].places
    numbers = {name: whole(found[at]) for name, at in places.items() if at < len(found)}
    return {name: number for name, number in numbers.items() if number is not None}


def changed(variant: str, found: list[str], carried: Mapping[str, Value]) -> list[str]:
    """The group with our fields in it; all else as it was."""
    out = list(found)
    for name, at in LAYOUTS[variant].places.items():
        if name in carried and at < len(out):
            out[at] = str(int(carried[name]))
    return out


def equal(one: list[str], other: list[str]) -> bool:
    """The same values as numbers: 0.7 comes back as 0.70, and an empty one as 0."""
    return [float(text or 0) for text in one] == [float(text or 0) for text in other]
