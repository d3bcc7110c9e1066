"""The conversations. An answer repeats the UID of its command, which comes from the revision: a late one fits nothing.

v1: TIMER, and its answer. v2: COLLECT is read, to keep the quantity, written and read again; then GPS likewise; then
GSM.
Sources: those of `frame` and `settings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum

from tracker_codecs.answers import Matcher, reply_of
from tracker_codecs.contract import (
    Command,
    Dialogue,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Target,
    Transport,
    Value,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.families.eelink import frame as wire
from tracker_codecs.families.eelink import settings as values

#: Seconds: a unit may wait behind its own packages.
TIMEOUT = 60.0
#: A reading: the numbers that are told.
Numbers = tuple[int, ...]
#: Commands that can be asked for, and how their answers are read.
_PARSERS: Mapping[str, Callable[[str], Numbers | None]] = {"COLLECT": values.collect, "GPS": values.gps}


class Conversation(IntEnum):
    """First byte of a UID: what kind of conversation it belongs to. Never 0, which other servers use."""

    APPLY = 1
    READ = 2
    RAW = 3


def uid_of(target: Target, kind: Conversation, step: int) -> int:
    """A command's UID: conversation, step, serial."""
    return kind << 24 | (step & 0xFF) << 16 | target.serial & 0xFFFF


def _payload(target: Target, text: str, uid: int) -> bytes:
    data = wire.command(text, uid, ((uid >> 16 & 0xFF) + target.serial) & 0xFFFF)
    return wire.envelope(target.device_id, data) if target.transport is Transport.UDP else data


def _answer(target: Target, uid: int, judged: Callable[[str], Match]) -> Matcher:
    """Matcher of this unit's answer with this UID; `judged` reads its text."""

    def means(message: Message) -> Match:
        found = message.data
        return judged(found.text) if isinstance(found, wire.Answer) and found.uid == uid else Match.NO

    return reply_of(target, means)


def _any_text(text: str) -> Match:
    return Match.DONE


class Talk(Course):
    """The course of one conversation: the number of its next command, and what the unit says is in force."""

    __slots__ = ("kind", "options", "reported", "step", "target")

    def __init__(self, target: Target, kind: Conversation, wanted: Settings | None = None) -> None:
        super().__init__(wanted)
        self.target, self.kind = target, kind
        self.options = values.options(target)
        self.step = 0
        self.reported: dict[str, Value] = {}

    def _command(
        self, text: str, purpose: Purpose, fields: Sequence[str], judged: Callable[[str], Match], depends: bool = False
    ) -> Command:
        uid = uid_of(self.target, self.kind, self.step)
        self.step += 1
        return Command(
            payload=_payload(self.target, text, uid),
            text=text,
            purpose=purpose,
            expects=f"an answer with UID {uid:08x}" + (", OK in its text" if purpose is Purpose.WRITE else ""),
            match=_answer(self.target, uid, judged),
            fields=tuple(fields),
            timeout=TIMEOUT,
            depends_on_read=depends,
        )

    def query(self, word: str, purpose: Purpose, fields: Sequence[str]) -> Step[tuple[Numbers | None, bool]]:
        """A query; gives what it tells and whether nobody is there (dry run)."""
        reply = yield from self.ask(self._command(f"{word}?", purpose, fields, _any_text))
        return (_PARSERS[word](reply.messages[-1].data.text) if reply.ok else None), reply.assumed

    def write(self, text: str, fields: Sequence[str], *, depends: bool = False) -> Step[None]:
        """A write; notes what became of it."""

        def judged(answer: str) -> Match:
            return Match.REFUSED if values.said(answer) is values.Said.NO else Match.DONE

        def refusal(reply: Reply) -> str:
            return f"the unit answers {text} with: {reply.text}"

        reply = yield from self.change(self._command(text, Purpose.WRITE, fields, judged, depends), refusal)
        if reply.ok and values.said(reply.messages[-1].data.text) is values.Said.UNCLEAR:
            self.acknowledged.difference_update(fields)

    def tell(self, found: Numbers, word: str) -> None:
        """Takes what the unit says is in force."""
        self.known[word.lower()] = values.joined(found)
        if word == "COLLECT":
            self.reported |= dict(zip(values.COLLECT_FIELDS, found, strict=False))
        else:
            mode = found[0]
            self.reported[values.GPS] = values.MODES[mode] if mode < len(values.MODES) else f"mode {mode}"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`. After a command that was not answered nothing more is sent."""
    talk = Talk(target, Conversation.APPLY, wanted)
    if target.variant == "v1":
        yield from talk.write(f"TIMER,{wanted[values.INTERVAL]}#", (values.INTERVAL,))
    else:
        for word, fields in _readable(wanted).items():
            if not talk.unanswered:
                yield from _change(talk, word, fields)
        if values.GSM in wanted and not talk.unanswered:
            yield from talk.write(f"GSM,{values.MODES.index(str(wanted[values.GSM]))}#", (values.GSM,))
    return talk.judged(talk.reported)


def _readable(wanted: Iterable[str]) -> dict[str, list[str]]:
    """The wanted fields by the command that tells them, in the order of the commands."""
    collect = [name for name in values.COLLECT_FIELDS if name in wanted]
    gps = [values.GPS] if values.GPS in wanted else []
    return {word: fields for word, fields in (("COLLECT", collect), ("GPS", gps)) if fields}


def _change(talk: Talk, word: str, fields: Sequence[str]) -> Step[None]:
    """Reads what must be kept, writes, reads back where the first reading was understood."""
    had, dry = yield from talk.query(word, Purpose.READ, fields)
    if talk.unanswered:
        return
    if dry:  # what an earlier dialogue was told
        had = _PARSERS[word](f"{word},{talk.target.known.get(word.lower(), '')}")
    arguments = _collect(talk, had, dry) if word == "COLLECT" else _gps(talk, had, dry)
    if not arguments:
        option = "upload_quantity" if word == "COLLECT" else "gps_defaults"
        reason = f"not written: the answer to {word}? does not tell the other arguments; the option {option} gives them"
        talk.refused |= dict.fromkeys(fields, reason)
        return
    yield from talk.write(f"{word},{arguments}#", fields, depends=True)
    if talk.unanswered or (had is None and not dry):
        return
    now, _ = yield from talk.query(word, Purpose.READ_BACK, fields)
    if now is not None:
        talk.tell(now, word)


def _collect(talk: Talk, had: Numbers | None, dry: bool) -> str:
    """Arguments of COLLECT: what is not asked for is kept. Empty where nobody tells it."""
    quantity = had[4] if had else talk.options.quantity or (1 if dry else None)
    kept = dict(zip(values.COLLECT_FIELDS, had or (), strict=False))
    numbers = [talk.wanted.get(name, kept.get(name, 0 if dry else None)) for name in values.COLLECT_FIELDS]
    if quantity is None or None in numbers:
        return ""
    return values.joined((*(int(number) for number in numbers), quantity))


def _gps(talk: Talk, had: Numbers | None, dry: bool) -> str:
    """Arguments of GPS: the times of the automatic mode are kept. Empty where nobody tells them."""
    if talk.wanted[values.GPS] == "always_on":
        return "0"
    if had is not None and len(had) == 6:
        return values.joined((1, *had[1:]))
    # Always on and telling no times: none are in force, so the documented ones take nothing away.
    return "1" if dry or talk.options.gps_short or (had is not None and had[0] == 0) else ""


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: nothing can be asked of v1."""
    talk = Talk(target, Conversation.READ)
    if target.variant == "v1":
        return talk.told()
    for word, fields in _readable(wanted).items():
        if talk.unanswered:
            break
        found, _ = yield from talk.query(word, Purpose.READ, fields)
        if found is not None:
            talk.tell(found, word)
    return talk.told(talk.reported)


def _spoken(target: Target, text: str) -> Command:
    """Text in a command package."""
    uid = uid_of(target, Conversation.RAW, 0)
    match, expects = _answer(target, uid, _any_text), f"an answer with UID {uid:08x}"
    return Command(_payload(target, text, uid), text, Purpose.RAW, expects, match, timeout=TIMEOUT)


RAW = spoken(_spoken, expects="any answer to a command", timeout=TIMEOUT)
