"""Which argument of TIMER carries which profile field, what fits, and what a position tells.

`TIMER,<PIN>,<a>:<b>:<c>:<d>#`: interval with ACC on and off in seconds, angle in degrees, distance in metres. That
there are four numbers is published; their order is taken from the position frame, which begins with the same four
settings. TIMER writes all four, so all four must be asked for.
Sources: Plaspy TopFlyTech pages (`TIMER,0000,60:60:0:0#`); TOPFLYtech/TOPFLYtechCodec and recorded frames (order and
widths of the settings in a position); T8808 user manual p.17 (PIN).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value
from tracker_codecs.errors import LocalError
from tracker_codecs.families.topflytech.frame import ASSET, HEADERS

#: In the order of TIMER and of a position.
ORDER = ("tracking_interval", "psm_interval", "tracking_angle", "tracking_distance")
#: Profile units, by the widths in a position; the angle is the profile's.
RANGES = {
    "tracking_interval": (0, 65535),
    "psm_interval": (0, 65535),
    "tracking_angle": (0, 90),
    "tracking_distance": (0, 65535),
}
_in_range = whole_numbers(RANGES)
_PLACED = Capability(Strength.READ_BACK, "its place in TIMER is that in a position frame")
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "topfly": {
        "tracking_interval": Capability(Strength.READ_BACK),
        "psm_interval": Capability(Strength.READ_BACK, "the interval between reports with ACC off"),
        "tracking_angle": _PLACED,
        "tracking_distance": _PLACED,
    }
}
_PIN = re.compile(r"[0-9A-Za-z]{0,16}", re.ASCII).fullmatch
_IMEI = re.compile(r"\d{15}", re.ASCII).fullmatch


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`: all four go out in one command."""
    lacking = ", ".join(name for name in ORDER if name not in wanted)
    if lacking:
        reason = f"the unit takes all four settings in one command; {lacking} must be asked for beside it"
        return [Problem(name, Severity.UNSUPPORTED, reason) for name in wanted]
    return _in_range(target, wanted)


def header_for(target: Target) -> int:
    """Header of commands: the one the unit was heard with, else option `header`, else 2323.

    Raises LocalError for an option that is no header of these units.
    """
    text = str(target.known.get("header") or target.options.get("header") or "2323")
    try:
        header = int(text, 16)
    except ValueError:
        header = 0
    if header not in HEADERS - {ASSET}:
        raise LocalError("must be 2323, 2525 or 2626", parameter="header")
    return header


def imei_of(target: Target) -> bytes:
    """The IMEI in BCD. Raises LocalError for one that is none."""
    if not _IMEI(target.device_id):
        raise LocalError("must be an IMEI of 15 digits", parameter="device_id")
    return bytes.fromhex(f"0{target.device_id}")


def pin_of(target: Target) -> str:
    """Option `pin`; the factory's is 0000, an empty one leaves the argument out. Raises LocalError if it is none."""
    given = target.options.get("pin", "0000")
    pin = f"{given:04d}" if isinstance(given, int) else str(given)
    if not _PIN(pin):
        raise LocalError("must be at most 16 letters and digits", parameter="pin")
    return pin


def timer(pin: str, values: Mapping[str, Value]) -> str:
    """The command, without its `#`."""
    return ",".join(part for part in ("TIMER", pin, ":".join(str(int(values[name])) for name in ORDER)) if part)
