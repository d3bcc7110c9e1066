"""The sessions that are up: contests, their end, and the order in which it is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tracker_gateway.process.metrics import Metrics
from tracker_gateway.sessions.live import MAX_CLAIMS, LiveSessions
from tracker_gateway.sessions.session import Session
from tracker_gateway.store.nouns import Tracker

TRACKER = Tracker(7, "100000000000001", "fake_tracker")


class Fake(Session):
    def __init__(self, opened: float = 0.0) -> None:
        self.tracker = TRACKER
        self.opened = self.last_heard = opened
        self.closed = ""

    def write(self, data: bytes, channel: str = "") -> bool:
        return True

    def close(self, reason: str) -> None:
        self.closed = reason


class Listener:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def session_up(self, session: Session) -> None:
        self.told.append(("up", session))

    def session_down(self, session: Session, reason: str) -> None:
        self.told.append(("down", session))

    def message(self, session: Session, message: Any) -> None: ...

    def contested(self, tracker: Tracker, contested: bool) -> None:
        self.told.append(("contested", contested))


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def live(listener: Listener) -> LiveSessions:
    return LiveSessions(listener, Metrics(), lambda: 0.0, stale_after=60.0)


def test_a_contest_is_told_before_the_second_and_ended_after_it(live: LiveSessions, listener: Listener) -> None:
    one, two = Fake(), Fake()
    live.up(one)
    live.up(two)
    assert live.contested(7)
    live.down(one, "gone")
    live.down(one, "gone again")
    assert not live.contested(7)
    assert listener.told == [
        ("up", one),
        ("contested", True),
        ("up", two),
        ("down", one),
        ("contested", False),
    ]
    assert (list(live.of(7)), len(live)) == ([two], 1)
    live.down(two, "gone")
    assert len(live) == 0


def test_only_the_side_that_fell_silent_is_closed(live: LiveSessions) -> None:
    silent, alive, newest = Fake(0), Fake(0), Fake(100)
    for each in (silent, alive, newest):
        live.up(each)
    alive.last_heard = 101
    live.sweep(159)
    assert not silent.closed
    live.sweep(160)
    assert silent.closed
    assert not alive.closed
    assert not newest.closed


def test_claims_are_bounded(live: LiveSessions) -> None:
    for _ in range(MAX_CLAIMS):
        assert not live.full(TRACKER)
        live.up(Fake())
    assert live.full(TRACKER)


def test_flags_of_datagrams(live: LiveSessions, listener: Listener) -> None:
    live.flag(TRACKER, True)
    assert not live.contested(7)  # nobody is there
    only = Fake()
    live.up(only)
    live.flag(TRACKER, True)
    live.flag(TRACKER, True)
    assert live.contested(7)
    live.down(only, "gone")
    assert [each for each in listener.told if each[0] == "contested"] == [("contested", True), ("contested", False)]


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (None, "the tracker was removed"),
        (replace(TRACKER, blocked=True), "the tracker was blocked"),
        (replace(TRACKER, clone=True), "the tracker was changed"),
        (replace(TRACKER, model="fake_angle_tracker"), "the tracker was changed"),
        (replace(TRACKER, device_id="2"), "the tracker was changed"),
        (replace(TRACKER, label="van"), ""),
    ],
)
def test_the_register_changes(live: LiveSessions, new: Tracker | None, reason: str) -> None:
    session = Fake()
    live.up(session)
    live.tracker_changed(TRACKER, new)
    assert session.closed == reason
    assert (session.tracker is new) == (not reason)
