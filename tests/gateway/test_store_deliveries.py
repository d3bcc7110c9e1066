"""Desired revisions, deliveries, the ledger, twins and raw commands: order, merging, ends that stay, bounds."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from tracker_codecs.contract import FieldOutcome, FieldState, Strength
from tracker_gateway.store import Delivery, Exchange, Reported, Store, StoreError, Twin, _deliveries, open_store
from tracker_gateway.store.nouns import DeliveryState, Desired

ASKED = {"tracking_interval": 30, "sleep_mode": True, "apn": "a'; DROP TABLE trackers--"}
UNKNOWN = {name: FieldOutcome(FieldState.UNKNOWN, value) for name, value in ASKED.items()}


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "g.db")
    await opened.add_tracker(device_id="1", model="m")
    await opened.add_tracker(device_id="2", model="m")
    yield opened
    await opened.close()


async def ask(store: Store, tracker_id: int = 1, interval: int = 30, now: float = 100.0) -> Twin:
    settings = {"tracking_interval": interval}
    return await store.accept(tracker_id, settings, author="key", now=now, expires=now + 50, fields={})


def exchange(revision: int, text: str, sent: float = 1.5) -> Exchange:
    return Exchange(revision, 1, "write", ("a", "b"), b"\x00\xff", text, "e", "ack", b"\r\n", "r", sent, 2.5, True)


async def test_an_accepted_revision_is_read_back_whole(store: Store) -> None:
    accepted = await store.accept(1, ASKED, author="key", now=100.0, expires=150.0, fields=UNKNOWN)
    assert accepted == Twin(
        1, Desired(1, ASKED, "key", 100.0), Delivery(1, 1, DeliveryState.QUEUED, 100.0, 150.0, fields=UNKNOWN)
    )
    assert await store.twin(1) == accepted
    assert await store.pending() == [accepted]
    assert await store.twin(2) == Twin(2)


async def test_a_newer_revision_supersedes_the_open_one_in_the_same_commit(store: Store, tmp_path: Path) -> None:
    await ask(store)
    with sqlite3.connect(tmp_path / "g.db") as db:  # what cannot be done whole is not done at all
        db.execute("CREATE TRIGGER stop BEFORE INSERT ON deliveries BEGIN SELECT raise(ABORT, 'stop'); END")
    with pytest.raises(StoreError, match="stop"):
        await ask(store, interval=60)
    assert (await store.twin(1)).delivery == Delivery(1, 1, DeliveryState.QUEUED, 100.0, 150.0)
    with sqlite3.connect(tmp_path / "g.db") as db:
        db.execute("DROP TRIGGER stop")
    await store.save(1, delivery=Delivery(1, 1, DeliveryState.SENT, 110.0, 150.0, unsure=True))
    await ask(store, interval=60, now=120.0)
    (_, new), (_, old) = await store.history(1, limit=9, before=None)
    assert (new.revision, new.state, new.final) == (2, DeliveryState.QUEUED, False)
    assert (old.state, old.final, old.unsure, old.changed, old.detail) == (
        DeliveryState.SUPERSEDED,
        True,
        False,
        120.0,
        "by revision 2",
    )
    assert [each.desired.revision for each in await store.pending() if each.desired] == [2]


async def test_what_is_final_stays_as_it_is(store: Store) -> None:
    await ask(store)
    outcomes = {
        "tracking_interval": FieldOutcome(FieldState.MISMATCHED, 30, 60, Strength.READ_BACK, "clamped"),
        "other": FieldOutcome(FieldState.UNSUPPORTED, reason="no"),
    }
    end = Delivery(1, 1, DeliveryState.MISMATCHED, 130.0, 150.0, True, False, 3, "why", outcomes)
    await store.save(1, delivery=end)
    await store.save(1, delivery=replace(end, state=DeliveryState.CONFIRMED, changed=140.0))
    await store.save(1, delivery=Delivery(1, 1, DeliveryState.QUEUED, 140.0, 150.0))
    assert (await store.twin(1)).delivery == end
    await ask(store, interval=60)
    assert (await store.history(1, limit=1, before=2))[0][1] == end  # nor is it superseded
    command = await store.add_raw(1, "x", reliable=False, author="a", now=1, expires=2)
    done = replace(command, state=DeliveryState.CONFIRMED, final=True, reply=b"\xff", reply_text="t", changed=3.0)
    await store.save_raw(done)
    await store.save_raw(replace(done, state=DeliveryState.FAILED))
    assert await store.get_raw([command.command_id]) == [done]


async def test_saves_keep_the_order_of_the_calls(store: Store) -> None:
    await ask(store)
    futures = [
        store.save(1, delivery=Delivery(1, 1, DeliveryState.SENT, float(at), 150.0), exchanges=[exchange(1, str(at))])
        for at in range(700)  # more than one group
    ]
    await asyncio.gather(*futures)
    delivery = (await store.twin(1)).delivery
    assert delivery is not None
    assert delivery.changed == 699.0
    assert [each.text for each in await store.ledger(1, 1)] == [str(at) for at in range(500, 700)]


async def test_reported_and_known_are_merged_and_the_reread_stays_until_told(store: Store) -> None:
    await store.save(1, reported={"a": Reported(1, 1.0), "b": Reported([1, "x"], 1.0)}, known={"k": "1"}, reread=7.0)
    await store.save(1, reported={"a": Reported(2, 2.0)}, known={"l": "2"})
    await store.save(2, known={})
    expected = Twin(
        1,
        reported={"a": Reported(2, 2.0), "b": Reported([1, "x"], 1.0)},
        known={"k": "1", "l": "2"},
        reread=7.0,
    )
    assert await store.twin(1) == expected
    assert await store.pending() == [expected]  # no delivery, but a re-read is owed
    assert await store.all_known() == {1: {"k": "1", "l": "2"}}
    await store.save(1, reread=0.0)
    assert await store.pending() == []
    await store.save(1, reported={"a": Reported(b"\x00", 3.0)})  # what JSON does not know is told, not refused
    assert (await store.twin(1)).reported["a"] == Reported("b'\\x00'", 3.0)


async def test_the_ledger_keeps_bytes_as_they_were(store: Store) -> None:
    await ask(store)
    await store.save(1, exchanges=[exchange(1, "first"), exchange(0, "none"), exchange(1, "second")])
    assert await store.ledger(1, 1) == [
        replace(exchange(1, "first"), seq=1),
        replace(exchange(1, "second"), seq=2),
    ]
    assert await store.ledger(1, 0) == [replace(exchange(0, "none"), seq=1)]
    assert await store.ledger(2, 1) == []


async def test_pruning_keeps_the_newest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEEP_DELIVERIES", "KEEP_EXCHANGES", "KEEP_RAW"):
        monkeypatch.setattr(_deliveries, name, 3)
    await ask(store, tracker_id=2)
    await store.save(2, exchanges=[exchange(1, "other")])
    await store.save(1, exchanges=[exchange(0, "none")])
    for at in range(5):
        await ask(store, now=float(at))
        mixed = [exchange(at + 1, str(each)) for each in range(5)]
        await store.save(1, exchanges=[*mixed, exchange(0, "none")])  # two revisions in one: both are bounded
    assert [desired.revision for desired, _ in await store.history(1, limit=9, before=None)] == [5, 4, 3]
    assert [desired.revision for desired, _ in await store.history(1, limit=1, before=5)] == [4]
    assert [await store.ledger(1, gone) for gone in (1, 2)] == [[], []]
    for kept in (3, 4, 5):
        assert [each.text for each in await store.ledger(1, kept)] == ["2", "3", "4"]
    assert [each.seq for each in await store.ledger(1, 0)] == [4, 5, 6]
    assert len(await store.ledger(2, 1)) == 1  # another tracker's stay
    assert len(await store.history(2, limit=9, before=None)) == 1

    commands = [await store.add_raw(1, str(at), reliable=True, author="", now=1, expires=2) for at in range(5)]
    assert await store.pending_raw() == commands  # open ones are never let go
    for command in commands:
        await store.save_raw(replace(command, state=DeliveryState.EXPIRED, final=True))
    last = await store.add_raw(1, b"\x01\xff", reliable=True, author="", now=1, expires=2)
    assert [each.command_id for each in await store.get_raw(range(99))] == [4, 5, 6]
    assert await store.pending_raw() == [last]
    assert (last.command, commands[0].command) == (b"\x01\xff", "0")


async def test_pending_is_sorted_and_whole(store: Store) -> None:
    await ask(store, tracker_id=2)
    await store.save(2, known={"k": "2"}, reread=1.0)
    await store.save(1, reread=2.0)
    pending = await store.pending()
    assert [each.tracker_id for each in pending] == [1, 2]
    assert pending == [await store.twin(1), await store.twin(2)]
