"""Which parameter carries which profile field, in each dialect; values in both directions; what does not fit.

Three dialects: `fmb` (also FMB640 and kin), `old_fm` (FM1000 to FM36xx, FMA) and `fm6` (FM5500, FM6320, FMB630). The
SIM's operator chooses between three sets of data acquisition parameters (home, roaming, unknown): a field is written
to all of them, and confirmed only when all that exist say the same.
Sources: Teltonika wiki parameter lists (data acquisition, FMB, FMC640, FMA2, FM36, FM6320/FM6300, FMB630) and
Test_parameters (138 as a bit mask); FMA110 and FM1000 manuals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Transport, Value
from tracker_codecs.errors import LocalError
from tracker_codecs.families.teltonika import texts

TRACKING = ("tracking_interval", "tracking_distance", "tracking_angle", "on_stop_tracking_interval")
SYSTEM = ("sleep_mode", "sleep_timeout", "stop_detection")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Parameter ids. `places`: field -> ids of home, roaming, unknown (or one id); `unread`: ids of no vendor list.

    `send`: ids of the send periods beside each of the two intervals. `blank`: the syntax of one id a command.
    """

    places: Mapping[str, tuple[str, ...]]
    send: Mapping[str, tuple[str, ...]]
    blank: bool = True
    unread: frozenset[str] = frozenset()
    probe: str = ""


FMB = Dialect(
    places={
        "tracking_interval": ("10050", "10150", "10250"),
        "tracking_distance": ("10051", "10151", "10251"),
        "tracking_angle": ("10052", "10152", "10252"),
        "on_stop_tracking_interval": ("10000", "10100", "10200"),
        "sleep_mode": ("102",),
        "sleep_timeout": ("103",),
        "stop_detection": ("138",),
    },
    send={"tracking_interval": ("10055", "10155", "10255"), "on_stop_tracking_interval": ("10005", "10105", "10205")},
    blank=False,
    probe="10050",
)
OLD_FM = Dialect(
    places={
        "tracking_interval": ("1550", "1570", "1590"),
        "tracking_distance": ("1551", "1571", "1591"),
        "tracking_angle": ("1552", "1572", "1592"),
        "on_stop_tracking_interval": ("1540", "1560", "1580"),
        "sleep_mode": ("1000",),
        "stop_detection": ("1002",),
    },
    # The send periods of roaming and unknown networks stand in no vendor list that could be read: left alone.
    send={"tracking_interval": ("1554",), "on_stop_tracking_interval": ("1544",)},
    unread=frozenset({"1571", "1591", "1572", "1592", "1560"}),
    probe="1550",
)
FM6 = Dialect(
    places={
        "tracking_interval": ("1550",),
        "tracking_distance": ("1551",),
        "tracking_angle": ("1552",),
        "sleep_mode": ("1000",),
    },
    send={},
    unread=frozenset({"1550", "1551", "1552"}),
)
DIALECTS: Mapping[str, Dialect] = {"fmb": FMB, "old_fm": OLD_FM, "fm6": FM6}
#: The dialect a variant's models speak, unless the unit says otherwise.
DIALECT_OF = {"fmb": "fmb", "old_fm": "old_fm", "fm6": "fm6", "fmx640": "fmb"}
#: Hardware names (of getver) -> dialect; empty: no table fits. First match.
_HARDWARE = (
    (re.compile(r"FM(?:5[35]|63)|FMB63"), "fm6"),
    (re.compile(r"TAT|TST"), ""),  # asset trackers: other ids for the reporting periods
    (re.compile(r"FMA|FM(?:1[0-2]|22|3[0-9])[0-9A-Z]{1,2}$"), "old_fm"),
    (re.compile(r"FM[BCMUTP]|FT|MTB|TMT|AT"), "fmb"),
)
#: Movement source 138 is a bit mask, the older 100 a number: the same figure means another source.
MOVEMENT_MASK, MOVEMENT_ENUM = "138", "100"
_SLEEP = {"disabled": "0", "soft_sleep": "1"}
_SOURCE = {
    "138": {"ignition": "1", "g_sensor": "2", "gps": "4"},
    "100": {"ignition": "0", "g_sensor": "1", "gps": "2"},
    "1002": {"ignition": "0", "g_sensor": "1", "gps": "2"},
}
_SLEEP_NAMES = {"2": "deep sleep", "3": "online deep sleep", "4": "ultra deep sleep"}
#: Device ranges in profile units. Later firmware takes intervals up to 2592000 s, older 65535: the read-back shows it.
RANGES = {
    "tracking_interval": (0, 2592000),
    "on_stop_tracking_interval": (0, 2592000),
    "tracking_distance": (0, 65535),
    "tracking_angle": (0, 180),
}
#: Sleep time-out of FMx640: whole minutes.
TIMEOUT_MINUTES = (1, 3000)

_READ = Capability(Strength.READ_BACK)
_GUESS = Capability(
    Strength.READ_BACK,
    "its parameter is inferred, not published; written only where the unit has it and it holds a single number",
    experimental=True,
)
_NO_TIMEOUT = Capability(None, "the unit of the time-out parameter (0 to 9000) is not published for these models")
_TELFM = dict.fromkeys((*TRACKING, "sleep_mode", "stop_detection"), _READ)
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "fmb": _TELFM,
    "old_fm": _TELFM,
    "fm6": {
        "sleep_mode": _READ,
        "sleep_timeout": _NO_TIMEOUT,
        **dict.fromkeys(("tracking_interval", "tracking_distance", "tracking_angle"), _GUESS),
    },
    "fmx640": dict.fromkeys(
        ("sleep_mode", "sleep_timeout", "tracking_interval", "tracking_distance", "tracking_angle"), _READ
    ),
}
_NO_UDP = "how commands are framed over UDP is not published"


def dialect_of_hardware(name: str) -> str | None:
    """Dialect of a hardware name such as FMB120; empty for one that no table fits; None for an unknown name."""
    return next((dialect for pattern, dialect in _HARDWARE if pattern.match(name)), None)


def capabilities(target: Target) -> Mapping[str, Capability]:
    """See `Family.capabilities`."""
    found = VARIANTS[target.variant]
    return dict.fromkeys(found, Capability(None, _NO_UDP)) if target.transport is Transport.UDP else found


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator switched on; see `options`."""

    codec14: bool
    follow: bool


def options(target: Target) -> Options:
    """Options of a model or tracker. Raises LocalError for values that make no sense.

    - `command_codec` (12): 14 puts the IMEI into every command, which a wrong unit refuses (FMB from 03.25.04.Rev.00).
    - `send_period` ("follow"): where a unit would keep its records longer than the wanted interval, its send period is
      lowered to it, or reports come in bursts; "keep" leaves it alone.
    """
    codec = target.options.get("command_codec", 12)
    if str(codec) not in ("12", "14"):
        raise LocalError("must be 12 or 14", parameter="command_codec")
    send = target.options.get("send_period", "follow")
    if send not in ("follow", "keep"):
        raise LocalError("must be follow or keep", parameter="send_period")
    return Options(str(codec) == "14", send == "follow")


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    return [
        Problem(name, Severity.REFUSE, reason) for name, value in wanted.items() if (reason := _misfit(name, value))
    ]


def _misfit(name: str, value: Value) -> str:
    """Why this value cannot be written; empty when it can."""
    if name in ("sleep_mode", "stop_detection"):
        known = _SLEEP if name == "sleep_mode" else _SOURCE["138"]
        return "" if value in known else f"must be one of {', '.join(known)}"
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number"
    if name == "sleep_timeout":
        low, high = TIMEOUT_MINUTES
        fits = value % 60 == 0 and low <= value // 60 <= high
        return "" if fits else f"the unit counts whole minutes, {low} to {high}: {60 * low} to {60 * high} s"
    low, high = RANGES[name]
    unit = {"tracking_distance": "m", "tracking_angle": "degrees"}.get(name, "s")
    return "" if low <= value <= high else f"the unit takes {low} to {high} {unit}"


def encode(name: str, value: Value, place: str) -> str:
    """The text that parameter `place` gets for a profile value."""
    if name == "sleep_mode":
        return _SLEEP[value]
    if name == "stop_detection":
        return _SOURCE[place][value]
    return str(value // 60 if name == "sleep_timeout" else value)


def decode(name: str, stored: Mapping[str, str]) -> tuple[Value, str]:
    """The profile value that these parameters (id -> text) tell, else None with the reason why none of it names them.

    Both None and empty: nothing readable was told.
    """
    if not stored or any(texts.number(text) is None for text in stored.values()):
        return None, ""
    numbers = {key: str(int(text)) for key, text in stored.items()}
    if len(set(numbers.values())) > 1:
        return None, "read back: " + ", ".join(f"{key} is {text}" for key, text in numbers.items())
    ((place, text),) = list(numbers.items())[:1]
    if name in ("sleep_mode", "stop_detection"):
        known = _SLEEP if name == "sleep_mode" else _SOURCE[place]
        value = next((value for value, sent in known.items() if sent == text), None)
        meaning = _SLEEP_NAMES.get(text, "another mode") if name == "sleep_mode" else "other or several sources"
        return value, "" if value else f"read back: parameter {place} is {text} ({meaning})"
    return int(text) * 60 if name == "sleep_timeout" else int(text), ""
