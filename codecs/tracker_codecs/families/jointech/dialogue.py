"""The conversations: read P04 to keep the wake-up interval, write it, read it again. One command at a time.

Answers carry no number, and the answer to a set has the form of that to a query: the values in force. So a write is
answered only by the very values that were written; anything else is left to the read-back. No error answer is
published: silence may be a refusal, so the read-back follows a write that was not answered, too.
Source: Jointech JT701D protocol manual V1.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tracker_codecs.answers import reply_of
from tracker_codecs.contract import Command, Dialogue, Kind, Match, Message, Purpose, Reply, Settings, Target, Verdict
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.families.jointech import frame as wire
from tracker_codecs.families.jointech import settings as values

#: Seconds; a unit stays awake for minutes after it has reported.
TIMEOUT = 60.0


class Period(NamedTuple):
    """Seconds between uploads, minutes between wake-ups."""

    upload: int
    wake_up: int


def period(message: Message) -> Period | None:
    """The values of a P04 answer; None for everything else."""
    told = message.data
    if message.kind is not Kind.REPLY or not isinstance(told, tuple) or len(told) != 3 or told[0] != values.WORD:
        return None
    if not all(each.isascii() and each.isdigit() and len(each) <= 5 for each in told[1:]):
        return None
    return Period(int(told[1]), int(told[2]))


def _command(
    target: Target, text: str, purpose: Purpose, expects: str, fits: Callable[[Period], bool], depends: bool = False
) -> Command:
    def means(message: Message) -> Match:
        found = period(message)
        return Match.DONE if found is not None and fits(found) else Match.NO

    payload, match = wire.command(text), reply_of(target, means)
    return Command(payload, text, purpose, expects, match, (values.FIELD,), TIMEOUT, depends_on_read=depends)


def _query(course: Course, target: Target, purpose: Purpose) -> Step[tuple[Period | None, Reply]]:
    """The values in force; the wake-up interval is remembered."""
    reply = yield _command(target, f"{values.WORD},0", purpose, "P04 with the values in force", lambda _: True)
    found = period(reply.messages[-1]) if reply.ok else None
    if found:
        course.known["wake_up"] = str(found.wake_up)
    return found, reply


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    had, reply = yield from _query(course, target, Purpose.READ)
    if had is None and not reply.assumed:
        course.unanswered = True
        return course.judged()
    last = target.known.get("wake_up", "")
    wake_up = had.wake_up if had else int(last) if last.isdecimal() and len(last) <= 5 else values.WAKE_UP
    new = Period(int(wanted[values.FIELD]), wake_up)
    text, expects = f"{values.WORD},1,{new.upload},{new.wake_up}", f"P04,{new.upload},{new.wake_up}"
    yield from course.change(_command(target, text, Purpose.WRITE, expects, lambda told: told == new, depends=True))
    now, _ = yield from _query(course, target, Purpose.READ_BACK)
    course.unanswered = course.unanswered and now is None
    return course.judged({values.FIELD: now.upload} if now else None)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    found, reply = yield from _query(course, target, Purpose.READ)
    course.unanswered = reply.verdict is Verdict.TIMEOUT
    return course.told({values.FIELD: found.upload} if found else None)


def _spoken(target: Target, text: str) -> Command:
    """A text without its brackets. Answered by the same word."""
    word = text[:3]

    def means(message: Message) -> Match:
        return Match.DONE if message.data[0] == word else Match.NO

    return Command(wire.command(text), text, Purpose.RAW, word, reply_of(target, means), timeout=TIMEOUT)


RAW = spoken(_spoken, timeout=TIMEOUT)
