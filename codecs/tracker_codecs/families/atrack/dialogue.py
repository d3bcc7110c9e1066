"""The conversation: ask for AT$TRAC, write it with the wanted values, ask again where the unit told it before.

Answers name no command, so one is under way at a time. That a unit answers AT$TRAC=? is an analogy to AT$INFO=?; where
it does, its arguments are kept; where it refuses or keeps silent, a documented line is written, or nothing. After a
refused query no second one is sent: its $ERROR could not be told from one to the write.
Sources: those of `settings`; traccar/traccar AtrackProtocolEncoder and decoder tests ($OK, $ERROR=101, $INFO).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tracker_codecs.answers import Matcher, reply_of, says
from tracker_codecs.contract import (
    Command,
    Dialogue,
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
from tracker_codecs.course import Course
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.families.atrack import settings as values

TIMEOUT = 30.0
QUERY = "AT$TRAC=?"
_LINE = re.compile(r"AT\$[A-Z]{2,8}(?:[=+,?][ -~]{0,240})?", re.ASCII)
#: User and password of the access point.
_SECRET = re.compile(r"AT\$GPRS=[^,]*,[^,]*,([^,]*,[^,]*)(?:,.*)?", re.ASCII)
_result = says("$OK", no="$ERROR=")


def _told(message: Message) -> Match:
    if values.arguments(message.text) is not None:
        return Match.DONE
    result = _result(message)
    return Match.NO if result is Match.DONE else result


def _command(line: str, purpose: Purpose, expects: str, match: Matcher, fields: Iterable[str]) -> Command:
    keeps = purpose is Purpose.WRITE  # a write keeps the arguments that were read
    payload = line.encode("ascii") + b"\r\n"
    return Command(payload, line, purpose, expects, match, tuple(fields), TIMEOUT, depends_on_read=keeps)


def _ask(target: Target, purpose: Purpose, fields: Iterable[str]) -> Command:
    return _command(QUERY, purpose, "$TRAC=, the arguments", reply_of(target, _told, unnamed=True), fields)


def _write(target: Target, line: Sequence[str], fields: Iterable[str]) -> Command:
    text = f"AT$TRAC={','.join(line)}"
    return _command(text, Purpose.WRITE, "$OK", reply_of(target, _result, unnamed=True), fields)


def _arguments(reply: Reply) -> list[str] | None:
    return values.arguments(reply.text) if reply.ok else None


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    before = yield _ask(target, Purpose.READ, wanted)
    found = _arguments(before)
    line = values.changed(found, wanted) if found else values.fresh(wanted)
    if isinstance(line, str):
        if not before.assumed:
            course.refused = dict.fromkeys(wanted, line)
            return course.judged(values.told(found))  # nothing is written, so what stands there is what was read
        line = [values.ALL, *(str(wanted.get(name, "")) for name in values.PLACES), "", "", str(values.SERVER)]
    yield from course.change(_write(target, line, wanted))
    reported: dict[str, Value] = {}
    if found:
        again = yield _ask(target, Purpose.READ_BACK, wanted)
        if again.verdict is Verdict.REFUSED:
            # The unit answers this query: an $ERROR here belongs to the write, the $OK before it to something older.
            course.acknowledged.clear()
        after = _arguments(again)
        if after and after[0] == line[0]:
            reported = {name: value for name, value in values.told(after).items() if name in wanted}
    course.unanswered = course.unanswered and reported.keys() != wanted.keys()
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`. Silence is no reason to ask again: perhaps no unit answers the query."""
    reply = yield _ask(target, Purpose.READ, wanted)
    return Outcome({}, values.told(_arguments(reply)))


def _wrap(target: Target, line: str) -> bytes:
    if not _LINE.fullmatch(line):
        raise LocalError("a command is one line of printable ASCII that begins with AT$", parameter="command")
    return line.encode("ascii") + b"\r\n"


def _answers(target: Target, line: str, message: Message) -> Match:
    match = reply_of(target, unnamed=True)(message)
    return Match.REFUSED if match is Match.DONE and _result(message) is Match.REFUSED else match


def _secrets(target: Target, line: str) -> tuple[bytes, ...]:
    secret = _SECRET.fullmatch(line)
    return (secret[1].encode("ascii"),) if secret else ()


RAW = Envelope(
    spelled=str.strip,
    wrap=_wrap,
    answers=_answers,
    secrets=_secrets,
    expects="a line that begins with $",
    timeout=TIMEOUT,
)
