"""The conversations: write TIMER, then wait for a position, which tells all four settings.

Nothing numbers a command; an answer is known by its command word (`SET TIMER OK`). No question for the settings is
public. VERSION is sent where something must be heard: it changes nothing, has a recorded answer, and shows that the
unit is awake; the next position after it is the reading. Positions kept while there was no network tell old settings:
one whose time is minutes ago is passed over, and one with other values than those written counts only after a few more.
Units are addressed with the header they use themselves; until it is known, any message of the unit tells it.
Sources: TOPFLYtech/TOPFLYtechCodec ConfigMsgDoc.md (VERSION and its answer), T8808 user manual p.17 (answers).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from tracker_codecs.answers import Matcher, is_ours, reply_of
from tracker_codecs.contract import Command, Dialogue, Match, Message, Purpose, Reply, Settings, Target, Value, Verdict
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.topflytech import frame as wire
from tracker_codecs.families.topflytech import settings as values

TIMEOUT = 30.0
#: A unit that is parked may report once an hour; no lane waits longer than this.
PATIENCE = 600.0
MAX_COMMAND = 160
#: A position this old by the unit's clock is no reading.
FRESH = timedelta(minutes=5)
#: Positions with other values than written before they are believed.
STALE = 3
_TIMER_OK = re.compile(r"\bSET TIMER OK\b", re.IGNORECASE).search


def command(
    target: Target,
    header: int,
    text: str,
    purpose: Purpose,
    expects: str,
    match: Matcher,
    fields: Sequence[str] = (),
    timeout: float = TIMEOUT,
    *,
    depends_on_read: bool = False,
) -> Command:
    """A command with its `#`. Option `short_length` writes 16 into the length, as the vendor's library does."""
    length = 16 if target.options.get("short_length") in (True, "on", "true") else 0
    body = b"\x01" + text.encode("ascii") + b"#"
    payload = wire.build(header, wire.COMMAND, 1, values.imei_of(target), body, length)
    pin = values.pin_of(target)
    secret = (pin.encode("ascii"),) if pin and f",{pin}" in text else ()
    shown = text.replace(f",{pin}", ",***", 1) if secret else text
    return Command(
        payload,
        f"{shown}#",
        purpose,
        expects,
        match,
        tuple(fields),
        timeout,
        secrets=secret,
        depends_on_read=depends_on_read,
    )


def told(target: Target, message: Message) -> dict[str, Value]:
    """The settings in a position of now; empty in another frame. Of types 16 and 18 no place of the time is public."""
    found = wire.settings_of(message.frame)
    if found and message.frame[2] not in (wire.POSITION_3, wire.ALARM_3):
        when = wire.time_of(message.frame)
        found = found if when is not None and when >= target.now() - FRESH else None
    return dict(zip(values.ORDER, found, strict=True)) if found else {}


def took(target: Target) -> Matcher:
    """Matcher of the answer to TIMER. Failures have no public text: what has no OK and names no other command."""

    def means(message: Message) -> Match:
        text = message.text.upper()
        if _TIMER_OK(text):
            return Match.DONE
        return Match.REFUSED if "TIMER" in text or ("SET " not in text and " OK" not in text) else Match.NO

    return reply_of(target, means)


def position(target: Target, hoped: Mapping[str, Value]) -> Matcher:
    """Matcher of a position that tells what is hoped for, or of the last of a few that do not."""
    others = 0

    def match(message: Message) -> Match:
        nonlocal others
        found = told(target, message) if is_ours(target, message) else {}
        if not found:
            return Match.NO
        if all(found[name] == value for name, value in hoped.items()):
            return Match.DONE
        others += 1
        return Match.DONE if others == STALE else Match.PART

    return match


class Talk:
    """One conversation: the header in use."""

    def __init__(self, target: Target, course: Course) -> None:
        self.target = target
        self.course = course
        self.header = values.header_for(target)
        self.sure = "header" in target.known
        self.stranger = False

    def learn(self, reply: Reply) -> None:
        """The header of what was heard."""
        for message in reply.messages:
            header = int.from_bytes(message.frame[:2], "big")
            self.stranger = header == wire.ASSET
            if not self.stranger:
                self.header, self.sure = header, True
                self.course.known["header"] = f"{header:04x}"

    def meet(self) -> Step[None]:
        """Hear the unit once, unless its header is known."""
        if self.sure:
            return

        def match(message: Message) -> Match:
            return Match.DONE if is_ours(self.target, message) else Match.NO

        expects = "any message of the unit, for its header"
        probe = command(self.target, self.header, "VERSION", Purpose.PROBE, expects, match, timeout=PATIENCE)
        self.learn((yield from self.course.ask(probe)))

    def look(
        self, purpose: Purpose, names: Sequence[str], hoped: Mapping[str, Value], wait: float
    ) -> Step[tuple[dict[str, Value], Verdict]]:
        """Settings in the next position, or in the last one of a few that do not tell what is hoped for."""
        match, expects = position(self.target, hoped), "the next position report"
        reply = yield command(self.target, self.header, "VERSION", purpose, expects, match, names, wait)
        self.learn(reply)
        return told(self.target, reply.messages[-1]) if reply.messages else {}, reply.verdict


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    talk, names = Talk(target, course), list(wanted)
    yield from talk.meet()
    if course.unanswered:
        return course.judged()
    if talk.stranger:
        return course.refuse("the unit speaks as an asset tracker (header 2727), whose settings are others")
    write = command(
        target,
        talk.header,
        values.timer(values.pin_of(target), wanted),
        Purpose.WRITE,
        "SET TIMER OK",
        took(target),
        names,
        depends_on_read="header" not in target.known,
    )
    wrote = yield from course.change(write, lambda reply: f"the unit answered: {reply.text}")
    if wrote.verdict is Verdict.REFUSED:
        return course.judged()
    wait = min(PATIENCE, 120.0 + 2 * max(int(wanted["tracking_interval"]), int(wanted["psm_interval"])))
    found, _ = yield from talk.look(Purpose.READ_BACK, names, wanted, wait)
    # Acknowledged and parked: the settings come with its next report, not by writing again.
    course.unanswered = course.unanswered and any(found.get(name) != wanted[name] for name in names)
    return course.judged(found)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    talk = Talk(target, course)
    found, verdict = yield from talk.look(Purpose.READ, wanted, {}, PATIENCE)
    course.unanswered = verdict is Verdict.TIMEOUT and not found
    return course.told(found)


def _spoken(target: Target, text: str) -> Command:
    """A command such as `VERSION`; its `#` may be left out.

    Raises LocalError for a text that is no line of 1 to 160 printable ASCII characters without a `#` in it.
    """
    body = text.strip().removesuffix("#")
    if not 0 < len(body) <= MAX_COMMAND or "#" in body or not (body.isascii() and body.isprintable()):
        raise LocalError(
            f"a command is a line of 1 to {MAX_COMMAND} printable ASCII characters that # ends", parameter="command"
        )
    return command(target, values.header_for(target), body, Purpose.RAW, "any answer", reply_of(target))


RAW = spoken(_spoken, timeout=TIMEOUT)
