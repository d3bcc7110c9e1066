"""The conversations: learn the version byte, set, query.

A command bears the version byte of its device. Where nobody knows it yet, a query goes out with 4 and then with 3; any
frame of the unit that comes meanwhile tells it too. Answers carry the sequence of their command, which comes from the
revision. The form of the query is inferred, so a unit that takes a set message and keeps silent on the query ends as
acknowledged.
Sources: those of `messages`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Settings,
    Target,
    Verdict,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.castel import frame as wire
from tracker_codecs.families.castel import messages
from tracker_codecs.families.castel import settings as values
from tracker_codecs.judge import judge

TIMEOUT = 30.0
VERSIONS = (4, 3)


@dataclass(slots=True)
class Talk:
    """State of one conversation; `heard` is the version byte of the unit's own frames."""

    target: Target
    version: int = VERSIONS[0]
    heard: int | None = None
    step: int = 0
    known: dict[str, str] = field(default_factory=dict)

    def command(self, kind: int, text: str, purpose: Purpose, depends_on_read: bool = False, value: int = 0) -> Command:
        """A set message (with its value in seconds) or a query of the interval."""
        sequence = (self.target.serial + self.step) & 0xFFFF
        self.step += 1
        if kind == wire.SET:
            body = messages.set_body(sequence, {values.TAG: value.to_bytes(2, "little")})
            judge_answer, expects = _written(sequence), f"A001 with sequence {sequence} and tag 1102"
        else:
            body = messages.query_body(sequence, (values.TAG,))
            judge_answer, expects = _told(sequence), f"A002 with sequence {sequence} and the value of tag 1102"

        def match(message: Message) -> Match:
            if message.device_id != self.target.device_id:
                return Match.NO
            version = wire.version_of(message.frame)
            if version in wire.SC_VERSIONS:
                self.heard = version
            return judge_answer(message) if message.kind is Kind.REPLY else Match.NO

        payload = wire.build(self.version, self.target.device_id, kind, body)
        return Command(
            payload, text, purpose, expects, match, (values.FIELD,), TIMEOUT, depends_on_read=depends_on_read
        )

    def query(self, purpose: Purpose) -> Generator[Command, Reply, tuple[int | None, Reply]]:
        """Asks for the interval in seconds; None where it is not told as two bytes."""
        reply = yield self.command(wire.QUERY, "query 1102", purpose)
        for message in reversed(reply.messages if reply.ok else ()):
            found = messages.told(wire.body_of(message.frame)).values.get(values.TAG)
            if found is not None:
                return (int.from_bytes(found, "little") if len(found) == 2 else None), reply
        return None, reply

    def open(self, purpose: Purpose) -> Generator[Command, Reply, tuple[int | None, Reply | None]]:
        """Finds the version byte where it is not known; gives the interval, and the last answer if one was asked."""
        known = values.version_of(self.target)
        if known is not None:
            self.version = known
            return None, None
        for version in VERSIONS:
            self.version = version
            found, reply = yield from self.query(purpose)
            if reply.verdict is not Verdict.TIMEOUT:
                break
            if self.heard == version:
                break
        if self.heard is not None:
            self.version = self.heard
            self.known["version"] = str(self.heard)
        return found, reply


def _written(sequence: int) -> Callable[[Message], Match]:
    def match(message: Message) -> Match:
        if wire.type_of(message.frame) != wire.SET_ANSWER:
            return Match.NO
        try:
            found = messages.written(wire.body_of(message.frame))
        except PeerError:
            return Match.NO
        if found.sequence != sequence:
            return Match.NO
        return Match.DONE if values.TAG in found.tags else Match.REFUSED

    return match


def _told(sequence: int) -> Callable[[Message], Match]:
    def match(message: Message) -> Match:
        if wire.type_of(message.frame) != wire.QUERY_ANSWER:
            return Match.NO
        try:
            found = messages.told(wire.body_of(message.frame))
        except PeerError:
            return Match.NO
        if found.sequence != sequence:
            return Match.NO
        if values.TAG in found.failed:
            return Match.REFUSED
        return Match.DONE if values.TAG in found.values or found.part + 1 >= found.parts else Match.PART

    return match


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    talk = Talk(target)
    _, opened = yield from talk.open(Purpose.PROBE)
    seconds = int(wanted[values.FIELD])
    text = f"set 1102 to {seconds}"
    reply = yield talk.command(wire.SET, text, Purpose.WRITE, depends_on_read=opened is not None, value=seconds)
    now, _ = yield from talk.query(Purpose.READ_BACK)
    refused = "the unit does not name tag 1102 among those it took"
    return judge(
        wanted,
        reported={} if now is None else {values.FIELD: now},
        acknowledged=(values.FIELD,) if reply.ok else (),
        refused={values.FIELD: refused} if reply.verdict is Verdict.REFUSED else {},
        written=(values.FIELD,),
        known=talk.known,
        unanswered=reply.verdict is Verdict.TIMEOUT and now is None,
    )


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    if values.FIELD not in wanted:
        return Outcome({})
    talk = Talk(target)
    found, reply = yield from talk.open(Purpose.READ)
    if reply is None:
        found, reply = yield from talk.query(Purpose.READ)
    reported = {} if found is None else {values.FIELD: found}
    return Outcome({}, reported, talk.known, reply.verdict is Verdict.TIMEOUT)


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: text is a type and a body in hex (`3001 0100`); bytes go as they are.

    SC answers a type with its highest bit set. What CC answers is not public: any answer of the unit counts.
    """
    if isinstance(text, bytes):
        return Command(text, text.hex(), Purpose.RAW, "any answer", _reply(target, None), timeout=TIMEOUT)
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
    answer = None if target.variant == values.CC else kind | 0x8000
    expects = "any answer" if answer is None else f"type {answer:04x}"
    return Command(payload, body.hex(), Purpose.RAW, expects, _reply(target, answer), timeout=TIMEOUT)


def _reply(target: Target, kind: int | None) -> Callable[[Message], Match]:
    def match(message: Message) -> Match:
        fits = message.kind is Kind.REPLY and message.device_id == target.device_id
        return Match.DONE if fits and kind in (None, wire.type_of(message.frame)) else Match.NO

    return match
