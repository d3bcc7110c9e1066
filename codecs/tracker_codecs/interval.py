"""Families that know one public command: the one that sets the reporting interval. Nothing reads it back.

Their declaration takes `check` and `apply` from here. The device acknowledges the command, or does not answer at all:
then the setting ends as written, and the command waits a second, so that commands keep their distance.
"""

from __future__ import annotations

from collections.abc import Callable

from tracker_codecs.answers import nothing
from tracker_codecs.checks import Check, whole_numbers
from tracker_codecs.contract import Command, Dialogue, Purpose, Reply, Settings, Target
from tracker_codecs.course import Course

FIELD = "tracking_interval"
#: Seconds given to a command that nothing answers.
SILENCE = 1.0


def within(low: int, high: int) -> Check:
    """A family's `check`: the interval in whole seconds, `low` to `high`."""
    return whole_numbers({FIELD: (low, high)}, "must be whole seconds, {} to {}")


def apply(command: Callable[[Target, int], Command]) -> Callable[[Target, Settings], Dialogue]:
    """A family's `apply`: the one command, made of a target and the seconds."""

    def dialogue(target: Target, wanted: Settings) -> Dialogue:
        course = Course(wanted)
        sent = command(target, int(wanted[FIELD]))
        reply = yield from course.change(sent, _why)
        # Where no answer is known, or one began to come, there is nothing to try again for.
        course.unanswered = course.unanswered and not reply.messages and sent.timeout > SILENCE
        return course.judged()

    return dialogue


def _why(reply: Reply) -> str:
    return f"the tracker answers: {reply.text}"


def unanswered(payload: bytes, text: str) -> Command:
    """A command that sets the interval and that no public document gives an answer to."""
    return Command(payload, text, Purpose.WRITE, "nothing: no answer is public", nothing, (FIELD,), SILENCE)
