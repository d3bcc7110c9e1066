"""The conversations with a UBX receiver: read the rate, write it, read it back; who is it.

Every CFG message is answered by ACK-ACK or ACK-NAK with its class and id, a reading by the data and then the ACK.
There are no numbers, so an answer that did not come ends the conversation: a late one must not count for the next
command. A frame that a port echoes is no answer: polls are empty or of version 0, sets are not asked for.
Sources: semuconsulting/pyubx2 (message tables, recorded configuration dialogues of a ZED-F9P).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from tracker_codecs.contract import (
    Command,
    Dialogue,
    FieldState,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Settings,
    Target,
    Verdict,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.ubx import frame as wire
from tracker_codecs.families.ubx import payload
from tracker_codecs.families.ubx import settings as values
from tracker_codecs.judge import judge

#: Seconds: the answer waits behind a second's worth of messages on a slow port.
TIMEOUT = 2.0
_KEYS = (payload.PERIOD, payload.CYCLES)
_REFUSED = "refused by the receiver (ACK-NAK)"
Matcher = Callable[[Message], Match]


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


@dataclass(slots=True)
class _Talk:
    """One conversation in one dialect: `keys` (CFG-VALGET, CFG-VALSET) or `rate` (CFG-RATE)."""

    dialect: str
    #: The receiver itself showed that this is its dialect, so it is worth remembering.
    shown: bool = False

    @property
    def known(self) -> dict[str, str]:
        """What the next conversation can use."""
        return {"dialect": self.dialect} if self.shown else {}

    def ask(self, purpose: Purpose) -> Command:
        if self.dialect == "keys":
            frame, kind, understand = payload.valget(_KEYS), wire.CFG_VALGET, keys_of
            text = "CFG-VALGET RAM: measurement period, measurements a fix"
        else:
            frame, kind, understand = wire.build(wire.CFG_RATE), wire.CFG_RATE, rate_of
            text = "CFG-RATE poll"
        expects = f"{text.split(' ', 1)[0]}, then ACK-ACK"
        return _command(frame, text, purpose, expects, answered(kind, understand), (values.FIELD,))

    def told(self, reply: Reply) -> Rate | None:
        """The data of the answer. A receiver that sends no ACK behind it has answered all the same."""
        kind, understand = (wire.CFG_VALGET, keys_of) if self.dialect == "keys" else (wire.CFG_RATE, rate_of)
        for message in reversed(reply.messages):
            if wire.kind_of(message.frame) == kind:
                return understand(wire.payload_of(message.frame))
        return None

    def write(self, period: int, had: Rate, layers: int) -> Command:
        if self.dialect == "keys":
            frame = payload.valset(layers, {payload.PERIOD: period})
            text, kind = f"CFG-VALSET in {values.lasting(layers)}: measurement period {period} ms", wire.CFG_VALSET
        else:
            reference = 1 if had.reference is None else had.reference
            frame = payload.rate(period, had.cycles, reference)
            text, kind = f"CFG-RATE {period} ms, {had.cycles} a fix, time reference {reference}", wire.CFG_RATE
        command = _command(frame, text, Purpose.WRITE, "ACK-ACK", acknowledged(kind), (values.FIELD,))
        return replace(command, depends_on_read=True)


def _command(
    frame: bytes, text: str, purpose: Purpose, expects: str, match: Matcher, fields: tuple[str, ...] = ()
) -> Command:
    return Command(frame, text, purpose, expects, match, fields, TIMEOUT)


def _opened(target: Target, purpose: Purpose) -> Generator[Command, Reply, tuple[_Talk, Reply]]:
    """The first reading; with `auto` it also tells the dialect, which is remembered."""
    dialect = target.variant if target.variant != "auto" else target.known.get("dialect", "auto")
    talk = _Talk("rate" if dialect == "rate" else "keys")
    reply = yield talk.ask(purpose)
    talk.shown = reply.ok
    if dialect == "auto" and not reply.assumed and talk.told(reply) is None:
        # Refused or passed over: a receiver from before the configuration keys.
        talk = _Talk("rate", reply.verdict is Verdict.REFUSED)
        reply = yield talk.ask(purpose)
    return talk, reply


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    problems = values.check(wanted)
    if values.FIELD not in wanted:
        return judge(wanted, reported={}, problems=problems)
    interval, choices = wanted[values.FIELD], values.layers_of(target)
    talk, reply = yield from _opened(target, Purpose.READ)
    had = talk.told(reply) or (Rate(0, 1) if reply.assumed else None)
    if had is None:
        refused = {values.FIELD: "cannot be read, and so not changed without loss: " + _REFUSED}
        silent = reply.verdict is Verdict.TIMEOUT
        return judge(wanted, reported={}, problems=problems, refused={} if silent else refused, unanswered=silent)
    known = talk.known
    if not had.cycles or interval % had.cycles:
        reason = f"not sent: the receiver makes a fix of {had.cycles} measurements, so it takes multiples of that"
        return judge(wanted, reported={}, problems=problems, refused={values.FIELD: reason}, known=known)
    layers = payload.RAM
    for layers in choices if talk.dialect == "keys" else (payload.RAM,):
        reply = yield talk.write(interval // had.cycles, had, layers)
        if reply.verdict is not Verdict.REFUSED:
            break
    if reply.verdict is Verdict.TIMEOUT:
        return judge(wanted, reported={}, problems=problems, written=(values.FIELD,), known=known, unanswered=True)
    accepted = reply.ok
    after = yield talk.ask(Purpose.READ_BACK)
    now = talk.told(after)
    if accepted and talk.dialect == "keys":
        known["layers"] = str(layers)
    if now and (now.cycles, now.reference) != (had.cycles, had.reference):
        known["not_preserved"] = "measurements a fix or time reference"
    outcome = judge(
        wanted,
        reported={} if now is None else {values.FIELD: now.interval},
        problems=problems,
        acknowledged=(values.FIELD,) if accepted else (),
        refused={} if accepted or reply.assumed else {values.FIELD: _REFUSED},
        written=(values.FIELD,),
        known=known,
        unanswered=now is None and after.verdict is Verdict.TIMEOUT,
    )
    return _with_place(outcome, layers) if accepted else outcome


def _with_place(outcome: Outcome, layers: int) -> Outcome:
    """Says with a confirmation where the value is kept: RAM alone does not outlive the power."""
    found = outcome.fields[values.FIELD]
    if found.state is not FieldState.CONFIRMED:
        return outcome
    kept = "in RAM only: lost at power-off" if layers == payload.RAM else f"kept in {values.lasting(layers)}"
    return replace(outcome, fields={**outcome.fields, values.FIELD: replace(found, reason=kept)})


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    if values.FIELD not in wanted:
        return Outcome({})
    talk, reply = yield from _opened(target, Purpose.READ)
    now = talk.told(reply)
    if now is None:
        return Outcome({}, unanswered=reply.verdict is Verdict.TIMEOUT)
    return Outcome({}, {values.FIELD: now.interval}, talk.known)


def _version(message: Message) -> Match:
    told = wire.kind_of(message.frame) == wire.MON_VER and payload.version(wire.payload_of(message.frame))
    return Match.DONE if told else Match.NO


def _unique_id(message: Message) -> Match:
    told = wire.kind_of(message.frame) == wire.SEC_UNIQID and wire.unique_id(wire.payload_of(message.frame))
    return Match.DONE if told else Match.NO


def identify() -> Dialogue:
    """See `Family.identify`: MON-VER, then SEC-UNIQID, which older receivers pass over."""
    known: dict[str, str] = {}
    reply = yield _command(wire.build(wire.MON_VER), "MON-VER poll", Purpose.PROBE, "MON-VER", _version)
    if reply.verdict is Verdict.TIMEOUT:
        return Outcome({}, unanswered=True)
    if reply.ok and (told := payload.version(wire.payload_of(reply.messages[-1].frame))):
        named = told["named"]
        known["hardware"] = " ".join(part for part in (named.get("MOD", ""), told["hardware"]) if part)
        known["firmware"] = named.get("FWVER", told["software"])
        known["model"] = values.HARDWARE.get(told["hardware"].upper(), "ublox")
        if "PROTVER" in named:
            known["protocol"] = named["PROTVER"]
    reply = yield _command(wire.build(wire.SEC_UNIQID), "SEC-UNIQID poll", Purpose.PROBE, "SEC-UNIQID", _unique_id)
    found = wire.unique_id(wire.payload_of(reply.messages[-1].frame)) if reply.ok else None
    if found:
        known["device_id"] = found
    return Outcome({}, known=known)


def raw(text: str | bytes) -> Command:
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
        if kind[0] == 6:
            return Match.PART if wire.kind_of(message.frame) == kind else acknowledges(message)
        return Match.DONE if wire.kind_of(message.frame) == kind else acknowledges(message)

    return match
