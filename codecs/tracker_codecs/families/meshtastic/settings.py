"""Profile fields and the PositionConfig fields that carry them.

Units are the same on both sides: seconds and metres. 0 stands for the firmware's default; the documentation and recent
firmware disagree about those (15 or 60 minutes between broadcasts, 30 or 300 s for the smart interval), so 0 is told
as 0. Sources: meshtastic/protobufs (config.proto), meshtastic.org (position configuration), meshtastic/firmware.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value, Variants
from tracker_codecs.families.meshtastic import proto
from tracker_codecs.families.meshtastic.proto import Field

#: Profile field -> number in PositionConfig.
NUMBERS = {
    "tracking_interval": 1,
    "smart_position": 2,
    "gps_interval": 5,
    "tracking_distance": 10,
    "smart_min_interval": 11,
}
VARIANTS: Variants = {"node": dict.fromkeys(NUMBERS, Capability(Strength.READ_BACK))}
_MOST = 0xFFFFFFFF
#: Shorter broadcasts than this are not sent by a node that keeps to its channel.
_LEAST_INTERVAL = 30


def check(target: Target, settings: Settings) -> list[Problem]:
    """See `Family.check`."""
    found = {name: _unfit(name, value) for name, value in settings.items()}
    return [Problem(name, Severity.REFUSE, reason) for name, reason in found.items() if reason]


def _unfit(name: str, value: Value) -> str:
    if name == "smart_position":
        return "" if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, int) or isinstance(value, bool):
        return "must be a whole number"
    least = _LEAST_INTERVAL if name == "tracking_interval" else 0
    return "" if least <= value <= _MOST else f"the node takes {least} to {_MOST}"


def changed(config: Sequence[Field], settings: Settings) -> list[Field]:
    """The whole PositionConfig with these settings in it and everything else kept."""
    return proto.replaced(config, {NUMBERS[name]: int(value) for name, value in settings.items()})


def decode(config: Sequence[Field]) -> dict[str, Value]:
    """All profile fields of a PositionConfig: what is absent is 0 or false."""
    told: dict[str, Value] = {name: proto.number(config, at) for name, at in NUMBERS.items()}
    told["smart_position"] = bool(told["smart_position"])
    return told


def kept(before: Sequence[Field], after: Sequence[Field]) -> bool:
    """Whether everything that is no setting stayed as it was."""
    return _others(before) == _others(after)


def _others(config: Sequence[Field]) -> list[Field]:
    ours = set(NUMBERS.values())
    return [each for each in config if each.number not in ours and each.value]
