"""Deliveries: who is worked with, and when. Hears of sessions, keeps one command in flight per tracker.

A lane exists for each tracker with something to do. A contact (a new session; where there is no link, a message after
silence) lets the attempts start again. What is done in a contact is the business of `Work`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tracker_codecs.contract import Command, Message, Outcome, Reply, Transport
from tracker_codecs.errors import LocalError
from tracker_codecs.text import clean

from tracker_gateway.config import DeliveryConfig
from tracker_gateway.delivery.events import Bus
from tracker_gateway.delivery.journal import Journal, Meter
from tracker_gateway.delivery.lane import Lane
from tracker_gateway.delivery.runner import Clock, Conversation
from tracker_gateway.delivery.settle import Settle
from tracker_gateway.delivery.states import IN_FLIGHT, IllegalTransition
from tracker_gateway.delivery.view import drifted
from tracker_gateway.delivery.work import Next, Pace, Raw, Reread, Work
from tracker_gateway.directory import Directory
from tracker_gateway.sessions import Session
from tracker_gateway.store import RawCommand, Store, Twin
from tracker_gateway.types import Tracker

#: A timer is set again after at most this, s: the wall clock may have been put right meanwhile.
MAX_SLEEP = 3600.0
_LINKED = frozenset({Transport.TCP, Transport.SERIAL})


class Engine:
    """Implements `sessions.SessionListener` and `runner.Host`. Everything happens in the event loop."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        bus: Bus,
        clock: Clock,
        *,
        config: DeliveryConfig | None = None,
        meter: Meter | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.config = config or DeliveryConfig()
        self._store = store
        self._directory = directory
        self._clock = clock
        self._wall = wall
        self.journal = Journal(store, bus, clock, wall, idle=self._idle, meter=meter)
        self._lanes: dict[int, Lane] = {}
        self._sessions: dict[int, list[Session]] = {}
        self._contested: set[int] = set()
        self._of: dict[Conversation, Lane] = {}
        self._stopped = False
        directory.on_change(self._registered)

    # -- life ---------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Take up what was open when the gateway ended: what was in flight is unknown, it is read first."""
        for twin in await self._store.pending():
            lane = self._lane(twin)
            settle = lane.settle
            if settle is not None and settle.delivery.state in IN_FLIGHT:
                settle.interrupted("the gateway was restarted")
            self._kick(lane)
        for command in await self._store.pending_raw():
            lane = self._lanes.get(command.tracker_id) or Lane(await self._store.twin(command.tracker_id))
            self._add_raw(lane, command).interrupted("the gateway was restarted")
            self._kick(lane)

    async def stop(self) -> None:
        """Break off what is under way (it is read first when the gateway comes back), and see it on disk."""
        self._stopped = True
        for lane in list(self._lanes.values()):
            self._break_off(lane, "the gateway stops")
            if lane.timer is not None:
                lane.timer.cancel()
                lane.timer = None
        self.journal.stop()

    # -- what is wanted -----------------------------------------------------------------------------------------------
    def submit(self, twin: Twin) -> None:
        """A revision was accepted and is on disk. An older one that is under way ends after its pending reply."""
        assert twin.desired is not None
        assert twin.delivery is not None
        lane = self._lanes.get(twin.tracker_id)
        if lane is not None and lane.settle is not None:
            if lane.settle.desired.revision >= twin.desired.revision:
                return
            lane.settle.supersede(twin.desired.revision)
        if lane is None:
            lane = self._lane(twin)
        else:
            lane.twin = replace(twin, reread=lane.twin.reread, reported=lane.twin.reported)
            lane.settle = Settle(self.journal, twin.desired, twin.delivery, self._pace())
        if lane.conversation is not None and lane.current is not None and lane.current.over:
            lane.conversation.drain()
        self._kick(lane)

    def cancel(self, tracker_id: int, detail: str) -> bool:
        """End the open delivery and the raw commands that wait; whether there was anything."""
        lane = self._lanes.get(tracker_id)
        works = [] if lane is None else [each for each in lane.works() if isinstance(each, Settle | Raw)]
        if lane is None or not works:
            return False
        for work in works:
            work.cancel(detail)
        if lane.conversation is not None and lane.current is not None and lane.current.over:
            lane.conversation.drain()
        self._idle(tracker_id)
        return True

    def reread(self, twin: Twin) -> None:
        """Ask the tracker for its settings at the next contact. `twin.reread` is when it was asked for."""
        lane = self._lanes.get(twin.tracker_id)
        if lane is None:
            lane = self._lane(twin)
        else:
            lane.twin = replace(lane.twin, reread=twin.reread)
        if lane.reread is None or lane.reread.over:
            lane.reread = self._reread(lane.twin)
        self._kick(lane)

    def raw(self, command: RawCommand, twin: Twin) -> None:
        """Send an operator's command: at once, or where it is `reliable` at the next contact."""
        lane = self._lanes.get(twin.tracker_id) or Lane(twin)
        raw = self._add_raw(lane, command)
        self._kick(lane)
        if not command.reliable and not raw.over and lane.conversation is None:
            raw.interrupted("the tracker cannot be reached now")
            self._idle(lane.tracker_id)

    # -- what is asked ------------------------------------------------------------------------------------------------
    def twin(self, tracker_id: int) -> Twin | None:
        """The twin of a tracker that is being worked with; of any other one the store knows all."""
        lane = self._lanes.get(tracker_id)
        return None if lane is None else lane.view()

    def session(self, tracker_id: int) -> Session | None:
        """The newest session of a tracker."""
        sessions = self._sessions.get(tracker_id)
        return sessions[-1] if sessions else None

    def is_contested(self, tracker_id: int) -> bool:
        """Two live links claim its device id."""
        return tracker_id in self._contested

    @property
    def connected(self) -> int:
        """Trackers with a session."""
        return len(self._sessions)

    @property
    def open_lanes(self) -> int:
        """Trackers with something to do."""
        return len(self._lanes)

    # -- sessions (SessionListener) -----------------------------------------------------------------------------------
    def session_up(self, session: Session) -> None:
        """A new contact: everything that waits may start again."""
        tracker_id = session.tracker.tracker_id
        self._sessions.setdefault(tracker_id, []).append(session)
        lane = self._lanes.get(tracker_id)
        session.conversation = lane
        self.journal.tell("session", tracker_id, connected=True, peer=session.peer)
        if lane is None:
            return
        if lane.conversation is not None and lane.conversation.session is not session:
            self._break_off(lane, "the tracker came back on another link")
        self._contact(lane)
        self._kick(lane)

    def message(self, session: Session, message: Message) -> None:
        """The hot path: nothing to do for a tracker nobody works with."""
        lane: Lane | None = session.conversation
        if lane is not None:
            self._heard(lane, session, message)

    def session_down(self, session: Session, reason: str) -> None:
        """What is under way on this link breaks off."""
        tracker_id = session.tracker.tracker_id
        sessions = self._sessions.get(tracker_id, [])
        if session in sessions:
            sessions.remove(session)
        if not sessions:
            self._sessions.pop(tracker_id, None)
        session.conversation = None
        self.journal.tell("session", tracker_id, connected=bool(sessions), reason=reason)
        lane = self._lanes.get(tracker_id)
        if lane is not None and lane.conversation is not None and lane.conversation.session is session:
            work = lane.current
            self._break_off(lane, f"the link was lost: {clean(reason)}")
            if work is not None:
                work.pace.losses += 1
        if lane is not None:
            if not sessions:
                for raw in lane.raws:
                    if not raw.over and not raw.command.reliable:
                        raw.interrupted("the link was lost")
            self._kick(lane)

    def contested(self, tracker: Tracker, contested: bool) -> None:
        """While two links claim a device id nothing is said on either."""
        tracker_id = tracker.tracker_id
        if contested == (tracker_id in self._contested):
            return
        self.journal.tell("contested", tracker_id, contested=contested)
        lane = self._lanes.get(tracker_id)
        if contested:
            self._contested.add(tracker_id)
            if lane is not None:
                self._break_off(lane, "two links claim this device id")
        else:
            self._contested.discard(tracker_id)
            if lane is not None:
                self._contact(lane)
                self._kick(lane)

    def _heard(self, lane: Lane, session: Session, message: Message) -> None:
        now = self._clock.time()
        silence, lane.heard = now - lane.heard, now
        if lane.conversation is not None:
            if lane.conversation.session is session:
                lane.conversation.hear(message)
            return
        if session.transport not in _LINKED:
            for work in lane.works():
                if silence > self.config.idle_gap or work.pace.stale(now):
                    work.pace.renew(now)
        self._kick(lane)

    def _registered(self, old: Tracker | None, new: Tracker | None) -> None:
        """The register changed."""
        tracker = new or old
        lane = None if tracker is None else self._lanes.get(tracker.tracker_id)
        if lane is None:
            return
        if new is None:
            self._break_off(lane, "the tracker was removed")
            self._forget(lane)
        else:
            if new.blocked or new.clone or (old is not None and new.model != old.model):
                self._break_off(lane, "the tracker's registration changed")
            self._kick(lane)

    # -- lanes --------------------------------------------------------------------------------------------------------
    def _pace(self) -> Pace:
        return Pace(self.config.delays)

    def _lane(self, twin: Twin) -> Lane:
        lane = Lane(twin)
        if twin.desired is not None and twin.delivery is not None and not twin.delivery.final:
            lane.settle = Settle(self.journal, twin.desired, twin.delivery, self._pace())
        if twin.reread:
            lane.reread = self._reread(twin)
        self._attach(lane)
        return lane

    def _attach(self, lane: Lane) -> None:
        self._lanes[lane.tracker_id] = lane
        for session in self._sessions.get(lane.tracker_id, ()):
            session.conversation = lane

    def _reread(self, twin: Twin) -> Reread:
        revision = 0 if twin.desired is None else twin.desired.revision
        return Reread(
            self.journal, twin.tracker_id, self._pace(), asked=twin.reread, ttl=self.config.ttl, revision=revision
        )

    def _add_raw(self, lane: Lane, command: RawCommand) -> Raw:
        raw = Raw(self.journal, command, self._pace())
        lane.raws.append(raw)
        self._attach(lane)
        return raw

    def _contact(self, lane: Lane) -> None:
        now = self._clock.time()
        lane.heard = now
        for work in lane.works():
            work.pace.renew(now)

    def _idle(self, tracker_id: int) -> None:
        """Let go of a lane that has nothing left to do and nothing left to write."""
        lane = self._lanes.get(tracker_id)
        if lane is not None and not lane.open and lane.conversation is None and not self.journal.busy(tracker_id):
            self._forget(lane)

    def _forget(self, lane: Lane) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
        del self._lanes[lane.tracker_id]
        for session in self._sessions.get(lane.tracker_id, ()):
            session.conversation = None

    def _break_off(self, lane: Lane, reason: str) -> None:
        conversation, work = lane.conversation, lane.current
        if conversation is None or work is None:
            return
        conversation.abort()
        self._release(lane)
        work.interrupted(reason)

    def _release(self, lane: Lane) -> None:
        if lane.conversation is not None:
            self._of.pop(lane.conversation, None)
        lane.conversation = None
        lane.current = None
        lane.tidy()

    # -- when ---------------------------------------------------------------------------------------------------------
    def _kick(self, lane: Lane) -> None:
        """Begin what may begin now, and set the timer for what may begin later."""
        if self._stopped or lane.conversation is not None:
            return
        wall = self._wall()
        for work in tuple(lane.works()):
            if work.expires <= wall:
                work.expire()
        session = self._reachable(lane)
        if session is not None:
            now = self._clock.time()
            for work in lane.works():
                if work.pace.not_before <= now:
                    self._begin(lane, work, session)
                    # The work may be done already, and the link gone, by the time its first bytes are written.
                    if lane.conversation is not None or self._reachable(lane) is not session:
                        break
        self._set_timer(lane)
        self._idle(lane.tracker_id)

    def _reachable(self, lane: Lane) -> Session | None:
        """The session a command may be written to now."""
        tracker = self._directory.get(lane.tracker_id)
        session = self.session(lane.tracker_id)
        if session is None or lane.tracker_id in self._contested:
            return None
        if tracker is None or tracker.blocked or tracker.clone:
            return None
        if self._directory.family(tracker) is not session.family:
            return None
        if session.transport not in _LINKED:
            heard = max(session.last_heard, lane.heard)
            if self._clock.time() - heard > self.config.idle_gap:
                return None  # it sleeps: its next message opens the window
        return session

    def _set_timer(self, lane: Lane) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
            lane.timer = None
        works = list(lane.works())
        if not works:
            return
        wall, now = self._wall(), self._clock.time()
        waits = [work.expires - wall for work in works]
        if lane.conversation is None and lane.tracker_id in self._sessions:
            waits += [work.pace.not_before - now for work in works if work.pace.not_before > now]
        delay = min(max(min(waits), 0.0), MAX_SLEEP)
        lane.timer = self._clock.call_later(delay, self._due, lane)

    def _due(self, lane: Lane) -> None:
        lane.timer = None
        if self._lanes.get(lane.tracker_id) is not lane:
            return
        if lane.conversation is None:
            self._kick(lane)
            return
        wall = self._wall()
        for work in tuple(lane.works()):
            if work.expires <= wall:
                work.expire()
        if lane.current is not None and lane.current.over:
            lane.conversation.drain()
        self._set_timer(lane)

    # -- conversations ------------------------------------------------------------------------------------------------
    def _begin(self, lane: Lane, work: Work, session: Session) -> None:
        tracker = self._directory.get(lane.tracker_id)
        assert tracker is not None
        try:
            target = self._directory.target(
                tracker, transport=session.transport, link_options=session.link_options, serial=work.serial
            )
            dialogue = work.begin(session.family, target)
        except LocalError as error:
            work.failed(str(error))
            return
        except Exception as error:  # a defect of one codec must cost this one piece of work and nothing else
            work.failed(clean(f"the codec failed: {type(error).__name__}: {error}"))
            return
        conversation = Conversation(session, dialogue, self, self._clock)
        lane.conversation = conversation
        lane.current = work
        self._of[conversation] = lane
        conversation.start()

    def wrote(self, conversation: Conversation, command: Command) -> None:
        """See `Host`."""
        work = self._of[conversation].current
        assert work is not None
        work.wrote(command)

    def exchanged(self, conversation: Conversation, command: Command, reply: Reply, sent: float) -> None:
        """See `Host`."""
        work = self._of[conversation].current
        assert work is not None
        work.exchanged(command, reply, self._wall() - (self._clock.time() - sent))
        if work.expires <= self._wall() and not work.over:
            work.expire()
        if work.over and not isinstance(work, Raw):
            conversation.drain()

    def ended(self, conversation: Conversation, outcome: Outcome) -> None:
        """See `Host`."""
        lane = self._of[conversation]
        work = lane.current
        assert work is not None
        self._release(lane)
        self._directory.learn(lane.tracker_id, outcome.known)
        work.pace.losses = 0
        before = lane.view()
        lane.told(outcome.reported, self._wall())
        try:
            after = work.ended(outcome)
        except IllegalTransition as error:
            work.failed(f"the codec's outcome does not fit what was sent: {error}")
            after = Next.DONE
        if outcome.reported:
            self._look_for_drift(lane, before)
        if after is Next.AGAIN and (session := self._reachable(lane)) is not None and not work.over:
            self._begin(lane, work, session)
            self._set_timer(lane)
        else:
            if after is Next.RETRY:
                self._again_later(work, "the tracker did not answer")
            self._kick(lane)

    def garbled(self, conversation: Conversation, reason: str) -> None:
        """See `Host`."""
        self._gave_up(conversation, f"the tracker's answer could not be read: {reason}")

    def refused(self, conversation: Conversation) -> None:
        """See `Host`."""
        self._gave_up(conversation, "the link took no bytes")

    def failed(self, conversation: Conversation, reason: str) -> None:
        """See `Host`."""
        lane = self._of[conversation]
        work = lane.current
        assert work is not None
        self._release(lane)
        work.failed(reason)
        self._kick(lane)

    def drained(self, conversation: Conversation) -> None:
        """See `Host`."""
        lane = self._of[conversation]
        self._release(lane)
        self._kick(lane)

    def _gave_up(self, conversation: Conversation, reason: str) -> None:
        lane = self._of[conversation]
        work = lane.current
        assert work is not None
        self._release(lane)
        self._again_later(work, reason)
        self._kick(lane)

    def _again_later(self, work: Work, reason: str) -> None:
        if not work.over:
            work.interrupted(reason)
            work.pace.failed(self._clock.time())

    def _look_for_drift(self, lane: Lane, before: Twin) -> None:
        after = lane.view()
        names = drifted(after)
        if names and names != drifted(before):
            reported = {name: after.reported[name].value for name in names}
            self.journal.tell("drift", lane.tracker_id, reported=reported)
