"""The conversations with a UBX receiver: read the rate, write it, read it back; who is it.

Every CFG message is answered by ACK-ACK or ACK-NAK with its class and id, a reading by the data and then the ACK.
There are no numbers, so an answer that did not come ends the conversation: a late one must not count for the next
command. A frame that a port echoes is no answer: polls are empty or of version 0, sets are not asked for.
Sources: semuconsulting/pyubx2 (message tables, recorded configuration dialogues of a ZED-F9P).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tracker_codecs.answers import Matcher
from tracker_codecs.contract import (
    Command,
    Dialogue,
    Match,
    Message,
    Purpose,
    Reply,
    Settings,
    Target,
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.errors import LocalError
from tracker_codecs.families.ubx import frame as wire
from tracker_codecs.families.ubx import payload
from tracker_codecs.families.ubx import settings as values

#: Seconds: the answer waits behind a second's worth of messages on a slow port.
TIMEOUT = 2.0
_KEYS = (payload.PERIOD, payload.CYCLES)
_REFUSED = "refused by the receiver (ACK-NAK)"


@dataclass(frozen=True, slots=True)
class Rate:
    """What is in use: ms between measurements, measurements a fix, time reference (None: not asked)."""

    period: int
    cycles: int
    reference: int | None = None

    @property
    def interval(self) -> int:
        """Milliseconds between fixes."""
        return self.period * self.cycles


def acknowledged(kind: bytes) -> Matcher:
    """Matcher of ACK-ACK and ACK-NAK for this class and id."""

    def match(message: Message) -> Match:
        told = wire.kind_of(message.frame)
        if told not in (wire.ACK_ACK, wire.ACK_NAK) or wire.payload_of(message.frame) != kind:
            return Match.NO
        return Match.DONE if told == wire.ACK_ACK else Match.REFUSED

    return match


def answered(kind: bytes, understand: Callable[[bytes], object | None]) -> Matcher:
    """Matcher of a reading: data that `understand` takes, then the ACK. A refusal counts at once."""
    seen = False
    closing = acknowledged(kind)

    def match(message: Message) -> Match:
        nonlocal seen
        if wire.kind_of(message.frame) == kind and understand(wire.payload_of(message.frame)) is not None:
            seen = True
            return Match.PART
        result = closing(message)
        return Match.NO if result is Match.DONE and not seen else result

    return match


def rate_of(data: bytes) -> Rate | None:
    """A CFG-RATE answer."""
    if len(data) != payload.RATE.sizeof():
        return None
    told = payload.RATE.parse(data)
    return Rate(told.period, told.cycles, told.reference)


def keys_of(data: bytes) -> Rate | None:
    """A CFG-VALGET answer of version 1 from RAM that holds exactly our keys, whole and once."""
    if len(data) != 4 + sum(4 + payload.size_of(key) for key in _KEYS) or data[:4] != b"\x01\0\0\0":
        return None
    found, broken = payload.pairs(data[4:])
    return Rate(*(found[key] for key in _KEYS)) if broken is None and found.keys() == set(_KEYS) else None


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How the rate in use is asked for: class and id of the answer, what it holds, the poll."""

    kind: bytes
    understand: Callable[[bytes], Rate | None]
    poll: bytes
    text: str


_DIALECTS = {
    "keys": _Dialect(
        wire.CFG_VALGET,
        keys_of,
        payload.valget(_KEYS),
        "CFG-VALGET RAM: measurement period, measurements a fix",
    ),
    "rate": _Dialect(wire.CFG_RATE, rate_of, wire.build(wire.CFG_RATE), "CFG-RATE poll"),
}


def _command(
    frame: bytes, text: str, purpose: Purpose, expects: str, match: Matcher, fields: tuple[str, ...] = ()
) -> Command:
    return Command(frame, text, purpose, expects, match, fields, TIMEOUT)


class _Talk(Course):
    """One conversation in one dialect: `keys` (CFG-VALGET, CFG-VALSET) or `rate` (CFG-RATE)."""

    dialect = "keys"
    #: The receiver itself showed that this is its dialect, so it is worth remembering.
    shown = False

    def question(self, purpose: Purpose) -> Command:
        """The poll of what is in use."""
        asked = _DIALECTS[self.dialect]
        expects = f"{asked.text.split(' ', 1)[0]}, then ACK-ACK"
        answer = answered(asked.kind, asked.understand)
        return _command(asked.poll, asked.text, purpose, expects, answer, (values.FIELD,))

    def rate(self, reply: Reply) -> Rate | None:
        """The data of the answer. A receiver that sends no ACK behind it has answered all the same."""
        asked = _DIALECTS[self.dialect]
        for message in reversed(reply.messages):
            if wire.kind_of(message.frame) == asked.kind:
                return asked.understand(wire.payload_of(message.frame))
        return None

    def write(self, period: int, had: Rate, layers: int) -> Command:
        """The new period, everything else as it was."""
        if self.dialect == "keys":
            frame = payload.valset(layers, {payload.PERIOD: period})
            text, kind = f"CFG-VALSET in {values.lasting(layers)}: measurement period {period} ms", wire.CFG_VALSET
        else:
            reference = 1 if had.reference is None else had.reference
            frame = payload.rate(period, had.cycles, reference)
            text, kind = f"CFG-RATE {period} ms, {had.cycles} a fix, time reference {reference}", wire.CFG_RATE
        command = _command(frame, text, Purpose.WRITE, "ACK-ACK", acknowledged(kind), (values.FIELD,))
        return replace(command, depends_on_read=True)

    def opened(self, target: Target) -> Step[tuple[Reply, Rate | None]]:
        """The first reading, and the rate in it; with `auto` it also tells the dialect, which is remembered."""
        dialect = target.variant if target.variant != "auto" else target.known.get("dialect", "auto")
        self.dialect = "rate" if dialect == "rate" else "keys"
        reply = yield self.question(Purpose.READ)
        self.shown = reply.ok
        found = self.rate(reply)
        if dialect == "auto" and not reply.assumed and found is None:
            # Refused or passed over: a receiver from before the configuration keys.
            self.dialect, self.shown = "rate", reply.verdict is Verdict.REFUSED
            reply = yield self.question(Purpose.READ)
            found = self.rate(reply)
        if found is not None and self.shown:
            self.known["dialect"] = self.dialect
        return reply, found


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`; layers that do not fit are refused at once, not when the first command is asked for."""
    return _apply(target, wanted, values.layers_of(target))


def _apply(target: Target, wanted: Settings, choices: Sequence[int]) -> Dialogue:
    talk, interval = _Talk(wanted), wanted[values.FIELD]
    reply, had = yield from talk.opened(target)
    if reply.assumed:
        had = Rate(0, 1)
    if had is None:
        if reply.verdict is Verdict.TIMEOUT:
            talk.unanswered = True
            return talk.judged()
        return talk.refuse("cannot be read, and so not changed without loss: " + _REFUSED)
    if not had.cycles or interval % had.cycles:
        return talk.refuse(
            f"not sent: the receiver makes a fix of {had.cycles} measurements, so it takes multiples of that"
        )
    layers = payload.RAM
    for layers in choices if talk.dialect == "keys" else (payload.RAM,):
        reply = yield talk.write(interval // had.cycles, had, layers)
        if reply.verdict is not Verdict.REFUSED:
            break
    talk.written.add(values.FIELD)
    if reply.verdict is Verdict.TIMEOUT:
        talk.unanswered = True
        return talk.judged()
    if reply.ok:
        talk.acknowledged.add(values.FIELD)
        talk.known |= {"layers": str(layers)} if talk.dialect == "keys" else {}
    elif not reply.assumed:
        talk.refused[values.FIELD] = _REFUSED
    after = yield talk.question(Purpose.READ_BACK)
    now = talk.rate(after)
    if now and (now.cycles, now.reference) != (had.cycles, had.reference):
        talk.known["not_preserved"] = "measurements a fix or time reference"
    talk.unanswered = now is None and after.verdict is Verdict.TIMEOUT
    if reply.ok:  # RAM alone does not outlive the power
        kept = values.VOLATILE if layers == payload.RAM else f"kept in {values.lasting(layers)}"
        talk.remarks[values.FIELD] = kept
    return talk.judged({} if now is None else {values.FIELD: now.interval})


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    talk = _Talk()
    reply, now = yield from talk.opened(target)
    talk.unanswered = now is None and reply.verdict is Verdict.TIMEOUT
    return talk.told({} if now is None else {values.FIELD: now.interval})


def _told(kind: bytes, understand: Callable[[bytes], object]) -> Matcher:
    """Matcher of an answer without an ACK."""

    def match(message: Message) -> Match:
        told = wire.kind_of(message.frame) == kind and understand(wire.payload_of(message.frame))
        return Match.DONE if told else Match.NO

    return match


def identify(target: Target) -> Dialogue:
    """See `Family.identify`: MON-VER, then SEC-UNIQID, which older receivers pass over."""
    course = Course()
    answer = _told(wire.MON_VER, payload.version)
    reply = yield from course.ask(_command(wire.build(wire.MON_VER), "MON-VER poll", Purpose.PROBE, "MON-VER", answer))
    if course.unanswered:
        return course.told()
    if reply.ok and (told := payload.version(wire.payload_of(reply.messages[-1].frame))):
        named = told["named"]
        course.known["hardware"] = " ".join(part for part in (named.get("MOD", ""), told["hardware"]) if part)
        course.known["firmware"] = named.get("FWVER", told["software"])
        course.known["model"] = values.HARDWARE.get(told["hardware"].upper(), "ublox")
        if "PROTVER" in named:
            course.known["protocol"] = named["PROTVER"]
    answer = _told(wire.SEC_UNIQID, wire.unique_id)
    reply = yield _command(wire.build(wire.SEC_UNIQID), "SEC-UNIQID poll", Purpose.PROBE, "SEC-UNIQID", answer)
    found = wire.unique_id(wire.payload_of(reply.messages[-1].frame)) if reply.ok else None
    if found:
        course.known["device_id"] = found
    return course.told()


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: text is class, id and payload in hex (`0608`), and gets sync, length and checksum."""
    if isinstance(text, bytes):
        return _command(text, "an operator's own bytes", Purpose.RAW, "any UBX answer", _any)
    try:
        body = bytes.fromhex(text)
    except ValueError:
        body = b""
    if not 2 <= len(body) <= 2 + wire.MAX_PAYLOAD:
        raise LocalError("must be class, id and payload in hex, such as 0608", parameter="command")
    kind, frame = body[:2], wire.build(body[:2], body[2:])
    shown = frame if len(frame) <= 64 else frame[:64]
    return _command(frame, shown.hex(), Purpose.RAW, "ACK-ACK, or a message of the same class and id", _answer_to(kind))


def _any(message: Message) -> Match:
    return Match.DONE if wire.kind_of(message.frame) else Match.NO


def _answer_to(kind: bytes) -> Matcher:
    acknowledges = acknowledged(kind)

    def match(message: Message) -> Match:
        if wire.kind_of(message.frame) == kind:
            return Match.PART if kind[0] == 6 else Match.DONE  # the ACK ends what a CFG message says
        return acknowledges(message)

    return match
