"""Which parameter carries which profile field, and what does not fit.

One tag is public: 1102, the reporting interval in seconds, two bytes. Distance, angle and count of records are probably
among 1101 and 1103 to 1107, but which is which nobody publishes: they are not guessed.
Sources: a public C# telematics server (tag 1102); OBD Smart PC Tool User Manual V100 (range 1 to 600 s).
"""

from __future__ import annotations

from collections.abc import Mapping

from tracker_codecs.checks import is_whole, whole_numbers
from tracker_codecs.contract import Capability, Strength, Target
from tracker_codecs.errors import LocalError

FIELD, TAG = "tracking_interval", 0x1102
#: The variant of PT-690, PT-718S and MPIP-620, of which the session alone is public.
CC = "cc"
CC_REASON = "its reports are public, its settings commands are not"
#: The version byte that a public server's one command to these units has (petrol control, 4583).
CC_VERSION = 1
RANGE = (1, 600)
_HIDDEN = Capability(None, "the number of its parameter is not public")
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "idd": {
        FIELD: Capability(Strength.READ_BACK),
        **dict.fromkeys(
            ("tracking_distance", "tracking_angle", "upload_records_count", "sleep_report_interval"), _HIDDEN
        ),
    },
    CC: {},
}


def version_of(target: Target) -> int | None:
    """Option `version` (3 or 4), else what the unit was last heard with, else None. Raises LocalError.

    Of the variant `cc`: the option (0 to 255, but neither 3 nor 4), else that of a public server.
    """
    option = target.options.get("version")
    if target.variant == CC:
        if option is None:
            return CC_VERSION
        if not is_whole(option, 0, 255) or option in (3, 4):
            raise LocalError("must be 0 to 255, but neither 3 nor 4", parameter="version")
        return int(option)
    if option is not None:
        if isinstance(option, bool) or str(option) not in ("3", "4"):
            raise LocalError("must be 3 or 4", parameter="version")
        return int(option)
    known = target.known.get("version", "")
    return int(known) if known in ("3", "4") else None


def why_not(target: Target, name: str) -> str:
    """Why a field is not carried."""
    return CC_REASON if target.variant == CC else "no public parameter of these units carries it"


check = whole_numbers({FIELD: RANGE}, "the unit takes {} to {} s")
