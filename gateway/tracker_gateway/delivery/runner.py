"""Drives one dialogue over one session: writes a command, collects its reply, keeps the time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tracker_codecs.contract import Command, Dialogue, Match, Message, Outcome, Reply, Verdict
from tracker_codecs.drive import MAX_COMMANDS
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

from tracker_gateway.sessions.session import Session

#: Parts of one reply that are kept.
MAX_PARTS = 64
#: No codec may make a tracker's lane wait longer for one reply, s.
MAX_TIMEOUT = 600.0


class Timer(Protocol):
    """What `call_later` gives."""

    def cancel(self) -> None:
        """Never mind."""


class Clock(Protocol):
    """The part of an event loop that deliveries need."""

    def time(self) -> float:
        """Monotonic, s."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call once, `delay` s from now."""


class Host(Protocol):
    """Who is told how a conversation goes. None of these is called after `Conversation.abort`."""

    def learned(self, conversation: Conversation, known: Mapping[str, str]) -> None:
        """Facts to be kept, of a command that is about to be written."""

    def wrote(self, conversation: Conversation, command: Command) -> None:
        """The link took the command's bytes."""

    def exchanged(self, conversation: Conversation, command: Command, reply: Reply, sent: float) -> None:
        """The reply came, or did not in time. `sent`: loop time, s."""

    def ended(self, conversation: Conversation, outcome: Outcome) -> None:
        """The dialogue returned."""

    def garbled(self, conversation: Conversation, reason: str) -> None:
        """The dialogue gave up on what the tracker said."""

    def failed(self, conversation: Conversation, reason: str) -> None:
        """The dialogue raised anything else: it cannot be done."""

    def refused(self, conversation: Conversation) -> None:
        """The link took no bytes."""

    def drained(self, conversation: Conversation) -> None:
        """The pending reply came (or did not) after `drain`; the dialogue is closed."""


class Conversation:
    """A dialogue under way. At most one command of it is in flight."""

    __slots__ = (
        "_busy",
        "_clock",
        "_command",
        "_count",
        "_dialogue",
        "_draining",
        "_host",
        "_inbox",
        "_parts",
        "_sent",
        "_stepping",
        "_timer",
        "over",
        "session",
    )

    def __init__(self, session: Session, dialogue: Dialogue, host: Host, clock: Clock) -> None:
        self.session = session
        self.over = False
        self._dialogue = dialogue
        self._host = host
        self._clock = clock
        self._command: Command | None = None
        self._parts: list[Message] = []
        self._inbox: deque[Message] = deque()
        self._timer: Timer | None = None
        self._sent = 0.0
        self._count = 0
        self._busy = False
        self._draining = False
        self._stepping = False

    def start(self) -> None:
        """Write the first command, now."""
        self._run(lambda: self._advance(None))

    def hear(self, message: Message) -> None:
        """A message of the session; one that comes while a command is being written waits its turn."""
        if self.over:
            return
        if self._busy:
            if len(self._inbox) < MAX_PARTS:
                self._inbox.append(message)
            return
        self._run(lambda: self._take(message))

    def drain(self) -> None:
        """End after the pending reply or its timeout; `drained` is told."""
        self._draining = True
        if self._command is None and not self._busy:
            self._close()
            self._host.drained(self)

    def abort(self) -> None:
        """End now; nobody is told."""
        if not self.over:
            self._close()

    def _run(self, first: Callable[[], None]) -> None:
        self._busy = True
        try:
            first()
            while self._inbox and not self.over:
                self._take(self._inbox.popleft())
        finally:
            self._busy = False

    def _close(self) -> None:
        self.over = True
        self._command = None
        self._inbox.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # The generator is running when its own step led here; it ends by itself then.
        if not self._stepping:
            self._guard(self._dialogue.close)

    def _take(self, message: Message) -> None:
        command = self._command
        if command is None:
            return
        said, match = self._guard(lambda: command.match(message))
        if not said or self.over or match is Match.NO:
            return
        if len(self._parts) < MAX_PARTS or match is not Match.PART:
            self._parts.append(message)
        if match is not Match.PART:
            self._answer(Verdict.REFUSED if match is Match.REFUSED else Verdict.ANSWERED)

    def _late(self) -> None:
        self._timer = None
        if not self.over and self._command is not None:
            self._run(lambda: self._answer(Verdict.TIMEOUT))

    def _answer(self, verdict: Verdict) -> None:
        command, reply = self._command, Reply(verdict, tuple(self._parts))
        assert command is not None
        self._command = None
        self._parts = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell(self._host.exchanged, command, reply, self._sent)
        if self.over:
            return
        if self._draining:
            self._close()
            self._host.drained(self)
        else:
            self._advance(reply)

    def _advance(self, reply: Reply | None) -> None:
        self._stepping = True
        try:
            step = next(self._dialogue) if reply is None else self._dialogue.send(reply)
        except StopIteration as stop:
            if not isinstance(stop.value, Outcome):
                self._fail("the codec failed: its dialogue has no outcome")
                return
            self._close()
            self._host.ended(self, stop.value)
            return
        except PeerError as error:
            self._close()
            self._host.garbled(self, clean(error.reason))
            return
        except LocalError as error:
            self._fail(str(error))
            return
        except Exception as error:  # a defect of one codec must cost that one delivery and nothing else
            self._fail(f"the codec failed: {type(error).__name__}: {error}")
            return
        finally:
            self._stepping = False
        if self.over:  # aborted by whoever the dialogue called
            return
        if not isinstance(step, Command):
            self._fail("the codec failed: its dialogue gave something that is no command")
            return
        if self._count == MAX_COMMANDS:
            self._fail(f"the dialogue does not end within {MAX_COMMANDS} commands")
            return
        self._count += 1
        self._write(step)

    def _write(self, command: Command) -> None:
        self._command = command
        self._sent = self._clock.time()
        if command.known:
            self._tell(self._host.learned, command.known)
            if self.over:
                return
        taken = self.session.write(command.payload, command.channel)
        if self.over:  # the link went down under the write
            return
        if not taken:
            self._close()
            self._host.refused(self)
            return
        delay = min(max(command.timeout, 0.0), MAX_TIMEOUT)
        self._timer = self._clock.call_later(delay, self._late)
        self._tell(self._host.wrote, command)

    def _tell(self, told: Callable[..., None], *what: Any) -> None:
        """A failure of the host over what the codec gave it is the codec's: it ends the conversation, nothing else."""
        try:
            told(self, *what)
        except Exception as error:
            self._fail(f"what the codec gave cannot be used: {type(error).__name__}: {error}")

    def _fail(self, reason: str) -> None:
        if not self.over:
            self._close()
            self._host.failed(self, clean(reason))

    def _guard(self, call: Callable[[], Any]) -> tuple[bool, Any]:
        """Whether the codec's function worked, and its result; a failure ends the conversation."""
        try:
            return True, call()
        except Exception as error:  # as in `_advance`
            if not self.over:
                self._fail(f"the codec failed: {type(error).__name__}: {error}")
            return False, None
