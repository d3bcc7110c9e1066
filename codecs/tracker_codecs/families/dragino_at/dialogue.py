"""The conversations with a Dragino console: write, then read back, one command at a time.

A command has no number and its result names nothing, so one that nobody answered ends the conversation: a late OK must
not count for the next command. Every line is written at once: the unit takes what it finds in its buffer for a whole
command. Sources: those of `settings`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from tracker_codecs.answers import Matcher
from tracker_codecs.contract import Command, Dialogue, Match, Message, Purpose, Reply, Settings, Target, Value
from tracker_codecs.course import Course, Step
from tracker_codecs.errors import LocalError
from tracker_codecs.families.dragino_at import settings as values
from tracker_codecs.families.dragino_at.stream import RESULTS

TIMEOUT = 5.0
_LINE = re.compile(r"AT[ -~]{0,120}").fullmatch
_KEY = re.compile(r"(?i)AT\+(?:APPKEY|APPSKEY|NWKSKEY)=([^?].*)").fullmatch
_MEANING = {
    "ERROR": "it does not know the command",
    "AT_ERROR": "it does not know the command",
    "AT_PARAM_ERROR": "it does not take the value",
    "AT_BUSY_ERROR": "it is busy",
}
_MODEL = re.compile(r"(?:AT\+MODEL=)?(\w[\w-]*) *, *(v?\d[\w.]*)", re.ASCII).fullmatch
_EUI = re.compile(r"(?:AT\+DEUI=)?((?:[0-9a-fA-F]{2} ?){8})").fullmatch


def _result(message: Message) -> Match:
    if message.text not in RESULTS:
        return Match.NO
    return Match.DONE if message.text == "OK" else Match.REFUSED


def _value(understand: Callable[[str], object | None]) -> Matcher:
    """Matcher of a reading: lines that `understand` takes, then OK."""
    seen = False

    def match(message: Message) -> Match:
        nonlocal seen
        if understand(message.text) is not None:
            seen = True
            return Match.PART
        result = _result(message)
        return Match.NO if result is Match.DONE and not seen else result

    return match


def _number(word: str) -> Callable[[str], int | None]:
    """The number that a reading of this word prints, alone or behind `AT+WORD=`."""
    pattern = re.compile(rf"(?:AT\+{word}=)?(\d{{1,10}})", re.ASCII)

    def understand(text: str) -> int | None:
        found = pattern.fullmatch(text)
        return int(found[1]) if found else None

    return understand


def _command(line: str, purpose: Purpose, match: Matcher, expects: str, fields: tuple[str, ...] = ()) -> Command:
    return Command(line.encode("ascii") + b"\r\n", line, purpose, expects, match, fields, TIMEOUT)


def _ask(name: str, purpose: Purpose) -> Command:
    word = values.WORDS[name]
    return _command(f"AT+{word}=?", purpose, _value(_number(word)), "a number, then OK", (name,))


def _told(name: str, reply: Reply) -> Value:
    """The value read; None where two lines of digits contradict each other (log text is mixed in)."""
    understand = _number(values.WORDS[name])
    found = {number for message in reply.messages if (number := understand(message.text)) is not None}
    return values.decode(name, found.pop()) if reply.ok and len(found) == 1 else None


def _why(reply: Reply) -> str:
    word = reply.messages[-1].text
    return f"refused by the unit with {word}: {_MEANING.get(word, 'no reason given')}"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    for name, value in wanted.items():
        line = f"AT+{values.WORDS[name]}={values.encode(name, value)}"
        yield from course.change(_command(line, Purpose.WRITE, _result, "OK", (name,)), _why)
        if course.unanswered:
            return course.judged()
    return course.judged((yield from _values(course, wanted, Purpose.READ_BACK)))


def _values(course: Course, names: Iterable[str], purpose: Purpose) -> Step[dict[str, Value]]:
    """What the unit tells, field by field, until it keeps silent."""
    reported: dict[str, Value] = {}
    for name in names:
        reply = yield from course.ask(_ask(name, purpose))
        if course.unanswered:
            break
        if (told := _told(name, reply)) is not None:
            reported[name] = told
    return reported


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    names = [name for name in values.WORDS if name in wanted]
    return course.told((yield from _values(course, names, Purpose.READ)))


def identify(target: Target) -> Dialogue:
    """See `Family.identify`: model and firmware, then the device EUI."""
    course = Course()
    reply = yield from course.ask(_command("AT+MODEL=?", Purpose.PROBE, _value(_MODEL), "model and version, then OK"))
    if course.unanswered:
        return course.told()
    found = _MODEL(reply.messages[0].text) if reply.ok else None
    if found:
        course.known = {"hardware": found[1], "firmware": found[2]}
        if found[1] == "TrackerD":
            course.known["model"] = "dragino_trackerd_serial"
    reply = yield from course.ask(_command("AT+DEUI=?", Purpose.PROBE, _value(_EUI), "eight bytes in hex, then OK"))
    found = _EUI(reply.messages[0].text) if reply.ok else None
    if found:
        course.known["device_id"] = found[1].replace(" ", "").lower()
    return course.told()


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: a line that begins with AT; bytes go as they are."""
    if isinstance(text, bytes):
        return Command(text, "an operator's own bytes", Purpose.RAW, "a result", _result, timeout=TIMEOUT)
    line = text.strip()
    if not _LINE(line):
        raise LocalError("must begin with AT and be one line of printable ASCII", parameter="command")
    key = _KEY(line)
    secrets = (key[1].encode("ascii"),) if key else ()
    payload = line.encode("ascii") + b"\r\n"

    def match(message: Message) -> Match:
        result = _result(message)
        return Match.PART if result is Match.NO and message.text != line else result

    return Command(payload, line, Purpose.RAW, "lines, then a result", match, timeout=TIMEOUT, secrets=secrets)
