"""One desired revision on its way to one tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tracker_codecs.contract import (
    Command,
    Dialogue,
    FieldOutcome,
    FieldState,
    Outcome,
    Purpose,
    Reply,
    Strength,
    Target,
    Verdict,
)
from tracker_codecs.family import Family

from tracker_gateway.delivery import ledger
from tracker_gateway.delivery.journal import Journal
from tracker_gateway.delivery.states import IN_FLIGHT, Event, Position, step
from tracker_gateway.delivery.work import Next, Pace, Work, same, serial_of
from tracker_gateway.store import Delivery, Exchange, Reported
from tracker_gateway.store.nouns import DeliveryState, Desired


class Settle(Work):
    """The work of a delivery. `delivery` is its present form; everything that changes it is kept, in order.

    An unsure delivery reads first: a tracker that has the settings already is not written to.
    """

    def __init__(self, journal: Journal, desired: Desired, delivery: Delivery, pace: Pace) -> None:
        super().__init__(journal, delivery.tracker_id, pace)
        self.desired = desired
        self.delivery = delivery
        self.expires = delivery.expires
        self.reported: dict[str, Reported] = {}
        self._acknowledged: set[str] = set()
        self._reading = False  # the dialogue under way is the one that reads first
        self._again = False  # the next dialogue belongs to the attempt of the last one
        self._wrote = False

    @property
    def over(self) -> bool:
        """See `Work`."""
        return self.delivery.final

    @property
    def carried(self) -> list[str]:
        """The settings that can reach the tracker."""
        return [
            name
            for name in self.desired.settings
            if name not in self.delivery.fields or self.delivery.fields[name].state is not FieldState.UNSUPPORTED
        ]

    @property
    def serial(self) -> int:
        """See `Work`. The dialogue that writes always has the same one, so that its bytes are those of the dry run."""
        return serial_of(self.desired.revision, 1 if self.delivery.unsure else 0)

    def begin(self, family: Family, target: Target) -> Dialogue:
        """See `Work`."""
        self._wrote = False
        self._acknowledged.clear()
        self.reported = {}
        if not self._again:
            self.delivery = replace(self.delivery, attempts=self.delivery.attempts + 1)
        self._again = False
        self._reading = self.delivery.unsure
        if self._reading:
            return family.read(target, self.carried)
        return family.apply(target, self.desired.settings)

    def queued(self) -> None:
        """It was accepted just now: count and tell it."""
        if self.journal.meter is not None:
            self.journal.meter.delivery_state(self.delivery.state.value)
        self._tell()

    def wrote(self, command: Command) -> None:
        """See `Work`."""
        if command.purpose is not Purpose.WRITE or self.over or self._reading:
            return
        self._wrote = True
        reason = "sent; no answer yet"
        fields = {
            name: FieldOutcome(FieldState.WRITTEN, self.desired.settings[name], None, Strength.WRITTEN, reason)
            for name in command.fields
            if name in self.carried
        }
        self._change(Event.WRITTEN if self.delivery.state is DeliveryState.QUEUED else None, fields=fields)

    def exchanged(self, command: Command, reply: Reply, sent: float) -> None:
        """See `Work`."""
        super().exchanged(command, reply, sent)
        kept = ledger.entry(
            command,
            reply,
            revision=self.desired.revision,
            attempt=self.delivery.attempts,
            sent=sent,
            ended=self.journal.wall(),
        )
        if self.over or self._reading or command.purpose is not Purpose.WRITE or reply.verdict is not Verdict.ANSWERED:
            self.journal.keep(self.tracker_id, exchanges=[kept])
            return
        carried = set(self.carried)
        fields = {
            name: FieldOutcome(FieldState.ACKNOWLEDGED, self.desired.settings[name], None, Strength.ACKNOWLEDGED)
            for name in command.fields
            if name in carried
        }
        self._acknowledged.update(fields)
        complete = self.delivery.state is DeliveryState.SENT and self._acknowledged >= carried
        self._change(Event.ACKNOWLEDGED if complete else None, fields=fields, exchange=kept)

    def ended(self, outcome: Outcome) -> Next:
        """See `Work`."""
        if self.over:
            return Next.DONE
        now = self.journal.wall()
        self.reported = {name: Reported(value, now) for name, value in outcome.reported.items()}
        return self._after_read(outcome) if self._reading else self._after_apply(outcome)

    def _after_read(self, outcome: Outcome) -> Next:
        settings = self.desired.settings
        carried = self.carried
        if carried and all(
            name in outcome.reported and name not in outcome.stored and same(outcome.reported[name], settings[name])
            for name in carried
        ):
            fields = {
                name: FieldOutcome(FieldState.CONFIRMED, settings[name], outcome.reported[name], Strength.READ_BACK)
                for name in carried
            }
            detail = "found as desired when read again"
            self._change(Event.CONFIRMED, fields=fields, detail=detail, known=outcome.known)
            return Next.DONE
        if outcome.unanswered:
            self._change(None, known=outcome.known)
            return Next.RETRY
        self.delivery = replace(self.delivery, unsure=False)
        self._again = True
        self._change(None, known=outcome.known)
        return Next.AGAIN

    def _after_apply(self, outcome: Outcome) -> Next:
        fields = {name: self._checked(name, outcome.fields.get(name)) for name in self.desired.settings}
        if outcome.unanswered:
            self._change(None, known=outcome.known)
            return Next.RETRY
        events, detail = verdict(fields, self.delivery.state)
        self._change(*events, fields=fields, detail=detail, known=outcome.known)
        return Next.DONE

    def _checked(self, name: str, outcome: FieldOutcome | None) -> FieldOutcome:
        """The codec's verdict; a confirmation without equal values is none."""
        desired = self.desired.settings[name]
        if outcome is None:
            return FieldOutcome(FieldState.UNKNOWN, desired, None, reason="the dialogue said nothing of it")
        if outcome.state is FieldState.CONFIRMED and not same(outcome.reported, desired):
            reason = f"the tracker reports {outcome.reported!r} instead of {desired!r}"
            return FieldOutcome(FieldState.MISMATCHED, desired, outcome.reported, Strength.READ_BACK, reason)
        if outcome.state is FieldState.CONFIRMED and (outcome.strength or 0) < Strength.READ_BACK:
            return FieldOutcome(FieldState.ACKNOWLEDGED, desired, None, Strength.ACKNOWLEDGED, "nothing was read back")
        return replace(outcome, desired=desired, reason=ledger.shown(outcome.reason, self.secrets))

    def failed(self, reason: str) -> None:
        """See `Work`."""
        if not self.over:
            self._change(Event.FAILED, detail=ledger.shown(reason, self.secrets))

    def interrupted(self, reason: str) -> None:
        """See `Work`."""
        if self.over:
            return
        in_flight = self.delivery.state in IN_FLIGHT or self._wrote
        if in_flight:
            self.delivery = replace(self.delivery, unsure=True)
            self._wrote = False
        self._change(Event.UNSURE if self.delivery.state in IN_FLIGHT else None, detail=reason)

    def expire(self) -> None:
        """See `Work`."""
        self._change(Event.EXPIRED, detail="its time to live is over")

    def cancel(self, detail: str) -> None:
        """Give it up."""
        self._change(Event.CANCELLED, detail=detail)

    def supersede(self, revision: int) -> None:
        """A newer one was accepted; the store knows already."""
        if not self.over:
            self._change(Event.SUPERSEDED, detail=f"by revision {revision}", keep=False)

    def _change(
        self,
        *events: Event | None,
        fields: Mapping[str, FieldOutcome] | None = None,
        detail: str | None = None,
        exchange: Exchange | None = None,
        known: Mapping[str, str] | None = None,
        keep: bool = True,
    ) -> None:
        old = self.delivery
        position = Position(old.state, old.final)
        for event in events:
            if event is not None:
                position = step(position, event)
        self.delivery = new = replace(
            old,
            state=position.state,
            final=position.final,
            unsure=old.unsure and not position.final,
            changed=self.journal.wall(),
            detail=old.detail if detail is None and position.state is old.state else detail or "",
            fields={**old.fields, **(fields or {})},
        )
        if keep:
            self.journal.keep(
                self.tracker_id,
                delivery=new,
                exchanges=() if exchange is None else (exchange,),
                reported=self.reported,
                known=known,
            )
        if (new.state, new.final) != (old.state, old.final):
            if self.journal.meter is not None and new.state is not old.state:
                self.journal.meter.delivery_state(new.state.value)
                if new.state is DeliveryState.CONFIRMED:
                    self.journal.meter.confirmed(new.changed - self.desired.time)
            self._tell()

    def _tell(self) -> None:
        now = self.delivery
        self.journal.tell(
            "delivery",
            self.tracker_id,
            revision=now.revision,
            state=now.state.value,
            final=now.final,
            detail=now.detail,
        )


#: What each verdict on a field means for the whole, worst first.
_WORST = (
    (FieldState.REJECTED, Event.REJECTED),
    (FieldState.MISMATCHED, Event.MISMATCHED),
    (FieldState.UNKNOWN, Event.FAILED),
)


def verdict(fields: Mapping[str, FieldOutcome], state: DeliveryState) -> tuple[list[Event], str]:
    """Where the fields lead a delivery that is in this state, and why. Unsupported ones have no say."""
    carried = {name: each for name, each in fields.items() if each.state is not FieldState.UNSUPPORTED}
    if not carried:
        return [Event.FAILED], "the tracker cannot carry any of these settings"
    for worst, event in _WORST:
        because = [
            f"{name}: {each.reason or each.state.value}" for name, each in carried.items() if each.state is worst
        ]
        if because:
            return [event], "; ".join(because)
    if all(each.state is FieldState.CONFIRMED for each in carried.values()):
        return [Event.CONFIRMED], ""
    unproven = [name for name, each in carried.items() if each.state is FieldState.WRITTEN]
    if unproven:
        return [Event.SETTLED], "no better evidence to be had than that it was sent: " + ", ".join(unproven)
    events = [Event.SETTLED] if state is DeliveryState.ACKNOWLEDGED else [Event.ACKNOWLEDGED, Event.SETTLED]
    return events, "no read-back to be had: " + ", ".join(
        name for name, each in carried.items() if each.state is not FieldState.CONFIRMED
    )
