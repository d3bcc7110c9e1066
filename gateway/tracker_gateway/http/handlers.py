"""What each call does, once it is known who asks for what."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracker_gateway.http.errors import TRY_AGAIN_LATER, error_body, invalid
from tracker_gateway.http.events import Stream
from tracker_gateway.service.calls import ApiError, Happening, Service
from tracker_gateway.store.nouns import Key, Tracker

#: Members of an answer, bytes that are sent as they are, or an answer that goes on.
Answer = dict[str, Any] | bytes | Stream

#: Trackers described in one go before other work of the loop has its turn.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed all checks of this layer. `key` and `tracker` are there where the route needs them."""

    service: Service
    values: Mapping[str, Any]
    key: Key | None = None
    about: Tracker | None = None

    @property
    def tracker(self) -> Tracker:
        """The tracker the call is about."""
        assert self.about is not None
        return self.about

    @property
    def asker(self) -> Key:
        """The key of who asks."""
        assert self.key is not None
        return self.key

    @property
    def author(self) -> str:
        """Who asks, for the history."""
        return self.asker.label or f"key {self.asker.key_id}"


async def read(call: Call) -> Answer:
    """`value` and `sync`."""
    return await call.service.read(call.tracker)


async def update(call: Call) -> Answer:
    """`sync`, or `dry_run`."""
    settings = call.values["tracking_settings"]
    if call.values["dry_run"]:
        return await call.service.dry_run(call.tracker, settings)
    return await call.service.update(call.tracker, settings, author=call.author, wait=call.values["wait"])


async def status(call: Call) -> Answer:
    """`sync` and `ledger`."""
    return await call.service.status(call.tracker)


async def history(call: Call) -> Answer:
    """`list`."""
    return await call.service.history(call.tracker, limit=call.values["limit"], before=call.values["before"])


async def cancel(call: Call) -> Answer:
    """`sync`."""
    return await call.service.cancel(call.tracker)


async def reread(call: Call) -> Answer:
    """`sync`."""
    return await call.service.reread(call.tracker, wait=call.values["wait"])


async def list_trackers(call: Call) -> Answer:
    """`list`."""
    first = call.values["offset"]
    wanted = call.service.trackers(call.asker)[first : first + call.values["limit"]]
    found = []
    for start in range(0, len(wanted), _BATCH):
        found += [call.service.describe(tracker) for tracker in wanted[start : start + _BATCH]]
        await asyncio.sleep(0)
    return {"list": found}


async def read_tracker(call: Call) -> Answer:
    """`value`."""
    return {"value": call.service.describe(call.tracker)}


async def list_models(call: Call) -> Answer:
    """`list`."""
    return {"list": list(call.service.list_models())}


async def raw_command(call: Call) -> Answer:
    """`id`, `state`, `reply`. Raises ApiError 7 for digits that are not hexadecimal."""
    command: str | bytes = call.values["command"]
    if call.values["type"] == "hex":
        try:
            command = bytes.fromhex(call.values["command"])
        except ValueError:
            raise invalid("command", "Non-hex string") from None
        if not command:
            raise invalid("command", "must hold at least one byte")
    return await call.service.raw_command(
        call.tracker,
        command,
        reliable=call.values["reliable"],
        wait=call.values["wait"],
        author=call.author,
    )


async def events(call: Call) -> Answer:
    """Events of one tracker, or of all that the key may see."""
    if call.values["tracker_id"] is not None:
        return Stream(call.service.watch(call.tracker), lambda happening: True)

    def visible(happening: Happening) -> bool:
        try:
            call.service.tracker(call.asker, happening.tracker_id)
        except ApiError:
            return False
        return True

    return Stream(call.service.watch(), visible)


async def health(call: Call) -> Answer:
    """The state of the gateway; code 8 with the same members when it is not well."""
    found = call.service.health()
    if found.get("status") == "ok":
        return found
    return {**error_body(TRY_AGAIN_LATER), "health": found}


async def metrics(call: Call) -> Answer:
    """Prometheus text."""
    return call.service.metrics()
