"""The conversations: find the unit's number, then read each tag, write it, and read all back. One command at a time.

Packets bear the numbers of unit and server. A unit's number is 0 from the factory or, in recorded logins, the last
eight digits of its IMEI, or what an operator gave it; whether a unit hears packets to another number is not public. So
`*?V` goes to the number heard last, to 0 and to the digits in turn, and the sender of its answer is kept. Answers have
no numbers of their own: one to READ names its tag, one to EDIT only its verb, and is proved by the reading behind it.
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
    Value,
    Verdict,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.navtelecom import frame as wire
from tracker_codecs.families.navtelecom import settings as values
from tracker_codecs.families.navtelecom import texts
from tracker_codecs.families.navtelecom.texts import Parameter
from tracker_codecs.judge import judge

#: Seconds: an answer may wait behind telemetry.
TIMEOUT = 30.0
_MATCH = {None: Match.NO, True: Match.DONE, False: Match.REFUSED}


def _matcher(target: Target, fits: Callable[[str], Match]) -> Callable[[Message], Match]:
    def match(message: Message) -> Match:
        found = message.data
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        return fits(found.text) if isinstance(found, wire.Answer) else Match.NO

    return match


@dataclass(slots=True)
class Talk:
    """State of one conversation."""

    target: Target
    server: int
    unit: int
    written: bool = False
    took: int = 0  # tags whose change the unit answered with OK
    known: dict[str, str] = field(default_factory=dict)

    def send(
        self, text: str, purpose: Purpose, expects: str, fits: Callable[[str], Match]
    ) -> Generator[Command, Reply, Reply]:
        """One command to the number that is known."""
        reply = yield Command(
            payload=wire.build_command(self.unit, self.server, text),
            text=text,
            purpose=purpose,
            expects=expects,
            match=_matcher(self.target, fits),
            fields=() if purpose is Purpose.PROBE else (values.FIELD,),
            timeout=TIMEOUT,
            depends_on_read=True,
        )
        return reply

    def find(self) -> Generator[Command, Reply, bool]:
        """Asks who is there; gives whether somebody answered."""
        for number in values.numbers(self.target).unit:
            self.unit = number
            reply = yield from self.send(
                "*?V", Purpose.PROBE, "*#V:", lambda text: Match.DONE if texts.version(text) else Match.NO
            )
            if reply.assumed:
                return True
            found = reply.messages[-1].data if reply.ok else None
            if isinstance(found, wire.Answer):
                self.unit = found.number
                self.known |= {"unit_number": str(found.number), **(texts.version(found.text) or {})}
                return True
        return False

    def ask(self, asked: Parameter, purpose: Purpose) -> Generator[Command, Reply, tuple[Parameter | None, Reply]]:
        """READ of one tag."""

        def fits(text: str) -> Match:
            found = texts.read_answer(text, asked.name)
            return Match.DONE if isinstance(found, Parameter) else _MATCH[found]

        reply = yield from self.send(f"*!READ {asked.name}", purpose, f"*@READ OK,{asked.name}(...)", fits)
        answer = reply.messages[-1].data if reply.ok else None
        found = texts.read_answer(answer.text, asked.name) if isinstance(answer, wire.Answer) else None
        return (found if isinstance(found, Parameter) else None), reply

    def change(self, asked: Parameter) -> Generator[Command, Reply, tuple[str, bool]]:
        """Reads and writes one tag; gives why it was refused and whether an answer lacks."""
        had, reply = yield from self.ask(asked, Purpose.READ)
        if reply.verdict is Verdict.TIMEOUT:
            return "", True
        if had is None and not reply.assumed:
            return f"not written: the unit answers READ {asked.name} with: {reply.text}", False
        if had is not None and len(had.values) != len(asked.values):
            count = len(had.values)
            return f"not written: {asked.name} has {count} values in this unit, not {len(asked.values)}", False
        text = values.edit(asked)
        self.written = True
        reply = yield from self.send(text, Purpose.WRITE, "*@EDIT OK", lambda got: _MATCH[texts.verb_answer(got, text)])
        if reply.verdict is Verdict.REFUSED:
            return f"the unit answers EDIT {asked.name} with: {reply.text}", False
        self.took += reply.ok
        return "", reply.verdict is Verdict.TIMEOUT


def _talk(target: Target) -> Talk:
    known = values.numbers(target)
    return Talk(target, known.server, known.unit[0])


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    carried = values.parameters(wanted[values.FIELD])
    talk = _talk(target)
    refused: dict[str, str] = {}
    reported: dict[str, Value] = {}
    silent, done = not (yield from talk.find()), 0
    for asked in () if silent else carried:
        reason, silent = yield from talk.change(asked)
        if silent:
            break
        if reason:
            refused.setdefault(values.FIELD, reason)
        done += not reason
    if done and not silent:
        told, silent = yield from _read_back(talk, carried)
        reported = {values.FIELD: told} if told is not None else {}
    talk.known[values.FIELD] = ";".join(map(str, carried))
    return judge(
        wanted,
        reported=reported,
        acknowledged=(values.FIELD,) if talk.took == len(carried) else (),
        refused=refused,
        written=(values.FIELD,) if talk.written else (),
        known=talk.known,
        unanswered=silent,
    )


def _read_back(talk: Talk, wanted: Sequence[Parameter]) -> Generator[Command, Reply, tuple[list[str] | None, bool]]:
    """Reads tags; gives what they say in the shape asked for (None: not all said it), and whether an answer lacks."""
    told: list[str] = []
    for asked in wanted:
        found, reply = yield from talk.ask(asked, Purpose.READ_BACK)
        if reply.verdict is Verdict.TIMEOUT:
            return None, True
        if found is not None and len(found.values) == len(asked.values):
            told.append(str(texts.shaped(asked, found)))
    return (told if len(told) == len(wanted) else None), False


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: the tags of the last update, in its shape."""
    asked = values.remembered(target)
    if not asked:
        return Outcome({})
    talk = _talk(target)
    if not (yield from talk.find()):
        return Outcome({}, {}, {}, True)
    told, silent = yield from _read_back(talk, asked)
    return Outcome({}, {} if told is None else {values.FIELD: told}, talk.known, silent)


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: text as the body of a packet, bytes as they are.

    `*!VERB ...` is acknowledged by `*@VERB`, `*?X` by `*#X`; anything else and bytes by any answer.
    """
    if not text:
        raise LocalError("there is nothing to send", parameter="command")
    if isinstance(text, bytes):
        return Command(text, text.hex(), Purpose.RAW, "any answer", _matcher(target, _any), timeout=TIMEOUT)
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


def _any(text: str) -> Match:
    return Match.DONE
