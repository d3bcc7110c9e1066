"""The conversations: read the configuration, write key 44 with the heartbeat as it was, read again.

Key 44 holds heartbeat, upload interval and lazy interval, 32 bits each, little endian; by their size they are seconds.
`tracking_interval` is the upload interval, `on_stop_tracking_interval` the lazy one. The answer to a read of key F0 is
recorded; that a write takes the key in the same layout is how the protocol is made and how public servers let an
operator write it, but no write is recorded. So it is read before and after. Both recorded answers bear the sequence 0,
and answers of a server repeat the sequence, so 0 and the command's own number are taken.
Sources: traccar/traccar Minifinder2 encoder (read), decoder tests (recorded configuration and response).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tracker_codecs.answers import Matcher, reply_of
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
    Verdict,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.eview import frame as wire
from tracker_codecs.families.eview.messages import SWITCH, intervals, packed

TIMEOUT = 30.0
MOVING, PARKED = "tracking_interval", "on_stop_tracking_interval"
READ_ALL = bytes((wire.CONFIGURATION, 0x01, 0xF0))
INTERVALS, INTERVALS_SIZE = 0x44, 12
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "ev07": dict.fromkeys(
        (MOVING, PARKED),
        Capability(Strength.READ_BACK, "the write is built like the recorded answer; no write is recorded"),
    )
}
#: Seconds. No range is public: what the number can hold.
RANGE = (1, SWITCH - 1)
#: What dry runs show where nothing is known of the unit: the recorded one.
EXAMPLE = (SWITCH | 270, 5, 3600)
Intervals = tuple[int, int, int]
check = whole_numbers(dict.fromkeys((MOVING, PARKED), RANGE))


def _result(body: bytes) -> int | None:
    return body[2] if len(body) == 3 and body[:2] == bytes((wire.RESPONSE, 1)) else None


def _matcher(target: Target, number: int, judged: Callable[[bytes], Match]) -> Matcher:
    """Matcher of an answer under this number or 0; a response that tells no success is a refusal."""

    def means(message: Message) -> Match:
        if message.data not in (0, number):
            return Match.NO
        body = message.frame[wire.HEAD :]
        return Match.REFUSED if _result(body) else judged(body)

    return reply_of(target, means)


def _told(body: bytes) -> Intervals | None:
    value = wire.value_of(body, INTERVALS, INTERVALS_SIZE) if body[0] == wire.CONFIGURATION else None
    return None if value is None else intervals(value)


def _number(target: Target, step: int) -> int:
    return (target.serial + step - 1) % 0xFFFF + 1


def _ask(target: Target, step: int, purpose: Purpose, fields: Sequence[str]) -> Command:
    number = _number(target, step)
    return Command(
        wire.seal(READ_ALL, number),
        "read the configuration (02, key F0)",
        purpose,
        "a configuration with key 44",
        _matcher(target, number, lambda body: Match.DONE if _told(body) else Match.NO),
        tuple(fields),
        TIMEOUT,
    )


def _write(target: Target, step: int, plan: Intervals, fields: Sequence[str]) -> Command:
    number = _number(target, step)
    heartbeat, upload, lazy = plan
    return Command(
        wire.seal(bytes((wire.CONFIGURATION,)) + wire.item(INTERVALS, packed(*plan)), number),
        f"write key 44: heartbeat 0x{heartbeat:08X}, upload interval {upload}, lazy interval {lazy}",
        Purpose.WRITE,
        "a response (7F) that tells success",
        _matcher(target, number, lambda body: Match.DONE if _result(body) == 0 else Match.NO),
        tuple(fields),
        TIMEOUT,
        depends_on_read=True,
    )


def _read(reply: Reply) -> Intervals | None:
    return _told(reply.messages[-1].frame[wire.HEAD :]) if reply.ok else None


def _values(found: Intervals | None) -> dict[str, Value]:
    """Intervals as profile fields; one with the highest bit set is not understood."""
    both = {} if found is None else {MOVING: found[1], PARKED: found[2]}
    return {name: value for name, value in both.items() if value < SWITCH}


def _refusal(reply: Reply, what: str) -> str:
    return f"the unit refuses {what}: {reply.text}"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    fields = list(wanted)
    course = Course(wanted)
    reply = yield _ask(target, 0, Purpose.READ, fields)
    if reply.verdict is Verdict.REFUSED:
        return course.refuse(_refusal(reply, "to tell its configuration"))
    had = EXAMPLE if reply.assumed else _read(reply)
    if had is None:
        course.unanswered = True
        return course.judged()
    heartbeat, upload, lazy = had
    plan = (heartbeat, int(wanted.get(MOVING, upload)), int(wanted.get(PARKED, lazy)))
    yield from course.change(_write(target, 1, plan, fields), lambda reply: _refusal(reply, "the write"))
    again = yield from course.ask(_ask(target, 2, Purpose.READ_BACK, fields))
    reported = {name: value for name, value in _values(_read(again)).items() if name in wanted}
    course.unanswered = course.unanswered and not reported
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    reply = yield from course.ask(_ask(target, 0, Purpose.READ, wanted))
    found = _values(_read(reply))
    return course.told({name: found[name] for name in wanted if name in found})


def _answered(target: Target, text: str, message: Message) -> Match:
    """Any answer under the number of a first command, or 0, that tells no failure."""
    return _matcher(target, _number(target, 0), lambda _: Match.DONE)(message)


def _spoken(target: Target, text: str) -> Command:
    """A body in hexadecimal digits (`0201F0`) in a packet.

    Raises LocalError for a text that is no body of at most 255 bytes.
    """
    try:
        body = bytes.fromhex(text) if text.isascii() else b""
    except ValueError:
        body = b""
    if not 0 < len(body) <= 255 or body[0] not in wire.COMMANDS:
        raise LocalError("a command is a body in hexadecimal digits, such as 0201F0", parameter="command")
    match = partial(_answered, target, text)
    payload = wire.seal(body, _number(target, 0))
    return Command(payload, body.hex(), Purpose.RAW, "an answer", match, timeout=TIMEOUT)


RAW = spoken(_spoken, answers=_answered, timeout=TIMEOUT)
