"""The conversations: one parameter a command, acknowledged by type FF05 with the command's index.

The content of FF05 is not published; as in the login answer a first byte of 0 is taken for yes, another for no, and
none for yes. No question for a setting is public.
Sources: traccar/traccar HuaSheng encoder and tests; cyoung/hs3000g (message table).
"""

from __future__ import annotations

import re

from tracker_codecs.answers import reply_of
from tracker_codecs.contract import Command, Dialogue, Match, Message, Purpose, Settings, Target
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.huasheng import frame as wire
from tracker_codecs.families.huasheng import settings as values

TIMEOUT = 30.0
_PAIR = re.compile(r"([0-9A-Fa-f]{4}):((?:[0-9A-Fa-f]{2}){0,64})", re.ASCII).fullmatch


def _command(
    target: Target, index: int, content: bytes, text: str, purpose: Purpose, fields: tuple[str, ...]
) -> Command:
    index &= 0xFFFFFFFF

    def means(message: Message) -> Match:
        body = wire.body_of(message.frame) or bytes(wire.HEAD)
        _, kind, found = wire.head_of(body)
        if (kind, found) != (wire.SET_ANSWER, index):
            return Match.NO
        return Match.REFUSED if body[wire.HEAD : wire.HEAD + 1] > b"\0" else Match.DONE

    payload, expects = wire.build(wire.SET, index, content), f"FF05 with index {index}"
    return Command(payload, text, purpose, expects, reply_of(target, means), fields, TIMEOUT)


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    for at, name in enumerate(name for name in values.PLACES if name in wanted):
        content = values.parameter(name, wanted[name])
        text = f"parameter {content[:2].hex()} = {int.from_bytes(content[4:], 'big')}"
        write = _command(target, target.serial + at, content, text, Purpose.WRITE, (name,))
        yield from course.change(write, lambda reply: f"the unit answered no ({reply.text})")
        if course.unanswered:
            break
    return course.judged()


def _spoken(target: Target, text: str) -> Command:
    """Parameters as `0002:003c`, hexadecimal, blanks between. Raises LocalError for a text that is none."""
    pairs = [_PAIR(part) for part in text.split()]
    if not 0 < len(pairs) <= 16 or not all(pairs):
        raise LocalError("must be parameters such as 0002:003c, in hexadecimal digits", parameter="command")
    content = b"".join(wire.parameter(int(pair[1], 16), bytes.fromhex(pair[2])) for pair in pairs if pair)
    return _command(target, target.serial, content, text.strip(), Purpose.RAW, ())


RAW = spoken(_spoken, expects="any answer", timeout=TIMEOUT)
