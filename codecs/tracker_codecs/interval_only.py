"""Base of the families that know one public command: the one that sets the reporting interval. Nothing reads it back.

Such a family differs from a session-only one in a single command, which the device acknowledges or does not answer at
all. There the setting ends as written, and the command waits a second, so that commands keep their distance.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from tracker_codecs import guards
from tracker_codecs.contract import (
    Command,
    Dialogue,
    Faults,
    Match,
    Message,
    Problem,
    Purpose,
    Settings,
    Severity,
    Target,
    Value,
    Verdict,
)
from tracker_codecs.judge import judge
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

FIELD = "tracking_interval"
#: Seconds given to a command that nothing answers.
SILENCE = 1.0


class IntervalOnlyFamily(SessionOnlyFamily):
    """One field, one command. A subclass gives `low`, `high`, `command`, and what a session-only family gives.

    `reason` tells why every other setting cannot be pushed.
    """

    #: What the interval may be, in seconds.
    low: int
    high: int

    @abstractmethod
    def command(self, target: Target, seconds: int) -> Command:
        """The command that sets the interval."""

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """The interval within its bounds; everything else is unsupported, with the family's reason."""
        able = self.capabilities(target)
        problems = []
        for name, value in settings.items():
            if name != FIELD or name not in able:
                problems.append(Problem(name, Severity.UNSUPPORTED, self.reason))
            elif able[name].experimental and not target.experimental:
                reason = f"known with low confidence only ({able[name].reason}): needs the experimental switch"
                problems.append(Problem(name, Severity.UNSUPPORTED, reason))
            elif not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
                problems.append(Problem(name, Severity.REFUSE, f"must be whole seconds, {self.low} to {self.high}"))
        return problems

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """The command, where the interval is asked for. Raises LocalError for what `check` refuses."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        return self._written(target, settings, problems)

    def _written(self, target: Target, settings: Settings, problems: Sequence[Problem]) -> Dialogue:
        if FIELD in {problem.field for problem in problems} or FIELD not in settings:
            return judge(settings, reported={}, problems=problems)
        command = self.command(target, int(settings[FIELD]))
        reply = yield command
        refused = f"the tracker answers: {reply.text}" if reply.verdict is Verdict.REFUSED else ""
        return judge(
            settings,
            reported={},
            problems=problems,
            acknowledged=(FIELD,) if reply.ok else (),
            refused={FIELD: refused} if refused else {},
            written=(FIELD,),
            unanswered=reply.verdict is Verdict.TIMEOUT and not reply.messages and command.timeout > SILENCE,
        )


def unanswered(payload: bytes, text: str) -> Command:
    """A command that sets the interval and that no public document gives an answer to."""
    expects = "nothing: no answer is public"
    return Command(payload, text, Purpose.WRITE, expects, _nothing, (FIELD,), SILENCE)


def _nothing(message: Message) -> Match:
    return Match.NO


class IntervalEmulator(SessionOnlyEmulator):
    """A device whose one setting is its interval, in seconds; a subclass gives `report` and `receive`."""

    def __init__(self, device_id: str, settings: Settings, faults: Faults, factory: int = 60) -> None:
        super().__init__(device_id, settings)
        self.faults = faults
        self.interval = int(settings.get(FIELD, factory))

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {FIELD: self.interval}

    def obey(self, seconds: int) -> bool:
        """Takes a new interval as the faults allow; False where it is refused."""
        if FIELD in self.faults.refuse:
            return False
        if FIELD not in self.faults.ignore:
            low, high = self.faults.clamp.get(FIELD, (seconds, seconds))
            self.interval = int(min(max(seconds, low), high))
        return True
