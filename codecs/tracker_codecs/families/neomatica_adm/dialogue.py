"""What can be set, and the conversations: read TRACK, write with the rest kept, read it again. One command at a time.

Answers bear no number and no name of their command but what their text says. The wording of the answer to a change is
not public: any text counts as an answer to it. It is an acknowledgement only where it is TRACK and numbers or OK, and
lists no other value; the reading behind it decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence

from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import (
    Capability,
    Command,
    Dialogue,
    Kind,
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
from tracker_codecs.envelope import spoken
from tracker_codecs.families.neomatica_adm import frame as wire
from tracker_codecs.families.neomatica_adm.track import EXAMPLE, Track, parse
from tracker_codecs.judge import judge

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
    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        return fits(str(message.data))

    payload = wire.build_command(text)
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
    return parse(str(reply.messages[-1].data)) if reply.ok and reply.messages else None


def _values(told: Track, wanted: Mapping[str, Value]) -> dict[str, Value]:
    """The settings that TRACK tells. Angles that differ are no one angle: one that was not asked for is told then."""
    out: dict[str, Value] = {DISTANCE: told.distance}
    odd = [angle for angle in told.angles if angle != wanted.get(ANGLE, told.angles[0])]
    if not odd:
        out[ANGLE] = told.angles[0]
    elif ANGLE in wanted:
        out[ANGLE] = odd[0]
    return out


def _write(
    target: Target, had: Track, carried: Mapping[str, Value]
) -> Generator[Command, Reply, tuple[set[str], bool]]:
    """Writes what is asked for; gives the fields that were acknowledged, and whether an answer lacks."""
    steps = [(DISTANCE, 0, had.distance_command(int(carried[DISTANCE])))] if DISTANCE in carried else []
    if ANGLE in carried:
        steps += [(ANGLE, mode, had.angle_command(mode, int(carried[ANGLE]))) for mode in range(3)]
    doubtful: set[str] = set()
    for name, mode, text in steps:
        reply = yield _command(target, text, Purpose.WRITE, "a text", (name,), lambda _: Match.DONE)
        if reply.verdict is Verdict.TIMEOUT:
            return set(), True
        told = _told(reply)
        listed = carried[name] if told is None else told.distance if name == DISTANCE else told.angles[mode]
        if not reply.ok or not _YES(reply.text) or listed != carried[name]:
            doubtful.add(name)
    return set(carried) - doubtful, False


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    refused: dict[str, str] = {}
    reported: dict[str, Value] = {}
    known: dict[str, str] = {}
    acknowledged: set[str] = set()
    written: set[str] = set()
    silent = False
    if wanted:
        reply = yield _ask(target, Purpose.READ, tuple(wanted))
        had = _told(reply)
        if reply.assumed:
            had = parse(target.known.get("track", "")) or EXAMPLE
        if had is None:
            silent = reply.verdict is Verdict.TIMEOUT
            if not silent:
                refused = dict.fromkeys(wanted, f"not written: the unit answers TRACK with: {reply.text}")
        else:
            written = set(wanted)
            acknowledged, silent = yield from _write(target, had, wanted)
            if not silent:
                reply = yield _ask(target, Purpose.READ_BACK, tuple(wanted))
                told = _told(reply)
                silent = reply.verdict is Verdict.TIMEOUT
                if told is not None:
                    reported, known = _values(told, wanted), {"track": str(told)}
    return judge(
        wanted,
        reported=reported,
        acknowledged=acknowledged,
        refused=refused,
        written=written,
        known=known,
        unanswered=silent,
    )


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    asked = [name for name in (DISTANCE, ANGLE) if name in wanted]
    if not asked:
        return Outcome({})
    reply = yield _ask(target, Purpose.READ, asked)
    told = _told(reply)
    if told is None:
        return Outcome({}, unanswered=reply.verdict is Verdict.TIMEOUT)
    return Outcome({}, _values(told, {}), {"track": str(told)})


def _own(target: Target, text: str) -> Command:
    """A line, which any text answers."""
    return _command(target, text, Purpose.RAW, "any text", (), lambda _: Match.DONE)


raw = spoken(_own, expects="any text", timeout=TIMEOUT)
