"""A family made of a template file: the same value, course and judgement as any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracker_codecs.answers import Matcher, is_ours
from tracker_codecs.contract import (
    Capability,
    Clock,
    Command,
    Dialogue,
    Event,
    Ids,
    Kind,
    Limits,
    Match,
    Message,
    Problem,
    Purpose,
    Reply,
    Settings,
    Severity,
    Stream,
    Strength,
    Target,
    Transport,
    Unit,
    Value,
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_codecs.template import values
from tracker_codecs.template.emulator import TemplateDevice
from tracker_codecs.template.pattern import Pattern
from tracker_codecs.template.spec import CommandSpec, Spec, TemplateError, read
from tracker_codecs.template.stream import TemplateStream, Wire
from tracker_codecs.text import clean


def family_of(spec: Spec) -> Family:
    """The family that a file describes; its `made_of` is the specification."""
    made = _Made(spec)
    timeout = max((each.timeout for each in spec.commands), default=30.0)
    return Family(
        name=spec.family,
        title=spec.title,
        sources=spec.sources,
        transports=frozenset(Transport(each) for each in spec.transports),
        default_port=spec.port,
        limits=Limits(spec.frame.max_length, spec.idle, timeout),
        acknowledgement_proves=spec.acknowledgement_proves,
        variants={spec.variant: _capabilities(spec)},
        unsupported="the template has no such setting",
        ids=Ids(spec.device_id.pattern, "is none that the template's frames can carry"),
        made_of=spec,
        stream=made.stream,
        server=made.server,
        recognise=made.recognise,
        fields=made.fields,
        check=made.check,
        apply=made.apply if spec.commands else None,
        read=made.read,
        raw=Envelope(wrap=made.wrap, answers=_any_reply, expects="any reply", timeout=timeout),
        emulator=made.emulator,
    )


class _Made:
    """The functions of such a family, around its specification and its wire."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._wire = Wire(spec)

    def stream(self, transport: Transport, clock: Clock) -> Stream:
        return TemplateStream(self._wire, transport, clock)

    def emulator(self, unit: Unit) -> TemplateDevice:
        return TemplateDevice(self._spec, self._wire, unit)

    def recognise(self, first: bytes) -> bool | None:
        """The first whole frame fits a message of the file; without an end yet, its start may."""
        wire = self._wire
        first = first.lstrip(wire.ignore)
        if not first.startswith(wire.start[: len(first)]):
            return False
        events = [event for event in TemplateStream(wire).feed(first) if isinstance(event, Message)]
        if events:
            return events[0].kind is not Kind.OTHER or events[0].device_id is not None
        if len(first) >= wire.most or wire.end in first:
            return False
        text = first[len(wire.start) :].decode("latin-1")
        return None if any(pattern.may_begin(text) for _, pattern, _ in wire.messages) else False

    def fields(self, message: Message) -> dict[str, Any]:
        """The values of the places of the message's text."""
        text = message.data if isinstance(message.data, str) else self._wire.open(message.frame)[0]
        for kind, pattern, _ in self._wire.messages:
            found = pattern.match(text)
            if found is not None:
                return {"message": kind.value, "text": clean(text), **{k: clean(v) for k, v in found.items() if v}}
        return {"message": "other", "text": clean(text)}

    def server(self, data: bytes, channel: str) -> Sequence[Event]:
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

    def wrap(self, target: Target, text: str) -> bytes:
        if not all(" " <= char <= "~" for char in text) or self._spec.frame.end in text:
            raise LocalError("a command is printable ASCII without the end of a frame", parameter="command")
        return self._wire.seal(text)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """No form takes the value; or what goes out with it in one command is not given."""
        written = self._spec.settings
        problems = [
            Problem(name, Severity.REFUSE, values.why(written[name]))
            for name, value in settings.items()
            if values.encode(written[name], value) is None
        ]
        for command in self._spec.commands:
            fields = [place for place in Pattern(command.write).places if place != "id"]
            missing = [name for name in fields if name not in settings]
            if missing and len(missing) < len(fields):
                reason = f"goes out in one command with {', '.join(missing)}, which must be given too"
                problems += [Problem(name, Severity.UNSUPPORTED, reason) for name in fields if name in settings]
        return problems

    def apply(self, target: Target, wanted: Settings) -> Dialogue:
        """Write each command that carries a setting, then read back what can be read."""
        course = Course(wanted)
        texts = {name: values.encode(self._spec.settings[name], value) for name, value in wanted.items()}
        places = {name: text for name, text in texts.items() if text is not None}
        for command in self._spec.commands:
            fields = tuple(place for place in Pattern(command.write).places if place in places)
            if not fields:
                continue
            reply = yield from course.change(
                self._command(target, command, command.write, Purpose.WRITE, fields, places), _why
            )
            # Where nothing acknowledges there is nothing to wait for; where a query follows, it tells.
            silent = reply.verdict is Verdict.TIMEOUT and bool(command.acknowledged) and not reply.messages
            course.unanswered = silent and not command.query
        reported = yield from self._told(course, target, list(places))
        return course.judged({name: value for name, value in reported.items() if name in places})

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        course = Course()
        reported = yield from self._told(course, target, wanted)
        return course.told(reported)

    def _told(self, course: Course, target: Target, wanted: Sequence[str]) -> Step[dict[str, Value]]:
        """Ask with every query whose answer tells something wanted."""
        reported: dict[str, Value] = {}
        for command in self._spec.commands:
            told = [place for place in Pattern(command.answer).places if place in self._spec.settings]
            if not command.query or not set(told) & set(wanted):
                continue
            query = self._command(target, command, command.query, Purpose.READ_BACK, tuple(told), {})
            reply = yield from course.ask(query)
            if reply.ok:
                found = Pattern(command.answer, end=self._spec.frame.end).match(str(reply.messages[-1].data)) or {}
                reported |= {
                    name: values.decode(self._spec.settings[name], found[name]) for name in told if name in found
                }
        return reported

    def _command(
        self,
        target: Target,
        command: CommandSpec,
        text: str,
        purpose: Purpose,
        fields: tuple[str, ...],
        places: Mapping[str, str],
    ) -> Command:
        known = {"id": target.device_id, **places}
        sent = Pattern(text).fill(known)
        expected = command.acknowledged if purpose is Purpose.WRITE else command.answer
        end = self._spec.frame.end
        match = _matcher(_fits(expected, end, known), _fits(command.refused, end, known), target)
        expects = expected or "nothing: the protocol has no answer"
        timeout = command.timeout if expected else 1.0
        return Command(self._wire.seal(sent), sent, purpose, expects, match, fields, timeout)


def _why(reply: Reply) -> str:
    return f"the tracker answers: {clean(str(reply.messages[-1].data), 80)}"


def _any_reply(target: Target, text: str, message: Message) -> Match:
    mine = message.kind is Kind.REPLY and is_ours(target, message, unnamed=True)
    return Match.DONE if mine else Match.NO


def _fits(text: str, end: str, known: Mapping[str, str]) -> Callable[[str], bool]:
    """Whether a text fits this one of the file, with the known values in their places; an empty one fits nothing."""
    pattern = Pattern(text, end=end) if text else None

    def fits(said: str) -> bool:
        found = None if pattern is None else pattern.match(said)
        return found is not None and all(known.get(name, value) == value for name, value in found.items())

    return fits


def _matcher(yes: Callable[[str], bool], no: Callable[[str], bool], target: Target) -> Matcher:
    def match(message: Message) -> Match:
        if not isinstance(message.data, str) or not is_ours(target, message, unnamed=True):
            return Match.NO
        if no(message.data):
            return Match.REFUSED
        return Match.DONE if yes(message.data) else Match.NO

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


def load(path: Path) -> Family:
    """The family of a template file. Raises TemplateError."""
    return family_of(read(path))


__all__ = ["TemplateError", "family_of", "load"]
