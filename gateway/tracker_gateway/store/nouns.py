"""The nouns every room of the gateway shares. Plain data; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tracker_codecs.contract import Settings


@dataclass(frozen=True, slots=True)
class Tracker:
    """A registered unit. `clone`: shares its device id with an original; it may be read, never changed."""

    tracker_id: int
    device_id: str
    model: str
    owner: str = ""
    label: str = ""
    blocked: bool = False
    clone: bool = False
    #: Per-tracker overrides of the model's codec options (`password`, `sack`, ...). Secret ones are never shown.
    options: Mapping[str, Any] = field(default_factory=dict)
    #: The operator switched low-confidence facts on for this unit.
    experimental: bool = False
    created: float = 0.0  # Unix time, s


class Right(StrEnum):
    """What a key may do beyond reading."""

    CONFIGURE = "tracker_configure"  # update, cancel, reread
    RAW_COMMAND = "tracker_raw_command"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, without its secret. `owner` empty: may see trackers of every owner."""

    key_id: int
    owner: str
    label: str
    rights: frozenset[Right]
    created: float = 0.0
    revoked: bool = False


class DeliveryState(StrEnum):
    """See `delivery.states` for the one table of what may follow what."""

    QUEUED = "queued"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    MISMATCHED = "mismatched"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Desired:
    """What was asked for. Revisions count from 1 for each tracker and never repeat."""

    revision: int
    settings: Settings
    author: str  # key label, for the history
    time: float


@dataclass(frozen=True, slots=True)
class UnknownDevice:
    """A device id that called in and is not registered."""

    device_id: str
    family: str
    transport: str
    peer: str
    first_seen: float
    last_seen: float
    times: int
