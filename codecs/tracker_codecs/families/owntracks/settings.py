"""Profile fields and the keys of the app's configuration.

Sources: OwnTracks booklet tech/json and features/location; github.com/owntracks/ios Settings.m, MQTT.plist;
github.com/owntracks/android Preferences, DefaultsProvider. The booklet prints iOS defaults of 100 m and 300 s, the
app's own default file has 200 m and 180 s: only a dump tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value, Variants
from tracker_codecs.errors import LocalError

IOS, ANDROID = "owntracks_ios", "owntracks_android"
#: Key `monitoring`.
MODES = {"quiet": -1, "manual": 0, "significant": 1, "move": 2}
MODE_NAMES = {number: name for name, number in MODES.items()}
#: Profile field -> key, lowest and highest value: the apps check nothing, the bounds are ours (`ping`: Android's own).
KEYS: Mapping[str, Mapping[str, tuple[str, int, int]]] = {
    IOS: {
        "monitoring_mode": ("monitoring", -1, 2),
        "tracking_interval": ("locatorInterval", 1, 86400),  # s
        "tracking_distance": ("locatorDisplacement", 1, 65535),  # m
        "accuracy_filter": ("ignoreInaccurateLocations", 0, 65535),  # m
        "low_battery_downgrade": ("downgrade", 0, 100),  # %
        "adapt_timeout": ("adapt", 0, 1440),  # min
    },
    ANDROID: {
        "monitoring_mode": ("monitoring", -1, 2),
        "tracking_interval": ("locatorInterval", 1, 86400),  # s
        "tracking_distance": ("locatorDisplacement", 1, 65535),  # m
        "move_tracking_interval": ("moveModeLocatorInterval", 1, 86400),  # s
        "ping_interval": ("ping", 15, 1440),  # min
        "accuracy_filter": ("ignoreInaccurateLocations", 0, 65535),  # m
    },
}
PEG = "pegLocatorFastestIntervalToInterval"
#: Fields that the app uses in mode move only, or in every other mode only.
_MOVE_ONLY = {IOS: ("tracking_interval", "tracking_distance"), ANDROID: ("move_tracking_interval",)}
_NOT_MOVE: dict[str, tuple[str, ...]] = {IOS: (), ANDROID: ("tracking_interval", "tracking_distance")}
_UNREADABLE = Capability(
    Strength.WRITTEN,
    "the Android app tells no setting, and takes none unless its user has switched on remoteConfiguration (off by "
    "default); the command leaves no trace either",
)
VARIANTS: Variants = {
    IOS: {name: Capability(Strength.READ_BACK) for name in KEYS[IOS]},
    ANDROID: {
        name: Capability(Strength.READ_BACK) if name == "monitoring_mode" else _UNREADABLE for name in KEYS[ANDROID]
    },
}


def check(target: Target, settings: Settings) -> list[Problem]:
    """Values outside the bounds are refused; fields without effect in the asked mode are unsupported beside it."""
    mode, out = settings.get("monitoring_mode"), []
    for name, value in settings.items():
        _, low, high = KEYS[target.variant][name]
        if idle := _without_effect(target.variant, name, mode):
            out.append(Problem(name, Severity.UNSUPPORTED, idle))
        elif name == "monitoring_mode":
            if value not in MODES:
                out.append(Problem(name, Severity.REFUSE, f"must be one of {', '.join(MODES)}"))
        elif not is_whole(value, low, high):
            out.append(Problem(name, Severity.REFUSE, f"must be a whole number from {low} to {high}"))
    return out


def _without_effect(variant: str, name: str, mode: Value) -> str:
    if mode in MODES and mode != "move" and name in _MOVE_ONLY[variant]:
        return f"has no effect in mode {mode}, only in move"
    return "has no effect in mode move" if mode == "move" and name in _NOT_MOVE[variant] else ""


def configuration(variant: str, carried: Settings, options: Mapping[str, Value]) -> dict[str, Any]:
    """The configuration object that sets these fields; keys not named keep their value.

    Option `peg_interval` (Android): true or false is written too, as `pegLocatorFastestIntervalToInterval`. Without it
    Android may hand out fixes faster than the interval. Raises LocalError for another value.
    """
    out: dict[str, Any] = {"_type": "configuration"}
    for name, (key, _, _) in KEYS[variant].items():
        if name in carried:
            out[key] = MODES[carried[name]] if name == "monitoring_mode" else carried[name]
    peg = options.get("peg_interval")
    if peg is not None and variant == ANDROID:
        if not isinstance(peg, bool):
            raise LocalError("must be true or false", parameter="peg_interval")
        out[PEG] = peg
    return out


def decode(variant: str, found: Any) -> dict[str, Value]:
    """Profile fields that a configuration object tells. A value of another type than documented is not told at all."""
    if not isinstance(found, dict):
        return {}
    out: dict[str, Value] = {}
    for name, (key, _, _) in KEYS[variant].items():
        value = found.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if name != "monitoring_mode":
            out[name] = value
        elif value in MODE_NAMES:
            out[name] = MODE_NAMES[value]
    return out
