"""Commands between stars, one at a time; the unit answers each with a notice that repeats the number.

| field | command | notice |
|---|---|---|
| continuous_report_interval (s), experimental | `*rsampling*N*` | Track sampling interval is N second(s). |
| the same | `*rupload*N*` | Upload time interval is set to N second(s) |
| psm_mode 0 | `*sleepoff*` | System has ended all sleep functions. |
| psm_mode 1, psm_wake_up_interval (h) | `*sleep*N*` | one about sleep, with N hours |
| the same, option `sleep_command: sleepv` | `*sleepv*N*` | System has enabled deep sleep ... for N hours. |

No document ties continuous_report_interval to a command; upload and sampling are the unit's only intervals in seconds,
and sampling must not exceed the upload to be of use, so both get the value. The notice of `*sleep*` is not published,
that of `*sleepv*` is; both are taken by the word sleep and the hours. A unit in deep sleep is deaf, so sleep goes last.
Notices carry no number of the command: a command is told from another by its words and value only.
Sources: traccar/traccar Tk103ProtocolEncoder (envelope); garyvdm/trackers tests (rupload, rsampling, notices); VJoyCar
T903 manual p. 9, TK05 p. 5, Gainbridge GT3088 p. 12 (sleep, sleepv, sleepoff).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tracker_codecs.answers import reply_of
from tracker_codecs.checks import is_whole
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    Match,
    Message,
    Problem,
    Purpose,
    Settings,
    Severity,
    Strength,
    Target,
    Value,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.families.vjoy import frame as wire

TIMEOUT = 60.0
CONTINUOUS, MOTION, MODE, WAKE = "continuous_report_interval", "motion_interval", "psm_mode", "psm_wake_up_interval"
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "standard": {
        CONTINUOUS: Capability(
            Strength.ACKNOWLEDGED, "upload and sampling are thought to be it; no document says so", experimental=True
        ),
        MOTION: Capability(None, "no document tells which of the unit's intervals it is"),
        MODE: Capability(Strength.ACKNOWLEDGED),
        WAKE: Capability(Strength.ACKNOWLEDGED),
    }
}
#: Both ends included: seconds, or hours.
RANGES = {CONTINUOUS: (10, 5940), MODE: (0, 1), WAKE: (1, 99)}
_SLEEPS = ("sleep", "sleepv")
_NUMBER = {
    "rsampling": re.compile(r"Notice: Track sampling interval is (\d{1,6}) second", re.ASCII),
    "rupload": re.compile(r"Notice: Upload time interval is set to (\d{1,6}) second", re.ASCII),
}
_HOURS = re.compile(r"\b(\d{1,3}) hour", re.ASCII)
#: A notice about sleep that tells no hours, such as a refusal, acknowledges nothing.
_ASLEEP = re.compile(r"\bsleep\b.*\b\d{1,3} hour", re.ASCII | re.DOTALL)
_RAW = re.compile(r"\*[!-)+-Z^-~ ]{1,60}(?:\*[!-)+-Z^-~ ]{1,60}){0,8}\*", re.ASCII)


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`. Hours of sleep go out with sleep only."""
    problems = []
    for name, value in wanted.items():
        low, high = RANGES[name]
        if not is_whole(value, low, high):
            problems.append(Problem(name, Severity.REFUSE, f"must be a whole number, {low} to {high}"))
        elif name == WAKE and wanted.get(MODE) != 1:
            problems.append(Problem(name, Severity.UNSUPPORTED, f"goes out with {MODE} 1 only"))
        elif name == MODE and value == 1 and WAKE not in wanted:
            reason = f"sleep goes out with {WAKE}, which must be given too"
            problems.append(Problem(name, Severity.UNSUPPORTED, reason))
    return problems


def _command(
    target: Target, text: str, purpose: Purpose, fields: Sequence[str], expects: str, fits: Callable[[str], bool]
) -> Command:
    def means(message: Message) -> Match:
        return Match.DONE if fits(message.data[1]) else Match.NO

    return Command(wire.seal(text), text, purpose, expects, reply_of(target, means), tuple(fields), TIMEOUT)


def _numbered(target: Target, word: str, value: int) -> Command:
    pattern = _NUMBER[word]
    expects = "a notice that tells the interval"
    text = f"*{word}*{value}*"
    return _command(target, text, Purpose.WRITE, [CONTINUOUS], expects, lambda said: bool(pattern.match(said)))


def _sleeping(target: Target, carried: Mapping[str, Value]) -> Command:
    word = target.options.get("sleep_command", "sleep")
    if word not in _SLEEPS:
        raise LocalError(f"must be one of {', '.join(_SLEEPS)}", parameter="sleep_command")
    fields = [name for name in (MODE, WAKE) if name in carried]

    def fits(said: str) -> bool:
        if not said.startswith("Notice:"):
            return False
        return "ended all sleep functions" in said if carried[MODE] == 0 else _ASLEEP.search(said) is not None

    text = f"*{word}*{carried[WAKE]}*" if carried[MODE] == 1 else "*sleepoff*"
    return _command(target, text, Purpose.WRITE, fields, "a notice about sleep", fits)


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`: intervals first, sleep last; a command without an answer ends the conversation."""
    course = Course(wanted)
    reported: dict[str, Value] = {}
    if CONTINUOUS in wanted:
        for word in ("rsampling", "rupload"):
            reply = yield from course.change(_numbered(target, word, wanted[CONTINUOUS]))
            if course.unanswered:
                break
            found = _NUMBER[word].match(reply.messages[-1].data[1]) if reply.ok else None
            if found and int(found[1]) != wanted[CONTINUOUS]:
                reported[CONTINUOUS] = int(found[1])
    if MODE in wanted and not course.unanswered:
        reply = yield from course.change(_sleeping(target, wanted))
        hours = _HOURS.search(reply.messages[-1].data[1]) if reply.ok and WAKE in wanted else None
        if hours and int(hours[1]) != wanted[WAKE]:
            reported[WAKE] = int(hours[1])
    return course.judged(reported)


def _wrap(target: Target, text: str) -> bytes:
    if not _RAW.fullmatch(text):
        raise LocalError("a command is printable ASCII between stars, such as *status*", parameter="command")
    return wire.seal(text)


#: `*status*` or `*routetrack*99*`, put into its envelope; it begins and ends with a star and holds no square bracket.
RAW = Envelope(spelled=str.strip, wrap=_wrap, expects="any text (ZC03)", timeout=TIMEOUT)
