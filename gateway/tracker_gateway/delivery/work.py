"""What can be done with a tracker during a contact: a delivery, a re-read, a raw command. Each knows its own pace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Outcome,
    Reply,
    Strength,
    Target,
    Value,
    Verdict,
)
from tracker_codecs.family import Family

from tracker_gateway.delivery import ledger
from tracker_gateway.delivery.journal import Journal
from tracker_gateway.delivery.states import Event, Position, step
from tracker_gateway.store import RawCommand, Reported
from tracker_gateway.store.nouns import DeliveryState

#: Command numbers of one revision; the first half is for the dialogue that writes, the rest for reads around it.
SERIALS = 32
#: Links lost in mid-dialogue, one after the other, before attempts keep the longest pause between them: a tracker that
#: restarts at each command must not be kept restarting.
MAX_LOSSES = 3


def serial_of(revision: int, reread: int = 0) -> int:
    """The seed of command numbers: of the dialogue that writes a revision, or (from 1) of a read beside it."""
    return (revision * SERIALS + (SERIALS // 2 + (reread - 1) % 4 * 4 if reread else 0)) & 0xFFFF


def same(one: Value, other: Value) -> bool:
    """Equal as settings: true is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


class Next(Enum):
    """What follows a dialogue."""

    DONE = "done"
    AGAIN = "again"  # another dialogue, at once
    RETRY = "retry"  # later


class Pace:
    """When the next attempt may be made. Loop times, s."""

    __slots__ = ("delays", "last", "losses", "not_before", "tries")

    def __init__(self, delays: Sequence[float]) -> None:
        self.delays = delays
        self.tries = 0
        self.losses = 0
        self.not_before = 0.0
        self.last = float("-inf")

    def renew(self) -> None:
        """A new contact."""
        self.tries = 0
        self.not_before = self.last + self.delays[-1] if self.losses >= MAX_LOSSES else 0.0

    def lost(self, now: float) -> None:
        """The link was lost in mid-dialogue."""
        self.last = now
        self.losses += 1

    def stale(self, now: float) -> bool:
        """The longest pause after the last attempt is over."""
        return now - self.last >= self.delays[-1]

    def failed(self, now: float) -> None:
        """An attempt came to nothing."""
        self.last = now
        self.tries += 1
        self.not_before = float("inf") if self.tries >= len(self.delays) else now + self.delays[self.tries - 1]


class Work(ABC):
    """One piece of work with one tracker."""

    def __init__(self, journal: Journal, tracker_id: int, pace: Pace) -> None:
        self.journal = journal
        self.tracker_id = tracker_id
        self.pace = pace
        self.secrets: frozenset[bytes] = frozenset()  # of the commands so far: not to be told

    #: Unix time, s, after which it is void.
    expires: float

    @property
    @abstractmethod
    def over(self) -> bool:
        """Nothing is left to do."""

    @property
    def serial(self) -> int:
        """The seed of the next dialogue's command numbers."""
        return 1

    @abstractmethod
    def begin(self, family: Family, target: Target) -> Dialogue:
        """The next dialogue. Raises LocalError."""

    @abstractmethod
    def wrote(self, command: Command) -> None:
        """The link took the bytes."""

    def exchanged(self, command: Command, reply: Reply, sent: float) -> None:
        """A reply came or did not. `sent`: Unix time, s."""
        if command.secrets:
            self.secrets |= frozenset(command.secrets)
        if self.journal.meter is not None:
            self.journal.meter.exchange(command.purpose.value, reply.verdict.value)

    @abstractmethod
    def ended(self, outcome: Outcome) -> Next:
        """The dialogue returned."""

    @abstractmethod
    def failed(self, reason: str) -> None:
        """No dialogue can do it."""

    @abstractmethod
    def interrupted(self, reason: str) -> None:
        """The dialogue broke off, or came to nothing."""

    @abstractmethod
    def expire(self) -> None:
        """Its time is over."""


class Reread(Work):
    """Ask the tracker what it does. `asked`: Unix time, s."""

    def __init__(
        self, journal: Journal, tracker_id: int, pace: Pace, *, asked: float, ttl: float, revision: int
    ) -> None:
        super().__init__(journal, tracker_id, pace)
        self.expires = asked + ttl
        self.revision = revision
        self.reported: Mapping[str, Reported] = {}
        self._count = 0
        self._over = False

    @property
    def over(self) -> bool:
        """See `Work`."""
        return self._over

    @property
    def serial(self) -> int:
        """See `Work`."""
        return serial_of(self.revision, 2 + self._count % 3)

    def begin(self, family: Family, target: Target) -> Dialogue:
        """See `Work`."""
        self._count += 1
        return family.read(target, readable(family, target))

    def wrote(self, command: Command) -> None:
        """See `Work`."""

    def exchanged(self, command: Command, reply: Reply, sent: float) -> None:
        """See `Work`."""
        super().exchanged(command, reply, sent)
        now = self.journal.wall()
        kept = ledger.entry(command, reply, revision=self.revision, attempt=0, sent=sent, ended=now)
        self.journal.keep(self.tracker_id, exchanges=[kept])

    def ended(self, outcome: Outcome) -> Next:
        """See `Work`."""
        now = self.journal.wall()
        self.reported = {name: Reported(value, now) for name, value in outcome.reported.items()}
        if outcome.unanswered:
            self.journal.keep(self.tracker_id, reported=self.reported, known=outcome.known)
            return Next.RETRY
        detail = "" if self.reported else "the tracker cannot be asked for its settings"
        self._finish(detail, known=outcome.known)
        return Next.DONE

    def failed(self, reason: str) -> None:
        """See `Work`."""
        self._finish(reason)

    def interrupted(self, reason: str) -> None:
        """See `Work`."""

    def expire(self) -> None:
        """See `Work`."""
        self._finish("it did not answer in time")

    def _finish(self, detail: str, known: Mapping[str, str] | None = None) -> None:
        self._over = True
        self.journal.keep(self.tracker_id, reported=self.reported, known=known, reread=0.0)
        values = {name: each.value for name, each in self.reported.items()}
        self.journal.tell("reported", self.tracker_id, values=values, detail=detail, reread=True)


def readable(family: Family, target: Target) -> list[str]:
    """The settings that this tracker can be asked for. Raises LocalError."""
    found = family.capabilities(target).items()
    return [name for name, each in found if each.best is not None and each.best >= Strength.READ_BACK]


class Raw(Work):
    """An operator's own command. What it does only the operator knows: once written, it is never tried again.

    (A gateway killed in the millisecond between writing it and keeping that it was written cannot know of it.)
    """

    def __init__(self, journal: Journal, command: RawCommand, pace: Pace) -> None:
        super().__init__(journal, command.tracker_id, pace)
        self.command = command
        self.expires = command.expires

    @property
    def over(self) -> bool:
        """See `Work`."""
        return self.command.final

    @property
    def serial(self) -> int:
        """See `Work`."""
        return 0x8000 | self.command.command_id & 0x7FFF

    def begin(self, family: Family, target: Target) -> Dialogue:
        """See `Work`."""
        command = family.raw(target, self.command.command)

        def dialogue() -> Dialogue:
            yield command
            return Outcome({})

        return dialogue()

    def wrote(self, command: Command) -> None:
        """See `Work`."""
        self._step(Event.WRITTEN)

    def exchanged(self, command: Command, reply: Reply, sent: float) -> None:
        """See `Work`."""
        super().exchanged(command, reply, sent)
        kept = ledger.entry(command, reply, revision=0, attempt=1, sent=sent, ended=self.journal.wall())
        self.journal.keep(self.tracker_id, exchanges=[kept])
        if self.over:
            return
        self.command = replace(self.command, reply=kept.reply, reply_text=kept.reply_text)
        if reply.verdict is Verdict.ANSWERED:
            self._step(Event.ACKNOWLEDGED, Event.SETTLED)
        elif reply.verdict is Verdict.REFUSED:
            self._step(Event.REJECTED, detail="the tracker refused it")
        else:
            self._step(Event.SETTLED, detail="sent; no answer came")

    def ended(self, outcome: Outcome) -> Next:
        """See `Work`."""
        return Next.DONE

    def failed(self, reason: str) -> None:
        """See `Work`."""
        self._step(Event.FAILED, detail=ledger.shown(reason, self.secrets))

    def interrupted(self, reason: str) -> None:
        """See `Work`."""
        if self.command.state is DeliveryState.SENT:
            self._step(Event.SETTLED, detail=f"sent; no answer came: {reason}")
        elif not self.command.reliable:
            self._step(Event.FAILED, detail=f"not sent: {reason}")

    def expire(self) -> None:
        """See `Work`."""
        self._step(Event.EXPIRED, detail="its time to live is over")

    def cancel(self, detail: str) -> None:
        """Give it up."""
        self._step(Event.CANCELLED, detail=detail)

    def _step(self, *events: Event, detail: str = "") -> None:
        if self.command.final:
            return
        position = Position(self.command.state)
        for event in events:
            position = step(position, event)
        self.command = replace(
            self.command, state=position.state, final=position.final, detail=detail, changed=self.journal.wall()
        )
        self.journal.keep_raw(self.command)
        self.journal.tell(
            "raw",
            self.tracker_id,
            id=self.command.command_id,
            state=position.state.value,
            final=position.final,
            reply=self.command.reply_text,
        )
