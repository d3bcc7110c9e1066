"""Rows of the embedded database to the gateway's nouns and back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson
from tracker_codecs.contract import FieldOutcome, FieldState, Settings, Strength

from tracker_gateway.store.base import Delivery, Exchange, RawCommand, Reported, StoreError
from tracker_gateway.store.nouns import DeliveryState, Desired, Key, Right, Tracker, UnknownDevice

TRACKER = "tracker_id, device_id, model, owner, label, blocked, clone, options, experimental, created"
KEY = "key_id, owner, label, rights, created, revoked"
DESIRED = "revision, settings, author, time"
DELIVERY = "state, final, unsure, attempts, changed, expires, detail, fields"
EXCHANGE = (
    "revision, attempt, purpose, fields, written, text, expects, verdict, reply, reply_text, sent, ended, masked, seq"
)
RAW = (
    "command_id, tracker_id, command, is_text, reliable, author, state, created, changed, expires, final, detail, "
    "reply, reply_text"
)
UNKNOWN = "device_id, family, transport, peer, first_seen, last_seen, times"

_NOTHING: Mapping[str, Any] = MappingProxyType({})
Row = tuple[Any, ...]


def dumps(value: Any) -> str:
    """JSON text. Raises StoreError for a value that JSON does not know."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        # Without the value: it may hold a device password.
        raise StoreError(f"cannot be kept: {error}") from None


def plain(value: Any) -> Any:
    """The value, or its form for people where JSON does not know it: what a codec told must not stop the record."""
    try:
        orjson.dumps(value)
    except TypeError:
        return repr(value)[:300]
    return value


def loads(text: str) -> dict[str, Any]:
    """The object of a JSON text of ours."""
    found: dict[str, Any] = {} if text == "{}" else orjson.loads(text)
    return found


def tracker(row: Row) -> Tracker:
    """From the columns TRACKER."""
    tracker_id, device_id, model, owner, label, blocked, clone, options, experimental, created = row
    given = _NOTHING if options == "{}" else MappingProxyType(orjson.loads(options))
    return Tracker(
        tracker_id, device_id, model, owner, label, bool(blocked), bool(clone), given, bool(experimental), created
    )


def key(row: Row) -> Key:
    """From the columns KEY."""
    key_id, owner, label, rights, created, revoked = row
    return Key(key_id, owner, label, frozenset(map(Right, orjson.loads(rights))), created, bool(revoked))


def desired(row: Row) -> Desired:
    """From the columns DESIRED."""
    revision, settings, author, time = row
    return Desired(revision, loads(settings), author, time)


def pack_fields(fields: Mapping[str, FieldOutcome]) -> str:
    """Outcomes without the desired values, which the revision holds."""
    return dumps(
        {
            name: [outcome.state.value, plain(outcome.reported), outcome.strength, outcome.reason]
            for name, outcome in fields.items()
        }
    )


def delivery(tracker_id: int, revision: int, settings: Settings, row: Row) -> Delivery:
    """From the columns DELIVERY."""
    state, final, unsure, attempts, changed, expires, detail, fields = row
    outcomes = {
        name: FieldOutcome(
            FieldState(verdict), settings.get(name), reported, None if strength is None else Strength(strength), reason
        )
        for name, (verdict, reported, strength, reason) in loads(fields).items()
    }
    return Delivery(
        tracker_id,
        revision,
        DeliveryState(state),
        changed,
        expires,
        bool(final),
        bool(unsure),
        attempts,
        detail,
        outcomes,
    )


def reported(text: str) -> dict[str, Reported]:
    """From the column `reported`."""
    return {name: Reported(value, time) for name, (value, time) in loads(text).items()}


def exchange(row: Row) -> Exchange:
    """From the columns EXCHANGE."""
    values: list[Any] = [*row]
    values[3] = tuple(orjson.loads(row[3]))
    values[12] = bool(row[12])
    return Exchange(*values)


def raw(row: Row) -> RawCommand:
    """From the columns RAW."""
    command_id, tracker_id, command, is_text, reliable, author, state, created, changed, expires, final, *rest = row
    given = command.decode() if is_text else command
    return RawCommand(
        command_id,
        tracker_id,
        given,
        bool(reliable),
        author,
        DeliveryState(state),
        created,
        changed,
        expires,
        bool(final),
        *rest,
    )


def unknown(row: Row) -> UnknownDevice:
    """From the columns UNKNOWN."""
    return UnknownDevice(*row)
