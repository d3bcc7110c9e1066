"""The conversation: ask for TRACKING, write it with the settings changed, ask again.

`$OK:TRACKING` acknowledges, any line with `ERR:` and `$ER:TRACKING=<code>` refuse. Answers carry no number: one
command is under way at a time. Not every unit answers the query (it is proved for one make only): such a unit is
left alone until the option `blind` (1) allows TRACKING to be written without knowing what it holds, and then
nothing is asked.
Sources: those of `settings`; `$OK:TRACKING` is recorded in traccar/traccar IntellitracProtocolDecoderTest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker_codecs.answers import reply_of
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
    Verdict,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.intellitrac import settings as values
from tracker_codecs.families.intellitrac.frame import SECRET
from tracker_codecs.families.intellitrac.settings import Tracking

TIMEOUT = 30.0
_TEXT = re.compile(r"\$ST\+[A-Z0-9]{2,20}(?:=[ -~]{0,200})?", re.ASCII)


def _no(text: str, name: str) -> bool:
    """Whether the unit refuses this command: `ERR:` names none."""
    return "ERR:" in text or text.startswith(f"$ER:{name}=") or text == f"$ER:{name}"


def _command(target: Target, arguments: str, purpose: Purpose, fields: Sequence[str], *, read: bool) -> Command:
    secret = values.password(target)
    asks = purpose is not Purpose.WRITE

    def means(message: Message) -> Match:
        text = str(message.data)
        if _no(text, "TRACKING"):
            return Match.REFUSED
        right = values.tracking(text) is not None if asks else text == "$OK:TRACKING"
        return Match.DONE if right else Match.NO

    text = f"$ST+TRACKING={secret},{arguments}"
    return Command(
        payload=text.encode("ascii") + b"\r\n",
        text=f"$ST+TRACKING=...,{arguments}",
        purpose=purpose,
        expects="$TRACKING= and its values" if asks else "$OK:TRACKING",
        match=reply_of(target, means),
        fields=tuple(fields),
        timeout=TIMEOUT,
        secrets=(secret.encode("ascii"),),
        depends_on_read=read,
    )


def _ask(target: Target, purpose: Purpose, fields: Sequence[str]) -> Command:
    return _command(target, "?", purpose, fields, read=False)


def _found(reply: Reply) -> Tracking | None:
    return values.tracking(str(reply.messages[-1].data)) if reply.ok else None


def _refusal(reply: Reply) -> str:
    text = reply.text
    denied = "DENIED" in text.upper() or (text.startswith("$ER:") and text.endswith("=1"))
    return f"the unit answers {text}" + (": is the password right?" if denied else "")


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    names = [*wanted]
    blind = target.options.get("blind") in (1, "1", True)
    before = values.unread(target)
    reason = ""
    if not blind:
        reply = yield from course.ask(_ask(target, Purpose.READ, names))
        if course.unanswered:
            return course.judged()
        if reply.verdict is Verdict.REFUSED:
            reason = f"{_refusal(reply)} (option blind: 1 writes without asking)"
        before = _found(reply) or before._replace(mode=before.mode or 1)
    elif not before.mode and values.TYPE not in wanted:
        reason = "without asking the unit the option type must say what causes a report"
    elif not {values.INTERVAL, values.DISTANCE} <= wanted.keys():
        reason = "without asking the unit interval and distance can only be set together"
    after = values.changed(before, wanted)
    if not reason and after.type is None:
        reason = f"the unit is in mode {after.mode}, which is not public: a type must be given"
    if reason:
        course.unsupported |= dict.fromkeys(names, reason)
        return course.judged()
    write = _command(target, after.text, Purpose.WRITE, names, read=not blind)
    reply = yield from course.change(write, _refusal)
    if not reply.ok or blind:
        return course.judged()
    again = yield from course.ask(_ask(target, Purpose.READ_BACK, names))
    now = _found(again)
    if now is None:
        return course.judged()
    course.unproved = values.idle(now)
    return course.judged({name: value for name, value in values.told(now).items() if name in wanted})


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    if target.options.get("blind") in (1, "1", True):
        return Outcome({})
    course = Course()
    reply = yield from course.ask(_ask(target, Purpose.READ, wanted))
    found = _found(reply)
    told = values.told(found) if found else {}
    course.unproved = values.idle(found) if found else {}
    return course.told({name: told[name] for name in wanted if name in told})


def _spoken(target: Target, text: str) -> Command:
    """An operator's own line, with or without `$ST+`; it gets its CR LF.

    Raises LocalError for a text that is no such line of printable ASCII.
    """
    line = text.strip()
    line = line if line.startswith("$ST+") else f"$ST+{line}"
    secrets = {values.password(target)}
    if not _TEXT.fullmatch(line):
        raise LocalError("a command is one line $ST+NAME=password,... of printable ASCII", parameter="command")
    name, _, arguments = line.removeprefix("$ST+").partition("=")
    first, *more = arguments.split(",")
    secrets |= {first, *(more if name in SECRET else ())} - {"", "?"}
    return Command(
        payload=line.encode("ascii") + b"\r\n",
        text=f"$ST+{name}=" + ",".join(["...", *(["..."] if name in SECRET else more)]) if first else line,
        purpose=Purpose.RAW,
        expects=f"$OK:{name} or its values",
        match=lambda message: _answers(target, name, message),
        timeout=TIMEOUT,
        secrets=tuple(each.encode("ascii") for each in sorted(secrets)),
    )


def _answers(target: Target, name: str, message: Message) -> Match:
    """The result of this command or its values; to bytes, which have no name here, whatever the unit says."""

    def means(message: Message) -> Match:
        text = str(message.data)
        if _no(text, name):
            return Match.REFUSED
        return Match.DONE if not name or f"OK:{name}" in text or text.startswith(f"${name}=") else Match.NO

    return reply_of(target, means)(message)


def _password(target: Target, text: str) -> tuple[bytes, ...]:
    return (values.password(target).encode("ascii"),)


RAW = spoken(_spoken, answers=_answers, expects="$OK:... or its values", timeout=TIMEOUT, secrets=_password)
