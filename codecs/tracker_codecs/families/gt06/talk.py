"""One conversation: commands, what answers them, single readings and writes. One text command a frame, one at a time.

An answer is told from others by the four flag bytes that the unit echoes. Some clones answer with flag 0: that is taken
for the open command's answer only from a unit that has not echoed a flag in this conversation, and when its text fits
(a reading must parse, a write must be answered yes or no). On a serial port nothing is echoed and the same holds.
Sources: Concox protocol v1.8.1; VL03 protocol; command lists named in `texts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, IntEnum
from typing import TypeVar

from tracker_codecs.contract import (
    Command,
    Kind,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.families.gt06 import console, gt02, texts
from tracker_codecs.families.gt06 import frame as wire
from tracker_codecs.families.gt06 import settings as commands

TIMEOUT = 30.0

T = TypeVar("T")


class Silence(Enum):
    """Why there is no reading."""

    TIMEOUT = "no answer"
    UNREADABLE = "answered, but not with the value"
    ASSUMED = "dry run"


class Conversation(IntEnum):
    """First flag byte: what kind of conversation a command belongs to."""

    APPLY = 1
    READ = 2
    RAW = 3


def flag_of(target: Target, kind: Conversation, step: int) -> int:
    """The flag bytes of a command: conversation, step, serial. Never 0 (clones answer 0), never shared by two."""
    return kind << 24 | (step & 0xFF) << 16 | target.serial & 0xFFFF


def answers(message: Message, target: Target, flag: int, fits: Callable[[str], bool]) -> Match:
    """Whether a message answers the command with this flag; `fits` says whether an answer with flag 0 may be it."""
    found = message.data
    if (
        message.kind is not Kind.REPLY
        or message.device_id not in (None, target.device_id)
        or not isinstance(found, wire.Answer)
    ):
        return Match.NO
    if found.flag != flag and not (found.flag == 0 and fits(found.text)):
        return Match.NO
    return Match.REFUSED if texts.verdict(found.text) is texts.Verdict.FAILED else Match.DONE


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command; text goes into a command frame as it is. Raises LocalError for text that cannot."""
    if isinstance(text, bytes):
        return gt02.RAW(target, text)
    if target.transport is Transport.SERIAL:
        return console.raw(text)
    flag = flag_of(target, Conversation.RAW, 0)
    payload = wire.build_command(text, flag, target.serial, commands.options(target).language)
    expects = f"answer 0x15 or 0x21 with flag {flag:08x}"
    return Command(
        payload, text, Purpose.RAW, expects, lambda m: answers(m, target, flag, lambda _: True), timeout=TIMEOUT
    )


class Talk(Course):
    """The course of one conversation. `silent` are the fields that a command of it got no answer for."""

    __slots__ = ("echoes", "kind", "options", "silent", "step", "target")

    def __init__(self, target: Target, kind: Conversation, wanted: Settings | None = None) -> None:
        super().__init__(wanted)
        self.target, self.kind = target, kind
        self.options = commands.options(target)
        self.step = 0
        self.silent: set[str] = set()
        #: The unit echoes flags: an answer with flag 0 is not for us.
        self.echoes = False

    def command(
        self,
        text: str,
        purpose: Purpose,
        fields: Sequence[str],
        parse: Callable[[str], object] | None = None,
        *,
        repeats: Callable[[str], bool] = lambda _: False,
        depends_on_read: bool = False,
    ) -> Command:
        """A command in its frame; `parse` reads the answer of a query, None for a write.

        `repeats` says whether an answer to a write repeats what was written, which some units say for yes.
        """
        number = (self.target.serial + self.step) & 0xFFFF
        flag = flag_of(self.target, self.kind, self.step)
        target, wired = self.target, self.target.transport is Transport.SERIAL
        self.step += 1

        def fits(answer: str) -> bool:
            if parse is None and repeats(answer):
                return True
            if self.echoes or (wired and parse is None and not console.result_of(answer, text)):
                return False
            said = texts.verdict(answer)
            if said is texts.Verdict.FAILED:
                return True
            return said is texts.Verdict.ACCEPTED if parse is None else parse(answer) is not None

        def match(message: Message) -> Match:
            found = answers(message, target, flag, fits)
            if found is not Match.NO and message.data.flag:
                self.echoes = True
            return found

        shown = "its value" if parse else "OK or success in its text"
        answer = "a line" if wired else f"answer 0x15 or 0x21 with flag {flag:08x}"
        return Command(
            payload=console.line(text) if wired else wire.build_command(text, flag, number, self.options.language),
            text=text,
            purpose=purpose,
            expects=f"{answer}, {shown}",
            match=match,
            fields=tuple(fields),
            timeout=console.TIMEOUT if wired else TIMEOUT,
            depends_on_read=depends_on_read,
        )

    # -- reading ----------------------------------------------------------------------------------------------------
    def query(
        self, word: str, parse: Callable[[str], T | None], purpose: Purpose, fields: Sequence[str]
    ) -> Step[T | Silence]:
        """One bare query of a word that only tells."""
        reply = yield self.command(f"{word}#", purpose, fields, parse)
        if reply.assumed:
            return Silence.ASSUMED
        if reply.verdict is Verdict.TIMEOUT:
            return Silence.TIMEOUT
        found = parse(text_of(reply)) if reply.ok else None
        return Silence.UNREADABLE if found is None else found

    # -- writing ----------------------------------------------------------------------------------------------------
    def write(
        self,
        text: str,
        fields: Sequence[str],
        *,
        repeats: Callable[[str], bool] = lambda _: False,
        depends_on_read: bool = False,
    ) -> Step[None]:
        """One write; notes what became of it. A field of several writes is acknowledged when each of them was."""
        reply = yield self.command(f"{text}#", Purpose.WRITE, fields, repeats=repeats, depends_on_read=depends_on_read)
        unsure = self.silent | (self.written.intersection(fields) - self.acknowledged)
        self.written.update(fields)
        if reply.assumed:
            return
        if reply.verdict is Verdict.TIMEOUT:
            self.silent.update(fields)
            self.acknowledged.difference_update(fields)
        elif reply.verdict is Verdict.REFUSED:
            self.refused.update(dict.fromkeys(fields, f"{text}#: {reply.text}"))
        elif self.target.transport is Transport.SERIAL and self.silent:
            return  # a late answer to the one before looks like this
        elif texts.verdict(text_of(reply)) is texts.Verdict.ACCEPTED or repeats(text_of(reply)):
            self.acknowledged.update(set(fields) - unsure)
        else:
            self.acknowledged.difference_update(fields)


def text_of(reply: Reply) -> str:
    """Text of the answer, uncut; empty where there is none."""
    answer = reply.messages[-1].data if reply.messages else None
    return answer.text if isinstance(answer, wire.Answer) else ""
