"""The conversations on the serial port: write a parameter, then ask for it, one command at a time.

`AT$APP PARAM <id>,<index>,<value>` is answered OK or ERROR, `AT$APP PARAM? <id>,<index>` with `<id>,<index>,<value>`
and OK. A result names no command: one that nobody answered ends the conversation, so that a late OK counts for nothing.
Echoes and other lines are skipped. Nothing of this travels over UDP. The answer to `AT$APP ESN?` is not in the texts
read: a line that holds ten to fifteen digits alone is taken for the number, anything else for nothing.
Sources: CalAmp LMU Users Guide 1.0.6, page 8 (manualshelf.com, page-9); a public set-up header for `AT$APP ESN?` and
the CR at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tracker_codecs.answers import Matcher
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
    Transport,
    Value,
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.calamp import frame as wire
from tracker_codecs.families.calamp import settings as values
from tracker_codecs.families.calamp.console import RESULTS, blanked

TIMEOUT = 5.0
MAX_COMMAND = 200
_ESN = re.compile(r"(?:ESN ?[:=] ?)?(\d{10,15})", re.ASCII).fullmatch
_QUOTED = re.compile(r'"([^"]+)"?')


def _result(message: Message) -> Match:
    if message.kind is not Kind.REPLY or message.text not in RESULTS:
        return Match.NO
    return Match.DONE if message.text == "OK" else Match.REFUSED


def _value(understand: Callable[[str], object | None]) -> Matcher:
    """Matcher of a reading: a line that `understand` takes, then OK."""
    seen = False

    def match(message: Message) -> Match:
        nonlocal seen
        if message.kind is Kind.REPLY and understand(message.text) is not None:
            seen = True
            return Match.PART
        result = _result(message)
        return Match.NO if result is Match.DONE and not seen else result

    return match


def _number(place: str) -> Callable[[str], int | None]:
    """The number that a reading of this parameter and index prints."""
    pattern = re.compile(rf"{place},(\d{{1,10}})", re.ASCII)

    def understand(text: str) -> int | None:
        found = pattern.fullmatch(text)
        return int(found[1]) if found else None

    return understand


def _command(line: str, purpose: Purpose, match: Matcher, expects: str, fields: tuple[str, ...] = ()) -> Command:
    return Command(line.encode("ascii") + b"\r", line, purpose, expects, match, fields, TIMEOUT)


def _ask(place: str, name: str, purpose: Purpose) -> Command:
    return _command(f"AT$APP PARAM? {place}", purpose, _value(_number(place)), f"{place},<value>, then OK", (name,))


def _told(place: str, reply: Reply) -> Value:
    """The value read; None where two lines contradict each other."""
    understand = _number(place)
    found = {number for message in reply.messages if (number := understand(message.text)) is not None}
    return found.pop() if reply.ok and len(found) == 1 else None


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    places = {name: values.place(name, target.options) for name in wanted}
    for name, place in places.items():
        write = _command(f"AT$APP PARAM {place},{wanted[name]}", Purpose.WRITE, _result, "OK", (name,))
        yield from course.change(write, lambda _: "the unit answered ERROR")
        if course.unanswered:
            return course.judged()
    reported = yield from _values(course, places, Purpose.READ_BACK)
    course.unproved = dict.fromkeys(reported, values.STORED)
    return course.judged(reported)


def _values(course: Course, places: Mapping[str, str], purpose: Purpose) -> Step[dict[str, Value]]:
    """What the unit tells, place by place, until it keeps silent."""
    reported: dict[str, Value] = {}
    for name, place in places.items():
        reply = yield from course.ask(_ask(place, name, purpose))
        if course.unanswered:
            break
        if (number := _told(place, reply)) is not None:
            reported[name] = number
    return reported


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    places = {name: values.place(name, target.options) for name in wanted}
    reported = yield from _values(course, places, Purpose.READ)
    course.unproved = dict.fromkeys(reported, values.STORED)
    return course.told(reported)


def identify(target: Target) -> Dialogue:
    """See `Family.identify`. A unit may be registered with its IMEI: an ESN of another length is no contradiction.

    OK alone is an answer too, since the form of the number is inferred: then somebody is there, nobody knows who.
    """

    def match(message: Message) -> Match:
        return Match.PART if message.kind is Kind.REPLY and _ESN(message.text) else _result(message)

    reply = yield _command("AT$APP ESN?", Purpose.PROBE, match, "a number, then OK")
    found = _ESN(reply.messages[0].text) if reply.ok else None
    known: dict[str, str] = {}
    if found:
        same = len(target.device_id) in (0, len(found[1]))
        known["device_id" if same else "esn"] = found[1]
    return Outcome({}, known=known, unanswered=reply.verdict is Verdict.TIMEOUT)


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: on the serial port a line that begins with AT; bytes go as they are, on either link.

    Raises LocalError for anything else: no text form is known that travels over UDP.
    """
    if isinstance(text, bytes):
        answer = _numbered(text) if target.transport is Transport.UDP else _any
        return Command(text, text.hex(), Purpose.RAW, "its answer", answer, timeout=TIMEOUT)
    if target.transport is Transport.UDP:
        raise LocalError("commands in text travel over the serial port only; give bytes here", parameter="command")
    line = text.strip()
    if not line.startswith("AT") or len(line) > MAX_COMMAND or not (line.isascii() and line.isprintable()):
        reason = f"must begin with AT and be one line of up to {MAX_COMMAND} printable ASCII characters"
        raise LocalError(reason, parameter="command")
    shown = blanked(line.encode("ascii")).decode("ascii")
    secrets = tuple(part.encode("ascii") for part in _QUOTED.findall(line))
    payload = line.encode("ascii") + b"\r"

    def match(message: Message) -> Match:
        result = _result(message)
        return Match.PART if result is Match.NO and message.text != shown else result

    return Command(payload, shown, Purpose.RAW, "lines, then OK", match, timeout=TIMEOUT, secrets=secrets)


def _numbered(sent: bytes) -> Matcher:
    """Matcher of the answer to a datagram: one with its number, which says no by a result or an action (255)."""
    try:
        asked = wire.head(sent)
    except PeerError:
        return _any

    def match(message: Message) -> Match:
        found = message.data
        if message.kind is not Kind.REPLY or not isinstance(found, wire.Head):
            return Match.NO
        body = message.frame[found.body :]
        if (found.service, found.sequence) != (wire.RESPONSE, asked.sequence):
            return Match.NO
        if found.type == wire.ACK:
            return Match.NO if body[:1] != bytes((asked.type,)) else Match.REFUSED if body[1:2] != b"\0" else Match.DONE
        return Match.REFUSED if body[:1] == b"\xff" else Match.DONE

    return match


def _any(message: Message) -> Match:
    if message.kind is not Kind.REPLY:
        return Match.NO
    return Match.REFUSED if message.text == "ERROR" else Match.DONE
