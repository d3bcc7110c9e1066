"""The conversations: one parameter a command, acknowledged by type FF05 with the command's index.

The content of FF05 is not published; as in the login answer a first byte of 0 is taken for yes, another for no, and
none for yes. No question for a setting is public.
Sources: traccar/traccar HuaSheng encoder and tests; cyoung/hs3000g (message table).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Kind,
    Match,
    Message,
    Purpose,
    Settings,
    Target,
    Verdict,
)
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.huasheng import frame as wire
from tracker_codecs.families.huasheng import settings as values
from tracker_codecs.judge import judge

TIMEOUT = 30.0
_PAIR = re.compile(r"([0-9A-Fa-f]{4}):((?:[0-9A-Fa-f]{2}){0,64})", re.ASCII).fullmatch


def acknowledged(target: Target, index: int) -> Callable[[Message], Match]:
    """Matcher of FF05 with this index."""

    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        body = wire.body_of(message.frame) or bytes(wire.HEAD)
        _, kind, found = wire.head_of(body)
        if (kind, found) != (wire.SET_ANSWER, index):
            return Match.NO
        return Match.REFUSED if body[wire.HEAD : wire.HEAD + 1] > b"\0" else Match.DONE

    return match


def _command(
    target: Target, index: int, content: bytes, text: str, purpose: Purpose, fields: tuple[str, ...]
) -> Command:
    index &= 0xFFFFFFFF
    payload, expects = wire.build(wire.SET, index, content), f"FF05 with index {index}"
    return Command(payload, text, purpose, expects, acknowledged(target, index), fields, TIMEOUT)


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    took: list[str] = []
    written: list[str] = []
    refused: dict[str, str] = {}
    silent = False
    for at, name in enumerate(name for name in values.PLACES if name in wanted):
        content = values.parameter(name, wanted[name])
        text = f"parameter {content[:2].hex()} = {int.from_bytes(content[4:], 'big')}"
        reply = yield _command(target, target.serial + at, content, text, Purpose.WRITE, (name,))
        written.append(name)
        if reply.ok:
            took.append(name)
        elif reply.verdict is Verdict.REFUSED:
            refused[name] = f"the unit answered no ({reply.text})"
        elif reply.verdict is Verdict.TIMEOUT:
            silent = True
            break
    return judge(
        wanted,
        reported={},
        acknowledged=took,
        refused=refused,
        written=written,
        unanswered=silent,
    )


def _own(target: Target, text: str) -> Command:
    """Parameters as `0002:003c`, hexadecimal, blanks between. Raises LocalError for a text that is none."""
    pairs = [_PAIR(part) for part in text.split()]
    if not 0 < len(pairs) <= 16 or not all(pairs):
        raise LocalError("must be parameters such as 0002:003c, in hexadecimal digits", parameter="command")
    content = b"".join(wire.parameter(int(pair[1], 16), bytes.fromhex(pair[2])) for pair in pairs if pair)
    return _command(target, target.serial, content, text.strip(), Purpose.RAW, ())


raw = spoken(_own, expects="any answer", timeout=TIMEOUT)
