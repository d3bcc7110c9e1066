"""Deliveries through a whole gateway and a real store, on a clock that is wound by hand and links in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from tracker_codecs.contract import Dialogue, Faults, FieldOutcome, FieldState, Outcome, Strength, Target, Transport
from tracker_codecs.family import Family
from tracker_gateway.store import Reported, StoreUnavailable, Twin

from tests.gateway import fake_family
from tests.gateway.delivery_world import GOOD, OTHER, World


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await World.open(tmp_path)
    yield made
    await made.close()


async def test_confirmed_with_its_evidence(world: World) -> None:
    device = world.emulator()
    link = world.link(device)
    link.login()
    await world.update(GOOD)
    told = await world.gateway.status(world.tracker)
    assert (told["sync"]["state"], told["sync"]["final"], told["sync"]["strength"]) == ("confirmed", True, "read_back")
    assert device.settings == GOOD
    assert [each["purpose"] for each in told["ledger"]] == ["write", "read_back"]
    assert [bytes.fromhex(each["hex"]) for each in told["ledger"]] == link.written
    assert bytes.fromhex(told["evidence"]["tracking_interval"]["read_back"]).startswith(b"value ")
    assert [each["state"] for each in world.told("delivery")] == ["queued", "sent", "acknowledged", "confirmed"]
    await world.flush()
    assert world.engine.open_lanes == 0
    assert link.conversation is None
    text = world.metrics.render().decode()
    for state in ("queued", "sent", "acknowledged", "confirmed"):
        assert f'tracker_gateway_deliveries_total{{state="{state}"}} 1.0' in text
    assert 'tracker_gateway_commands_total{purpose="read_back",verdict="answered"} 1.0' in text


async def test_dry_run_shows_the_bytes_sent_later(world: World) -> None:
    shown = (await world.gateway.dry_run(world.tracker, GOOD))["dry_run"]["commands"]
    await world.update(GOOD)
    link = world.link(world.emulator())
    link.login()
    assert [bytes.fromhex(each["hex"]) for each in shown] == link.written
    assert len(link.written) == 2


async def test_three_attempts_a_contact_and_the_next_starts_again(world: World) -> None:
    await world.update(GOOD)
    link = world.link(world.emulator(Faults(silent=True)))
    link.login()
    times = []
    for _ in range(1000):
        if len(link.written) > len(times):
            times += [world.clock.time() - 1000] * (len(link.written) - len(times))
        world.clock.pass_(1)
    # write and read-back go unanswered (2 s each); from then on only the reading is tried, 15 and 60 s later
    assert times == [0, 2, 19, 81]
    assert [bytes(each.split()[0]) for each in link.written] == [b"set", b"get", b"get", b"get"]
    assert (await world.sync())["state"] == "queued"
    link.down()
    again = world.link(world.emulator())
    again.login()
    assert (await world.sync())["state"] == "confirmed"


async def test_a_tracker_that_dies_of_commands_is_left_alone_but_not_for_ever(world: World) -> None:
    await world.update(GOOD)
    for _ in range(3):
        link = world.link(world.emulator(Faults(silent=True)))
        link.login()
        link.down()
    soon = world.link(world.emulator())
    soon.login()
    assert soon.written == []
    soon.down()
    world.clock.pass_(300)  # a short contact after the pause is used at once
    later = world.link(world.emulator())
    later.login()
    assert (await world.sync())["state"] == "confirmed"


async def test_a_restart_reads_first_and_writes_nothing_that_is_there(world: World) -> None:
    await world.update(GOOD)
    device = world.emulator()
    link = world.link(device)
    link.at_once = False
    link.login()
    assert len(link.written) == 1  # obeyed, and the gateway never heard
    await world.restart()
    assert (await world.sync())["state"] == "queued"
    link = world.link(device)
    link.login()
    assert [each.split()[0] for each in link.written] == [b"get"]
    told = await world.sync()
    assert (told["state"], told["detail"]) == ("confirmed", "found as desired when read again")


async def test_what_is_only_stored_confirms_nothing_when_it_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart the unit is read first; equal numbers that are not known to be in force end nothing."""
    await world.update(GOOD)
    device = world.emulator()
    link = world.link(device)
    link.at_once = False
    link.login()
    await world.restart()
    honest = Family.read

    def read(self: Family, target: Target, wanted: Sequence[str]) -> Dialogue:
        outcome = yield from honest(self, target, wanted)
        return replace(outcome, stored=frozenset({"tracking_interval"}))

    monkeypatch.setattr(Family, "read", read)
    link = world.link(device)
    link.login()
    assert [each.split()[0] for each in link.written[:2]] == [b"get", b"set"]  # found, not believed, written again


async def test_a_late_acknowledgement_confirms_nothing_newer(world: World) -> None:
    device = world.emulator()
    link = world.link(device)
    link.at_once = False
    link.login()
    await world.update(GOOD)
    await world.update(OTHER)
    assert len(link.written) == 1  # one in flight: the newest waits for the pending reply
    world.clock.pass_(2)
    assert len(link.written) == 2
    stale = link.answers[0]
    link.loses = True
    link.answers.clear()
    link.hear(stale)
    assert (await world.sync())["state"] == "sent"
    history = (await world.gateway.history(world.tracker, limit=10, before=None))["list"]
    assert [each["state"] for each in history] == ["sent", "superseded"]


async def test_newest_wins_in_order(world: World) -> None:
    device = world.emulator()
    link = world.link(device)
    link.at_once = False
    link.login()
    for interval in (60, 70, 80):
        await world.update({**GOOD, "tracking_interval": interval})
    link.at_once = True
    link.deliver()
    sets = [each.split()[2] for each in link.written if each.startswith(b"set")]
    assert sets == [b"interval=60", b"interval=80"]
    assert (await world.sync())["state"] == "confirmed"
    assert device.settings["tracking_interval"] == 80


async def test_an_impostor_consumes_nothing(world: World) -> None:
    device = world.emulator()
    real = world.link(device)
    real.at_once = False
    real.login()
    await world.update(GOOD)
    impostor = world.link(world.emulator(settings=GOOD))
    impostor.login()
    assert impostor.written == []
    real.deliver()
    world.clock.pass_(1000)
    told = await world.sync()
    assert (told["state"], told["contested"], told["final"]) == ("queued", True, False)
    assert world.told("contested") == [{"contested": True}]
    real.at_once = True
    impostor.down()
    assert (await world.sync())["state"] == "confirmed"
    assert world.told("contested")[-1] == {"contested": False}


@pytest.mark.parametrize("jump", [0.0, 31 * 86400.0])
async def test_nothing_is_sent_after_its_time(world: World, jump: float) -> None:
    await world.update(GOOD)
    if jump:
        world.clock.shift = jump  # the wall clock was put right: the timer does not know
    else:
        world.clock.pass_(30 * 86400)
        assert world.told("delivery")[-1]["state"] == "expired"
    link = world.link(world.emulator())
    link.login()
    assert link.written == []
    assert (await world.sync())["state"] == "expired"


async def test_it_expires_between_two_commands(world: World) -> None:
    link = world.link(world.emulator())
    link.at_once = False
    link.login()
    await world.update(GOOD)
    world.clock.shift = 30 * 86400.0
    link.deliver()
    assert len(link.written) == 1
    assert (await world.sync())["state"] == "expired"


async def test_a_sleeping_tracker_is_written_to_when_its_frame_comes(tmp_path: Path) -> None:
    world = await World.open(tmp_path, transport=Transport.UDP)
    link = world.link(world.emulator())
    link.login()
    world.clock.pass_(61)
    await world.update(GOOD)
    assert link.written == []
    link.hear(b"report 1\n")
    assert [each.split()[0] for each in link.written] == [b"set", b"get"]
    await world.close()


@pytest.mark.parametrize(
    ("faults", "state", "reported"),
    [
        (Faults(clamp={"tracking_interval": (100, 200)}), "mismatched", 100),
        (Faults(ignore=frozenset({"tracking_interval"})), "mismatched", 600),
        (Faults(refuse=frozenset({"tracking_interval"})), "rejected", 600),
    ],
)
async def test_what_the_tracker_does_otherwise(world: World, faults: Faults, state: str, reported: int) -> None:
    world.link(world.emulator(faults)).login()
    await world.update(GOOD)
    told = await world.sync()
    assert (told["state"], told["final"]) == (state, True)
    assert told["fields"]["tracking_interval"]["desired"] == 60
    assert told["fields"]["tracking_interval"]["reported"] == reported


async def test_no_flipped_bit_of_a_read_back_confirms_another_value(world: World) -> None:
    good = b"value 97 interval=60 distance=100\n"
    for bit in range(len(good) * 8):
        link = world.link(device := world.emulator())

        def spoil(data: bytes, bit: int = bit) -> bytes:
            if not data.startswith(b"value"):
                return data
            spoiled = bytearray(data)
            spoiled[min(bit // 8, len(data) - 1)] ^= 1 << bit % 8
            return bytes(spoiled)

        link.spoil = spoil
        link.login()
        await world.update(GOOD)
        told = world.engine.twin(world.tracker.tracker_id)
        if told.delivery.state == "confirmed":
            assert {name: each.reported for name, each in told.delivery.fields.items()} == device.settings == GOOD
        link.down()


async def test_cancel_while_in_flight(world: World) -> None:
    link = world.link(world.emulator())
    link.at_once = False
    link.login()
    await world.update(GOOD)
    assert (await world.gateway.cancel(world.tracker))["sync"]["state"] == "cancelled"
    link.deliver()
    assert len(link.written) == 1
    assert (await world.sync())["state"] == "cancelled"


async def test_reread_finds_drift(world: World) -> None:
    device = world.emulator()
    world.link(device).login()
    await world.update(GOOD)
    device.receive(b"set 1 interval=77\n")
    told = (await world.gateway.reread(world.tracker, wait=30))["sync"]
    assert (told["drift"], told["state"], told["reported"]["tracking_interval"]) == (True, "confirmed", 77)
    assert world.told("drift") == [{"reported": {"tracking_interval": 77}}]


async def test_reread_goes_by_no_older_twin(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store's reader sees may be older than what the engine has just written and let go of."""
    device = world.emulator()
    link = world.link(device)
    link.login()
    link.at_once = False
    await world.update(GOOD)
    await world.flush()
    older = await world.store.twin(world.tracker.tracker_id)
    assert older.delivery is not None
    assert not older.delivery.final
    link.at_once = True
    link.deliver()
    await world.flush()
    assert world.engine.open_lanes == 0
    written = len(link.written)

    async def stale(_: int) -> Twin:
        return replace(older, reread=1.0)

    monkeypatch.setattr(world.store, "twin", stale)
    assert (await world.gateway.reread(world.tracker))["sync"]["state"] == "confirmed"
    assert [each[:4] for each in link.written[written:]] == [b"get "]


@pytest.mark.parametrize("reliable", [True, False])
async def test_raw_commands_are_never_written_twice(world: World, reliable: bool) -> None:
    link = world.link(world.emulator())
    link.at_once = False
    link.login()
    made = await world.gateway.raw_command(world.tracker, "get 5", reliable=reliable, author="test")
    assert (made["state"], made["final"]) == ("sent", False)
    await world.restart()
    again = world.link(world.emulator())
    again.login()
    assert again.written == []
    await world.flush()
    (kept,) = await world.store.get_raw([made["id"]])
    assert (kept.state, kept.final) == ("sent", True)


async def test_a_raw_command_is_answered(world: World) -> None:
    world.link(world.emulator()).login()
    made = await world.gateway.raw_command(world.tracker, "get 5", reliable=False, wait=5, author="test")
    assert (made["state"], made["final"], made["reply"]) == ("acknowledged", True, "value 5 interval=600 distance=1000")


async def test_a_reliable_raw_command_waits(world: World) -> None:
    made = await world.gateway.raw_command(world.tracker, "get 5", reliable=True, author="test")
    await world.restart()
    link = world.link(world.emulator())
    link.login()
    await world.flush()
    assert link.written == [b"get 5\n"]
    (kept,) = await world.store.get_raw([made["id"]])
    assert (kept.state, kept.final) == ("acknowledged", True)


@pytest.mark.parametrize("what", [ValueError("x"), "no command", None])
async def test_a_broken_codec_costs_one_delivery(world: World, monkeypatch: pytest.MonkeyPatch, what: object) -> None:
    def apply(*_: object) -> object:
        if isinstance(what, Exception):
            raise what
        if what:
            yield what
        return None

    link = world.link(world.emulator())
    link.login()
    with monkeypatch.context() as patch:
        patch.setattr(Family, "apply", lambda _, target, wanted: apply(target, wanted))
        await world.update(GOOD)
    told = await world.sync()
    assert (told["state"], told["final"]) == ("failed", True)
    assert "codec failed" in told["detail"]
    await world.update(OTHER)
    assert (await world.sync())["state"] == "confirmed"


async def test_no_confirmation_without_read_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = world.family.apply

    def apply(target: object, settings: dict[str, object]) -> object:
        yield from honest(target, settings)  # type: ignore[arg-type]
        weak = FieldOutcome(FieldState.CONFIRMED, None, None, Strength.ACKNOWLEDGED)
        equal = {name: FieldOutcome(weak.state, v, v, weak.strength, "\ud800") for name, v in settings.items()}
        return Outcome(equal, known={"odd": "\ud800"})

    monkeypatch.setattr(Family, "apply", lambda _, target, wanted: apply(target, wanted))
    world.link(world.emulator()).login()
    await world.update(GOOD)
    told = await world.sync()
    assert (told["state"], told["final"], told["strength"]) == ("acknowledged", True, "acknowledged")


async def test_a_store_that_fails_for_a_while_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, StoreUnavailable("disk full"))
        return future

    link = world.link(world.emulator())
    link.at_once = False
    link.login()
    await world.update(GOOD)
    await world.flush()  # nothing of before is under way in the store's thread
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "save", fail)
        link.at_once = True
        link.deliver()
        with pytest.raises(StoreUnavailable, match="disk full"):
            await world.flush()
        assert (await world.store.twin(world.tracker.tracker_id)).delivery.state != "confirmed"  # type: ignore[union-attr]
        assert world.engine.open_lanes == 1
    world.clock.pass_(5)
    await world.flush()
    twin = await world.store.twin(world.tracker.tracker_id)
    assert twin.delivery is not None
    assert (twin.delivery.state, twin.reported["tracking_interval"].value) == ("confirmed", 60)
    kept = await world.store.ledger(world.tracker.tracker_id, 1)
    assert [each.purpose for each in kept] == ["write", "read_back"]


async def test_a_link_that_dies_under_the_write(world: World) -> None:
    await world.update(GOOD)
    link = world.link(world.emulator())
    link.dies = True
    link.login()
    assert (await world.sync())["state"] == "queued"
    world.link(world.emulator()).login()
    assert (await world.sync())["state"] == "confirmed"


async def test_a_new_model_is_not_sent_what_the_old_one_was_asked(world: World) -> None:
    await world.update(GOOD)
    await world.store.change_tracker(world.tracker.tracker_id, model=fake_family.ANGLE_MODEL)
    await world.gateway.refresh()
    link = world.link(world.emulator())
    link.login()
    assert link.written == []
    assert (await world.sync())["state"] == "cancelled"


async def test_a_codec_that_confirms_another_value_is_not_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = world.family.apply

    def apply(target: object, settings: dict[str, object]) -> object:
        yield from honest(target, settings)  # type: ignore[arg-type]
        return Outcome(
            {name: FieldOutcome(FieldState.CONFIRMED, v, 7, Strength.READ_BACK) for name, v in settings.items()}
        )

    monkeypatch.setattr(Family, "apply", lambda _, target, wanted: apply(target, wanted))
    world.link(world.emulator()).login()
    await world.update(GOOD)
    told = await world.sync()
    assert (told["state"], told["fields"]["tracking_interval"]["reported"]) == ("mismatched", 7)


async def test_a_failed_write_goes_back_before_what_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, tracker_id = world.engine.journal, world.tracker.tracker_id
    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "save", lambda *_, **__: failing)
        journal.keep(tracker_id, reported={"tracking_interval": Reported(1, 1.0)}, known={"old": "1"})
        journal.keep(tracker_id, reported={"tracking_interval": Reported(2, 2.0)})
        failing.set_exception(StoreUnavailable("disk full"))
        await asyncio.sleep(0)
    assert journal.busy(tracker_id)
    world.clock.pass_(5)
    await world.flush()
    twin = await world.store.twin(tracker_id)
    assert (twin.reported["tracking_interval"], twin.known) == (Reported(2, 2.0), {"old": "1"})


async def test_what_a_command_deletes_is_kept_though_link_and_gateway_end_there(tmp_path: Path) -> None:
    """Enfora: a row of the unit's own table is taken out before it is made anew. Nobody else remembers it."""
    world = await World.open(
        tmp_path, model="enfora_mt_gl", family="enfora", device_id="135790246811220", transport=Transport.UDP
    )
    device = world.emulator()
    before = device.settings["tracking_distance"]
    link = world.link(device)
    plain = link.write

    def cut(data: bytes, channel: str = "") -> bool:
        link.at_once = b"EVDEL" not in data
        taken = plain(data, channel)
        if b"EVDEL" in data:
            link.down()
        return taken

    link.write = cut  # type: ignore[method-assign]
    link.login()
    wanted = {"tracking_interval": 90, "tracking_distance": 700}
    assert before != wanted["tracking_distance"]
    await world.update(wanted)
    assert b"EVDEL" in link.written[-1]
    assert device.settings["tracking_distance"] == 0  # no row
    await world.restart()
    again = world.link(device)
    again.login()
    told = await world.sync()

    assert any(b"AT$EVENT=" in each and b",16,700," in each for each in again.written)
    assert (told["state"], device.settings["tracking_distance"]) == ("confirmed", 700)
    await world.close()
