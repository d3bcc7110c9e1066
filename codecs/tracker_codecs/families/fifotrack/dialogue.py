"""The heartbeat intervals: S09 writes both, C04,S09 may tell them. Answers repeat the number and the command.

No argument of the commands for tracking (B03 and its neighbours) is public. S09 takes the interval while moving and the
one at rest, in seconds; 0 at rest stops it. No range is printed. Whether C04 retrieves S09 is not visible either; a
unit that cannot answers UNSUPPORT, and the setting stays acknowledged. C04 repeats the parameters in
the order of S09.
Source: fifotrack Q3 command list V1.6, pages 25 (C04) and 27 (S09, error codes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tracker_codecs.answers import reply_of
from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    Match,
    Message,
    Problem,
    Purpose,
    Reply,
    Settings,
    Severity,
    Strength,
    Target,
    Value,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.fifotrack import frame as wire

TIMEOUT = 30.0
MOVING, PARKED = "heartbeat_interval", "parked_heartbeat_interval"
_SHOWN = "read back only where the unit lets C04 retrieve S09, which the visible pages do not tell"
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "heartbeat": dict.fromkeys((MOVING, PARKED), Capability(Strength.ACKNOWLEDGED, _SHOWN)),
}
#: Seconds. The document prints no range; a day is ours.
RANGES = {MOVING: (1, 86400), PARKED: (0, 86400)}
_in_range = whole_numbers(RANGES)
_REASONS = {"UNSUPPORT": "it does not know the command", "FAILED": "it failed"}
_TOLD = re.compile(r"C04,S09,(\d{1,7}),(\d{1,7})", re.ASCII)
_RAW = re.compile(r"[A-Z]\d\d(?:,[ -)+-~]{0,400})?", re.ASCII)
#: What follows the access point, and the accounts of file servers.
_SECRET = re.compile(r"(?:B01,[^,]*,|B99,(?:[^,]*,){4}|S17,(?:[^,]*,){3})(.+)", re.ASCII)


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`: both intervals go out in one command."""
    problems = _in_range(target, wanted)
    for name, other in ((MOVING, PARKED), (PARKED, MOVING)):
        if name in wanted and other not in wanted and not problems:
            problems.append(Problem(name, Severity.UNSUPPORTED, f"goes out in one command with {other}"))
    return problems


def _command(
    target: Target,
    step: int,
    text: str,
    purpose: Purpose,
    fields: Sequence[str],
    expects: str,
    judged: Callable[[str], Match],
) -> Command:
    number = (target.serial + step - 1) % 0xFFFF + 1

    def means(message: Message) -> Match:
        if message.data != (number, text[:3]):
            return Match.NO
        if message.text.partition(",")[2] in _REASONS:
            return Match.REFUSED
        return judged(message.text)

    payload, match = wire.build(target.device_id, number, text), reply_of(target, means)
    return Command(payload, text, purpose, expects, match, tuple(fields), TIMEOUT)


def _write(target: Target, wanted: Settings) -> Command:
    def judged(said: str) -> Match:
        return Match.DONE if said == "S09,OK" else Match.NO

    text = f"S09,{int(wanted[MOVING])},{int(wanted[PARKED])}"
    return _command(target, 0, text, Purpose.WRITE, list(wanted), "S09,OK", judged)


def _ask(target: Target, step: int, purpose: Purpose) -> Command:
    def judged(said: str) -> Match:
        return Match.DONE if said.startswith("C04,S09,") else Match.NO

    return _command(target, step, "C04,S09", purpose, (MOVING, PARKED), "C04,S09 and its parameters", judged)


def _told(text: str) -> dict[str, Value]:
    found = _TOLD.fullmatch(text)
    return {MOVING: int(found[1]), PARKED: int(found[2])} if found else {}


def _refusal(reply: Reply) -> str:
    code = reply.text.partition(",")[2]
    return f"refused by the unit with {code}: {_REASONS[code]}"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    yield from course.change(_write(target, wanted), _refusal)
    again = yield _ask(target, 1, Purpose.READ_BACK)
    reported = _told(again.text) if again.ok else {}
    course.unanswered = course.unanswered and not reported
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    reply = yield from course.ask(_ask(target, 0, Purpose.READ))
    reported = _told(reply.text) if reply.ok else {}
    return course.told({name: reported[name] for name in wanted if name in reported})


def _spoken(target: Target, text: str) -> Command:
    """`B03,...` or `C04,B03`. Raises LocalError for no command of a letter and two digits, or one that holds `*`."""
    line = text.strip()
    if not _RAW.fullmatch(line):
        raise LocalError("a command is a letter, two digits and parameters, without *", parameter="command")
    command = _command(target, 0, line, Purpose.RAW, (), f"{line[:3]} and its answer", lambda _: Match.DONE)
    secret = _SECRET.fullmatch(line)
    return replace(command, secrets=(secret[1].encode("ascii"),)) if secret else command


RAW = spoken(_spoken, expects="a frame", timeout=TIMEOUT)
