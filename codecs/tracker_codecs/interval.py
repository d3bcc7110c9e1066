"""Families that know one public command: the one that sets the reporting interval. Nothing reads it back.

Their declaration takes `check` and `apply` from here. The command travels as an operator's own would. The device
acknowledges it, or does not answer at all: then the setting ends as written, and the command waits a second, so that
commands keep their distance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tracker_codecs.answers import nothing
from tracker_codecs.checks import Check, whole_numbers
from tracker_codecs.contract import Dialogue, Purpose, Reply, Settings, Target
from tracker_codecs.course import Course
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope

FIELD = "tracking_interval"
#: Seconds given to a command that nothing answers.
SILENCE = 1.0
_FACTORY = {FIELD: 60}


def within(low: int, high: int) -> Check:
    """A family's `check`: the interval in whole seconds, `low` to `high`."""
    return whole_numbers({FIELD: (low, high)}, "must be whole seconds, {} to {}")


def through(raw: Envelope, text: str, *, answered: bool = True) -> Callable[[Target, Settings], Dialogue]:
    """A family's `apply`: a command of its envelope, with the seconds in its `{}`. `answered`: as an operator's is."""

    def dialogue(target: Target, wanted: Settings) -> Dialogue:
        course = Course(wanted)
        own = raw(target, text.format(wanted[FIELD]))
        sent = replace(own, purpose=Purpose.WRITE, fields=(FIELD,))
        if not answered:
            sent = replace(sent, expects="nothing: no answer is public", match=nothing, timeout=SILENCE)
        reply = yield from course.change(sent, _why)
        # Where no answer is known, or one began to come, there is nothing to try again for.
        course.unanswered = course.unanswered and answered and not reply.messages
        return course.judged()

    return dialogue


def _why(reply: Reply) -> str:
    return f"the tracker answers: {reply.text}"


class IntervalDevice(Device):
    """An emulated unit whose one setting is its interval, in seconds; a subclass gives `report` and what it hears."""

    factory = _FACTORY
