"""Intervals: S71 or D1 with an echo of the command's time; on CanTrack units the texts `freq` and `check`.

| variant | tracking_interval is written by | answered by |
|---|---|---|
| st901 | `*HQ,<id>,S71,<hhmmss>,22,<s>#` | V4 with the command and its time |
| st901, option `interval_command: D1` | `*HQ,<id>,D1,<hhmmss>,<s>#` | the same |
| t80 | `freq,<password>,<s>`, then `check<password>` | V4,CMD; the number before / in ACCON/ACCOFF |

The hhmmss of a command only tells its answer apart, so it is the revision's number, not a time. An answer without
arguments, or with DONE or OK, is a yes; ERROR is a no; arguments that differ from those sent tell what the unit took.
The answer to D1 may have a second number (`D1,30,65535`), whose meaning is not public: the first tells the seconds.
What the 22 of S71 means is not public. 0 would stop reports and is never sent. CanTrack prints its texts as they are
and their answers in the session; whether the server has to wrap them is not told: experimental.
Sources: traccar/traccar H02ProtocolEncoder and its test (S71, D1), H02ProtocolDecoderTest (recorded V4); SinoTrack TQ
GPRS protocol (eusonlito/GPS-Tracker files 14089965); CanTrack G20LS protocol 2023 and G10LS manual
(AIPorto/GPS-Tracker-SDK: check, freq); a public MT909 server sends the same freq text bare.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tracker_codecs.answers import reply_of
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Settings,
    Strength,
    Target,
    Value,
    Verdict,
)
from tracker_codecs.course import Course
from tracker_codecs.errors import LocalError
from tracker_codecs.families.h02 import messages
from tracker_codecs.families.h02.frame import build
from tracker_codecs.interval import FIELD as INTERVAL
from tracker_codecs.interval import within
from tracker_codecs.text import clean
from tracker_codecs.variants import by_variant

TIMEOUT = 30.0
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "st901": {
        INTERVAL: Capability(Strength.ACKNOWLEDGED),
        "psm_interval": Capability(None, "its only published command (809) is a text message, not one of a session"),
        "psm_mode": Capability(None, "no command of this model for it is public"),
    },
    "t80": {
        INTERVAL: Capability(
            Strength.READ_BACK, "the texts are printed for sister models, their envelope is not", experimental=True
        )
    },
}
#: Seconds, both ends included: 18000 by the ST-901 manual; 10 to 3599 by the handbook of CanTrack's MT909.
check = by_variant(within(1, 18000), {"t80": within(10, 3599)})
_COMMANDS = ("S71", "D1")
_RAW = re.compile(r"[A-Z][A-Za-z0-9]{1,7}(?:,[!-\"$-)+-~]{0,200})?", re.ASCII)
_PASSWORD = re.compile(r"[0-9A-Za-z]{4,8}", re.ASCII)
_SECRET = re.compile(r"(?:freq|check|reset|MD)[, ]?([0-9A-Za-z]{4,8})(?:[, ].*)?", re.ASCII)


def stamp(serial: int) -> str:
    """Six digits hhmmss that tell answers apart: the serial as seconds of a day."""
    seconds = serial % 86400
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def _maker(target: Target) -> str:
    maker = target.options.get("maker") or target.known.get("maker", "HQ")
    if not isinstance(maker, str) or not re.fullmatch(r"[A-Za-z]{2}", maker, re.ASCII):
        raise LocalError("must be the two letters that the unit's frames begin with", parameter="maker")
    return maker


def _password(target: Target) -> str:
    value = target.options.get("password", "123456")
    password = "" if isinstance(value, bool | None) else str(value)
    if not _PASSWORD.fullmatch(password):
        raise LocalError("must be 4 to 8 letters or digits", parameter="password")
    return password


def _arguments(message: Message, word: str, at: str) -> list[str] | None:
    """The arguments of an answer to the command of this word and time; None for any other reply."""
    found = messages.answered(message.data.rest) if message.data.word == "V4" else None
    return found.arguments if found is not None and (found.command, found.time) == (word, at) else None


def _framed(
    target: Target, text: str, purpose: Purpose, fields: Sequence[str], judged: Callable[[list[str]], Match]
) -> Command:
    """A command in a frame: `text` is the word and its arguments."""
    if not re.fullmatch(r"\d{10,15}", target.device_id, re.ASCII):
        raise LocalError("must be 10 to 15 digits", parameter="device_id")
    word, _, arguments = text.partition(",")
    at = stamp(target.serial)
    payload = build(_maker(target), target.device_id, ",".join((word, at, *([arguments] if arguments else []))))

    def means(message: Message) -> Match:
        found = _arguments(message, word, at)
        return Match.NO if found is None else judged(found)

    match, expects = reply_of(target, means), f"V4,{word} with {at}"
    return Command(payload, payload.decode(), purpose, expects, match, tuple(fields), TIMEOUT)


def _plain(
    target: Target, text: str, purpose: Purpose, fields: Sequence[str], judged: Callable[[str], Match] | None = None
) -> Command:
    """A text as it is, answered by `V4,CMD,<its word>,...`; the password within it is a secret."""
    word = re.sub(r"[^A-Za-z].*", "", text, flags=re.DOTALL)

    def means(message: Message) -> Match:
        told = messages.reply(message.data.rest) if message.data.word == "V4" else None
        if told is None or told[0].lower() != word.lower():
            return Match.NO
        return judged(told[1]) if judged else Match.DONE

    secret = _SECRET.fullmatch(text)
    hidden = {secret[1]} if secret else {own for own in (_password(target),) if own in text}
    shown = text if secret is None else f"{text[: secret.start(1)]}***{text[secret.end(1) :]}"
    for each in hidden:
        shown = shown.replace(each, "***")
    secrets = tuple(each.encode("ascii") for each in hidden)
    payload, match, expects = text.encode("ascii"), reply_of(target, means), f"V4,CMD,{word}"
    return Command(payload, shown, purpose, expects, match, tuple(fields), TIMEOUT, secrets=secrets)


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`; of units whose commands have a frame."""
    seconds = int(wanted[INTERVAL])
    word = target.options.get("interval_command", "S71")
    if word not in _COMMANDS:
        raise LocalError(f"must be one of {', '.join(_COMMANDS)}", parameter="interval_command")
    sent = ["22", str(seconds)] if word == "S71" else [str(seconds)]

    def judged(arguments: list[str]) -> Match:
        known = not arguments or arguments[-1] in messages.SUCCESS or arguments[-1].isdecimal()
        return Match.DONE if known and not set(arguments) & set(messages.FAILURE) else Match.REFUSED

    course = Course(wanted)
    reply = yield from course.change(_framed(target, f"{word},{','.join(sent)}", Purpose.WRITE, [INTERVAL], judged))
    taken: dict[str, Value] = {}
    if reply.messages:
        arguments = _arguments(reply.messages[-1], word, stamp(target.serial)) or []
        shown = clean(",".join(arguments), 80)
        told = [each for each in arguments if each not in messages.SUCCESS]
        if word == "D1" and len(told) == 2 and all(each.isdecimal() for each in told):
            told = told[:1]
        if reply.verdict is Verdict.REFUSED:
            course.refused[INTERVAL] = f"refused by the unit with {shown}"
        elif told and (told[:-1] != sent[:-1] or not told[-1].isdecimal()):
            course.refused[INTERVAL] = f"the unit answers other arguments: {shown}"
        elif told and int(told[-1]) != seconds:
            taken[INTERVAL] = int(told[-1])
    return course.judged(taken)


def _told(reply: Reply) -> dict[str, Value]:
    if not reply.ok:
        return {}
    said = messages.reply(reply.messages[-1].data.rest)
    found = messages.intervals(said[1]) if said else None
    return {INTERVAL: found[0]} if found else {}


def apply_texts(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`; of CanTrack units."""
    seconds, password = int(wanted[INTERVAL]), _password(target)

    def judged(said: str) -> Match:
        return Match.DONE if re.search(r"\bOK\b", said, re.IGNORECASE) else Match.REFUSED

    course = Course(wanted)
    yield from course.change(
        _plain(target, f"freq,{password},{seconds}", Purpose.WRITE, [INTERVAL], judged),
        lambda reply: f"the unit answers {clean(reply.text, 80)}",
    )
    again = yield _plain(target, f"check{password}", Purpose.READ_BACK, [INTERVAL])
    course.unanswered = again.verdict is Verdict.TIMEOUT and not course.acknowledged and not course.refused
    return course.judged(_told(again))


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: `check`, of CanTrack units only."""
    if target.variant != "t80" or not wanted:
        return Outcome({})
    course = Course()
    reply = yield from course.ask(_plain(target, f"check{_password(target)}", Purpose.READ, wanted))
    return course.told(_told(reply))


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: `S71,22,60` gets its frame and time; of CanTrack units the text goes as it is.

    Bytes go as they are. Raises LocalError for a text that is no command, or that holds `*` or `#`.
    """
    if isinstance(text, bytes):
        return Command(text, clean(text), Purpose.RAW, "a reply", reply_of(target), timeout=TIMEOUT)
    line = text.strip()
    if target.variant == "t80":
        if not re.fullmatch(r"[A-Za-z0-9][ -\"$-)+-~]{0,200}", line, re.ASCII):
            raise LocalError("a command is printable ASCII without * and #", parameter="command")
        return _plain(target, line, Purpose.RAW, ())
    if not _RAW.fullmatch(line):
        raise LocalError("a command is a word in capitals and its arguments, without * and #", parameter="command")
    return _framed(
        target, line, Purpose.RAW, (), lambda found: Match.REFUSED if set(found) & set(messages.FAILURE) else Match.DONE
    )
