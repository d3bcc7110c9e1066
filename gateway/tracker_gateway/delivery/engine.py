"""Deliveries: what is wanted, and who is there. Hears of requests, sessions and the register; `Dispatch` acts.

A contact (a new session; where there is no link, a message after silence) lets the attempts start again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tracker_codecs.contract import Kind, Message, Transport
from tracker_codecs.text import clean

from tracker_gateway.config.file import DeliveryConfig
from tracker_gateway.delivery.dispatch import LINKED, Dispatch
from tracker_gateway.delivery.events import Bus
from tracker_gateway.delivery.journal import Journal, Meter
from tracker_gateway.delivery.lane import Lane
from tracker_gateway.delivery.presence import Presence
from tracker_gateway.delivery.runner import Clock
from tracker_gateway.delivery.settle import Settle
from tracker_gateway.delivery.states import IN_FLIGHT
from tracker_gateway.delivery.work import Pace, Raw, Reread
from tracker_gateway.fleet.register import Register
from tracker_gateway.sessions.session import Session
from tracker_gateway.store import RawCommand, Store, Twin
from tracker_gateway.store.nouns import Tracker


class Engine:
    """Implements `sessions.SessionListener`. Everything happens in the event loop."""

    def __init__(
        self,
        store: Store,
        register: Register,
        bus: Bus,
        clock: Clock,
        *,
        config: DeliveryConfig | None = None,
        meter: Meter | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.config = config or DeliveryConfig()
        self._store = store
        self._clock = clock
        self._presence = Presence()
        self._dispatch = Dispatch(register, self._presence, clock, wall, self.config.idle_gap)
        self.journal = self._dispatch.journal = Journal(store, bus, clock, wall, idle=self._dispatch.idle, meter=meter)
        register.on_change(self._registered)

    # -- life ---------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Take up what was open when the gateway ended: what was in flight is unknown, it is read first."""
        for twin in await self._store.pending():
            lane = self._lane(twin)
            settle = lane.settle
            if settle is not None and settle.delivery.state in IN_FLIGHT:
                settle.interrupted("the gateway was restarted")
            self._dispatch.kick(lane)
        for command in await self._store.pending_raw():
            lane = self._dispatch.lane(command.tracker_id) or Lane(await self._store.twin(command.tracker_id))
            self._add_raw(lane, command).interrupted("the gateway was restarted")
            self._dispatch.kick(lane)

    async def stop(self) -> None:
        """Break off what is under way (it is read first when the gateway comes back), and see it on disk."""
        self._dispatch.stop()
        await self.journal.stop()

    # -- what is wanted -----------------------------------------------------------------------------------------------
    def submit(self, twin: Twin) -> None:
        """A revision was accepted and is on disk. An older one that is under way ends after its pending reply."""
        assert twin.desired is not None
        assert twin.delivery is not None
        lane = self._dispatch.lane(twin.tracker_id)
        if lane is not None and lane.settle is not None:
            if lane.settle.desired.revision >= twin.desired.revision:
                return
            lane.settle.supersede(twin.desired.revision)
        if lane is None:
            lane = self._lane(twin)
        else:
            lane.twin = replace(twin, reread=lane.twin.reread, reported=lane.twin.reported)
            lane.settle = Settle(self.journal, twin.desired, twin.delivery, self._pace())
        if lane.settle is not None:
            lane.settle.queued()
        self._dispatch.let_end(lane)
        self._dispatch.kick(lane)

    def cancel(self, tracker_id: int, detail: str) -> bool:
        """End the open delivery and the raw commands that wait; whether there was anything."""
        lane = self._dispatch.lane(tracker_id)
        works = [] if lane is None else [each for each in lane.works() if isinstance(each, Settle | Raw)]
        if lane is None or not works:
            return False
        for work in works:
            work.cancel(detail)
        self._dispatch.let_end(lane)
        self._dispatch.idle(tracker_id)
        return True

    def reread(self, twin: Twin) -> None:
        """Ask the tracker for its settings at the next contact. `twin.reread` is when it was asked for."""
        lane = self._dispatch.lane(twin.tracker_id)
        if lane is None:
            lane = self._lane(twin)
        else:
            lane.twin = replace(lane.twin, reread=twin.reread)
        if lane.reread is None or lane.reread is not lane.current:
            lane.reread = self._reread(lane.twin)
        self._dispatch.kick(lane)

    def raw(self, command: RawCommand, twin: Twin) -> None:
        """Send an operator's command: at once, or where it is `reliable` at the next contact."""
        lane = self._dispatch.lane(twin.tracker_id) or Lane(twin)
        raw = self._add_raw(lane, command)
        self._dispatch.kick(lane)
        if not command.reliable and not raw.over and lane.conversation is None:
            raw.interrupted("the tracker cannot be reached now")
            self._dispatch.idle(lane.tracker_id)

    # -- what is asked ------------------------------------------------------------------------------------------------
    def twin(self, tracker_id: int) -> Twin | None:
        """The twin of a tracker that is being worked with; of any other one the store knows all."""
        lane = self._dispatch.lane(tracker_id)
        return None if lane is None else lane.view()

    def session(self, tracker_id: int) -> Session | None:
        """The newest session of a tracker."""
        return self._presence.session(tracker_id)

    def is_contested(self, tracker_id: int) -> bool:
        """Two live links claim its device id."""
        return self._presence.is_contested(tracker_id)

    @property
    def connected(self) -> int:
        """Trackers with a session."""
        return len(self._presence)

    @property
    def open_lanes(self) -> int:
        """Trackers with something to do."""
        return len(self._dispatch)

    # -- sessions (SessionListener) -----------------------------------------------------------------------------------
    def session_up(self, session: Session) -> None:
        """A new contact: everything that waits may start again."""
        tracker_id = session.tracker.tracker_id
        self._presence.up(session)
        lane = self._dispatch.lane(tracker_id)
        session.conversation = lane
        self.journal.tell("session", tracker_id, connected=True, peer=session.peer)
        if lane is None:
            return
        if lane.conversation is not None:
            self._dispatch.break_off(lane, "the tracker came back on another link")
        self._dispatch.contact(lane)
        self._dispatch.kick(lane)

    def message(self, session: Session, message: Message) -> None:
        """The hot path: nothing to do for a tracker nobody works with."""
        lane: Lane | None = session.conversation
        if lane is not None:
            self._heard(lane, session, message)

    def session_down(self, session: Session, reason: str) -> None:
        """What is under way on this link breaks off."""
        tracker_id = session.tracker.tracker_id
        self._presence.down(session)
        session.conversation = None
        connected = self._presence.session(tracker_id) is not None
        self.journal.tell("session", tracker_id, connected=connected, reason=reason)
        lane = self._dispatch.lane(tracker_id)
        if lane is None:
            return
        if lane.conversation is not None and lane.conversation.session is session:
            if lane.current is not None:
                lane.current.pace.lost(self._clock.time())
            self._dispatch.break_off(lane, f"the link was lost: {clean(reason)}")
        if not connected:
            for raw in lane.raws:
                if not raw.over and not raw.command.reliable:
                    raw.interrupted("the link was lost")
        self._dispatch.kick(lane)

    def contested(self, tracker: Tracker, contested: bool) -> None:
        """While two links claim a device id nothing is said on either."""
        tracker_id = tracker.tracker_id
        if not self._presence.contest(tracker_id, contested):
            return
        self.journal.tell("contested", tracker_id, contested=contested)
        lane = self._dispatch.lane(tracker_id)
        if lane is None:
            return
        if contested:
            self._dispatch.break_off(lane, "two links claim this device id")
        else:
            self._dispatch.contact(lane)
        self._dispatch.kick(lane)

    def _heard(self, lane: Lane, session: Session, message: Message) -> None:
        if lane.conversation is None and message.kind is Kind.OTHER and session.transport is Transport.MQTT:
            return  # a network's own words (queued, sent) are no contact with the device
        now = self._clock.time()
        silence, lane.heard = now - lane.heard, now
        if lane.conversation is not None:
            if lane.conversation.session is session:
                lane.conversation.hear(message)
            return
        if session.transport not in LINKED:
            for work in lane.works():
                if silence > self.config.idle_gap or work.pace.stale(now):
                    work.pace.renew()
        self._dispatch.kick(lane)

    # -- the register -------------------------------------------------------------------------------------------------
    def _registered(self, old: Tracker | None, new: Tracker | None) -> None:
        """The register changed."""
        tracker = new or old
        lane = None if tracker is None else self._dispatch.lane(tracker.tracker_id)
        if lane is None:
            return
        if new is None:
            self._dispatch.break_off(lane, "the tracker was removed")
            self._dispatch.forget(lane)
            return
        changed = old is not None and (old.model, old.device_id) != (new.model, new.device_id)
        if changed or new.blocked or new.clone:
            self._dispatch.break_off(lane, "the tracker's registration changed")
        if changed:  # another unit: it said nothing yet
            lane.twin = replace(lane.twin, reported={}, known={})
        if old is not None and old.model != new.model:
            # The same names may count in other units now: what was asked of the old model is not sent to the new one.
            self.cancel(new.tracker_id, "the tracker's model was changed: ask again")
        self._dispatch.kick(lane)

    # -- lanes --------------------------------------------------------------------------------------------------------
    def _pace(self) -> Pace:
        return Pace(self.config.delays)

    def _lane(self, twin: Twin) -> Lane:
        lane = Lane(twin)
        if twin.desired is not None and twin.delivery is not None and not twin.delivery.final:
            lane.settle = Settle(self.journal, twin.desired, twin.delivery, self._pace())
        if twin.reread:
            lane.reread = self._reread(twin)
        self._dispatch.attach(lane)
        return lane

    def _reread(self, twin: Twin) -> Reread:
        revision = 0 if twin.desired is None else twin.desired.revision
        return Reread(
            self.journal, twin.tracker_id, self._pace(), asked=twin.reread, ttl=self.config.ttl, revision=revision
        )

    def _add_raw(self, lane: Lane, command: RawCommand) -> Raw:
        raw = Raw(self.journal, command, self._pace())
        lane.raws.append(raw)
        self._dispatch.attach(lane)
        return raw
