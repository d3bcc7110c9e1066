"""The conversations: list the settings, write, list again. One command at a time.

Answers come in order and carry no number: the output of a command, then OK; logs may stand between. CONFIG opens every
conversation, because its answer (rows, then OK) cannot be taken for anything else: an OK without rows before it belongs
to an older command, and one behind rows of a listing is no answer to a write. A write that nobody answered ends the
writing; the listing then shows what is in force. The texts of failures are not public.
A serial port takes the same lines; what comes there is the unit's on it. No question for its serial number is known:
that the listing comes proves that a BOX-tracker is there.
Source: BOX-tracker Communication Protocol v1.5, pages 7 and 20.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence

from tracker_codecs.answers import Matcher, reply_of
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
    Transport,
    Value,
    Verdict,
)
from tracker_codecs.course import Course
from tracker_codecs.errors import LocalError
from tracker_codecs.families.box_telematics import frame as wire
from tracker_codecs.families.box_telematics import settings as values

TIMEOUT = 30.0
#: On a wire the answer comes at once.
SERIAL_TIMEOUT = 5.0
MAX_COMMAND = 160
_SHOWN_ROWS = frozenset((values.INTERVAL, values.ANGLE, values.ANGLE_ON))
#: A server port of 0 switches GPRS off: nothing could be said to the unit again.
_DEADLY = re.compile(r"SERVER\d*_PORT\s*,\s*0*", re.ASCII | re.IGNORECASE)
_SECRET = re.compile(r"(\w*(?:PASS|PWD|PIN)\w*\s*,)(.+)", re.ASCII | re.IGNORECASE)


def patience(target: Target) -> float:
    """Seconds that an answer may take."""
    return SERIAL_TIMEOUT if target.transport is Transport.SERIAL else TIMEOUT


def listing(target: Target) -> Matcher:
    """Matcher of the answer to CONFIG; of its rows only ours are kept."""
    seen = False

    def means(message: Message) -> Match:
        nonlocal seen
        found = wire.row(message.text)
        if found:
            seen = True
            return Match.PART if found[0] in _SHOWN_ROWS else Match.NO
        return Match.DONE if seen and message.text == "OK" else Match.NO

    return reply_of(target, means)


def done(target: Target, word: str) -> Matcher:
    """Matcher of the OK to a write of this setting."""
    foreign = False

    def means(message: Message) -> Match:
        nonlocal foreign
        if message.text == "OK":
            if not foreign:
                return Match.DONE
            foreign = False
            return Match.NO
        found = wire.row(message.text)
        if found and found[0] != word:
            foreign = True
        return Match.NO

    return reply_of(target, means)


def _list(target: Target, purpose: Purpose, fields: Sequence[str]) -> Command:
    expects = "the settings, one a line, then OK"
    return Command(b"CONFIG\r", "CONFIG", purpose, expects, listing(target), tuple(fields), patience(target))


def _rows(reply: Reply) -> dict[str, str]:
    """Our rows; one that stands twice with different values is left out."""
    out: dict[str, str] = {}
    twice = set()
    for message in reply.messages if reply.ok else ():
        found = wire.row(message.text)
        if found:
            if out.get(found[0], found[1]) != found[1]:
                twice.add(found[0])
            out[found[0]] = found[1]
    return {name: value for name, value in out.items() if name not in twice}


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    reply = yield from course.ask(_list(target, Purpose.READ, list(wanted)))
    if course.unanswered:
        return course.judged()
    writes = _writes(wanted, None if reply.assumed else _rows(reply), course.refused)
    for name, word, value in writes:
        if course.unanswered:
            course.acknowledged.discard(name)
            continue
        text = f"{word},{value}"
        payload = text.encode("ascii") + b"\r"
        write = Command(payload, text, Purpose.WRITE, "OK", done(target, word), (name,), patience(target))
        yield from course.change(write)
    reported: dict[str, Value] = {}
    if writes:
        reply = yield from course.ask(_list(target, Purpose.READ_BACK, list(wanted)))
        reported = values.told(_rows(reply))
        if reply.verdict is Verdict.TIMEOUT:
            course.acknowledged.clear()
    return course.judged(reported)


def _writes(
    carried: Mapping[str, Value], rows: Mapping[str, str] | None, refused: dict[str, str]
) -> list[tuple[str, str, int]]:
    """Field, setting, value of every write; `rows` is None in a dry run."""
    out = []
    if "tracking_interval" in carried:
        out.append(("tracking_interval", values.INTERVAL, int(carried["tracking_interval"])))
    if "tracking_angle" in carried:
        angle = int(carried["tracking_angle"])
        if angle and rows is not None and values.number(rows.get(values.ANGLE)) is None:
            refused["tracking_angle"] = (
                "not written: the unit does not list GPSHC as one number, and its arguments are not public"
            )
        else:
            if angle:
                out.append(("tracking_angle", values.ANGLE, angle))
            out.append(("tracking_angle", values.ANGLE_ON, 1 if angle else 0))
    return out


def read(target: Target, wanted: Sequence[str]) -> Generator[Command, Reply, Outcome]:
    """See `Family.read`."""
    course = Course()
    reply = yield from course.ask(_list(target, Purpose.READ, wanted))
    return course.told(values.told(_rows(reply)))


def identify(target: Target) -> Dialogue:
    """See `Family.identify`: whether the listing comes; who the unit is it does not tell."""
    course = Course()
    yield from course.ask(_list(target, Purpose.PROBE, ()))
    return course.told()


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: a line, which gets its CR; bytes go as they are.

    Raises LocalError for a text that is no line of 1 to 160 printable ASCII characters, and for a server port of 0.
    """

    def means(message: Message) -> Match:
        if message.frame == payload:  # an echo
            return Match.NO
        return Match.DONE if message.text == "OK" else Match.PART

    match = reply_of(target, means)
    if isinstance(text, bytes):
        payload = text
        return Command(payload, text.hex(), Purpose.RAW, "lines, then OK", match, timeout=patience(target))
    line = text.strip()
    if not 0 < len(line) <= MAX_COMMAND or not all(" " <= c <= "~" for c in line):
        raise LocalError(f"a command is a line of 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    if _DEADLY.fullmatch(line):
        raise LocalError(
            "a server port of 0 switches GPRS off: the unit could not be reached again", parameter="command"
        )
    secret = _SECRET.fullmatch(line)
    shown = f"{secret[1]}***" if secret else line
    secrets = (secret[2].encode("ascii"),) if secret else ()
    payload = line.encode("ascii") + b"\r"
    return Command(payload, shown, Purpose.RAW, "lines, then OK", match, timeout=patience(target), secrets=secrets)
