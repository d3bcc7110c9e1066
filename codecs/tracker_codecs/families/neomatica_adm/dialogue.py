"""What can be set, and the conversations: read TRACK, write with the rest kept, read it again. One command at a time.

Answers bear no number and no name of their command but what their text says. The wording of the answer to a change is
not public: any text counts as an answer to it. It is an acknowledgement only where it is TRACK and numbers or OK, and
lists no other value; the reading behind it decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tracker_codecs.answers import reply_of
from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Strength,
    Target,
    Value,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.families.neomatica_adm import frame as wire
from tracker_codecs.families.neomatica_adm.track import EXAMPLE, Track, parse

DISTANCE, ANGLE = "tracking_distance", "tracking_angle"
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "track": {
        DISTANCE: Capability(Strength.READ_BACK),
        ANGLE: Capability(Strength.READ_BACK),
        "tracking_interval": Capability(None, "the command for it is in no text that could be read"),
    }
}
_MOST = {DISTANCE: 9_999_999, ANGLE: 359}
#: Seconds: an answer may wait behind positions.
TIMEOUT = 60.0
_YES = re.compile(r"\s*TRACK(?:[^A-Z]|\bOK\b)*", re.ASCII | re.IGNORECASE).fullmatch
#: Ranges are not public: what a unit makes of a value shows when it is read back.
check = whole_numbers({name: (1, most) for name, most in _MOST.items()}, "must be a whole number from {} to {}")


def _command(
    target: Target, text: str, purpose: Purpose, expects: str, fields: Sequence[str], fits: Callable[[str], Match]
) -> Command:
    def means(message: Message) -> Match:
        return fits(str(message.data))

    payload, match = wire.build_command(text), reply_of(target, means)
    kept = purpose is Purpose.WRITE
    return Command(payload, text, purpose, expects, match, tuple(fields), TIMEOUT, depends_on_read=kept)


def _ask(target: Target, purpose: Purpose, fields: Sequence[str]) -> Command:
    """TRACK alone. Before the change another text is a refusal: the unit does not know the command."""

    def fits(text: str) -> Match:
        if parse(text) is not None:
            return Match.DONE
        return Match.NO if purpose is Purpose.READ_BACK else Match.REFUSED

    return _command(target, "TRACK", purpose, "TRACK with all its values", fields, fits)


def _told(reply: Reply) -> Track | None:
    return parse(str(reply.messages[-1].data)) if reply.ok else None


def _values(told: Track, wanted: Mapping[str, Value]) -> dict[str, Value]:
    """The settings that TRACK tells. Angles that differ are no one angle: one that was not asked for is told then."""
    out: dict[str, Value] = {DISTANCE: told.distance}
    odd = [angle for angle in told.angles if angle != wanted.get(ANGLE, told.angles[0])]
    if not odd:
        out[ANGLE] = told.angles[0]
    elif ANGLE in wanted:
        out[ANGLE] = odd[0]
    return out


def _write(course: Course, target: Target, had: Track) -> Step[None]:
    """Writes what is wanted. Acknowledged is no field as long as an answer lacks."""
    wanted = course.wanted
    course.written = set(wanted)
    steps = [(DISTANCE, 0, had.distance_command(int(wanted[DISTANCE])))] if DISTANCE in wanted else []
    if ANGLE in wanted:
        steps += [(ANGLE, mode, had.angle_command(mode, int(wanted[ANGLE]))) for mode in range(3)]
    doubtful: set[str] = set()
    for name, mode, text in steps:
        reply = yield from course.ask(_command(target, text, Purpose.WRITE, "a text", (name,), lambda _: Match.DONE))
        if course.unanswered:
            return
        told = _told(reply)
        listed = wanted[name] if told is None else told.distance if name == DISTANCE else told.angles[mode]
        if not reply.ok or not _YES(reply.text) or listed != wanted[name]:
            doubtful.add(name)
    course.acknowledged = set(wanted) - doubtful


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    reply = yield from course.ask(_ask(target, Purpose.READ, tuple(wanted)))
    if course.unanswered:
        return course.judged()
    had = (parse(target.known.get("track", "")) or EXAMPLE) if reply.assumed else _told(reply)
    if had is None:
        return course.refuse(f"not written: the unit answers TRACK with: {reply.text}")
    yield from _write(course, target, had)
    if course.unanswered:
        return course.judged()
    told = _told((yield from course.ask(_ask(target, Purpose.READ_BACK, tuple(wanted)))))
    if told is None:
        return course.judged()
    course.known["track"] = str(told)
    return course.judged(_values(told, wanted))


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    asked = [name for name in (DISTANCE, ANGLE) if name in wanted]
    told = _told((yield from course.ask(_ask(target, Purpose.READ, asked))))
    if told is None:
        return course.told()
    course.known["track"] = str(told)
    return course.told(_values(told, {}))


def _spoken(target: Target, text: str) -> Command:
    """A line, which any text answers."""
    return _command(target, text, Purpose.RAW, "any text", (), lambda _: Match.DONE)


RAW = spoken(_spoken, expects="any text", timeout=TIMEOUT)
