"""When something is done with a tracker, and with which work: keeps the lanes and hears of their conversations.

A lane exists for each tracker with something to do. What is done in a contact is the business of `Work`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tracker_codecs.contract import Command, Outcome, Reply, Transport
from tracker_codecs.errors import LocalError
from tracker_codecs.text import clean

from tracker_gateway.delivery import ledger
from tracker_gateway.delivery.journal import Journal
from tracker_gateway.delivery.lane import Lane
from tracker_gateway.delivery.presence import Presence
from tracker_gateway.delivery.runner import Clock, Conversation
from tracker_gateway.delivery.view import drifted
from tracker_gateway.delivery.work import Next, Raw, Work
from tracker_gateway.fleet.register import Register
from tracker_gateway.sessions.session import Session
from tracker_gateway.store import Twin

#: A timer is set again after at most this, s: the wall clock may have been put right meanwhile.
MAX_SLEEP = 3600.0
#: Links whose end is seen.
LINKED = frozenset({Transport.TCP, Transport.SERIAL})


class Dispatch:
    """Implements `runner.Host`. `idle_gap`: s of silence after which a tracker without a link sleeps."""

    def __init__(
        self, register: Register, presence: Presence, clock: Clock, wall: Callable[[], float], idle_gap: float
    ) -> None:
        self.journal: Journal  # set by the engine: it tells this when it is idle
        self._register = register
        self._presence = presence
        self._clock = clock
        self._wall = wall
        self._idle_gap = idle_gap
        self._lanes: dict[int, Lane] = {}
        self._of: dict[Conversation, Lane] = {}
        self._stopped = False

    # -- lanes --------------------------------------------------------------------------------------------------------
    def __len__(self) -> int:
        return len(self._lanes)

    def lane(self, tracker_id: int) -> Lane | None:
        """The lane of a tracker with something to do."""
        return self._lanes.get(tracker_id)

    def attach(self, lane: Lane) -> None:
        """Take up a lane; its sessions tell it what they hear."""
        self._lanes[lane.tracker_id] = lane
        for session in self._presence.sessions(lane.tracker_id):
            session.conversation = lane

    def forget(self, lane: Lane) -> None:
        """Let go of a lane."""
        self._stop_timer(lane)
        del self._lanes[lane.tracker_id]
        for session in self._presence.sessions(lane.tracker_id):
            session.conversation = None

    def idle(self, tracker_id: int) -> None:
        """Let go of a lane that has nothing left to do and nothing left to write."""
        lane = self._lanes.get(tracker_id)
        if lane is not None and not lane.open and lane.conversation is None and not self.journal.busy(tracker_id):
            self.forget(lane)

    def break_off(self, lane: Lane, reason: str) -> None:
        """End the conversation now; its work goes on at another time."""
        conversation, work = lane.conversation, lane.current
        if conversation is None or work is None:
            return
        conversation.abort()
        self._release(lane)
        work.interrupted(reason)

    def let_end(self, lane: Lane) -> None:
        """End the conversation after its pending reply, if its work is over."""
        if lane.conversation is not None and lane.current is not None and lane.current.over:
            lane.conversation.drain()

    def stop(self) -> None:
        """Break off everything, begin nothing more."""
        self._stopped = True
        for lane in list(self._lanes.values()):
            self.break_off(lane, "the gateway stops")
            self._stop_timer(lane)

    def _release(self, lane: Lane) -> None:
        if lane.conversation is not None:
            self._of.pop(lane.conversation, None)
        lane.conversation = None
        lane.current = None
        lane.tidy()

    # -- when ---------------------------------------------------------------------------------------------------------
    def contact(self, lane: Lane) -> None:
        """A new contact: attempts start again."""
        lane.heard = self._clock.time()
        for work in lane.works():
            work.pace.renew()

    def kick(self, lane: Lane) -> None:
        """Begin what may begin now, and set the timer for what may begin later."""
        if self._stopped or lane.conversation is not None:
            return
        self._expire(lane)
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
        self.idle(lane.tracker_id)

    def _expire(self, lane: Lane) -> None:
        wall = self._wall()
        for work in tuple(lane.works()):
            if work.expires <= wall:
                work.expire()

    def _reachable(self, lane: Lane) -> Session | None:
        """The session a command may be written to now."""
        tracker = self._register.get(lane.tracker_id)
        session = self._presence.session(lane.tracker_id)
        if session is None or self._presence.is_contested(lane.tracker_id):
            return None
        if tracker is None or tracker.blocked or tracker.clone:
            return None
        if self._register.family(tracker) is not session.family:
            return None
        if session.transport not in LINKED:
            heard = max(session.last_heard, lane.heard)
            if self._clock.time() - heard > self._idle_gap:
                return None  # it sleeps: its next message opens the window
        return session

    def _stop_timer(self, lane: Lane) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
            lane.timer = None

    def _set_timer(self, lane: Lane) -> None:
        self._stop_timer(lane)
        works = list(lane.works())
        if not works:
            return
        wall, now = self._wall(), self._clock.time()
        waits = [work.expires - wall for work in works]
        if lane.conversation is None and self._presence.session(lane.tracker_id) is not None:
            waits += [work.pace.not_before - now for work in works if work.pace.not_before > now]
        delay = min(max(min(waits), 0.0), MAX_SLEEP)
        lane.timer = self._clock.call_later(delay, self._due, lane)

    def _due(self, lane: Lane) -> None:
        lane.timer = None
        if lane.conversation is None:
            self.kick(lane)
            return
        self._expire(lane)
        self.let_end(lane)
        self._set_timer(lane)

    # -- conversations ------------------------------------------------------------------------------------------------
    def _begin(self, lane: Lane, work: Work, session: Session) -> None:
        tracker = self._register.get(lane.tracker_id)
        assert tracker is not None
        try:
            target = self._register.target(
                tracker,
                transport=session.transport,
                link_options=session.link_options,
                heard=session.known,
                serial=work.serial,
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

    def learned(self, conversation: Conversation, known: Mapping[str, str]) -> None:
        """See `Host`."""
        lane = self._of[conversation]
        self.journal.keep(lane.tracker_id, known=self._learn(lane, known))

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
        lane, work = self._take(conversation)
        work.pace.losses = 0
        before = lane.view()
        try:
            if outcome.known:
                outcome = replace(outcome, known=self._learn(lane, outcome.known))
            lane.told(outcome.reported, self._wall())
            after = work.ended(outcome)
        except Exception as error:  # a codec's outcome that makes no sense costs this one piece of work
            work.failed(f"the codec's outcome does not fit what was sent: {error}")
            after = Next.DONE
        if outcome.reported:
            self._look_for_drift(lane, before)
        if after is Next.AGAIN and (session := self._reachable(lane)) is not None and not work.over:
            self._begin(lane, work, session)
        elif after is Next.RETRY:
            self._again_later(work, "the tracker did not answer")
        if lane.conversation is None:
            self.kick(lane)
        else:
            self._set_timer(lane)

    def _learn(self, lane: Lane, facts: Mapping[str, str]) -> dict[str, str]:
        """Facts that a codec wants to keep, fit to be kept."""
        known = {ledger.shown(str(name)): ledger.shown(str(fact)) for name, fact in facts.items()}
        self._register.learn(lane.tracker_id, known)
        return known

    def garbled(self, conversation: Conversation, reason: str) -> None:
        """See `Host`."""
        self._gave_up(conversation, f"the tracker's answer could not be read: {reason}")

    def refused(self, conversation: Conversation) -> None:
        """See `Host`."""
        self._gave_up(conversation, "the link took no bytes")

    def failed(self, conversation: Conversation, reason: str) -> None:
        """See `Host`."""
        lane, work = self._take(conversation)
        work.failed(reason)
        self.kick(lane)

    def drained(self, conversation: Conversation) -> None:
        """See `Host`."""
        lane, _ = self._take(conversation)
        self.kick(lane)

    def _take(self, conversation: Conversation) -> tuple[Lane, Work]:
        """The lane and the work of a conversation that is over."""
        lane = self._of[conversation]
        work = lane.current
        assert work is not None
        self._release(lane)
        return lane, work

    def _gave_up(self, conversation: Conversation, reason: str) -> None:
        lane, work = self._take(conversation)
        self._again_later(work, reason)
        self.kick(lane)

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
