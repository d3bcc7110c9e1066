"""The conversations: ask, write, ask again, over the queue of a network server.

What the server says (queued, sent by a gateway, radio acknowledgement) is never taken for what the tracker did. A
class A tracker listens only after an uplink, so every command waits as long as a lane may; a later attempt of the same
revision sends the same bytes under the same id, so that a late answer still counts and ChirpStack, whose queue takes
an id once, holds no doubles.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

from tracker_codecs import guards
from tracker_codecs.contract import (
    Command,
    Dialogue,
    FieldOutcome,
    FieldState,
    Match,
    Message,
    Outcome,
    Problem,
    Purpose,
    Reply,
    Settings,
    Severity,
    Strength,
    Target,
    Value,
    Verdict,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.lorawan import network
from tracker_codecs.families.lorawan.device import RADIO_ACK, Ask, Device, Tokens, Told
from tracker_codecs.families.lorawan.devices import device_of
from tracker_codecs.families.lorawan.network import Event
from tracker_codecs.judge import judge

#: Seconds; the most that a lane waits. A tracker that reports more rarely is served over several contacts.
TIMEOUT = 600.0
_QUEUED = "in the network server's queue; the tracker has opened no receive window yet"
_SENT = "sent by a radio gateway; that the tracker received it is not proved"


def problems_of(target: Target, settings: Settings) -> list[Problem]:
    """See `Family.check`."""
    device = device_of(target.variant, target.options)
    out = device.check({name: value for name, value in settings.items() if name in device.fields})
    for name in settings:
        found = device.fields.get(name)
        if found is None:
            out.append(Problem(name, Severity.UNSUPPORTED, f"{device.name} has no such setting"))
        elif found.experimental and not target.experimental:
            reason = f"experimental ({found.reason}), and not switched on for this tracker"
            out = [problem for problem in out if problem.field != name]
            out.append(Problem(name, Severity.UNSUPPORTED, reason))
    return out


def accepted(target: Target, wanted: Settings) -> tuple[list[Problem], dict[str, Value]]:
    """Problems, and the settings that will be carried. Raises LocalError for a value that cannot be held."""
    problems = problems_of(target, wanted)
    guards.none_refused(problems)
    told = {problem.field for problem in problems}
    return problems, {name: value for name, value in wanted.items() if name not in told}


@dataclass(slots=True)
class Heard:
    """What a round of questions gave."""

    events: list[Event] = field(default_factory=list)
    silent: bool = False
    refused: str = ""


class Talk:
    """One conversation: ids of downlinks, tokens, uplinks that are spent."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.eui = target.device_id.lower()
        self.device: Device = device_of(target.variant, target.options)
        self.address = network.address(target.device_id, target.options)
        self.tokens = Tokens(target.serial, *self.device.tokens)
        self.used: set[int] = set()
        self._step = 0

    def command(self, ask: Ask, purpose: Purpose, port: int | None = None) -> Command:
        """The downlink in its envelope, and who answers it."""
        ident = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.eui}/{self.target.serial}/{self._step}/{ask.payload.hex()}"))
        self._step += 1
        f_port = self.device.port if port is None else port
        down = network.Downlink(f_port, ask.payload, ask.confirmed, ident)
        return Command(
            network.downlink(self.address.network, self.eui, down),
            f"port {f_port}: {ask.payload.hex()} ({ask.text})",
            purpose,
            ask.expects,
            self._match(ask, ident),
            ask.fields,
            TIMEOUT,
            self._channel(),
            depends_on_read=ask.depends_on_read,
        )

    def _channel(self) -> str:
        down = self.address.down
        if self.address.network == network.TTN and self.target.options.get("queue") == "replace":
            return down.removesuffix("push") + "replace"
        return down

    def _match(self, ask: Ask, ident: str) -> Callable[[Message], Match]:
        def matched(message: Message) -> Match:
            event = message.data
            if not isinstance(event, Event) or event.dev_eui != self.eui or event.resent:
                return Match.NO
            if event.kind == "up":
                return ask.answer(event) if ask.answer and event.f_cnt not in self.used else Match.NO
            if ident not in event.ids:
                return Match.NO
            if event.kind == "failed":
                return Match.REFUSED
            if event.kind == "nack":  # The Things Stack tries again by itself, ChirpStack has given up
                return Match.REFUSED if event.network == network.CHIRPSTACK else Match.PART
            alone = ask.answer is None
            if event.kind == "ack":
                return Match.DONE if alone else Match.PART
            if event.kind == "sent":
                return Match.DONE if alone and not ask.confirmed else Match.PART
            return Match.PART if event.kind == "queued" else Match.NO

        return matched

    def take(self, reply: Reply) -> list[Event]:
        """The events of a reply; its uplinks answer nothing else any more."""
        events = [message.data for message in reply.messages if isinstance(message.data, Event)]
        self.used |= {event.f_cnt for event in events if event.kind == "up"}
        return events

    def ask(self, asks: Sequence[Ask], purpose: Purpose) -> Generator[Command, Reply, Heard]:
        """Question after question."""
        heard = Heard()
        for ask in asks:
            reply = yield self.command(ask, purpose)
            events = self.take(reply)
            if reply.verdict is Verdict.TIMEOUT:
                heard.silent = True
                break
            if reply.verdict is Verdict.REFUSED:
                heard.refused = refusal(events)
                heard.silent = not heard.refused
                break
            heard.events += [event for event in events if event.kind == "up"]
        return heard


def refusal(events: Sequence[Event]) -> str:
    """The network server's reason; empty where it is a lost frame, which another try may mend."""
    last = events[-1] if events else None
    return f"the network server refused the downlink: {last.reason}" if last and last.kind == "failed" else ""


@dataclass(slots=True)
class _Writes:
    """What became of the writes."""

    events: list[Event] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    lost: bool = False


def _write(talk: Talk, asks: Sequence[Ask], result: _Writes) -> Generator[Command, Reply, None]:
    for ask in asks:
        reply = yield talk.command(ask, Purpose.WRITE)
        events = talk.take(reply)
        reason = refusal(events) if reply.verdict is Verdict.REFUSED else ""
        kinds = {event.kind for event in events}
        evidence = RADIO_ACK if "ack" in kinds else _SENT if kinds & {"sent", "nack", "up"} else _QUEUED
        for name in ask.fields:
            result.written[name] = evidence
        if reason:
            result.refused |= dict.fromkeys(ask.fields, reason)
            result.acknowledged -= set(ask.fields)
            continue
        yes, no = talk.device.acknowledged(ask, events)
        result.acknowledged = (result.acknowledged - no.keys()) | (yes - result.refused.keys())
        result.refused |= no
        result.events += [event for event in events if event.kind == "up"]
        if reply.verdict is Verdict.REFUSED and not no:
            result.lost = True
            return
        if reply.verdict is Verdict.TIMEOUT:
            # What was sent but not answered is decided by the read-back; what is still queued needs another contact.
            result.lost = True
            if not kinds & {"sent", "ack"}:
                return


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    problems, carried = accepted(target, wanted)
    if not carried:
        return judge(wanted, reported={}, problems=problems)
    talk, result = Talk(target), _Writes()
    device = talk.device
    before = yield from talk.ask(device.reads(carried, talk.tokens, True), Purpose.READ)
    if before.refused or before.silent:
        refused = dict.fromkeys(carried, before.refused) if before.refused else {}
        return judge(wanted, reported={}, problems=problems, refused=refused, unanswered=before.silent)
    yield from _write(talk, device.writes(carried, before.events, talk.tokens), result)
    after = Heard(silent=result.lost)
    asks = device.reads(carried, talk.tokens, False)
    if asks and not (result.lost and _QUEUED in result.written.values()):
        after = yield from talk.ask(asks, Purpose.READ_BACK)
        more = device.second(carried, [*before.events, *after.events]) if not after.silent else []
        if more:
            yield from _write(talk, more, result)
            after = yield from talk.ask(device.reads(carried, talk.tokens, False), Purpose.READ_BACK)
    try:
        told = device.told(after.events)
        notes = device.told([*before.events, *after.events]).notes
        if not asks:
            told = _echoes(device, result.events, carried)
    except PeerError:
        told, notes = Told(), {}
    # A frame that got lost on the way is no answer: another try, not a mismatch.
    astray = result.lost and any(told.values.get(n) != carried[n] for n in result.written if n not in result.refused)
    outcome = judge(
        wanted,
        reported=told.values,
        problems=problems,
        acknowledged=result.acknowledged,
        refused=result.refused,
        written=result.written,
        unanswered=after.silent or astray,
    )
    return replace(outcome, fields={n: _worded(n, f, told, notes, result, device) for n, f in outcome.fields.items()})


def _echoes(device: Device, events: Sequence[Event], carried: Settings) -> Told:
    """An echo that equals what was asked is no more than an acknowledgement; one that differs tells the value."""
    told = device.told(events)
    told.values = {name: value for name, value in told.values.items() if name in carried and value != carried[name]}
    return told


def _worded(
    name: str, found: FieldOutcome, told: Told, notes: dict[str, str], result: _Writes, device: Device
) -> FieldOutcome:
    """The outcome with what was proved in words; a stored value that no profile value names is a mismatch."""
    mere = (FieldState.ACKNOWLEDGED, FieldState.WRITTEN, FieldState.UNKNOWN)
    if name in told.foreign and found.state in mere:
        reason = f"read back: {told.foreign[name]}"
        return FieldOutcome(FieldState.MISMATCHED, found.desired, None, Strength.READ_BACK, reason)
    if found.state is FieldState.CONFIRMED and name in notes:
        return replace(found, reason=notes[name])
    if found.state is FieldState.WRITTEN:
        return replace(found, reason=result.written.get(name, found.reason))
    if found.state is FieldState.ACKNOWLEDGED:
        return replace(found, reason=device.fields[name].reason or "the tracker answered; its read-back did not come")
    return found


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    talk = Talk(target)
    able = [n for n, f in talk.device.fields.items() if f.best is Strength.READ_BACK and n in wanted]
    able = [n for n in able if target.experimental or not talk.device.fields[n].experimental]
    asks = talk.device.reads(able, talk.tokens, False) if able else []
    if not asks:
        return Outcome({})
    heard = yield from talk.ask(asks, Purpose.READ)
    values = talk.device.told(heard.events).values
    return Outcome({}, {n: v for n, v in values.items() if n in able}, unanswered=heard.silent)


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: `5:88` is port and payload in hexadecimal digits; bytes go to the device's port."""
    talk = Talk(target)
    if isinstance(text, bytes):
        port, payload = talk.device.port, text
    else:
        found = re.fullmatch(r"([0-9]{1,3}):((?:[0-9A-Fa-f]{2} ?)*)", text.strip())
        if not found:
            raise LocalError("must be port:hexadecimal digits, as 5:88", parameter="command")
        port, payload = int(found[1]), bytes.fromhex(found[2])
    if not 1 <= port <= 223:
        raise LocalError("the port must be from 1 to 223", parameter="command")
    if len(payload) > network.MAX_PAYLOAD:
        raise LocalError(f"at most {network.MAX_PAYLOAD} bytes fit a downlink", parameter="command")
    ask = Ask(payload, "an operator's own command", "acknowledgement of the tracker's radio", confirmed=True)
    return talk.command(ask, Purpose.RAW, port)
