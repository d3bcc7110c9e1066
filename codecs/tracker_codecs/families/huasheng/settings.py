"""Which parameter carries which profile field, and what does not fit.

Sources: traccar/traccar HuaSheng encoder and its test (0002, seconds); cyoung/hs3000g (0003 in minutes, "sleep wake
interval"; 0042 in degrees, "angle compensation"), which sends them behind the login answer. Confidence is high for the
first and medium for the other two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value
from tracker_codecs.families.huasheng import frame as wire

_ACK = Capability(Strength.ACKNOWLEDGED)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "hs3000g": {
        "tracking_interval": _ACK,
        "psm_interval": Capability(Strength.ACKNOWLEDGED, "goes out in whole minutes; one public source"),
        "tracking_angle": Capability(Strength.ACKNOWLEDGED, "one public source"),
    }
}


class Place(NamedTuple):
    """A parameter: its type, bytes of its value, its unit in the profile's unit, smallest and largest number."""

    kind: int
    size: int
    unit: int
    low: int
    high: int


#: In the order of writing: what is surest first.
PLACES = {
    "tracking_interval": Place(0x0002, 2, 1, 1, 65535),
    "tracking_angle": Place(0x0042, 1, 1, 1, 255),
    "psm_interval": Place(0x0003, 2, 60, 1, 1440),
}


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in wanted.items():
        place = PLACES[name]
        low, high = place.low * place.unit, place.high * place.unit
        if not is_whole(value, low, high):
            problems.append(Problem(name, Severity.REFUSE, f"must be a whole number, {low} to {high}"))
        elif value % place.unit:
            problems.append(Problem(name, Severity.REFUSE, f"the unit counts it in steps of {place.unit} s"))
    return problems


def parameter(name: str, value: Value) -> bytes:
    """The parameter for a value that has passed `check`."""
    place = PLACES[name]
    return wire.parameter(place.kind, (int(value) // place.unit).to_bytes(place.size, "big"))


def told(found: Mapping[int, bytes]) -> dict[str, Value]:
    """Profile fields that these parameters hold."""
    return {
        name: int.from_bytes(found[place.kind], "big") * place.unit
        for name, place in PLACES.items()
        if len(found.get(place.kind, b"")) == place.size
    }
