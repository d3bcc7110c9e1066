"""The conversations: set each IO element, then read each one back. One command at a time.

Commands have no numbers. An answer to `getioparam` names its element, so only that of the very element counts; one to
`setioparam` names a slot only, and what it says is proved by the read-back behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracker_codecs.answers import reply_of
from tracker_codecs.contract import Command, Dialogue, Match, Message, Purpose, Reply, Settings, Target, Verdict
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.families.ruptela import frame as wire
from tracker_codecs.families.ruptela import settings as values
from tracker_codecs.families.ruptela import texts
from tracker_codecs.families.ruptela.texts import Element

#: Seconds: an answer may wait behind records.
TIMEOUT = 60.0


def _command(target: Target, text: str, purpose: Purpose, expects: str, fits: Callable[[str], Match]) -> Command:
    """A text behind the password; `fits` judges the text of an answer to it."""

    def means(message: Message) -> Match:
        return fits(message.text) if message.data == wire.SMS_ANSWER else Match.NO

    secret = values.password(target)
    return Command(
        payload=wire.build_text(f"{secret} {text}"),
        text=text,
        purpose=purpose,
        expects=expects,
        match=reply_of(target, means),
        fields=() if purpose is Purpose.RAW else (values.FIELD,),
        timeout=TIMEOUT,
        secrets=(secret.encode("ascii"),) if secret else (),
    )


def _set(target: Target, asked: Element) -> Command:
    def fits(text: str) -> Match:
        return {None: Match.NO, True: Match.DONE, False: Match.REFUSED}[texts.wrote(text)]

    return _command(target, f"setioparam {asked}", Purpose.WRITE, "setioparam OK, slot: N", fits)


def _get(target: Target, asked: Element, purpose: Purpose) -> Command:
    def fits(text: str) -> Match:
        found = texts.told(text, asked.place)
        return Match.NO if found is None else Match.REFUSED if isinstance(found, str) else Match.DONE

    text = f"getioparam {asked.id},{asked.profile}"
    return _command(target, text, purpose, "all values of this element, or that it is not enabled", fits)


def _ask(course: Course, target: Target, wanted: Sequence[Element], purpose: Purpose) -> Step[list[str] | None]:
    """Reads elements; None: not all were told. A refusal counts where not every write was acknowledged."""
    told: list[str] = []
    for asked in wanted:
        reply = yield _get(target, asked, purpose)
        if reply.assumed:
            continue
        if reply.verdict is Verdict.REFUSED:
            if values.FIELD not in course.acknowledged:
                reason = f"the unit answers getioparam {asked.id},{asked.profile} with: {reply.text}"
                course.refused.setdefault(values.FIELD, reason)
            return None
        found = texts.told(reply.text, asked.place) if reply.ok else None
        if not isinstance(found, Element):
            course.unanswered = True
            return None
        told.append(str(texts.shaped(asked, found)))
    return told if len(told) == len(wanted) else None


def _change(course: Course, target: Target, asked: Element) -> Step[Reply]:
    """Sets one element; of several refusals the first is told."""

    def why(reply: Reply) -> str:
        reason = f"the unit answers setioparam id={asked.id} with: {reply.text}"
        return course.refused.get(values.FIELD, reason)

    return course.change(_set(target, asked), why)


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    carried = values.elements(wanted[values.FIELD])
    course.known[values.FIELD] = ";".join(map(str, carried))
    for asked in carried:
        yield from _change(course, target, asked)
        if course.unanswered:
            return course.judged()
    told = yield from _ask(course, target, carried, Purpose.READ_BACK)
    return course.judged(None if told is None else {values.FIELD: told})


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: the elements of the last update, in its shape."""
    course = Course()
    told = yield from _ask(course, target, values.remembered(target), Purpose.READ)
    return course.told({values.FIELD: told} if told else None)


def _spoken(target: Target, text: str) -> Command:
    """A text behind the password in a command 108."""
    return _command(target, text, Purpose.RAW, "any answer to a text", lambda _: Match.DONE)


RAW = spoken(_spoken, expects="any answer to a command", timeout=TIMEOUT)
