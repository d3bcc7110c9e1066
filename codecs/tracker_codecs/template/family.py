"""A family made of a template file: the same contract, dialogue and judgement as any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracker_codecs import registry
from tracker_codecs.contract import (
    NO_FAULTS,
    Capability,
    Clock,
    Command,
    Dialogue,
    Emulator,
    Event,
    Family,
    Faults,
    Kind,
    Limits,
    Match,
    Message,
    Outcome,
    Problem,
    Purpose,
    Settings,
    Severity,
    Stream,
    Strength,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.judge import judge
from tracker_codecs.template import values
from tracker_codecs.template.emulator import TemplateEmulator
from tracker_codecs.template.pattern import Pattern
from tracker_codecs.template.spec import CommandSpec, Spec, TemplateError, read
from tracker_codecs.template.stream import TemplateStream, Wire
from tracker_codecs.text import clean


class TemplateFamily(Family):
    """See the module. `spec` is the file it is made of."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.name = spec.family
        self.title = spec.title
        self.sources = spec.sources
        self.acknowledgement_proves = spec.acknowledgement_proves
        self.transports = frozenset(Transport(each) for each in spec.transports)
        self.default_port = spec.port
        timeout = max((each.timeout for each in spec.commands), default=30.0)
        self.limits = Limits(spec.frame.max_length, spec.idle, timeout)
        self.variants = {spec.variant: _capabilities(spec)}
        self._wire = Wire(spec)

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`."""
        return TemplateStream(self._wire)

    def recognise(self, first: bytes) -> bool | None:
        """The first whole frame fits a message of the file; without an end yet, its start may."""
        first = first.lstrip(self._wire.ignore)
        if not first.startswith(self._wire.start[: len(first)]):
            return False
        events = [event for event in TemplateStream(self._wire).feed(first) if isinstance(event, Message)]
        if events:
            return events[0].kind is not Kind.OTHER or events[0].device_id is not None
        if len(first) >= self._wire.most or self._wire.end in first:
            return False
        text = first[len(self._wire.start) :].decode("latin-1")
        return None if any(pattern.may_begin(text) for _, pattern, _ in self._wire.messages) else False

    def fields(self, message: Message) -> dict[str, Any]:
        """The values of the places of the message's text."""
        text = message.data if isinstance(message.data, str) else self._wire.open(message.frame)[0]
        for kind, pattern, _ in self._wire.messages:
            found = pattern.match(text)
            if found is not None:
                return {"message": kind.value, "text": clean(text), **{k: clean(v) for k, v in found.items() if v}}
        return {"message": "other", "text": clean(text)}

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Frames of the server; each is one piece of bytes where they end with nothing."""
        events: list[Event] = []
        frames, rest = self._wire.cut_server(data)
        for frame in [*frames, *([rest] if rest else [])]:
            try:
                text, checksum = self._wire.open(frame, server=True)
            except PeerError as error:
                events.append(error)
            else:
                events.append(Message(Kind.OTHER, frame, checksum=checksum, data=text))
        return events

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        problems = []
        able = self.capabilities(target)
        for name, value in settings.items():
            setting = self.spec.settings.get(name)
            if setting is None:
                reason = able[name].reason if name in able else "the template has no such setting"
                problems.append(Problem(name, Severity.UNSUPPORTED, reason))
            elif values.encode(setting, value) is None:
                problems.append(Problem(name, Severity.REFUSE, values.why(setting)))
        for command in self.spec.commands:
            fields = [place for place in Pattern(command.write).places if place != "id"]
            missing = [name for name in fields if name not in settings]
            if missing and len(missing) < len(fields):
                reason = f"goes out in one command with {', '.join(missing)}, which must be given too"
                problems += [Problem(name, Severity.UNSUPPORTED, reason) for name in fields if name in settings]
        return problems

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write each command that carries a setting, then read back what can be read.

        Raises LocalError for what `check` refuses, and where the file has no command at all.
        """
        problems = self.check(target, settings)
        for problem in problems:
            if problem.severity is Severity.REFUSE or not self.spec.commands:
                raise LocalError(problem.reason, parameter=problem.field)
        return self._apply(target, settings, problems)

    def _apply(self, target: Target, settings: Settings, problems: Sequence[Problem]) -> Dialogue:
        dropped = {problem.field for problem in problems}
        texts = {
            name: values.encode(self.spec.settings[name], settings[name]) for name in settings if name not in dropped
        }
        places = {name: text for name, text in texts.items() if text is not None}
        acknowledged: list[str] = []
        refused: dict[str, str] = {}
        written: list[str] = []
        unanswered = False
        for command in self._with(places):
            fields = tuple(place for place in Pattern(command.write).places if place in places)
            reply = yield self._command(target, command, command.write, Purpose.WRITE, fields, places)
            written += fields
            if reply.ok and command.acknowledged:
                acknowledged += fields
            elif reply.messages:
                refused |= dict.fromkeys(fields, f"the tracker answers: {clean(str(reply.messages[-1].data), 80)}")
            elif command.acknowledged and not reply.assumed:
                unanswered = not command.query
        found = yield from self.read(target, list(places))
        return judge(
            settings,
            reported={name: value for name, value in found.reported.items() if name in places},
            problems=problems,
            acknowledged=acknowledged,
            refused=refused,
            written=written,
            unanswered=unanswered or found.unanswered,
        )

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """Ask with every query whose answer tells something wanted."""
        reported: dict[str, Value] = {}
        unanswered = False
        for command in self.spec.commands:
            told = [place for place in Pattern(command.answer).places if place in self.spec.settings]
            if not command.query or not set(told) & set(wanted):
                continue
            reply = yield self._command(target, command, command.query, Purpose.READ_BACK, tuple(told), {})
            if not reply.ok:
                unanswered |= not reply.messages and not reply.assumed
                continue
            if reply.assumed:
                continue
            found = self._answer(command).match(str(reply.messages[-1].data)) or {}
            reported |= {name: values.decode(self.spec.settings[name], found[name]) for name in told if name in found}
        return Outcome({}, reported, unanswered=unanswered)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`; any reply of the device counts as the answer."""
        if not text:
            raise LocalError("there is nothing to send", parameter="command")
        if isinstance(text, str):
            if not text or not all(" " <= char <= "~" for char in text) or self.spec.frame.end in text:
                raise LocalError("a command is printable ASCII without the end of a frame", parameter="command")
            payload = self._wire.seal(text)
        else:
            payload = text
        return Command(
            payload,
            clean(payload),
            Purpose.RAW,
            "any reply",
            lambda message: Match.DONE if message.kind is Kind.REPLY and _of(message, target) else Match.NO,
            timeout=self.limits.reply_timeout,
        )

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.TCP,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """A device that says and obeys what the file tells."""
        return TemplateEmulator(self.spec, self._wire, device_id, settings or {}, faults)

    def _with(self, places: Mapping[str, str]) -> list[CommandSpec]:
        return [each for each in self.spec.commands if set(Pattern(each.write).places) & set(places)]

    def _answer(self, command: CommandSpec) -> Pattern:
        return Pattern(command.answer, end=self.spec.frame.end)

    def _command(
        self,
        target: Target,
        command: CommandSpec,
        text: str,
        purpose: Purpose,
        fields: tuple[str, ...],
        places: Mapping[str, str],
    ) -> Command:
        if not re.fullmatch(self.spec.device_id.pattern, target.device_id, re.ASCII):
            raise LocalError("is none that the template's frames can carry", parameter="device_id")
        known = {"id": target.device_id, **places}
        sent = Pattern(text).fill(known)
        expected = command.acknowledged if purpose is Purpose.WRITE else command.answer
        yes = Pattern(expected, end=self.spec.frame.end) if expected else None
        no = Pattern(command.refused, end=self.spec.frame.end) if command.refused else None
        return Command(
            self._wire.seal(sent),
            sent,
            purpose,
            expected or "nothing: the protocol has no answer",
            _matcher(yes, no, known, target),
            fields,
            # Where nothing answers there is nothing to wait for.
            timeout=command.timeout if expected else 1.0,
        )


def _of(message: Message, target: Target) -> bool:
    """Whether a message may be this device's."""
    return message.device_id in (None, target.device_id)


def _matcher(
    yes: Pattern | None, no: Pattern | None, known: Mapping[str, str], target: Target
) -> Callable[[Message], Match]:
    def fits(pattern: Pattern | None, text: str) -> bool:
        found = None if pattern is None else pattern.match(text)
        return found is not None and all(known.get(name, value) == value for name, value in found.items())

    def match(message: Message) -> Match:
        if not isinstance(message.data, str) or not _of(message, target):
            return Match.NO
        if fits(no, message.data):
            return Match.REFUSED
        return Match.DONE if fits(yes, message.data) else Match.NO

    return match


def _capabilities(spec: Spec) -> dict[str, Capability]:
    able = {name: Capability(None, reason) for name, reason in spec.unsupported.items()}
    read = {place for each in spec.commands for place in Pattern(each.answer).places}
    for command in spec.commands:
        for place in Pattern(command.write).places:
            if place == "id":
                continue
            best = Strength.ACKNOWLEDGED if command.acknowledged else Strength.WRITTEN
            able[place] = Capability(Strength.READ_BACK if place in read else best, experimental=spec.experimental)
    return able


def load(path: Path) -> TemplateFamily:
    """The family of a template file. Raises TemplateError."""
    return TemplateFamily(read(path))


def load_directory(folder: Path) -> list[TemplateFamily]:
    """Registers every template of a folder (`*.yaml`, `*.toml`). Raises TemplateError; LocalError for a taken name."""
    found = []
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.toml")]):
        family = load(path)
        known = registry.get(family.name) if family.name in registry.names() else None
        if isinstance(known, TemplateFamily) and known.spec == family.spec:
            continue
        registry.register(family)
        found.append(family)
    return found


__all__ = ["TemplateError", "TemplateFamily", "load", "load_directory"]
