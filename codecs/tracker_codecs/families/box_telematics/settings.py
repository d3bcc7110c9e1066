"""Which setting of the unit carries which profile field, and what does not fit.

`tracking_interval` is UPLOADI in seconds. `tracking_angle` is GPSHC in degrees, with UPLOADHC switching uploads of
changes of heading on (1) or off (0); an angle of 0 means off. The pages that could be read name GPSHC as the angle's
command and print neither its arguments nor its range, so it is written only to a unit whose listing shows it holding a
single number.
Sources: BOX-tracker Communication Protocol v1.5, pages 20 (CONFIG listing) and 31 (UPLOADI, UPLOADD, UPLOADHC). The
example of UPLOADHC on page 31 is that of another command; its range (0 and 1) is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import Capability, Strength, Value, Variants

INTERVAL, ANGLE, ANGLE_ON = "UPLOADI", "GPSHC", "UPLOADHC"
WORDS: Mapping[str, tuple[str, ...]] = {"tracking_interval": (INTERVAL,), "tracking_angle": (ANGLE, ANGLE_ON)}
VARIANTS: Variants = {
    "box": {
        "tracking_interval": Capability(Strength.READ_BACK),
        "tracking_angle": Capability(
            Strength.READ_BACK, "the argument of GPSHC is not printed: written only where the unit lists one number"
        ),
        "tracking_distance": Capability(None, "the unit counts whole kilometres (UPLOADD), which no profile asks for"),
    }
}
#: Profile units; the interval's range is documented ("49.7 days"), the angle's is what an angle can be.
RANGES = {"tracking_interval": (0, 4294967), "tracking_angle": (0, 359)}
check = whole_numbers(RANGES)


def number(text: str | None) -> int | None:
    """The value of a setting that is one whole number."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 10 else None


def told(listing: Mapping[str, str]) -> dict[str, Value]:
    """Profile fields that these rows tell; an angle that is switched off is 0."""
    out: dict[str, Value] = {}
    interval, angle, on = (number(listing.get(word)) for word in (INTERVAL, ANGLE, ANGLE_ON))
    if interval is not None:
        out["tracking_interval"] = interval
    if on == 0:
        out["tracking_angle"] = 0
    elif on == 1 and angle is not None:
        out["tracking_angle"] = angle
    return out
