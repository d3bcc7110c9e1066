"""The conversations: ask for TRACK, write it with everything else as it was, ask again.

`$WP+TRACK=<password>,M,T,D,N,B,C,H`: `tracking_interval` is T (seconds), `tracking_distance` D (metres),
`tracking_angle` H (degrees, 0 off). M is the mode, N how many reports (0 without end), B the basis, C the way; they
are kept as the unit tells them. Mode 1 reports by time, so a distance above 0 is not written to a unit in mode 1; 3,
4 and 9 occur in public code together with a distance; what other modes do is not public, so nothing is written to a
unit in one of them. The answer to `$WP+TRACK=<password>,?` is not printed anywhere: seven numbers behind `TRACK=` are
taken in the order of the setting (one public client writes eight arguments, so other firmware has another order),
anything else is not. The option `track_keep` (`M,N,B,C`) gives what is kept instead of asking for it. No ranges are
public; the bounds are ours.
Sources: public clients that hold the literal `$WP+TRACK` with a legend of its arguments and the query; traccar/traccar
tests (answers).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

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
    Verdict,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.wondex import frame as wire

TIMEOUT = 30.0
MAX_COMMAND = 200
_ECHO = "the answer to the query is not printed: read back where it tells the seven numbers of the setting"
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "track": {
        "tracking_interval": Capability(Strength.READ_BACK, _ECHO),
        "tracking_distance": Capability(Strength.READ_BACK, f"{_ECHO}; works in the unit's modes 3, 4 and 9 only"),
        "tracking_angle": Capability(Strength.READ_BACK, _ECHO),
    }
}
RANGES = {"tracking_interval": (1, 86400), "tracking_distance": (0, 65535), "tracking_angle": (0, 359)}
_in_range = whole_numbers(RANGES)
BY_TIME = 1
MODES = (BY_TIME, 3, 4, 9)
_SEVEN = re.compile(r"\$OK:TRACK=(\d{1,6}(?:,\d{1,6}){6}),?", re.ASCII)
_KEEP = re.compile(r"\s*(\d)\s*,\s*(\d{1,5})\s*,\s*(\d)\s*,\s*(\d)\s*", re.ASCII)
_RAW = re.compile(r"(?:\$WP\+)?([A-Z][A-Z0-9]{0,19})(?:=([ -~]*))?", re.ASCII)
_HIDDEN = re.compile(r"PASS|PSW|PWD|PIN", re.ASCII)


class Track(NamedTuple):
    """The arguments of TRACK, in its order."""

    mode: int
    interval: int
    distance: int
    times: int
    basis: int
    way: int
    heading: int


#: Profile field -> argument of TRACK.
PLACES = {"tracking_interval": "interval", "tracking_distance": "distance", "tracking_angle": "heading"}
#: What dry runs show where nothing is known of the unit: the public examples' mode, number, basis and way.
EXAMPLE = Track(BY_TIME, 60, 0, 0, 1, 4, 0)


def password(target: Target) -> str:
    """The option `password`, four digits; 0000 from the factory. Raises LocalError for anything else."""
    value = target.options.get("password", "0000")
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}", value, re.ASCII):
        raise LocalError("must be a text of four digits", parameter="password")
    return value


def kept(target: Target) -> Track | None:
    """What the option `track_keep` gives: mode, number of reports, basis, way. Raises LocalError for no such four."""
    text = target.options.get("track_keep")
    if text is None:
        return None
    found = _KEEP.fullmatch(str(text))
    if found is None or int(found[1]) not in MODES:
        raise LocalError(
            "must be four whole numbers: mode (1, 3, 4 or 9), number of reports, basis, way", parameter="track_keep"
        )
    return Track(int(found[1]), 0, 0, int(found[2]), int(found[3]), int(found[4]), 0)


def options(target: Target) -> object:
    """Raises LocalError for a password or a track_keep that does not fit."""
    return password(target), kept(target)


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = _in_range(target, wanted)
    missing = [name for name in RANGES if name not in wanted] if kept(target) is not None else []
    if missing:
        reason = f"with track_keep nothing is read, so {', '.join(missing)} must be given too"
        told = {each.field for each in problems}
        problems += [Problem(name, Severity.UNSUPPORTED, reason) for name in wanted if name not in told]
    return problems


def _command(
    target: Target,
    word: str,
    arguments: str,
    purpose: Purpose,
    fields: Sequence[str],
    expects: str,
    fits: Callable[[str], bool],
    *,
    depends_on_read: bool = False,
    secrets: Sequence[str] = (),
) -> Command:
    def means(message: Message) -> Match:
        if message.data[1] != word:
            return Match.NO
        if message.data[0] == "ERR":
            return Match.REFUSED
        return Match.DONE if fits(message.text) else Match.NO

    pin = password(target)
    tail = f",{arguments}" if arguments else ""
    shown = tail
    for secret in secrets:
        shown = shown.replace(secret, "***")
    return Command(
        wire.line(f"$WP+{word}={pin}{tail}"),
        f"$WP+{word}=***{shown}",
        purpose,
        expects,
        reply_of(target, means),
        tuple(fields),
        TIMEOUT,
        secrets=(f"={pin}".encode("ascii"), *(secret.encode("ascii") for secret in secrets)),
        depends_on_read=depends_on_read,
    )


def _ask(target: Target, purpose: Purpose, fields: Sequence[str]) -> Command:
    return _command(
        target,
        "TRACK",
        "?",
        purpose,
        fields,
        "$OK:TRACK= and its arguments",
        lambda said: said.startswith("$OK:TRACK="),
    )


def _told(reply: Reply) -> Track | None:
    found = _SEVEN.fullmatch(reply.text) if reply.ok else None
    return Track(*map(int, found[1].split(","))) if found else None


def _values(track: Track) -> dict[str, Value]:
    return {name: getattr(track, place) for name, place in PLACES.items()}


def _refusal(reply: Reply) -> str:
    return f"the unit refuses TRACK: {reply.text}"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    had = kept(target)
    asked, assumed = had is None, False
    if had is None:
        reply = yield from course.ask(_ask(target, Purpose.READ, list(wanted)))
        had = EXAMPLE if reply.assumed else _told(reply)
        why = "not written: the unit does not tell its TRACK as seven numbers; the option track_keep gives what to keep"
        if reply.verdict is Verdict.REFUSED:
            why = _refusal(reply)
        if course.unanswered:
            return course.judged()
        if had is not None and had.mode not in MODES:
            why, had = f"not written: what tracking mode {had.mode} does is not public; track_keep gives one", None
        if had is None:
            return course.refuse(why)
        assumed = reply.assumed
    plan = had._replace(**{PLACES[name]: int(value) for name, value in wanted.items()})
    if had.mode == BY_TIME and plan.distance and "tracking_distance" in wanted and not assumed:
        course.refused["tracking_distance"] = "not written: tracking mode 1 reports by time, not by distance"
        plan = plan._replace(distance=had.distance)
    written = [name for name in wanted if name not in course.refused]
    if not written:
        return course.judged()
    numbers = ",".join(map(str, plan))
    # Seven other numbers are a late answer to the query.
    write = _command(
        target,
        "TRACK",
        numbers,
        Purpose.WRITE,
        written,
        "$OK:TRACK, without other numbers than these",
        lambda said: said.removesuffix(",") == f"$OK:TRACK={numbers}" or _SEVEN.fullmatch(said) is None,
        depends_on_read=asked,
    )
    yield from course.change(write, _refusal)
    again = yield _ask(target, Purpose.READ_BACK, written)
    after = _told(again)
    reported = {name: value for name, value in _values(after).items() if name in written} if after else {}
    if reported:
        course.unanswered = False
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    reply = yield from course.ask(_ask(target, Purpose.READ, wanted))
    track = _told(reply)
    found = _values(track) if track else {}
    return course.told({name: found[name] for name in wanted if name in found})


def _spoken(target: Target, text: str) -> Command:
    """`REBOOT` or `TRACK=?`, to which `$WP+` and the password are added.

    Raises LocalError for a text that is no such command or longer than 200 characters.
    """
    found = _RAW.fullmatch(text.strip())
    if found is None or len(found[0]) > MAX_COMMAND:
        raise LocalError("a command is a word in capitals, = and arguments, without the password", parameter="command")
    word, arguments = found[1], found[2] or ""
    secrets = []
    if _HIDDEN.search(word) and arguments:
        secrets = [arguments]
    elif word == "COMMTYPE":
        secrets = [cell for cell in arguments.split(",")[4:6] if cell]
    return _command(
        target, word, arguments, Purpose.RAW, (), f"$OK:{word} or $ERR:{word}", lambda said: True, secrets=secrets
    )


RAW = spoken(_spoken, expects="any answer", timeout=TIMEOUT)
