"""The conversations: set each IO element, then read each one back. One command at a time.

Commands have no numbers. An answer to `getioparam` names its element, so only that of the very element counts; one to
`setioparam` names a slot only, and what it says is proved by the read-back behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

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
from tracker_codecs.envelope import spoken
from tracker_codecs.families.ruptela import frame as wire
from tracker_codecs.families.ruptela import settings as values
from tracker_codecs.families.ruptela import texts
from tracker_codecs.families.ruptela.texts import Element
from tracker_codecs.judge import judge

#: Seconds: an answer may wait behind records.
TIMEOUT = 60.0


def _matcher(target: Target, judge_text: Callable[[str], Match]) -> Callable[[Message], Match]:
    """Matcher of answers to texts, by their text."""

    def match(message: Message) -> Match:
        if message.kind is not Kind.REPLY or message.device_id != target.device_id or message.data != wire.SMS_ANSWER:
            return Match.NO
        return judge_text(message.text)

    return match


def _command(target: Target, text: str, purpose: Purpose, expects: str, fits: Callable[[str], Match]) -> Command:
    secret = values.password(target)
    return Command(
        payload=wire.build_text(f"{secret} {text}"),
        text=text,
        purpose=purpose,
        expects=expects,
        match=_matcher(target, fits),
        fields=() if purpose is Purpose.RAW else (values.FIELD,),
        timeout=TIMEOUT,
        secrets=(secret.encode("ascii"),) if secret else (),
    )


def _set(target: Target, asked: Element) -> Command:
    def fits(text: str) -> Match:
        return {None: Match.NO, True: Match.DONE, False: Match.REFUSED}[texts.wrote(text)]

    return _command(target, f"setioparam {asked}", Purpose.WRITE, "setioparam OK, slot: N", fits)


def _get(target: Target, asked: Element, purpose: Purpose) -> Command:
    def fits(text: str) -> Match:
        found = texts.told(text, asked.place)
        return Match.NO if found is None else Match.REFUSED if isinstance(found, str) else Match.DONE

    text = f"getioparam {asked.id},{asked.profile}"
    return _command(target, text, purpose, "all values of this element, or that it is not enabled", fits)


def _ask(
    target: Target, wanted: Sequence[Element], purpose: Purpose
) -> Generator[Command, Reply, tuple[list[str] | None, str, bool]]:
    """Reads elements; gives them (None: not all were told), a refusal, and whether an answer lacks."""
    told: list[str] = []
    for asked in wanted:
        reply = yield _get(target, asked, purpose)
        if reply.assumed:
            continue
        if reply.verdict is Verdict.REFUSED:
            return None, f"the unit answers getioparam {asked.id},{asked.profile} with: {reply.text}", False
        found = texts.told(reply.text, asked.place) if reply.ok else None
        if not isinstance(found, Element):
            return None, "", True
        told.append(str(texts.shaped(asked, found)))
    return (told if len(told) == len(wanted) else None), "", False


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    carried = values.elements(wanted[values.FIELD])
    refused: dict[str, str] = {}
    written, acknowledged = 0, 0
    silent = False
    for asked in carried:
        reply = yield _set(target, asked)
        written += 1
        acknowledged += reply.ok
        if reply.verdict is Verdict.REFUSED:
            refused.setdefault(values.FIELD, f"the unit answers setioparam id={asked.id} with: {reply.text}")
        elif reply.verdict is Verdict.TIMEOUT:
            silent = True
            break
    told, reason = None, ""
    if not silent:
        told, reason, silent = yield from _ask(target, carried, Purpose.READ_BACK)
    if reason and acknowledged < len(carried):
        refused.setdefault(values.FIELD, reason)
    return judge(
        wanted,
        reported={} if told is None else {values.FIELD: told},
        acknowledged=(values.FIELD,) if acknowledged == len(carried) else (),
        refused=refused,
        written=(values.FIELD,) if written else (),
        known={values.FIELD: ";".join(map(str, carried))},
        unanswered=silent,
    )


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: the elements of the last update, in its shape."""
    told, _, silent = yield from _ask(target, values.remembered(target), Purpose.READ)
    return Outcome({}, {values.FIELD: told} if told else {}, {}, silent)


def _own(target: Target, text: str) -> Command:
    """A text behind the password in a command 108."""
    return _command(target, text, Purpose.RAW, "any answer to a text", lambda _: Match.DONE)


raw = spoken(_own, expects="any answer to a command", timeout=TIMEOUT)
