"""The conversation: ask for AT$TRAC, write it with the wanted values, ask again where the unit told it before.

Answers name no command, so one is under way at a time. That a unit answers AT$TRAC=? is an analogy to AT$INFO=?; where
it does, its arguments are kept; where it refuses or keeps silent, a documented line is written, or nothing. After a
refused query no second one is sent: its $ERROR could not be told from one to the write.
Sources: those of `settings`; traccar/traccar AtrackProtocolEncoder and decoder tests ($OK, $ERROR=101, $INFO).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Kind,
    Match,
    Message,
    Outcome,
    Problem,
    Purpose,
    Reply,
    Settings,
    Target,
    Value,
    Verdict,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.atrack import settings as values
from tracker_codecs.judge import judge

TIMEOUT = 30.0
QUERY = "AT$TRAC=?"
_LINE = re.compile(r"AT\$[A-Z]{2,8}(?:[=+,?][ -~]{0,240})?", re.ASCII)
#: User and password of the access point.
_SECRET = re.compile(r"AT\$GPRS=[^,]*,[^,]*,([^,]*,[^,]*)(?:,.*)?", re.ASCII)


def _ours(target: Target, message: Message) -> bool:
    return message.kind is Kind.REPLY and message.device_id in (None, target.device_id)


def _result(message: Message) -> Match:
    if message.text == "$OK":
        return Match.DONE
    return Match.REFUSED if message.text.startswith("$ERROR=") else Match.NO


def _ask(target: Target, purpose: Purpose, fields: Sequence[str]) -> Command:
    def match(message: Message) -> Match:
        if not _ours(target, message):
            return Match.NO
        if values.arguments(message.text) is not None:
            return Match.DONE
        result = _result(message)
        return Match.NO if result is Match.DONE else result

    return _command(QUERY, purpose, "$TRAC=, the arguments", match, fields)


def _command(
    line: str, purpose: Purpose, expects: str, match: Callable[[Message], Match], fields: Sequence[str]
) -> Command:
    reads = purpose is Purpose.WRITE  # a write keeps the arguments that were read
    payload = line.encode("ascii") + b"\r\n"
    return Command(payload, line, purpose, expects, match, tuple(fields), TIMEOUT, depends_on_read=reads)


def _write(target: Target, line: Sequence[str], fields: Sequence[str]) -> Command:
    def match(message: Message) -> Match:
        return _result(message) if _ours(target, message) else Match.NO

    text = f"AT$TRAC={','.join(line)}"
    return _command(text, Purpose.WRITE, "$OK", match, fields)


def apply(target: Target, wanted: Settings, problems: Sequence[Problem], carried: Mapping[str, Value]) -> Dialogue:
    """See `Family.apply`."""
    if not carried:
        return judge(wanted, reported={}, problems=problems)
    before = yield _ask(target, Purpose.READ, list(carried))
    found = _arguments(before)
    line = values.changed(found, carried) if found else values.fresh(carried)
    if isinstance(line, str):
        if not before.assumed:
            # Nothing is written, so what stands there is what was read.
            return judge(wanted, reported=values.told(found), problems=problems, refused=dict.fromkeys(carried, line))
        line = [values.ALL, *(str(carried.get(name, "")) for name in values.PLACES), "", "", str(values.SERVER)]
    wrote = yield _write(target, line, list(carried))
    reported: dict[str, Value] = {}
    accepted = wrote.ok
    if found:
        again = yield _ask(target, Purpose.READ_BACK, list(carried))
        after = _arguments(again)
        # The unit answers this query: an $ERROR here belongs to the write, and the $OK before it to something older.
        accepted = accepted and again.verdict is not Verdict.REFUSED
        if after and after[0] == line[0]:
            reported = {name: value for name, value in values.told(after).items() if name in carried}
    refused = f"the unit answers {wrote.text}"
    return judge(
        wanted,
        reported=reported,
        problems=problems,
        acknowledged=carried if accepted else (),
        refused=dict.fromkeys(carried, refused) if wrote.verdict is Verdict.REFUSED else {},
        written=carried,
        unanswered=wrote.verdict is Verdict.TIMEOUT and reported.keys() != carried.keys(),
    )


def _arguments(reply: Reply) -> list[str] | None:
    return values.arguments(reply.text) if reply.ok else None


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`. Silence is no reason to ask again: perhaps no unit answers the query."""
    if not wanted:
        return Outcome({})
    reply = yield _ask(target, Purpose.READ, wanted)
    return Outcome({}, values.told(_arguments(reply)))


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: a line, which gets its CR LF; bytes go as they are.

    Raises LocalError for a text that is no line `AT$WORD...` of printable ASCII.
    """

    def match(message: Message) -> Match:
        if not _ours(target, message):
            return Match.NO
        result = _result(message)
        return Match.DONE if result is Match.NO else result

    if isinstance(text, bytes):
        if not text:
            raise LocalError("there is nothing to send", parameter="command")
        return Command(text, text.hex(), Purpose.RAW, "a line that begins with $", match, timeout=TIMEOUT)
    line = text.strip()
    if not _LINE.fullmatch(line):
        raise LocalError("a command is one line of printable ASCII that begins with AT$", parameter="command")
    secret = _SECRET.fullmatch(line)
    shown = f"{line[: secret.start(1)]}***{line[secret.end(1) :]}" if secret else line
    secrets = (secret[1].encode("ascii"),) if secret else ()
    payload = line.encode("ascii") + b"\r\n"
    expects = "a line that begins with $"
    return Command(payload, shown, Purpose.RAW, expects, match, timeout=TIMEOUT, secrets=secrets)
