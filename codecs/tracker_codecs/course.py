"""The common course of a dialogue: ask, change, read back, judge.

A dialogue is a straight-line generator; it makes one `Course` of its own, and hands its commands through the steps:

    course = Course(carried)
    before = yield from course.ask(query(target, Purpose.READ))
    yield from course.change(write(target, before, carried))
    after = yield from course.ask(query(target, Purpose.READ_BACK))
    return course.judged(told(after))

The steps keep what became of each field. A dialogue with an unusual course yields its commands itself, and notes what
it found in the same places.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TypeVar

from tracker_codecs.contract import Command, Outcome, Reply, Settings, Value, Verdict
from tracker_codecs.judge import judge

T = TypeVar("T")
#: A step of a dialogue that gives T.
Step = Generator[Command, Reply, T]


def said(reply: Reply) -> str:
    """The usual reason of a refusal: what the unit answers."""
    return f"the unit answers {reply.text}"


class Course:
    """What one run of a dialogue has found. `wanted` are the settings to be judged; none in a dialogue that only reads.

    `acknowledged`, `written`, `refused`, `unsupported` and `unproved` (these three with their reasons) hold fields;
    `remarks` are said with their confirmation; `known` is for the next dialogue; `unanswered`: a needed answer never
    came, so the driver tries again later.
    """

    __slots__ = (
        "acknowledged",
        "known",
        "refused",
        "remarks",
        "unanswered",
        "unproved",
        "unsupported",
        "wanted",
        "written",
    )

    def __init__(self, wanted: Settings | None = None) -> None:
        self.wanted: Settings = wanted or {}
        self.acknowledged: set[str] = set()
        self.written: set[str] = set()
        self.refused: dict[str, str] = {}
        self.unsupported: dict[str, str] = {}
        self.unproved: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.unanswered = False

    def ask(self, command: Command) -> Step[Reply]:
        """Send a question. Silence is noted in `unanswered`."""
        reply = yield command
        if reply.verdict is Verdict.TIMEOUT:
            self.unanswered = True
        return reply

    def change(self, command: Command, why: Callable[[Reply], str] = said) -> Step[Reply]:
        """Send a write of `command.fields`, and note what became of them; `why` words a refusal.

        A field that needs several commands is acknowledged when each was: the first that is not takes it back.
        """
        fields = command.fields
        reply = yield command
        before = self.written.intersection(fields) - self.acknowledged
        self.written.update(fields)
        if reply.verdict is Verdict.REFUSED:
            self.refused.update(dict.fromkeys(fields, why(reply)))
        elif reply.ok:
            self.acknowledged.update(set(fields) - before)
        elif reply.verdict is Verdict.TIMEOUT:
            self.unanswered = True
            self.acknowledged.difference_update(fields)
        return reply

    def refuse(self, reason: str, fields: Iterable[str] | None = None) -> Outcome:
        """The verdict where these fields (default: all) are left as they are, for this reason."""
        self.refused.update(dict.fromkeys(self.wanted if fields is None else fields, reason))
        return self.judged()

    def judged(self, reported: Mapping[str, Value] | None = None, foreign: Mapping[str, str] | None = None) -> Outcome:
        """The verdict on every wanted field.

        `reported`: only what was read after the write, in the profile's units; `foreign`: see `judge`.
        """
        return judge(
            self.wanted,
            reported=reported or {},
            unsupported=self.unsupported,
            foreign=foreign,
            unproved=self.unproved,
            remarks=self.remarks,
            acknowledged=self.acknowledged,
            refused=self.refused,
            written=self.written,
            known=self.known,
            unanswered=self.unanswered,
        )

    def told(self, reported: Mapping[str, Value] | None = None) -> Outcome:
        """The outcome of a dialogue that only reads."""
        return Outcome({}, dict(reported or {}), self.known, self.unanswered, frozenset(self.unproved))
