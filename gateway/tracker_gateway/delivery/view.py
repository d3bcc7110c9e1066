"""How a twin is told to people and programs: the `sync` object of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker_codecs.contract import Capability, FieldState, Strength

from tracker_gateway.delivery.ledger import when
from tracker_gateway.delivery.work import same
from tracker_gateway.store import Delivery, Twin
from tracker_gateway.store.nouns import DeliveryState, Desired


def drifted(twin: Twin) -> list[str]:
    """The settings that were confirmed, and of which the tracker says something else now."""
    if twin.delivery is None or twin.desired is None or twin.delivery.state is not DeliveryState.CONFIRMED:
        return []
    return [
        name
        for name, outcome in twin.delivery.fields.items()
        if outcome.state is FieldState.CONFIRMED
        and name in twin.reported
        and not same(twin.reported[name].value, twin.desired.settings.get(name))
    ]


def reached(delivery: Delivery) -> Strength | None:
    """The weakest evidence among the settings that the tracker can carry."""
    found = [
        each.strength or Strength.ACCEPTED
        for each in delivery.fields.values()
        if each.state is not FieldState.UNSUPPORTED
    ]
    return min(found, default=None)


def _best(names: Mapping[str, Any], capabilities: Mapping[str, Capability]) -> Strength | None:
    found = [each.best for name in names if (each := capabilities.get(name)) is not None and each.best is not None]
    return min(found, default=None)


def _name(strength: Strength | None) -> str | None:
    return None if strength is None else strength.name.lower()


def fields(delivery: Delivery) -> dict[str, Any]:
    """Field by field."""
    return {
        name: {
            "state": each.state.value,
            "desired": each.desired,
            "reported": each.reported,
            "strength": _name(each.strength),
            "reason": each.reason or None,
        }
        for name, each in delivery.fields.items()
    }


def sync(
    twin: Twin, *, capabilities: Mapping[str, Capability], connected: bool, contested: bool = False
) -> dict[str, Any]:
    """How far the newest desired revision got, and what the tracker itself says. None stands for nothing known."""
    names: Mapping[str, Any] = capabilities if twin.desired is None else twin.desired.settings
    told: dict[str, Any] = {
        "revision": None,
        "state": None,
        "final": None,
        "strength": None,
        "best_strength": _name(_best(names, capabilities)),
        "reported": {name: each.value for name, each in twin.reported.items()},
        "reported_at": when(max(each.time for each in twin.reported.values())) if twin.reported else None,
        "fields": {},
        "unsupported": {},
        "connected": connected,
        "contested": contested,
        "drift": bool(drifted(twin)),
        "reread_pending": bool(twin.reread),
    }
    if twin.desired is not None and twin.delivery is not None:
        told.update(_delivery(twin.desired, twin.delivery))
    return told


def _delivery(desired: Desired, delivery: Delivery) -> dict[str, Any]:
    return {
        "revision": desired.revision,
        "state": delivery.state.value,
        "final": delivery.final,
        "strength": _name(reached(delivery)),
        "fields": fields(delivery),
        "unsupported": {
            name: each.reason for name, each in delivery.fields.items() if each.state is FieldState.UNSUPPORTED
        },
        "attempts": delivery.attempts,
        "accepted_at": when(desired.time),
        "time": when(delivery.changed),
        "expires": when(delivery.expires),
        "detail": delivery.detail or None,
    }


def entry(desired: Desired, delivery: Delivery) -> dict[str, Any]:
    """A delivery of the history."""
    return {"author": desired.author, "settings": dict(desired.settings), **_delivery(desired, delivery)}
