"""The conversations: ask for the preset, write the report group, look again. One command at a time.

`<generation><GROUP>;<id>;02;<values>` and CR; ST9xx: `<generation>;<GROUP>;<id>;<values>`. Nothing numbers a command:
an answer is known by group and id. The first reading asks for Preset and the second for PresetA, so that a late answer
to the one is none to the other (ST9xx knows PRESET only). A unit is deaf to commands of another generation than its
own; a report that is heard meanwhile names the right one, and the question is put again. `-Error` alone is the only
failure on record; it names no command and is taken for the open one.
On a serial port a unit may say nothing unasked: the generations are asked in turn, and the first that answers is kept.
Sources: Suntech ST310U manual 1.08 (RPT), ST300/340 manual 1.41 (CMD, Preset, PresetA), ST940 manual 1.19;
traccar/traccar decoder tests (PresetA answer, -Error).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from tracker_codecs.answers import Matcher
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
    Transport,
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.errors import LocalError
from tracker_codecs.families.suntech import settings as values
from tracker_codecs.families.suntech.frame import ERROR, GROUPS, prefix_of

TIMEOUT = 30.0
#: While the generation is a guess, the next report on the road (often 120 s) is worth waiting for.
PATIENCE = 150.0
#: On a wire the answer comes at once.
SERIAL_TIMEOUT = 5.0
#: Generations with the commands of variant `st300`, as recorded lines name them.
GENERATIONS = ("ST300", "SA200", "ST600", "ST500")
MAX_COMMAND = 300
_LINE = re.compile(r"(?:SA|ST)\d{3}[A-Z;]", re.ASCII).match
_WORDS = re.compile(r"([A-Z]{3,8});(.*)", re.ASCII | re.DOTALL).fullmatch
_ID = re.compile(r"\d{6,9}", re.ASCII).fullmatch
_NETWORK = re.compile(r"(?:(?:SA|ST)\d{3}NTW;\d+;\d\d|(?:ST9\d\d);NETWORK;\d+);(.+)", re.ASCII | re.DOTALL).fullmatch


def patience(target: Target) -> float:
    """Seconds that an answer may take."""
    return SERIAL_TIMEOUT if target.transport is Transport.SERIAL else TIMEOUT


def line(target: Target, prefix: str, group: str, tail: str) -> str:
    """A command without its CR. Raises LocalError for an id that is none."""
    if not _ID(target.device_id):
        raise LocalError("must be the 6 to 9 digits that the unit gives itself", parameter="device_id")
    if target.variant == "st910":
        return f"{prefix};{group};{target.device_id}{tail and ';'}{tail}"
    return f"{prefix}{group};{target.device_id};02;{tail}"


def _answer(target: Target, prefix: str, group: str, message: Message) -> list[str] | None:
    """What stands behind the id in an answer of our unit in this group."""
    if message.kind is not Kind.REPLY or message.device_id != target.device_id:
        return None
    head = f"{prefix};RES;{group};" if target.variant == "st910" else f"{prefix}{group};Res;"
    head += f"{target.device_id};"
    return message.text[len(head) :].split(";") if message.text.startswith(head) else None


def _any(target: Target, message: Message) -> Match:
    """Any reply that may be our unit's; -Error refuses."""
    if message.kind is not Kind.REPLY or message.device_id not in (None, target.device_id):
        return Match.NO
    return Match.REFUSED if message.text == ERROR else Match.DONE


def answers(target: Target, prefix: str, group: str, word: str = "") -> Matcher:
    """Matcher of the answer in this group (and to this command); -Error refuses."""

    def match(message: Message) -> Match:
        if _any(target, message) is Match.REFUSED:
            return Match.REFUSED
        found = _answer(target, prefix, group, message)
        return Match.DONE if found and (not word or word in found[1:2]) else Match.NO

    return match


def _stranger(target: Target, prefix: str, inner: Matcher) -> Matcher:
    """The same, or a line of our unit that names another generation."""

    def match(message: Message) -> Match:
        said = prefix_of(message) if message.device_id == target.device_id else ""
        return Match.DONE if said and said != prefix else inner(message)

    return match


class Talk(Course):
    """One conversation: the generation in use, and why the report group as it was heard last must not be built upon."""

    __slots__ = ("prefix", "target", "why")

    def __init__(self, target: Target, wanted: Settings | None = None) -> None:
        super().__init__(wanted)
        self.target = target
        self.prefix = values.prefix_for(target)
        self.why = ""

    def group(self, purpose: Purpose, fields: Sequence[str]) -> Step[list[str] | None]:
        """The report group; None where none that is usable was told: `unanswered`, a dry run, or `why` says it."""
        wired = self.target.transport is Transport.SERIAL
        reply = yield from self.wired(purpose, fields) if wired else self._heard(purpose, fields)
        if reply.verdict is Verdict.TIMEOUT:
            self.unanswered = True
        elif reply.verdict is Verdict.REFUSED:
            self.why = f"the unit answered {ERROR} to the question for its settings"
        elif reply.ok and not self.why:
            found = self._group(reply)
            self.why = values.usable(self.target.variant, found)
            if found is not None and not self.why:
                self.known["values"] = str(len(found))
                return found
        return None

    def wired(self, purpose: Purpose, fields: Sequence[str]) -> Step[Reply]:
        """The answer to the question on a serial port; where the generation is a guess, to the first that is one."""
        told = "prefix" in self.known or "prefix" in self.target.known
        reply = Reply(Verdict.TIMEOUT)
        for prefix in (self.prefix,) if told else dict.fromkeys((self.prefix, *GENERATIONS)):
            self.prefix = prefix
            reply = yield self._question(purpose, fields)
            if reply.ok:
                self.known["prefix"] = self.prefix
            if reply.verdict is not Verdict.TIMEOUT:
                break
        return reply

    def _heard(self, purpose: Purpose, fields: Sequence[str]) -> Step[Reply]:
        """The same on a network, where the unit's reports name its generation."""
        reply = Reply(Verdict.TIMEOUT)
        for guess in (purpose is Purpose.READ, False):
            reply = yield self._question(purpose, fields, guess=guess)
            said = prefix_of(reply.messages[-1]) if reply.ok else ""
            if said and said.startswith("ST9") != (self.target.variant == "st910"):
                self.why = f"the unit is of generation {said}, which takes other commands than this model"
                break
            if said:
                self.known["prefix"] = said
            if not said or said == self.prefix:
                break
            self.prefix = said
        return reply

    def _question(self, purpose: Purpose, fields: Sequence[str], *, guess: bool = False) -> Command:
        """The question for the preset; `guess`: a line that names another generation is an answer too."""
        target, word = self.target, "PresetA" if purpose is Purpose.READ_BACK else "Preset"
        if target.variant == "st910":
            text, match = line(target, self.prefix, "PRESET", ""), answers(target, self.prefix, "PRESET")
        else:
            text, match = line(target, self.prefix, "CMD", word), answers(target, self.prefix, "CMD", word)
        match = _stranger(target, self.prefix, match) if guess else match
        expects = "the preset, or a report that names another generation" if guess else "the preset"
        seconds = PATIENCE if guess and "prefix" not in target.known else patience(target)
        return Command(text.encode("ascii") + b"\r", text, purpose, expects, match, tuple(fields), seconds)

    def _group(self, reply: Reply) -> list[str] | None:
        nine = self.target.variant == "st910"
        parts = _answer(self.target, self.prefix, "PRESET" if nine else "CMD", reply.messages[-1])
        return values.group(self.target.variant, parts, GROUPS) if parts else None

    def version(self, reply: Reply) -> str:
        """The software version, which stands in every answer."""
        return (_answer(self.target, self.prefix, "CMD", reply.messages[-1]) or [""])[0]

    def write(self, group: list[str], fields: Sequence[str]) -> Step[list[str]]:
        """Writes the report group; gives the values of the answer."""
        nine = self.target.variant == "st910"
        word = values.LAYOUTS[self.target.variant].group
        text = line(self.target, self.prefix, word, ";".join(group))
        command = Command(
            text.encode("ascii") + b"\r",
            text,
            Purpose.WRITE,
            "the values in force",
            answers(self.target, self.prefix, word),
            tuple(fields),
            patience(self.target),
            depends_on_read=True,
        )
        reply = yield from self.change(command, lambda _: f"the unit answered {ERROR}")
        found = _answer(self.target, self.prefix, word, reply.messages[-1]) if reply.ok else None
        return (found or [])[0 if nine else 1 :]


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    talk, variant = Talk(target, wanted), target.variant
    before = yield from talk.group(Purpose.READ, list(wanted))
    if talk.unanswered:
        return talk.judged()
    if talk.why:
        return talk.refuse(f"not written: {talk.why}")
    layout = values.LAYOUTS[variant]
    if before is None:  # a dry run: the values that are kept are an example's
        before = [*layout.example, *(["30", "0"] if "tracking_angle" in wanted else [])]
    lacking = [name for name in wanted if layout.places[name] >= len(before)]
    talk.unsupported |= dict.fromkeys(lacking, values.NO_ANGLE)
    fields = [name for name in wanted if name not in lacking]
    if not fields:
        return talk.judged()
    group = values.changed(variant, before, wanted)
    echo = yield from talk.write(group, fields)
    if values.usable(variant, echo) or not values.equal(echo, group):
        talk.acknowledged.clear()
    after = yield from talk.group(Purpose.READ_BACK, fields)
    if after is not None and len(after) != len(before):
        after = None  # damaged, or of another unit
    if after is not None:
        ours = layout.places.values()
        lost = [
            name
            for at, name in enumerate(layout.names[: len(after)])
            if at not in ours and not values.equal([group[at]], [after[at]])
        ]
        if lost or "not_preserved" in target.known:
            talk.known["not_preserved"] = ", ".join(lost)
    return talk.judged(values.told(variant, after))


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    talk = Talk(target)
    found = yield from talk.group(Purpose.READ, wanted)
    return talk.told(values.told(target.variant, found))


def identify(target: Target) -> Dialogue:
    """See `Family.identify`. A unit answers to its own id only: without one there is nothing to ask."""
    if not _ID(target.device_id) or target.variant == "st910":
        return Outcome({})
    talk = Talk(target)
    reply = yield from talk.wired(Purpose.PROBE, ())
    if not reply.ok:
        return Outcome({}, unanswered=reply.verdict is Verdict.TIMEOUT)
    talk.known |= {"device_id": target.device_id, "firmware": talk.version(reply)}
    return talk.told()


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own command: a whole line (`ST300CMD;100850000;02;Reset`), `GROUP;values`, or a word such as Reset.

    Bytes go as they are. Raises LocalError for a text that is no line of 1 to 300 printable ASCII characters.
    """
    match = partial(_any, target)
    if isinstance(text, bytes):
        return Command(text, text.hex(), Purpose.RAW, "any answer", match, timeout=patience(target))
    body = text.strip()
    if not 0 < len(body) <= MAX_COMMAND or not (body.isascii() and body.isprintable()):
        raise LocalError(f"a command is a line of 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    if not _LINE(body):
        prefix, words = values.prefix_for(target), _WORDS(body)
        if words:
            body = line(target, prefix, words[1], words[2])
        elif target.variant == "st910":
            body = line(target, prefix, body, "")
        else:
            body = line(target, prefix, "CMD", body)
    network = _NETWORK(body)
    secrets = tuple(part.encode("ascii") for part in network[1].split(";")[1:] if part) if network else ()
    shown = body[: network.start(1)] + "***" if network else body
    payload = body.encode("ascii") + b"\r"
    return Command(payload, shown, Purpose.RAW, "any answer", match, timeout=patience(target), secrets=secrets)
