"""The conversations: read what must be kept, write, read back. One command a packet, one at a time.

An answer bears the number of its command, which comes from the revision, so a late answer matches nothing. The device
number beside it differs from the one that was sent in recorded answers and is not looked at.
Sources: traccar/traccar Galileo encoder and decoder tests; GLONASS/GPS Satellite v4.0 manual, pages 57 and 61.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from tracker_codecs.answers import Matcher, reply_of
from tracker_codecs.contract import Command, Dialogue, Match, Message, Purpose, Reply, Settings, Target, Value, Verdict
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.families.galileosky import frame as wire
from tracker_codecs.families.galileosky import settings as values
from tracker_codecs.families.galileosky import texts
from tracker_codecs.families.galileosky.texts import Period, Turning

#: Seconds: an answer may wait behind data packets.
TIMEOUT = 60.0
T = TypeVar("T", Period, Turning)


class Conversation(IntEnum):
    """First byte of a command number: what kind of conversation it belongs to."""

    APPLY = 1
    READ = 2
    RAW = 3


def number_of(target: Target, kind: Conversation, step: int) -> int:
    """A command's number: conversation, step, serial. Never 0, which other servers use."""
    return kind << 24 | (step & 0xFF) << 16 | target.serial & 0xFFFF


def matcher(target: Target, number: int, fits: Callable[[str], object | None]) -> Matcher:
    """Matcher of the answer with this number; a text that does not fit is a refusal."""

    def means(message: Message) -> Match:
        found = message.data
        if not isinstance(found, wire.Answer) or found.number != number:
            return Match.NO
        return Match.REFUSED if fits(found.text) is None else Match.DONE

    return reply_of(target, means)


@dataclass(slots=True)
class Talk:
    """State of one conversation."""

    target: Target
    kind: Conversation
    options: values.Options
    course: Course = field(default_factory=Course)
    step: int = 0
    reported: dict[str, Value] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def send(
        self,
        text: str,
        purpose: Purpose,
        fields: Sequence[str],
        understand: Callable[[str], T | None],
        *,
        depends_on_read: bool = False,
    ) -> Step[tuple[T | None, Reply]]:
        """One command; gives the values that its answer tells."""
        number = number_of(self.target, self.kind, self.step)
        self.step += 1
        reply = yield Command(
            payload=wire.build_command(self.target.device_id, number, text),
            text=text,
            purpose=purpose,
            expects=f"an answer numbered {number} with the values in force",
            match=matcher(self.target, number, understand),
            fields=tuple(fields),
            timeout=TIMEOUT,
            depends_on_read=depends_on_read,
        )
        found = reply.messages[-1].data if reply.ok else None
        return (understand(found.text) if isinstance(found, wire.Answer) else None), reply

    def tell(self, found: Period | Turning) -> None:
        """Takes what the unit says is in force."""
        if isinstance(found, Period):
            self.reported["tracking_interval"] = found.move
            self.course.known["period"] = texts.arguments(found)
        else:
            self.reported |= {"tracking_angle": found.angle, "tracking_distance": found.distance}
            self.course.known["turning"] = texts.arguments(found)


def _remembered(target: Target, key: str, size: int) -> list[int] | None:
    parts = target.known.get(key, "").split(",")
    return [int(part) for part in parts] if len(parts) == size and all(map(str.isdecimal, parts)) else None


def _period(talk: Talk, carried: Mapping[str, Value], had: Period | None, assumed: bool) -> Period | None:
    """What WrPeriod gets: the unit's own interval at rest is kept. None where nobody tells it."""
    interval, option = int(carried["tracking_interval"]), talk.options.parking
    if had is not None:
        return Period(interval, had.parking)
    if assumed and (last := _remembered(talk.target, "period", 2)):
        return Period(interval, last[1])
    if option is None:
        return Period(interval, interval) if assumed else None
    return Period(interval, option or interval)


def _turning(talk: Talk, carried: Mapping[str, Value], had: Turning | None, assumed: bool) -> Turning | None:
    """What Turning gets: all but the wanted arguments are kept. None where nobody tells them."""
    if had is None and assumed:
        last = _remembered(talk.target, "turning", 5)
        had = Turning(*last) if last else values.EXAMPLE if talk.options.turning is None else None
    if had is None and talk.options.turning is not None and "tracking_angle" in carried:
        speed, distance, excess, step = talk.options.turning
        had = Turning(speed, int(carried["tracking_angle"]), distance, excess, step)
    if had is None:
        return None
    angle, distance = carried.get("tracking_angle", had.angle), carried.get("tracking_distance", had.distance)
    return had._replace(angle=int(angle), distance=int(distance))


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    talk = Talk(target, Conversation.APPLY, values.options(target), course)
    period_fields = [name for name in values.PERIOD_FIELDS if name in wanted]
    turning_fields = [name for name in values.TURNING_FIELDS if name in wanted]
    again: set[str] = set()
    if period_fields:
        yield from _change(talk, "WrPeriod", period_fields, texts.period, _period, wanted, again, "parking_interval")
    if turning_fields:
        yield from _change(talk, "Turning", turning_fields, texts.turning, _turning, wanted, again, "turning_keep")
    if "WrPeriod" in again:
        yield from _ask(talk, "WrPeriod", Purpose.READ_BACK, period_fields, texts.period)
    if "Turning" in again:
        yield from _ask(talk, "Turning", Purpose.READ_BACK, turning_fields, texts.turning)
    course.unanswered = bool(talk.silent - talk.reported.keys())
    return course.judged(talk.reported)


def _change(
    talk: Talk,
    word: str,
    fields: Sequence[str],
    understand: Callable[[str], T | None],
    plan: Callable[[Talk, Mapping[str, Value], T | None, bool], T | None],
    carried: Mapping[str, Value],
    again: set[str],
    option: str,
) -> Step[None]:
    """Reads what must be kept, then writes; the echo of the write tells the values in force."""
    had: T | None = None
    assumed = False
    if talk.options.query:
        had, reply = yield from talk.send(word, Purpose.READ, fields, understand)
        assumed = reply.assumed
        planned = plan(talk, carried, had, assumed)
        if planned is None and reply.verdict is Verdict.TIMEOUT:
            talk.silent.update(fields)
            return
    else:
        planned = plan(talk, carried, None, False)
    if planned is None:
        reason = f"not written: the unit does not tell the other arguments of {word}; the option {option} gives them"
        talk.course.refused |= dict.fromkeys(fields, reason)
        return
    text = f"{word} {texts.arguments(planned)}"
    now, reply = yield from talk.send(text, Purpose.WRITE, fields, understand, depends_on_read=talk.options.query)
    talk.course.written.update(fields)
    if reply.verdict is Verdict.REFUSED:
        talk.course.refused |= dict.fromkeys(fields, f"the unit answers {text} with: {reply.text}")
    elif reply.verdict is Verdict.TIMEOUT:
        talk.silent.update(fields)
    if now is not None:
        talk.tell(now)
    if had is not None or assumed:
        again.add(word)


def _ask(
    talk: Talk, word: str, purpose: Purpose, fields: Sequence[str], understand: Callable[[str], T | None]
) -> Step[None]:
    """Takes the values in force. Where they are read back without an answer, the echo of the write stands."""
    now, reply = yield from talk.send(word, purpose, fields, understand)
    talk.course.unanswered = reply.verdict is Verdict.TIMEOUT
    if now is not None:
        talk.tell(now)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    talk = Talk(target, Conversation.READ, values.options(target), course)
    if not talk.options.query:
        return course.told()
    period_fields = [name for name in values.PERIOD_FIELDS if name in wanted]
    turning_fields = [name for name in values.TURNING_FIELDS if name in wanted]
    if period_fields:
        yield from _ask(talk, "WrPeriod", Purpose.READ, period_fields, texts.period)
    if turning_fields and not course.unanswered:
        yield from _ask(talk, "Turning", Purpose.READ, turning_fields, texts.turning)
    return course.told(talk.reported)


def _spoken(target: Target, text: str) -> Command:
    """A text in a command packet; its answer bears the number."""
    number = number_of(target, Conversation.RAW, 0)
    payload = wire.build_command(target.device_id, number, text)
    match = matcher(target, number, lambda _: True)
    return Command(payload, text, Purpose.RAW, f"an answer numbered {number}", match, timeout=TIMEOUT)


RAW = spoken(_spoken, expects="any answer to a command", timeout=TIMEOUT)
