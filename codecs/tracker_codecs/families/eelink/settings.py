"""Which command carries which profile field, the texts that travel, and what does not fit.

| variant | field | command |
|---|---|---|
| v1 | tracking_interval | TIMER,seconds# |
| v2 | the four fields of I (s, at rest), D (m), A (degrees) and S (s, moving) | COLLECT,I,D,A,S,Q# |
| v2 | gps_working_mode always_on / auto | GPS,0# / GPS,1,T0,T1,T1 waking,T2,T2 waking# |
| v2 | gsm_working_mode, experimental | GSM,0# / GSM,1# |

I is tracking_interval, S active_tracking_interval. Q is the number of points collected before an upload, no setting.
`GPS,1#` stands for `GPS,1,120,0,0,0,0#`. `GPS,3#` would switch GPS off for good and is never written.
Sources: MiCODUS ML208G manual page 12 (COLLECT, GPS and their queries; the same firmware family); a public gateway of
protocol V2.3 (COLLECT); Plaspy GPT18 page (TIMER); EELINK DEVICE PROTOCOL 2.1.3 names a GSM command of the form of GPS.
What the queries answer is printed nowhere: read is the word and then the numbers, in the order in which they are set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target
from tracker_codecs.errors import LocalError

INTERVAL, DISTANCE, ANGLE, ACTIVE = (
    "tracking_interval",
    "tracking_distance",
    "tracking_angle",
    "active_tracking_interval",
)
GPS, GSM = "gps_working_mode", "gsm_working_mode"
#: In the order of the arguments.
COLLECT_FIELDS = (INTERVAL, DISTANCE, ANGLE, ACTIVE)
MODES = ("always_on", "auto")
_READ = Capability(Strength.READ_BACK)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "v1": {INTERVAL: Capability(Strength.ACKNOWLEDGED)},
    "v2": {
        **dict.fromkeys((*COLLECT_FIELDS, GPS), _READ),
        GSM: Capability(
            Strength.ACKNOWLEDGED,
            "that a GSM command exists is public, its arguments are those of GPS",
            experimental=True,
        ),
    },
}
#: Ranges of the arguments are not public: the widest of the profiles.
_RANGES = {INTERVAL: (0, 65535), DISTANCE: (0, 65535), ANGLE: (0, 359), ACTIVE: (1, 65535)}
_TIMER_RANGE = (1, 65535)
_GAP = r"[\s,;:=]+"
_COLLECT = re.compile(rf"\s*COLLECT{_GAP}" + _GAP.join([r"(\d{1,5})"] * 5) + r"\s*[#;.]?\s*", re.I | re.A).fullmatch
_GPS = re.compile(rf"\s*GPS{_GAP}([0-9])((?:{_GAP}\d{{1,5}}){{5}})?\s*[#;.]?\s*", re.I | re.A).fullmatch
_FAILED = re.compile(r"error|fail|invalid|unknown|wrong|not ", re.I | re.A).search
_ACCEPTED = re.compile(r"ok(?![a-z])|success", re.I | re.A).search


class Said(StrEnum):
    """What an answer says about a write."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator switched on; see `options`."""

    quantity: int | None
    gps_short: bool


def options(target: Target) -> Options:
    """Options of a model or tracker. Raises LocalError for values that make no sense.

    - `upload_quantity` (1 to 255): the last argument of COLLECT where the unit does not tell it.
    - `gps_defaults` (false): true writes `GPS,1#` with the documented times where the unit does not tell its own.
    """
    quantity = target.options.get("upload_quantity")
    if quantity is not None and not is_whole(quantity, 1, 255):
        raise LocalError("must be a whole number from 1 to 255", parameter="upload_quantity")
    short = target.options.get("gps_defaults", False)
    if not isinstance(short, bool):
        raise LocalError("must be true or false", parameter="gps_defaults")
    return Options(quantity, short)


def said(text: str) -> Said:
    """Whether an answer says yes or no. Its wordings are not published, but for `SET TIMER OK`."""
    if _FAILED(text):
        return Said.NO
    return Said.YES if _ACCEPTED(text) else Said.UNCLEAR


def collect(text: str) -> tuple[int, ...] | None:
    """The five numbers of COLLECT; None unless the whole text is that."""
    found = _COLLECT(text)
    return tuple(map(int, found.groups())) if found else None


def gps(text: str) -> tuple[int, ...] | None:
    """Mode, and five times where they are told; None unless the whole text is that."""
    found = _GPS(text)
    return (int(found[1]), *map(int, re.findall(r"\d+", found[2] or ""))) if found else None


def joined(numbers: tuple[int, ...]) -> str:
    """Numbers as arguments."""
    return ",".join(map(str, numbers))


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in wanted.items():
        if name in (GPS, GSM):
            if value not in MODES:
                problems.append(Problem(name, Severity.REFUSE, f"must be one of {', '.join(MODES)}"))
            continue
        low, high = _TIMER_RANGE if target.variant == "v1" else _RANGES[name]
        if not is_whole(value, low, high):
            problems.append(Problem(name, Severity.REFUSE, f"the command takes {low} to {high}"))
    return problems
