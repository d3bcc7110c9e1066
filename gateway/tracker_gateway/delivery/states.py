"""The delivery states: one table. Everything that moves a delivery asks it.

A delivery rests when it is `final`: in one of the terminal states, or settled in `sent` or `acknowledged` because its
family has no better evidence to give. Nothing moves a final one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from tracker_gateway.store.nouns import DeliveryState as State


class Event(StrEnum):
    """What happened to a delivery."""

    WRITTEN = "written"  # the link took the bytes of a command that writes
    ACKNOWLEDGED = "acknowledged"  # every command that writes was acknowledged
    CONFIRMED = "confirmed"  # the tracker said the desired values itself
    SETTLED = "settled"  # the family gives no better evidence than this
    MISMATCHED = "mismatched"  # the tracker said other values
    REJECTED = "rejected"  # the tracker said no
    UNSURE = "unsure"  # the link, the gateway or the answer was lost on the way: it must be asked again
    FAILED = "failed"  # no dialogue can do it
    SUPERSEDED = "superseded"  # a newer revision was accepted
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class IllegalTransition(Exception):
    """A defect: this event cannot happen to a delivery in this state."""


class Position(NamedTuple):
    """Where a delivery stands."""

    state: State
    final: bool = False


_ENDS = {Event.SUPERSEDED: State.SUPERSEDED, Event.CANCELLED: State.CANCELLED, Event.EXPIRED: State.EXPIRED}

#: State -> event -> state. A state without events is terminal.
TABLE: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.QUEUED: {
            Event.WRITTEN: State.SENT,
            Event.CONFIRMED: State.CONFIRMED,  # read first, and found as desired
            Event.REJECTED: State.REJECTED,  # refused before anything was written: a probe, a password
            Event.UNSURE: State.QUEUED,
            Event.FAILED: State.FAILED,
            **_ENDS,
        },
        State.SENT: {
            Event.ACKNOWLEDGED: State.ACKNOWLEDGED,
            Event.CONFIRMED: State.CONFIRMED,  # the acknowledgement was lost, the read-back was not
            Event.SETTLED: State.SENT,
            Event.MISMATCHED: State.MISMATCHED,
            Event.REJECTED: State.REJECTED,
            Event.UNSURE: State.QUEUED,
            Event.FAILED: State.FAILED,
            **_ENDS,
        },
        State.ACKNOWLEDGED: {
            Event.CONFIRMED: State.CONFIRMED,
            Event.SETTLED: State.ACKNOWLEDGED,
            Event.MISMATCHED: State.MISMATCHED,
            Event.REJECTED: State.REJECTED,
            Event.UNSURE: State.QUEUED,
            Event.FAILED: State.FAILED,
            **_ENDS,
        },
        State.CONFIRMED: {},
        State.REJECTED: {},
        State.MISMATCHED: {},
        State.EXPIRED: {},
        State.SUPERSEDED: {},
        State.CANCELLED: {},
        State.FAILED: {},
    }
)

TERMINAL = frozenset(state for state, events in TABLE.items() if not events)
#: The tracker may have got something of it.
IN_FLIGHT = frozenset({State.SENT, State.ACKNOWLEDGED})


def step(position: Position, event: Event) -> Position:
    """Where the event leads. Raises IllegalTransition."""
    target = None if position.final else TABLE[position.state].get(event)
    if target is None:
        rest = " (final)" if position.final else ""
        raise IllegalTransition(f"{event} cannot happen to a delivery that is {position.state}{rest}")
    return Position(target, event is Event.SETTLED or target in TERMINAL)
