"""One conversation: envelope, what answers which command, single readings and writes. One command at a time.

An answer carries no number. It belongs to the open command when it names the ids (and for a write the values) of it.
Some units answer both kinds of command alike, so a late answer to a write could pass for a reading: `getver`, whose
answer nothing else looks like, opens every dialogue and is asked again after a write that got no answer; a unit answers
in order, so nothing older comes after it.
Sources: those of `texts`; Teltonika wiki, Data Sending Protocols (codec 14 and its refusal).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tracker_codecs.contract import (
    Checksum,
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
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.teltonika import frame as wire
from tracker_codecs.families.teltonika import settings as params
from tracker_codecs.families.teltonika import texts

TIMEOUT = 30.0
#: Ids in one getparam: question and answer stay near the 160 characters of an SMS.
MAX_IDS = 8
SILENCE = "no answer to the command, though the unit answered after it"


def answer(message: Message, target: Target) -> wire.Text | None:
    """The content of a reply of this unit to some command; None for anything else."""
    found = message.data
    if message.kind is not Kind.REPLY or message.checksum is Checksum.BAD or not isinstance(found, wire.Text):
        return None
    if message.device_id not in (None, target.device_id):
        return None
    return found if found.imei in ("", target.device_id) or found.type == wire.NACK else None


def matcher(target: Target, judge: Callable[[str], Match], codec14: bool = False) -> Callable[[Message], Match]:
    """A matcher over reply texts; a codec 14 refusal answers only a command that went in codec 14."""

    def match(message: Message) -> Match:
        found = answer(message, target)
        if found is None:
            return Match.NO
        if found.type == wire.NACK:
            return Match.REFUSED if codec14 else Match.NO
        return judge(found.text)

    return match


def judge_version(text: str) -> Match:
    """Whether a text answers `getver`."""
    if texts.version(text):
        return Match.DONE
    told = texts.parse(text, ())
    return Match.REFUSED if told and told.refused else Match.NO


def judge_write(pairs: Mapping[str, str]) -> Callable[[str], Match]:
    """Whether a text answers a setparam of these pairs: yes only when every id comes back with the value sent."""

    def judged(text: str) -> Match:
        told = texts.parse(text, pairs)
        if told is None:
            return Match.NO
        if told.refused:
            return Match.REFUSED
        if told.missing:
            return Match.REFUSED if told.missing <= set(pairs) else Match.NO
        same = set(told.values) == set(pairs) and all(texts.same(told.values[key], pairs[key]) for key in pairs)
        return Match.DONE if same else Match.NO

    return judged


def judge_read(ids: Collection[str]) -> Callable[[str], Match]:
    """Whether a text answers a getparam of these ids; an answer with some of them only is a part."""
    seen: set[str] = set()

    def judged(text: str) -> Match:
        told = texts.parse(text, ids)
        if told is None or told.written:
            return Match.NO
        if told.refused:
            return Match.REFUSED
        if told.missing:
            return Match.DONE if told.missing <= set(ids) else Match.NO
        if not set(told.values) <= set(ids):
            return Match.NO
        seen.update(told.values)
        if seen != set(ids):
            return Match.PART
        seen.clear()
        return Match.DONE

    return judged


@dataclass(slots=True)
class Reading:
    """Parameters by id, ids that the unit does not have, and why there may be nothing."""

    values: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    silent: bool = False
    assumed: bool = False


class Talk(Course):
    """The course of one conversation, in one dialect. `silent` are the fields of a write that got no answer."""

    __slots__ = ("dialect", "options", "silent", "target")

    def __init__(self, target: Target, dialect: str, wanted: Settings | None = None) -> None:
        super().__init__(wanted)
        self.target, self.dialect = target, dialect
        self.options = params.options(target)
        self.silent: set[str] = set()

    @property
    def table(self) -> params.Dialect:
        """Ids and syntax of the dialect in use."""
        return params.DIALECTS[self.dialect]

    def command(
        self,
        text: str,
        purpose: Purpose,
        expects: str,
        judge: Callable[[str], Match],
        fields: Iterable[str] = (),
        depends_on_read: bool = False,
    ) -> Command:
        """A command text in its frame."""
        codec14 = self.options.codec14
        return Command(
            payload=wire.build_text(text, imei=self.target.device_id if codec14 else ""),
            text=text,
            purpose=purpose,
            expects=expects,
            match=matcher(self.target, judge, codec14),
            fields=tuple(fields),
            timeout=TIMEOUT,
            depends_on_read=depends_on_read,
        )

    def version(self) -> Step[Reply]:
        """Ask `getver`: what came before its answer is over. Learns firmware and hardware."""
        reply = yield self.command("getver", Purpose.PROBE, "codec 12 reply that begins with Ver:", judge_version)
        found = texts.version(text_of(reply)) if reply.ok else None
        if found:
            self.known["firmware"] = found[0]
            if found[1]:
                self.known["hardware"] = found[1]
        return reply

    def read(self, ids: Sequence[str], purpose: Purpose, fields: Iterable[str]) -> Step[Reading]:
        """These parameters: several at once where the dialect can, singly where the answer leaves some out."""
        out = Reading()
        size = 1 if self.table.blank else MAX_IDS
        for start in range(0, len(ids), size):
            group = ids[start : start + size]
            yield from self._read(group, purpose, fields, out)
            left = [key for key in group if key not in out.values and key not in out.missing]
            if out.silent or out.assumed or len(group) == 1:
                left = []
            for key in left:
                yield from self._read([key], purpose, fields, out)
                if out.silent:
                    break
            if out.silent:
                break
        return out

    def _read(self, group: Sequence[str], purpose: Purpose, fields: Iterable[str], out: Reading) -> Step[None]:
        expects = f"codec 12 reply with Param ID:{group[0]}"
        reply = yield self.command(texts.get_text(group), purpose, expects, judge_read(group), fields)
        out.assumed |= reply.assumed
        if reply.verdict is Verdict.TIMEOUT and not reply.messages:
            out.silent = True
        if reply.verdict is Verdict.REFUSED and len(group) == 1:
            out.missing.add(group[0])  # "Invalid parameter id provided"
        for message in reply.messages:
            told = texts.parse(message.data.text, group)
            if told is None or told.refused:
                continue
            out.missing |= told.missing
            for key, value in told.values.items():
                if texts.number(value) is not None or len(group) == 1:
                    out.values[key] = value

    def write(
        self, pairs: Mapping[str, str], fields: Mapping[str, str], *, depends_on_read: bool = False
    ) -> Step[None]:
        """One setparam (in the blank syntax one for each id); `fields` says whose field an id is.

        A refused command is tried again id by id: the unit does not say which of them it disliked.
        """
        groups = [{key: value} for key, value in pairs.items()] if self.table.blank else [dict(pairs)]
        for group in groups:
            depends = depends_on_read or bool(self.table.unread & set(group))
            reply = yield self._set(group, fields, depends)
            if reply.verdict is Verdict.REFUSED and len(group) > 1:
                for key, value in group.items():
                    one = {key: value}
                    self._take(one, fields, (yield self._set(one, fields, depends)))
            else:
                self._take(group, fields, reply)

    def _set(self, pairs: Mapping[str, str], fields: Mapping[str, str], depends_on_read: bool) -> Command:
        names = dict.fromkeys(fields[key] for key in pairs if key in fields)
        expects = "codec 12 reply with every id and the value sent"
        text = texts.set_text(pairs, self.table.blank)
        return self.command(text, Purpose.WRITE, expects, judge_write(pairs), names, depends_on_read)

    def _take(self, pairs: Mapping[str, str], fields: Mapping[str, str], reply: Reply) -> None:
        names = {fields[key] for key in pairs if key in fields}
        self.written |= names
        if reply.ok:
            self.acknowledged |= names
        elif reply.verdict is Verdict.REFUSED:
            self.refused |= dict.fromkeys(names, f"refused by the unit: {reply.text or 'the IMEI is not its own'}")
        elif reply.verdict is Verdict.TIMEOUT:
            self.silent |= names


def text_of(reply: Reply) -> str:
    """Text of the answer, uncut; empty where there is none."""
    found = reply.messages[-1].data if reply.messages else None
    return found.text if isinstance(found, wire.Text) else ""


def _spoken(target: Target, text: str) -> Command:
    """An operator's own text, in codec 12 (or 14, by option).

    Raises LocalError for text that is empty, too long or not printable ASCII, and for text over UDP.
    """
    if target.transport is Transport.UDP:
        raise LocalError("how commands are framed over UDP is not published", parameter="command")
    word, _, rest = text.strip().partition(" ")
    talk = Talk(target, "fmb")
    judge: Callable[[str], Match]
    if word == "getparam":
        judge = judge_read([part.strip() for part in rest.split(";") if part.strip()])
    elif word == "setparam":
        judge = judge_write(dict(_pair(part) for part in rest.split(";") if part.strip()))
    elif word == "getver":
        judge = judge_version
    else:
        judge = _judge_other
    return talk.command(text, Purpose.RAW, "codec 12 reply that fits the command", judge)


def _pair(part: str) -> tuple[str, str]:
    key, _, value = part.strip().replace(" ", ":", 1).partition(":")
    return key, value.strip()


def _judge_other(text: str) -> Match:
    """Any text but one that belongs to getparam, setparam or getver."""
    told = texts.parse(text, ())
    if texts.version(text) or (told and not told.refused):
        return Match.NO
    return Match.REFUSED if told else Match.DONE


def _answers(target: Target, text: str, message: Message) -> Match:
    return matcher(target, lambda _: Match.DONE, True)(message)


RAW = spoken(_spoken, answers=_answers, expects="any reply to a command", timeout=TIMEOUT)
