"""The state table, pair by pair, against a table written by hand."""

from __future__ import annotations

import itertools

import pytest
from tracker_gateway.delivery.states import TERMINAL, Event, IllegalTransition, Position, step
from tracker_gateway.store.nouns import DeliveryState

ENDS = {"failed": "failed", "superseded": "superseded", "cancelled": "cancelled", "expired": "expired"}
MAY = {
    "queued": {"written": "sent", "confirmed": "confirmed", "rejected": "rejected", "unsure": "queued", **ENDS},
    "sent": {
        "acknowledged": "acknowledged",
        "confirmed": "confirmed",
        "settled": "sent",
        "mismatched": "mismatched",
        "rejected": "rejected",
        "unsure": "queued",
        **ENDS,
    },
    "acknowledged": {
        "confirmed": "confirmed",
        "settled": "acknowledged",
        "mismatched": "mismatched",
        "rejected": "rejected",
        "unsure": "queued",
        **ENDS,
    },
}


@pytest.mark.parametrize(("state", "event"), [*itertools.product(DeliveryState, Event)])
def test_every_pair(state: DeliveryState, event: Event) -> None:
    expected = MAY.get(state.value, {}).get(event.value)
    if expected is None:
        with pytest.raises(IllegalTransition, match=f"{event} cannot happen to a delivery that is {state}"):
            step(Position(state), event)
    else:
        found = step(Position(state), event)
        assert found.state.value == expected
        assert found.final == (event is Event.SETTLED or expected not in MAY)


@pytest.mark.parametrize(("state", "event"), [*itertools.product(DeliveryState, Event)])
def test_a_final_one_moves_nowhere(state: DeliveryState, event: Event) -> None:
    with pytest.raises(IllegalTransition):
        step(Position(state, final=True), event)


def test_confirmed_has_one_event() -> None:
    into = {event for events in MAY.values() for event, state in events.items() if state == "confirmed"}
    assert into == {"confirmed"}
    assert {state.value for state in TERMINAL} == {state.value for state in DeliveryState} - MAY.keys()
