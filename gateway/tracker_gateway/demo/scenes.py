"""The scenes of the demo. A scene is a function of the stage; add one to SCENES and it is shown."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tracker_gateway.demo.cast import BIKE, BOAT, PARCEL, RECEIVER, TRUCK, VAN, Actor
from tracker_gateway.demo.show import MOODS
from tracker_gateway.demo.stage import TRACKING, Json, Stage

Scene = Callable[[Stage], Awaitable[None]]


async def opening(stage: Stage) -> None:
    """Who is there."""
    screen = stage.screen
    screen.title("A gateway, and trackers that call in")
    screen.line(f"  HTTP            {stage.url}")
    for (family, link), (host, port) in stage.daemon.addresses.items():
        screen.line(f"  {family:<16}{host}:{port}/{link.value}")
    screen.line(f"  store           SQLite, {stage.daemon.store.name}")
    screen.line()
    for actor in (VAN, BIKE):
        await stage.online(actor)
    stage.moment(f"{PARCEL.name:<8}asleep: its link is down", "dim")
    stage.expect(f"the {VAN.name} and the {BIKE.name} log in, the {PARCEL.name} sleeps", True)


async def dry_run(stage: Stage) -> None:
    """First the bytes, without sending them; then the same for real."""
    screen = stage.screen
    screen.title(f"The {VAN.name} ({VAN.model}): what would be sent?")
    answer = await stage.update(VAN, VAN.asks, dry_run=True)
    planned = answer.get("dry_run", {}).get("commands", [])
    for command in planned:
        screen.exchange(command)
    screen.title(f"The {VAN.name}: now for real")
    await stage.update(VAN, VAN.asks)
    state = await stage.follow(VAN)
    told = await _evidence(stage, VAN)
    sent = [entry["hex"] for entry in told["ledger"]]
    fixed = [command["hex"] for command in planned if not command["depends_on_read"]]
    stage.expect(f"{VAN.name}: confirmed by read-back", _read_back(state, told))
    stage.expect(
        f"{VAN.name}: the dry run's {len(fixed)} commands equal the bytes sent",
        bool(fixed) and [each for each in sent if each in fixed] == fixed,
    )
    _expect_true(stage, VAN)


async def sleeper(stage: Stage) -> None:
    """A delivery waits for a tracker that sleeps."""
    stage.screen.title(f"The {PARCEL.name} ({PARCEL.model}) is asleep: its settings wait for it")
    answer = await stage.update(PARCEL, PARCEL.asks)
    sync = answer.get("sync", {})
    stage.moment(f"{PARCEL.name:<8}{sync.get('state') or 'refused':<14}accepted, on disk: it waits")
    waits = sync.get("state") == "queued" and sync.get("connected") is False
    stage.expect(f"{PARCEL.name}: queued while it sleeps", waits)
    stage.moment(f"{PARCEL.name:<8}wakes up", "dim")
    await stage.devices[PARCEL.name].start()
    state = await stage.follow(PARCEL)
    stage.expect(f"{PARCEL.name}: confirmed by read-back once awake", _read_back(state, await _evidence(stage, PARCEL)))
    _expect_true(stage, PARCEL)


async def clamped(stage: Stage) -> None:
    """A tracker that says yes and does something else."""
    stage.screen.title(f"The {BIKE.name} ({BIKE.model}) says OK, and keeps another value")
    await stage.update(BIKE, BIKE.asks)
    state = await stage.follow(BIKE)
    told = await _evidence(stage, BIKE)
    field = told["sync"]["fields"].get("tracking_interval", {})
    stage.screen.line(
        f"  asked for {field.get('desired')} s, the tracker says {field.get('reported')} s: not confirmed", "warn"
    )
    stage.expect(f"{BIKE.name}: mismatched, though it acknowledged", state == "mismatched")
    both = (field.get("desired"), field.get("reported")) == (30, 60)
    stage.expect(f"{BIKE.name}: both values are told, 30 s asked for and 60 s kept", both)


async def refusals(stage: Stage) -> None:
    """What cannot be done is said at once."""
    stage.screen.title("What cannot be done is said at once")
    answer = await stage.update(BOAT, BOAT.asks)
    _refusal(stage, answer)
    stage.expect(f"{BOAT.name} ({BOAT.model}): refused with code 214, nothing public sets it", _code(answer) == 214)
    stage.screen.line()
    answer = await stage.update(VAN, {**VAN.asks, "tracking_interval": 5})
    _refusal(stage, answer)
    errors = {each["parameter"]: each["error"] for each in answer.get("errors", ())}
    stage.expect(
        f"{VAN.name}: 5 s refused with code 7 and the reason beside the field",
        _code(answer) == 7 and list(errors) == ["tracking_settings.tracking_interval"],
    )


async def fields(stage: Stage) -> None:
    """Field by field."""
    stage.screen.title("Field by field")
    rows, moods = [("tracker", "setting", "asked", "tracker says", "evidence", "verdict")], []
    reasons: list[str] = []
    for actor in (VAN, PARCEL, BIKE):
        told = (await stage.status(actor)).get("sync", {}).get("fields", {})
        for name, about in told.items():
            state = str(about["state"])
            asked, says = (_value(about.get(key)) for key in ("desired", "reported"))
            rows.append((actor.name, name, asked, says, (about.get("strength") or "-").replace("_", "-"), state))
            moods.append(MOODS.get(state, ""))
            if about.get("reason"):
                reasons.append(f"{actor.name}, {name}: {about['reason']}")
    stage.screen.table(rows, moods)
    stage.screen.line()
    for each in reasons:
        stage.screen.paragraph(each, "dim", "  ")


async def elsewhere(stage: Stage) -> None:
    """The same over a broker, and over a serial port."""
    for actor, where in ((TRUCK, "behind an MQTT broker"), (RECEIVER, "on a serial port")):
        stage.screen.title(f"The {actor.name} ({actor.model}), {where}")
        if actor.name in stage.absent:
            stage.screen.paragraph(f"not shown: {stage.absent[actor.name]}", "warn", "  ")
            continue
        await stage.update(actor, actor.asks)
        state = await stage.follow(actor)
        stage.expect(f"{actor.name}: confirmed by read-back, {where}", _read_back(state, await _evidence(stage, actor)))
        same = all(stage.settings(actor).get(name) == value for name, value in actor.asks.items())
        stage.expect(f"{actor.name}: the device itself does what was asked", same)


SCENES: tuple[Scene, ...] = (opening, dry_run, sleeper, clamped, elsewhere, refusals, fields)


async def _evidence(stage: Stage, actor: Actor) -> Json:
    """Status of a tracker, its ledger shown: what was written and what was read back."""
    told = await stage.status(actor)
    if "sync" not in told:
        return {"sync": {"fields": {}}, "ledger": []}
    stage.screen.line()
    stage.screen.line(f"  The evidence ({TRACKING}/status), bytes and meaning:", "strong")
    shown = [entry for entry in told["ledger"] if entry["purpose"] in ("write", "read_back")]
    if left := len(told["ledger"]) - len(shown):
        stage.screen.line(f"  {left} readings before the change are not shown", "dim")
    for entry in shown:
        stage.screen.exchange(entry)
    return told


def _read_back(state: str, told: Json) -> bool:
    """Confirmed, and every setting the tracker can carry was read back as asked for."""
    carried = [each for each in told["sync"]["fields"].values() if each["state"] != "unsupported"]
    good = [each for each in carried if each.get("strength") == "read_back" and each["desired"] == each["reported"]]
    return state == "confirmed" and bool(carried) and carried == good


def _expect_true(stage: Stage, actor: Actor) -> None:
    """The device's own state, not what anybody says of it."""
    same = stage.settings(actor).get("tracking_interval") == actor.asks["tracking_interval"]
    stage.expect(f"{actor.name}: the device itself is set to {actor.asks['tracking_interval']} s now", same)


def _code(answer: Json) -> Any:
    return answer.get("status", {}).get("code")


def _refusal(stage: Stage, answer: Json) -> None:
    status = answer.get("status", {})
    stage.screen.paragraph(f"refused: {status.get('description')} (code {status.get('code')})", "warn", "  ")
    if answer.get("detail"):
        stage.screen.paragraph(str(answer["detail"]), "", "    ")
    for each in answer.get("errors", ()):
        stage.screen.paragraph(f"{each['parameter']}: {each['error']}", "", "    ")


def _value(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)
