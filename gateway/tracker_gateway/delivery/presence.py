"""Who is there: the sessions of each tracker, and the device ids that two links claim."""

from __future__ import annotations

from collections.abc import Sequence

from tracker_gateway.sessions.session import Session


class Presence:
    """What the transports told of sessions."""

    def __init__(self) -> None:
        self._sessions: dict[int, list[Session]] = {}
        self._contested: set[int] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    def sessions(self, tracker_id: int) -> Sequence[Session]:
        """Oldest first."""
        return self._sessions.get(tracker_id, ())

    def session(self, tracker_id: int) -> Session | None:
        """The newest session of a tracker."""
        sessions = self._sessions.get(tracker_id)
        return sessions[-1] if sessions else None

    def is_contested(self, tracker_id: int) -> bool:
        """Two live links claim its device id."""
        return tracker_id in self._contested

    def up(self, session: Session) -> None:
        """It came."""
        self._sessions.setdefault(session.tracker.tracker_id, []).append(session)

    def down(self, session: Session) -> None:
        """It went."""
        tracker_id = session.tracker.tracker_id
        left = [each for each in self.sessions(tracker_id) if each is not session]
        if left:
            self._sessions[tracker_id] = left
        else:
            self._sessions.pop(tracker_id, None)

    def contest(self, tracker_id: int, contested: bool) -> bool:
        """A contest began or ended; whether that is news."""
        news = contested != (tracker_id in self._contested)
        (self._contested.add if contested else self._contested.discard)(tracker_id)
        return news
