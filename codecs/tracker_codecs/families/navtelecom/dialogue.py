"""The conversations: find the unit's number, then read each tag, write it, and read all back. One command at a time.

Packets bear the numbers of unit and server. A unit's number is 0 from the factory or, in recorded logins, the last
eight digits of its IMEI, or what an operator gave it; whether a unit hears packets to another number is not public. So
`*?V` goes to the number heard last, to 0 and to the digits in turn, and the sender of its answer is kept. Answers have
no numbers of their own: one to READ names its tag, one to EDIT only its verb, and is proved by the reading behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tracker_codecs.answers import Matcher, reply_of
from tracker_codecs.contract import Command, Dialogue, Match, Message, Purpose, Reply, Settings, Target, Verdict
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.families.navtelecom import frame as wire
from tracker_codecs.families.navtelecom import settings as values
from tracker_codecs.families.navtelecom import texts
from tracker_codecs.families.navtelecom.texts import Parameter

#: Seconds: an answer may wait behind telemetry.
TIMEOUT = 30.0
_MATCH = {None: Match.NO, True: Match.DONE, False: Match.REFUSED}


def _matcher(target: Target, fits: Callable[[str], Match]) -> Matcher:
    def means(message: Message) -> Match:
        found = message.data
        return fits(found.text) if isinstance(found, wire.Answer) else Match.NO

    return reply_of(target, means)


@dataclass(slots=True)
class Talk:
    """State of one conversation."""

    target: Target
    server: int
    unit: int
    course: Course

    def command(self, text: str, purpose: Purpose, expects: str, fits: Callable[[str], Match]) -> Command:
        """One command to the number that is known."""
        return Command(
            payload=wire.build_command(self.unit, self.server, text),
            text=text,
            purpose=purpose,
            expects=expects,
            match=_matcher(self.target, fits),
            fields=() if purpose is Purpose.PROBE else (values.FIELD,),
            timeout=TIMEOUT,
            depends_on_read=True,
        )

    def find(self) -> Step[bool]:
        """Asks who is there; gives whether somebody answered."""
        for number in values.numbers(self.target).unit:
            self.unit = number
            reply = yield self.command(
                "*?V", Purpose.PROBE, "*#V:", lambda text: Match.DONE if texts.version(text) else Match.NO
            )
            if reply.assumed:
                return True
            found = reply.messages[-1].data if reply.ok else None
            if isinstance(found, wire.Answer):
                self.unit = found.number
                self.course.known |= {"unit_number": str(found.number), **(texts.version(found.text) or {})}
                return True
        self.course.unanswered = True
        return False

    def ask(self, asked: Parameter, purpose: Purpose) -> Step[tuple[Parameter | None, Reply]]:
        """READ of one tag."""

        def fits(text: str) -> Match:
            found = texts.read_answer(text, asked.name)
            return Match.DONE if isinstance(found, Parameter) else _MATCH[found]

        question = self.command(f"*!READ {asked.name}", purpose, f"*@READ OK,{asked.name}(...)", fits)
        reply = yield from self.course.ask(question)
        answer = reply.messages[-1].data if reply.ok else None
        found = texts.read_answer(answer.text, asked.name) if isinstance(answer, wire.Answer) else None
        return (found if isinstance(found, Parameter) else None), reply

    def change(self, asked: Parameter) -> Step[str]:
        """Reads and writes one tag; gives why it was not written, or refused."""
        had, reply = yield from self.ask(asked, Purpose.READ)
        if self.course.unanswered:
            self.course.acknowledged.clear()  # not every tag was changed
            return ""
        if had is None and not reply.assumed:
            return f"not written: the unit answers READ {asked.name} with: {reply.text}"
        if had is not None and len(had.values) != len(asked.values):
            count = len(had.values)
            return f"not written: {asked.name} has {count} values in this unit, not {len(asked.values)}"
        text = values.edit(asked)
        write = self.command(text, Purpose.WRITE, "*@EDIT OK", lambda got: _MATCH[texts.verb_answer(got, text)])
        reply = yield from self.course.change(write)
        return f"the unit answers EDIT {asked.name} with: {reply.text}" if reply.verdict is Verdict.REFUSED else ""


def _talk(target: Target, course: Course) -> Talk:
    known = values.numbers(target)
    return Talk(target, known.server, known.unit[0], course)


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`. Of several refusals the first is told."""
    carried = values.parameters(wanted[values.FIELD])
    course = Course(wanted)
    talk = _talk(target, course)
    course.known[values.FIELD] = ";".join(map(str, carried))
    if not (yield from talk.find()):
        return course.judged()
    reasons: list[str] = []
    for asked in carried:
        reason = yield from talk.change(asked)
        reasons += [reason] if reason else []
        if course.unanswered:
            break
    if reasons:
        course.refused[values.FIELD] = reasons[0]
    told = None
    if len(reasons) < len(carried) and not course.unanswered:
        told = yield from _read_back(talk, carried)
    return course.judged(None if told is None else {values.FIELD: told})


def _read_back(talk: Talk, wanted: Sequence[Parameter]) -> Step[list[str] | None]:
    """Reads tags; gives what they say in the shape asked for. None: not all said it."""
    told: list[str] = []
    for asked in wanted:
        found, _ = yield from talk.ask(asked, Purpose.READ_BACK)
        if talk.course.unanswered:
            return None
        if found is not None and len(found.values) == len(asked.values):
            told.append(str(texts.shaped(asked, found)))
    return told if len(told) == len(wanted) else None


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: the tags of the last update, in its shape."""
    course = Course()
    asked = values.remembered(target)
    if not asked:
        return course.told()
    talk = _talk(target, course)
    if not (yield from talk.find()):
        return course.told()
    told = yield from _read_back(talk, asked)
    return course.told(None if told is None else {values.FIELD: told})


def _own(target: Target, text: str) -> Command:
    """A text as the body of a packet.

    `*!VERB ...` is acknowledged by `*@VERB`, `*?X` by `*#X`; anything else by any answer.
    """
    known = values.numbers(target)
    payload = wire.build_command(known.unit[0], known.server, text)
    word = _word(text)
    expected = {"*!": "*@", "*?": "*#"}.get(text[:2], "")

    def fits(said: str) -> Match:
        if said.startswith("*Z"):
            return Match.REFUSED
        return Match.DONE if not expected or (said[:2], _word(said)) == (expected, word) else Match.NO

    expects = f"an answer {expected}{word}" if expected else "any answer"
    matched = _matcher(target, fits)
    return Command(payload, text, Purpose.RAW, expects, matched, timeout=TIMEOUT, secrets=_credentials(text))


def _credentials(text: str) -> tuple[bytes, ...]:
    """The values of access points and keys in a command's text."""
    found = (part.partition("(") for part in re.findall(r"\w+:\w+\([^)]*", text, re.ASCII))
    held = (values_ for name, _, values_ in found if name in values.CREDENTIALS)
    return tuple({each.encode("ascii", "replace") for inner in held for each in inner.split(",") if each})


def _word(text: str) -> str:
    """The word behind the two marks of a command or an answer."""
    return re.split("[ :]", text[2:], maxsplit=1)[0]


RAW = spoken(_own, timeout=TIMEOUT)
