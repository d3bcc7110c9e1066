"""The conversations: read P04 to keep the wake-up interval, write it, read it again. One command at a time.

Answers carry no number, and the answer to a set has the form of that to a query: the values in force. So a write is
answered only by the very values that were written; anything else is left to the read-back. No error answer is
published: silence may be a refusal, so the read-back follows a write that was not answered, too.
Source: Jointech JT701D protocol manual V1.4.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from tracker_codecs.contract import (
    Command,
    Dialogue,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Settings,
    Target,
    Verdict,
)
from tracker_codecs.families.jointech import frame as wire
from tracker_codecs.families.jointech import settings as values
from tracker_codecs.judge import judge

#: Seconds; a unit stays awake for minutes after it has reported.
TIMEOUT = 60.0


class Period(NamedTuple):
    """Seconds between uploads, minutes between wake-ups."""

    upload: int
    wake_up: int


def period(message: Message) -> Period | None:
    """The values of a P04 answer; None for everything else."""
    told = message.data
    if message.kind is not Kind.REPLY or not isinstance(told, tuple) or len(told) != 3 or told[0] != values.WORD:
        return None
    if not all(each.isascii() and each.isdigit() and len(each) <= 5 for each in told[1:]):
        return None
    return Period(int(told[1]), int(told[2]))


def _command(
    target: Target, text: str, purpose: Purpose, expects: str, fits: Callable[[Period], bool], depends: bool = False
) -> Command:
    def match(message: Message) -> Match:
        found = period(message) if message.device_id == target.device_id else None
        return Match.DONE if found is not None and fits(found) else Match.NO

    payload = wire.command(text)
    return Command(payload, text, purpose, expects, match, (values.FIELD,), TIMEOUT, depends_on_read=depends)


def _query(target: Target, purpose: Purpose) -> Generator[Command, Reply, tuple[Period | None, Reply]]:
    reply = yield _command(target, f"{values.WORD},0", purpose, "P04 with the values in force", lambda _: True)
    return (period(reply.messages[-1]) if reply.ok else None), reply


def _known(found: Period | None) -> dict[str, str]:
    return {"wake_up": str(found.wake_up)} if found else {}


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    if values.FIELD not in wanted:
        return judge(wanted, reported={})
    had, reply = yield from _query(target, Purpose.READ)
    if had is None and not reply.assumed:
        return judge(wanted, reported={}, unanswered=True)
    last = target.known.get("wake_up", "")
    wake_up = had.wake_up if had else int(last) if last.isdecimal() and len(last) <= 5 else values.WAKE_UP
    new = Period(int(wanted[values.FIELD]), wake_up)
    text = f"{values.WORD},1,{new.upload},{new.wake_up}"
    written = yield _command(
        target, text, Purpose.WRITE, f"P04,{new.upload},{new.wake_up}", lambda told: told == new, depends=True
    )
    now, _ = yield from _query(target, Purpose.READ_BACK)
    return judge(
        wanted,
        reported={values.FIELD: now.upload} if now else {},
        acknowledged=(values.FIELD,) if written.ok else (),
        written=(values.FIELD,),
        known=_known(now or had),
        unanswered=now is None and written.verdict is Verdict.TIMEOUT,
    )


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    found, reply = yield from _query(target, Purpose.READ)
    if found is None:
        return Outcome({}, unanswered=reply.verdict is Verdict.TIMEOUT)
    return Outcome({}, {values.FIELD: found.upload}, _known(found))


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: text without its brackets, bytes as they are. Answered by the same word."""
    if isinstance(text, bytes):
        payload, shown, word = text, text.hex(), ""
    else:
        payload, shown, word = wire.command(text), text, text[:3]

    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        return Match.DONE if word in ("", message.data[0]) else Match.NO

    return Command(payload, shown, Purpose.RAW, word or "any answer", match, timeout=TIMEOUT)
