"""The conversation: ask for 3050 (OBD-II units), write one command after the other, ask again.

The unit answers with the command's code and the values it holds now; they are compared as numbers. Three fields in all
(one value) after a command of two arguments are a refusal. Answers carry no number, so one command is under way at a
time, and another value in the echo is never taken for success.
Sources: those of `settings`; success and failure by field count from the public PHP application.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker_codecs.answers import Matcher, reply_of
from tracker_codecs.contract import (
    Command,
    Dialogue,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Target,
    Value,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.xirgo import settings as values

TIMEOUT = 30.0
#: Key in `Outcome.known`: the angle was seen where 3050 is thought to have it.
ANGLE_SEEN = "xirgo_angle_in_3050"
_LINE = re.compile(r"\+XT:[ -~]{4,180}", re.ASCII)
_CODE = re.compile(r"\+XT:(?:\w{14,20},)?(\d{4})(?:,|$)", re.ASCII)


def _answered(target: Target, code: str, arguments: int = 0) -> Matcher:
    """The unit's answer with this code (empty: with any); one with fewer values than `arguments` is a refusal."""

    def means(message: Message) -> Match:
        if code and message.data[0] != code:
            return Match.NO
        return Match.REFUSED if len(message.data[1]) < arguments else Match.DONE

    return reply_of(target, means)


def _ask(target: Target, purpose: Purpose, fields: Sequence[str]) -> Command:
    text = f"+XT:{values.QUERY}"
    match = _answered(target, values.QUERY)
    return Command(text.encode() + b"\r\n", text, purpose, "3050 and its values", match, tuple(fields), TIMEOUT)


def _write(target: Target, name: str, arguments: Sequence[str], *, read: bool) -> Command:
    code = values.CODES[name]
    text = f"+XT:{target.device_id},{code},{','.join(arguments)}"
    payload, expects = text.encode("ascii") + b"\r\n", f"{code} and the same values"
    match, depends = _answered(target, code, len(arguments)), read and len(arguments) > 1
    return Command(payload, text, Purpose.WRITE, expects, match, (name,), TIMEOUT, depends_on_read=depends)


def _refusal(reply: Reply) -> str:
    return f"refused by the unit, which answers {reply.text}"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    asks = target.variant == "obd"
    cells: Sequence[str] = ()
    if asks:
        before = yield from course.ask(_ask(target, Purpose.READ, list(wanted)))
        if course.unanswered:
            return course.judged()
        cells = _cells(before)
    flags = values.alerts(target, cells)
    echoed: dict[str, Value] = {}
    reported: dict[str, Value] = {}
    for name in values.CODES:
        if name not in wanted or course.unanswered:
            continue
        arguments = [values.encode(name, wanted[name]), *([flags[name]] if name in flags else [])]
        reply = yield from course.change(_write(target, name, arguments, read=asks), _refusal)
        if not reply.ok:
            continue
        value = values.decode(name, _cells(reply)[0])
        if value == wanted[name]:
            echoed[name] = value
            continue
        course.acknowledged.discard(name)
        if values.possible(name, value):
            reported[name] = value
        else:
            course.refused[name] = _refusal(reply)
    if asks:
        found = values.told(_cells((yield from course.ask(_ask(target, Purpose.READ_BACK, list(wanted))))))
        if "tracking_angle" in echoed and found.get("tracking_angle") == echoed["tracking_angle"]:
            course.known[ANGLE_SEEN] = "yes"
        elif ANGLE_SEEN not in target.known:
            found.pop("tracking_angle", None)
        reported |= {name: value for name, value in found.items() if name in wanted}
    return course.judged(reported)


def _cells(reply: Reply) -> Sequence[str]:
    if not reply.ok:
        return ()
    cells: Sequence[str] = reply.messages[-1].data[1]
    return cells


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: 3050, of OBD-II units only."""
    course = Course()
    if target.variant != "obd":
        return course.told()
    found = values.told(_cells((yield from course.ask(_ask(target, Purpose.READ, wanted)))))
    if ANGLE_SEEN not in target.known:
        found.pop("tracking_angle", None)
    return course.told({name: found[name] for name in wanted if name in found})


def _spoken(target: Target, text: str) -> Command:
    """A line `+XT:...`, which gets its CR LF. Raises LocalError for a text that is no such line of printable ASCII."""
    line = text.strip()
    if not _LINE.fullmatch(line):
        raise LocalError("a command is one line of printable ASCII that begins with +XT:", parameter="command")
    found = _CODE.match(line)
    code = found[1] if found else ""
    expects = f"an answer with code {code or '...'}"
    payload, match = line.encode("ascii") + b"\r\n", _answered(target, code)
    return Command(payload, line, Purpose.RAW, expects, match, timeout=TIMEOUT)


RAW = spoken(_spoken, expects="an answer with code ...", timeout=TIMEOUT)
