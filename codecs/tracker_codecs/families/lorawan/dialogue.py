"""The conversations: ask, write, ask again, over the queue of a network server.

What the server says (queued, sent by a gateway, radio acknowledgement) is never taken for what the tracker did. A
class A tracker listens only after an uplink, so every command waits as long as a lane may; a later attempt of the same
revision sends the same bytes under the same id, so that a late answer still counts and ChirpStack, whose queue takes
an id once, holds no doubles.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

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
    Target,
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.lorawan import network
from tracker_codecs.families.lorawan.device import RADIO_ACK, Ask, Run, Told
from tracker_codecs.families.lorawan.devices import device_of
from tracker_codecs.families.lorawan.network import Event

#: Seconds; the most that a lane waits. A tracker that reports more rarely is served over several contacts.
TIMEOUT = 600.0
_QUEUED = "in the network server's queue; the tracker has opened no receive window yet"
_SENT = "sent by a radio gateway; that the tracker received it is not proved"


def no_such_setting(target: Target, name: str) -> str:
    """Why a field that the device does not name is not carried."""
    return f"{target.variant} has no such setting"


def check(target: Target, settings: Settings) -> list[Problem]:
    """See `Family.check`."""
    return device_of(target).check(settings)


@dataclass(slots=True)
class Heard:
    """What a round of questions gave."""

    uplinks: list[Event] = field(default_factory=list)
    silent: bool = False
    refused: str = ""


class Talk(Course):
    """One conversation: ids of downlinks, tokens, uplinks that are spent; how far each write came, in words."""

    def __init__(self, target: Target, wanted: Settings | None = None) -> None:
        super().__init__(wanted)
        self.target = target
        self.eui = target.device_id.lower()
        self.device = device_of(target)
        self.address = network.address(target.device_id, target.options)
        self.run = Run(target.serial, self.device.tokens)
        self.used: set[int] = set()
        self.evidence: dict[str, str] = {}
        #: Uplinks that answered writes.
        self.echoes: list[Event] = []
        #: A write got lost on the way: no answer of the tracker.
        self.lost = False
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
                return self._said(ask, event)
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

    def _said(self, ask: Ask, uplink: Event) -> Match:
        if ask.answer is None or uplink.f_cnt in self.used:
            return Match.NO
        try:
            return ask.answer(uplink)
        except PeerError:  # a payload that does not fit is no answer
            return Match.NO

    def _take(self, reply: Reply) -> tuple[list[Event], list[Event]]:
        """The events of a reply, and the uplinks among them, which answer nothing else any more."""
        events = [message.data for message in reply.messages if isinstance(message.data, Event)]
        uplinks = [event for event in events if event.kind == "up"]
        self.used.update(event.f_cnt for event in uplinks)
        return events, uplinks

    def question(self, asks: Sequence[Ask], purpose: Purpose) -> Step[Heard]:
        """Question after question."""
        heard = Heard()
        for ask in asks:
            reply = yield self.command(ask, purpose)
            events, uplinks = self._take(reply)
            if reply.verdict is Verdict.TIMEOUT:
                heard.silent = True
                break
            if reply.verdict is Verdict.REFUSED:
                heard.refused = refusal(events)
                heard.silent = not heard.refused
                break
            heard.uplinks += uplinks
        return heard

    def write(self, asks: Sequence[Ask]) -> Step[None]:
        """Write after write, until one got lost."""
        for ask in asks:
            reply = yield self.command(ask, Purpose.WRITE)
            events, uplinks = self._take(reply)
            kinds = {event.kind for event in events}
            evidence = RADIO_ACK if "ack" in kinds else _SENT if kinds & {"sent", "nack", "up"} else _QUEUED
            self.written.update(ask.fields)
            self.evidence |= dict.fromkeys(ask.fields, evidence)
            if reply.verdict is Verdict.REFUSED and (reason := refusal(events)):
                self.refused |= dict.fromkeys(ask.fields, reason)
                self.acknowledged -= set(ask.fields)
                continue
            yes, no = self.device.acknowledged(ask, uplinks)
            if self.device.radio_answers and "ack" in kinds:
                yes = set(ask.fields)
            self.acknowledged = (self.acknowledged - no.keys()) | (yes - self.refused.keys())
            self.refused |= no
            self.echoes += uplinks
            if reply.verdict is Verdict.REFUSED and not no:
                self.lost = True
                return
            if reply.verdict is Verdict.TIMEOUT:
                # What was sent but not answered is decided by the read-back; what is queued needs another contact.
                self.lost = True
                if not kinds & {"sent", "ack"}:
                    return

    def worded(self, name: str, found: FieldOutcome) -> FieldOutcome:
        """The outcome with what was proved in words."""
        if found.state is FieldState.WRITTEN:
            return replace(found, reason=self.evidence.get(name, found.reason))
        if found.state is FieldState.ACKNOWLEDGED and not found.reason:
            reason = self.device.fields[name].reason or "the tracker answered; its read-back did not come"
            return replace(found, reason=reason)
        return found


def refusal(events: Sequence[Event]) -> str:
    """The network server's reason; empty where it is a lost frame, which another try may mend."""
    last = events[-1] if events else None
    return f"the network server refused the downlink: {last.reason}" if last and last.kind == "failed" else ""


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`; LocalError at once where the tracker's topic is not known."""
    return _apply(Talk(target, wanted))


def _apply(talk: Talk) -> Dialogue:
    device, run, wanted = talk.device, talk.run, talk.wanted
    before = yield from talk.question(device.reads(wanted, run), Purpose.READ)
    if before.refused:
        return talk.refuse(before.refused)
    if before.silent:
        talk.unanswered = True
        return talk.judged()
    run.first, run.had = False, before.uplinks
    yield from talk.write(device.writes(wanted, run))
    after = Heard(silent=talk.lost)
    asks = device.reads(wanted, run)
    if asks and not (talk.lost and _QUEUED in talk.evidence.values()):
        after = yield from talk.question(asks, Purpose.READ_BACK)
        run.had = [*before.uplinks, *after.uplinks]
        more = device.second(wanted, run) if not after.silent else []
        if more:
            yield from talk.write(more)
            after = yield from talk.question(device.reads(wanted, run), Purpose.READ_BACK)
    try:
        told = device.told(after.uplinks)
        notes = device.told([*before.uplinks, *after.uplinks]).notes
        if not asks:
            # An echo that equals what was asked is no more than an acknowledgement; one that differs tells the value.
            told = device.told(talk.echoes)
            told.values = {name: value for name, value in told.values.items() if value != wanted.get(name, value)}
    except PeerError:
        told, notes = Told(), {}
    # A frame that got lost on the way is no answer: another try, not a mismatch.
    astray = talk.lost and any(told.values.get(name) != wanted[name] for name in talk.written - talk.refused.keys())
    talk.unanswered = after.silent or astray
    talk.unproved = {name: f"stored; {notes[name]}" for name in notes.keys() & told.values.keys()}
    outcome = talk.judged(told.values, {name: f"read back: {value}" for name, value in told.foreign.items()})
    return replace(outcome, fields={name: talk.worded(name, found) for name, found in outcome.fields.items()})


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`; LocalError at once where the tracker's topic is not known."""
    return _read(Talk(target), wanted)


def _read(talk: Talk, wanted: Sequence[str]) -> Dialogue:
    able = [name for name in talk.device.settings if name in wanted]
    asks = talk.device.reads(able, talk.run)
    if not asks:
        return Outcome({})
    heard = yield from talk.question(asks, Purpose.READ)
    told = talk.device.told(heard.uplinks)
    talk.unanswered = heard.silent
    talk.unproved = {name: note for name, note in told.notes.items() if name in able}
    return talk.told({name: value for name, value in told.values.items() if name in able})


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
