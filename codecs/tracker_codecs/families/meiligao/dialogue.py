"""The conversations: write the interval, then distance and angle, then read the interval back. One command at a time.

Answers carry no number. That of the interval repeats its value, so it opens every change: an answer to distance or
angle that comes before it belongs to an older command. Distance and angle cannot be read. A unit that answers the write
and keeps silent on the query (a clone may) ends as acknowledged.
Source: Meiligao GPRS Communication Protocol V2.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from tracker_codecs.contract import Command, Dialogue, Kind, Match, Message, Purpose, Reply, Settings, Target, Value
from tracker_codecs.course import Course
from tracker_codecs.errors import LocalError
from tracker_codecs.families.meiligao import frame as wire
from tracker_codecs.families.meiligao import settings as values

TIMEOUT = 30.0
_RAW = re.compile(r"([0-9A-Fa-f]{4})(?:\s+((?:[0-9A-Fa-f]{2})+))?", re.ASCII).fullmatch


def _matcher(target: Target, fits: Callable[[int, bytes], Match]) -> Callable[[Message], Match]:
    """Matcher of an answer of this unit; `fits` judges its command and data."""
    who = wire.address(target.device_id)

    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY or message.frame[4:11] != who:
            return Match.NO
        return fits(wire.command_of(message.frame), wire.data_of(message.frame))

    return match


def write(target: Target, field: str, value: int) -> Command:
    """The command that sets a field. Its answer has a flag; behind it that of the interval repeats the data."""
    data = values.data_for(field, value)
    if field == values.INTERVAL:
        number, answer, tail = values.SET_INTERVAL, values.INTERVAL_SET, data
        text = f"interval {value} s"
    else:
        number = answer = values.COMMANDS[field]
        tail = b""
        text = f"{field.removeprefix('tracking_')} {value}"

    def judged(command: int, found: bytes) -> Match:
        if command != answer or found[1:] != tail or found[:1] not in (b"\0", b"\x01"):
            return Match.NO
        return Match.DONE if found[0] else Match.REFUSED

    return Command(
        payload=wire.build(wire.address(target.device_id), number, data),
        text=text,
        purpose=Purpose.WRITE,
        expects=f"{answer:04x} with flag 01" + (f" and {tail.hex()}" if tail else ""),
        match=_matcher(target, judged),
        fields=(field,),
        timeout=TIMEOUT,
    )


def query(target: Target, purpose: Purpose) -> Command:
    """Asks for the interval."""

    def judged(command: int, found: bytes) -> Match:
        return Match.DONE if command == values.READ_INTERVAL and len(found) == 2 else Match.NO

    return Command(
        payload=wire.build(wire.address(target.device_id), values.READ_INTERVAL),
        text="interval?",
        purpose=purpose,
        expects="9002 with the interval",
        match=_matcher(target, judged),
        fields=(values.INTERVAL,),
        timeout=TIMEOUT,
    )


def _told(reply: Reply) -> dict[str, Value]:
    if not reply.ok:
        return {}
    return {values.INTERVAL: int.from_bytes(wire.data_of(reply.messages[-1].frame), "big") * values.UNIT}


def _refusal(command: Command, reply: Reply) -> str:
    return f"the unit answers {command.text} with flag 00"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`. Where a write is not answered nothing more is sent: a late answer must find no other."""
    course = Course(wanted)
    order = [name for name in (values.INTERVAL, *values.COMMANDS) if name in wanted]
    if values.INTERVAL not in order:  # nothing opens the change: an answer that carries a value must
        yield from course.ask(query(target, Purpose.PROBE))
    for name in order:
        if course.unanswered:
            break
        command = write(target, name, int(wanted[name]))
        yield from course.change(command, partial(_refusal, command))
    reported: dict[str, Value] = {}
    if values.INTERVAL in order and (course.written - {values.INTERVAL} or not course.unanswered):
        reported = _told((yield query(target, Purpose.READ_BACK)))
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: only the interval can be read."""
    course = Course()
    if values.INTERVAL not in wanted:
        return course.told()
    reply = yield from course.ask(query(target, Purpose.READ))
    return course.told(_told(reply))


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: text is a command and its data in hex (`4113 01`); bytes go as they are."""
    if isinstance(text, bytes):
        match = _matcher(target, lambda *_: Match.DONE)
        return Command(text, text.hex(), Purpose.RAW, "any answer", match, timeout=TIMEOUT)
    found = _RAW(text.strip())
    if found is None or len(text) > 1024:
        raise LocalError("must be a command and its data in hex, such as 4113 01", parameter="command")
    number, data = int(found[1], 16), bytes.fromhex(found[2] or "")
    if number == values.RESET:
        raise LocalError("4110 resets settings that nobody can read back", parameter="command")
    answer = values.INTERVAL_SET if number == values.SET_INTERVAL else number
    return Command(
        payload=wire.build(wire.address(target.device_id), number, data),
        text=found[0],
        purpose=Purpose.RAW,
        expects=f"{answer:04x}",
        match=_matcher(target, lambda command, _: Match.DONE if command == answer else Match.NO),
        timeout=TIMEOUT,
    )
