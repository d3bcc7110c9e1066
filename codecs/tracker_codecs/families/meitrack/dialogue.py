"""The conversations: one command after the other, each after the answer to the one before. Nothing can be read back.

An answer repeats the data identifier F and the command code: both must be ours. (One printed example, of the picture
command D02, answers with another F; every settings example repeats it.) F of a change is one of 31 capitals and
signs, and follows the command number, so that 31 revisions in a row use different ones for the same command; operators'
own commands use small letters. A failure text is not documented: anything but OK is a refusal.
Source: MEITRACK GPRS Protocol V1.6 / V1.7, T622 edition V1.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from tracker_codecs.contract import Checksum, Command, Dialogue, Kind, Match, Message, Purpose, Reply, Settings, Target
from tracker_codecs.course import Course, said
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.meitrack import frame as wire
from tracker_codecs.families.meitrack.settings import ORDER, Step, plan

TIMEOUT = 30.0
_OWN_FLAGS = 31
_RAW_FLAGS = 26
_CONTENT = re.compile(r"[A-Z][0-9A-Z]{2}(?:,[ -)+-~]*)?")


def flag_of(target: Target, command: str) -> str:
    """Data identifier of a command of a change."""
    return chr(0x41 + (target.serial + ORDER.index(command)) % _OWN_FLAGS)


def _answered(target: Target, flag: str, fits: Callable[[wire.Content], Match]) -> Callable[[Message], Match]:
    def match(message: Message) -> Match:
        if message.checksum is not Checksum.OK or message.device_id != target.device_id:
            return Match.NO
        if message.kind is Kind.OTHER or message.frame[2:3] != flag.encode("ascii"):
            return Match.NO
        try:
            return fits(wire.parse(message.frame))
        except PeerError:
            return Match.NO

    return match


def _write(target: Target, step: Step) -> Command:
    command = step.text[:3]
    flag = flag_of(target, command)

    def fits(found: wire.Content) -> Match:
        if found.command != command:
            return Match.NO
        return Match.DONE if found.content[3:].upper() == b",OK" else Match.REFUSED

    return Command(
        wire.build(b"@@", flag, target.device_id, step.text.encode("ascii")),
        step.text,
        Purpose.WRITE,
        f"{command},OK with data identifier {flag}",
        _answered(target, flag, fits),
        step.fields,
        TIMEOUT,
    )


def _refusal(step: Step, reply: Reply) -> str:
    return f"{step.text}: {said(reply)}"


def apply(target: Target, settings: Settings) -> Dialogue:
    """Write one command after the other, sleep last; after a silence nothing more: a sleeping unit is deaf."""
    course = Course(settings)
    for step in plan(settings):
        if all(name in course.refused for name in step.fields):
            continue
        yield from course.change(_write(target, step), partial(_refusal, step))
        if course.unanswered:
            break
    return course.judged()


def _any_reply(target: Target, text: str, message: Message) -> Match:
    """Any sound answer on the link, whoever it names."""
    return Match.DONE if message.kind is Kind.REPLY and message.checksum is Checksum.OK else Match.NO


def _spoken(target: Target, text: str) -> Command:
    """A text in a frame. Raises LocalError for text that is no command, or that would end the frame."""
    if len(text) > wire.MAX_CONTENT or not _CONTENT.fullmatch(text):
        raise LocalError("must be a three character code and arguments without *, such as A10", parameter="command")
    flag = chr(0x61 + target.serial % _RAW_FLAGS)
    command = text[:3]

    def fits(found: wire.Content) -> Match:
        # a position request is answered by a report with event 34, E91 without its code
        if command == "A10" and found.content.startswith(b"AAA,34,"):
            return Match.DONE
        if found.command == command or (command == "E91" and found.content.startswith(b"FWV")):
            return Match.DONE
        return Match.NO

    parts = text.split(",")
    secret = parts[6] if command == "A21" and len(parts) == 7 else ""  # the APN's password
    return Command(
        wire.build(b"@@", flag, target.device_id, text.encode("ascii")),
        ",".join((*parts[:6], "***")) if secret else text,
        Purpose.RAW,
        f"an answer with data identifier {flag}",
        _answered(target, flag, fits),
        timeout=TIMEOUT,
        secrets=(secret.encode("ascii"),) if secret else (),
    )


RAW = spoken(_spoken, answers=_any_reply, expects="any answer to a command", timeout=TIMEOUT)
