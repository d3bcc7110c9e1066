"""The sessions that are up, by tracker, and what happens when two links claim one device id.

A second live link with the same device id is a *contest*: deliveries are held until one of the two is gone. A device
that came back through another NAT binding leaves its old link behind, silent: an old link that has heard nothing for
`stale_after` seconds since the newest one logged in is closed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from tracker_gateway.process.metrics import Metrics
from tracker_gateway.sessions.session import Session, SessionListener
from tracker_gateway.store.nouns import Tracker

#: Live links that may claim one device id; further ones are turned away, so that a contest costs a bounded amount.
MAX_CLAIMS = 4


class LiveSessions:
    """Knows every session of the process; tells the listener of ups, downs and contests in a safe order.

    A contest is told before the second session is up, and its end after the session that left is down: nothing can be
    sent in between. `clock` is the loop's time in s.
    """

    def __init__(
        self, listener: SessionListener, metrics: Metrics, clock: Callable[[], float], *, stale_after: float = 60.0
    ) -> None:
        self._listener = listener
        self._metrics = metrics
        self._clock = clock
        self._stale_after = stale_after
        self._sessions: dict[int, tuple[Session, ...]] = {}
        self._contested: set[int] = set()
        self._flagged: set[int] = set()
        self._ids = itertools.count(1)

    def __len__(self) -> int:
        return len(self._sessions)

    def next_id(self) -> int:
        """A session id that no other session of this process has."""
        return next(self._ids)

    def of(self, tracker_id: int) -> Sequence[Session]:
        """The live sessions of a tracker, oldest first."""
        return self._sessions.get(tracker_id, ())

    def contested(self, tracker_id: int) -> bool:
        """Two live links claim this tracker's device id."""
        return tracker_id in self._contested

    def full(self, tracker: Tracker) -> bool:
        """As many links claim this tracker's device id as may: a further one is turned away, before `up`."""
        return len(self._sessions.get(tracker.tracker_id, ())) >= MAX_CLAIMS

    def up(self, session: Session) -> None:
        """A tracker was identified on a link."""
        tracker_id = session.tracker.tracker_id
        self._sessions[tracker_id] = (*self._sessions.get(tracker_id, ()), session)
        self._judge(session.tracker)
        self._listener.session_up(session)

    def down(self, session: Session, reason: str) -> None:
        """The link is gone. Nothing happens for a session that is not up."""
        tracker_id = session.tracker.tracker_id
        present = self._sessions.get(tracker_id, ())
        left = tuple(other for other in present if other is not session)
        if len(left) == len(present):
            return
        if left:
            self._sessions[tracker_id] = left
        else:
            del self._sessions[tracker_id]
            self._flagged.discard(tracker_id)
        self._listener.session_down(session, reason)
        self._judge(session.tracker)

    def flag(self, tracker: Tracker, contested: bool) -> None:
        """A transport without connections saw two senders take turns (True), or only one for long enough (False)."""
        if contested and tracker.tracker_id in self._sessions:
            self._flagged.add(tracker.tracker_id)
        else:
            self._flagged.discard(tracker.tracker_id)
        self._judge(tracker)

    def sweep(self, now: float) -> None:
        """Close the stale sides of contests. Called every few seconds."""
        for tracker_id in list(self._contested):
            sessions = self._sessions.get(tracker_id, ())
            newest = max((session.opened for session in sessions), default=now)
            if now - newest < self._stale_after:
                continue
            for session in sessions:
                if session.opened < newest and session.last_heard < newest:
                    session.close("stale: silent since another link of this tracker logged in")

    def tracker_changed(self, old: Tracker | None, new: Tracker | None) -> None:
        """The register changed (see `Register.on_change`): sessions of a tracker that may not speak now are closed."""
        if old is None:
            return
        for session in self._sessions.get(old.tracker_id, ()):
            reason = _why_not(session, new)
            if reason:
                session.close(reason)
            elif new is not None:
                session.tracker = new

    def close_all(self, reason: str) -> None:
        """Close every session."""
        for sessions in list(self._sessions.values()):
            for session in sessions:
                session.close(reason)

    def _judge(self, tracker: Tracker) -> None:
        """Tell the listener when a contest began or ended."""
        tracker_id = tracker.tracker_id
        contested = len(self._sessions.get(tracker_id, ())) > 1 or tracker_id in self._flagged
        if contested == (tracker_id in self._contested):
            return
        if contested:
            self._contested.add(tracker_id)
        else:
            self._contested.discard(tracker_id)
        self._metrics.contested.set(len(self._contested))
        self._listener.contested(tracker, contested)


def _why_not(session: Session, tracker: Tracker | None) -> str:
    """Why a session must end now that its tracker is this; empty when it may stay."""
    if tracker is None:
        return "the tracker was removed"
    if tracker.blocked:
        return "the tracker was blocked"
    if tracker.clone or (tracker.device_id, tracker.model) != (session.tracker.device_id, session.tracker.model):
        return "the tracker was changed"
    return ""
