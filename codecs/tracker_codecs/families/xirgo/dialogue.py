"""The conversation: ask for 3050 (OBD-II units), write one command after the other, ask again.

The unit answers with the command's code and the values it holds now; they are compared as numbers. Three fields in all
(one value) after a command of two arguments are a refusal. Answers carry no number, so one command is under way at a
time, and another value in the echo is never taken for success.
Sources: those of `settings`; success and failure by field count from the public PHP application.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Kind,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Target,
    Value,
    Verdict,
)
from tracker_codecs.course import Course
from tracker_codecs.errors import LocalError
from tracker_codecs.families.xirgo import settings as values

TIMEOUT = 30.0
#: Key in `Outcome.known`: the angle was seen where 3050 is thought to have it.
ANGLE_SEEN = "xirgo_angle_in_3050"
_LINE = re.compile(r"\+XT:[ -~]{4,180}", re.ASCII)


def _answers(target: Target, message: Message, code: str) -> bool:
    return message.kind is Kind.REPLY and message.device_id == target.device_id and message.data[0] == code


def _ask(target: Target, purpose: Purpose, fields: Sequence[str]) -> Command:
    def match(message: Message) -> Match:
        return Match.DONE if _answers(target, message, values.QUERY) else Match.NO

    text = f"+XT:{values.QUERY}"
    return Command(text.encode() + b"\r\n", text, purpose, "3050 and its values", match, tuple(fields), TIMEOUT)


def _write(target: Target, name: str, arguments: Sequence[str], *, read: bool) -> Command:
    code = values.CODES[name]

    def match(message: Message) -> Match:
        if not _answers(target, message, code):
            return Match.NO
        return Match.REFUSED if len(message.data[1]) < len(arguments) else Match.DONE

    text = f"+XT:{target.device_id},{code},{','.join(arguments)}"
    payload, expects = text.encode("ascii") + b"\r\n", f"{code} and the same values"
    return Command(
        payload, text, Purpose.WRITE, expects, match, (name,), TIMEOUT, depends_on_read=read and len(arguments) > 1
    )


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
        reply = yield from course.ask(_write(target, name, arguments, read=asks))
        course.written.add(name)
        if reply.verdict is Verdict.REFUSED:
            course.refused[name] = f"refused by the unit, which answers {reply.text}"
        elif reply.ok:
            value = values.decode(name, _cells(reply)[0])
            if value == wanted[name]:
                echoed[name] = value
            elif values.possible(name, value):
                reported[name] = value
            else:
                course.refused[name] = f"refused by the unit, which answers {reply.text}"
    course.acknowledged.update(echoed)
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


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: a line `+XT:...`, which gets its CR LF; bytes go as they are.

    Raises LocalError for a text that is no such line of printable ASCII.
    """
    code = ""
    if isinstance(text, bytes):
        payload, shown = text, text.hex()
    else:
        shown = text.strip()
        if not _LINE.fullmatch(shown):
            raise LocalError("a command is one line of printable ASCII that begins with +XT:", parameter="command")
        payload = shown.encode("ascii") + b"\r\n"
        found = re.match(r"\+XT:(?:\w{14,20},)?(\d{4})(?:,|$)", shown, re.ASCII)
        code = found[1] if found else ""

    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        return Match.DONE if message.data[0] == code or not code else Match.NO

    return Command(payload, shown, Purpose.RAW, f"an answer with code {code or '...'}", match, timeout=TIMEOUT)
