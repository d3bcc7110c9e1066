"""The conversations: learn the version byte, set, query.

A command bears the version byte of its device. Where nobody knows it yet, a query goes out with 4 and then with 3; any
frame of the unit that comes meanwhile tells it too. Answers carry the sequence of their command, which comes from the
revision. The form of the query is inferred, so a unit that takes a set message and keeps silent on the query ends as
acknowledged.
Sources: those of `messages`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tracker_codecs.answers import Matcher, reply_of
from tracker_codecs.contract import Command, Dialogue, Kind, Match, Message, Purpose, Reply, Settings, Target, Verdict
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.castel import frame as wire
from tracker_codecs.families.castel import messages
from tracker_codecs.families.castel import settings as values

TIMEOUT = 30.0
ANY_ANSWER = "any answer"
VERSIONS = (4, 3)
#: An answer, taken apart.
Answer = TypeVar("Answer", messages.Written, messages.Told)


@dataclass(slots=True)
class Talk:
    """State of one conversation; `heard` is the version byte of the unit's own frames."""

    target: Target
    course: Course
    version: int = VERSIONS[0]
    heard: int | None = None
    step: int = 0

    def command(self, kind: int, text: str, purpose: Purpose, depends_on_read: bool = False, value: int = 0) -> Command:
        """A set message (with its value in seconds) or a query of the interval."""
        sequence = (self.target.serial + self.step) & 0xFFFF
        self.step += 1
        if kind == wire.SET:
            body = messages.set_body(sequence, {values.TAG: value.to_bytes(2, "little")})
            means = _answer(wire.SET_ANSWER, sequence, messages.written, _taken)
            expects = f"A001 with sequence {sequence} and tag 1102"
        else:
            body = messages.query_body(sequence, (values.TAG,))
            means = _answer(wire.QUERY_ANSWER, sequence, messages.told, _told)
            expects = f"A002 with sequence {sequence} and the value of tag 1102"

        def match(message: Message) -> Match:
            if message.device_id != self.target.device_id:
                return Match.NO
            version = wire.version_of(message.frame)
            if version in wire.SC_VERSIONS:
                self.heard = version
            return means(message) if message.kind is Kind.REPLY else Match.NO

        payload = wire.build(self.version, self.target.device_id, kind, body)
        return Command(
            payload, text, purpose, expects, match, (values.FIELD,), TIMEOUT, depends_on_read=depends_on_read
        )

    def query(self, purpose: Purpose) -> Step[tuple[int | None, Reply]]:
        """Asks for the interval in seconds; None where it is not told as two bytes."""
        reply = yield self.command(wire.QUERY, "query 1102", purpose)
        for message in reversed(reply.messages if reply.ok else ()):
            found = messages.told(wire.body_of(message.frame)).values.get(values.TAG)
            if found is not None:
                return (int.from_bytes(found, "little") if len(found) == 2 else None), reply
        return None, reply

    def open(self, purpose: Purpose) -> Step[tuple[int | None, Reply | None]]:
        """Finds the version byte where it is not known; gives the interval, and the last answer if one was asked."""
        known = values.version_of(self.target)
        if known is not None:
            self.version = known
            return None, None
        for version in VERSIONS:
            self.version = version
            found, reply = yield from self.query(purpose)
            if reply.verdict is not Verdict.TIMEOUT or self.heard == version:
                break
        if self.heard is not None:
            self.version = self.heard
            self.course.known["version"] = str(self.heard)
        return found, reply


def _answer(kind: int, sequence: int, parse: Callable[[bytes], Answer], judged: Callable[[Answer], Match]) -> Matcher:
    """Matcher of an answer of this type with this sequence; `judged` reads what `parse` makes of its body."""

    def match(message: Message) -> Match:
        if wire.type_of(message.frame) != kind:
            return Match.NO
        try:
            found = parse(wire.body_of(message.frame))
        except PeerError:
            return Match.NO
        return judged(found) if found.sequence == sequence else Match.NO

    return match


def _taken(found: messages.Written) -> Match:
    return Match.DONE if values.TAG in found.tags else Match.REFUSED


def _told(found: messages.Told) -> Match:
    if values.TAG in found.failed:
        return Match.REFUSED
    return Match.DONE if values.TAG in found.values or found.part + 1 >= found.parts else Match.PART


def _not_named(reply: Reply) -> str:
    return "the unit does not name tag 1102 among those it took"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    talk = Talk(target, course)
    _, opened = yield from talk.open(Purpose.PROBE)
    seconds = int(wanted[values.FIELD])
    text = f"set 1102 to {seconds}"
    write = talk.command(wire.SET, text, Purpose.WRITE, depends_on_read=opened is not None, value=seconds)
    yield from course.change(write, _not_named)
    now, _ = yield from talk.query(Purpose.READ_BACK)
    course.unanswered = course.unanswered and now is None
    return course.judged({} if now is None else {values.FIELD: now})


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    talk = Talk(target, course)
    found, reply = yield from talk.open(Purpose.READ)
    if reply is None:
        found, reply = yield from talk.query(Purpose.READ)
    course.unanswered = reply.verdict is Verdict.TIMEOUT
    return course.told({} if found is None else {values.FIELD: found})


def _spoken(target: Target, text: str) -> Command:
    """A type and a body in hex (`3001 0100`), put into a frame.

    SC answers a type with its highest bit set. What CC answers is not public: any answer of the unit counts.
    """
    try:
        body = bytes.fromhex(text)
    except ValueError:
        body = b""
    if not 2 <= len(body) <= 1024:
        raise LocalError("must be a type and a body in hex, such as 3001 0100", parameter="command")
    if not re.fullmatch(r"[0-9A-Za-z]{1,20}", target.device_id, re.ASCII):
        raise LocalError("must be 1 to 20 letters or digits", parameter="device_id")
    kind = body[0] << 8 | body[1]
    version = values.version_of(target)
    payload = wire.build(VERSIONS[0] if version is None else version, target.device_id, kind, body[2:])
    answer = kind | 0x8000

    def means(message: Message) -> Match:
        return Match.DONE if wire.type_of(message.frame) == answer else Match.NO

    match, expects = reply_of(target), ANY_ANSWER
    if target.variant != values.CC:
        match, expects = reply_of(target, means), f"type {answer:04x}"
    return Command(payload, body.hex(), Purpose.RAW, expects, match, timeout=TIMEOUT)


RAW = spoken(_spoken, expects=ANY_ANSWER, timeout=TIMEOUT)
