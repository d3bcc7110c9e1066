"""The conversations with a node: everything is read at first, changed in its position section, and read once more.

1. `want_config_id`: the node tells its number, firmware and every section. It sends nothing at all before that.
2. `begin_edit_settings`, `set_config` with the whole PositionConfig (the firmware replaces it whole: a field left out
   becomes 0, and gps_mode 0 is "off"), `commit_edit_settings`. Each has want_response, so that the admin module itself
   answers with a routing message; the bare radio acknowledgement would say yes to anything. There may be two answers.
3. After the commit the node restarts (`rebooted`); only then what it tells is the truth.

Only the node on the port itself is written to: others need the owner's keys. Sources: meshtastic/python (node,
stream_interface), meshtastic/firmware (AdminModule, PhoneAPI).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tracker_codecs.answers import Matcher, nothing
from tracker_codecs.contract import (
    Command,
    Dialogue,
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
from tracker_codecs.families.meshtastic import packets, proto
from tracker_codecs.families.meshtastic import settings as values
from tracker_codecs.families.meshtastic.packets import Said
from tracker_codecs.families.meshtastic.proto import Field

TIMEOUT = 30.0
#: Seconds a restart may take to begin; it is due some seconds after the commit.
RESTART = 30.0
PAUSE = 0.1
#: The number that public clients use where they want the configuration without all nodes heard.
NONCE = 69420


@dataclass(slots=True)
class _Node:
    """What a reading told."""

    number: int = 0
    config: list[Field] | None = None
    known: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    assumed: bool = False


def _said(message: Message) -> Said | None:
    return message.data if isinstance(message.data, Said) and not message.data.from_client else None


def _dumped(message: Message) -> Match:
    """A part of the answer to want_config_id, or its end."""
    said = _said(message)
    if said is None:
        return Match.NO
    if said.variant == "config_complete_id":
        return Match.DONE if said.value == NONCE else Match.NO
    wanted = said.variant in ("my_info", "metadata") or (
        said.variant == "config" and isinstance(said.value, bytes) and packets.position_of(said.value) is not None
    )
    return Match.PART if wanted else Match.NO


def _handled(number: int, node: int, *, restart: bool = False) -> Matcher:
    """Matcher of the routing answer to this packet; with `restart` the node has to come up again as well."""

    def match(message: Message) -> Match:
        said = _said(message)
        if said is None:
            return Match.NO
        if restart and said.variant == "rebooted":
            return Match.DONE
        packet = said.packet
        if packet is None or (packet.port, packet.request) != (packets.ROUTING_APP, number):
            return Match.NO
        error = packets.routing_error(packet) if packet.sender in (0, node) else None
        if error is None:
            return Match.NO
        if error:
            return Match.REFUSED
        return Match.PART if restart else Match.DONE

    return match


def _ask(target: Target, purpose: Purpose, fields: Sequence[str], tries: int) -> Step[_Node]:
    """Everything that the node has stored, asked up to `tries` times: a node that just woke up or restarted is slow."""
    for _ in range(tries):
        if target.transport is Transport.SERIAL:
            # Nothing answers this: waiting for nothing is the pause that the node needs.
            pause = "nothing: a pause of 0.1 s"
            yield Command(packets.WAKE_UP, "wake-up", Purpose.PROBE, pause, nothing, timeout=PAUSE)
        reply = yield Command(
            packets.want_config(NONCE),
            f"want_config_id {NONCE}",
            purpose,
            f"my_info, config.position, config_complete_id {NONCE}",
            _dumped,
            tuple(fields),
            TIMEOUT,
        )
        if reply.assumed:
            return _Node(assumed=True)
        if reply.ok:
            return _understood(reply.messages)
    return _Node(silent=True)


def _understood(messages: Sequence[Message]) -> _Node:
    node = _Node()
    for message in messages:
        said = _said(message)
        if said is None or not isinstance(said.value, bytes):
            continue
        if said.variant == "my_info":
            node.number = proto.number(proto.parse(said.value), 1) & 0xFFFFFFFF
        elif said.variant == "metadata":
            firmware, hardware = packets.metadata(said.value)
            node.known |= {"firmware": firmware} if firmware else {}
            node.known["hardware"] = f"hardware model {hardware}"
        else:
            node.config = packets.position_of(said.value)
    return node


def _stranger(node: _Node, number: int) -> str:
    """Why the node on the port must not be written to; empty when it is the one meant."""
    if node.number != number:
        return f"the node on this link is {packets.node_id(node.number)}; others cannot be reached through it"
    return "" if node.config is not None else "the node told no position section"


def _refusal(reply: Reply) -> str:
    said = _said(reply.messages[-1]) if reply.messages else None
    error = packets.routing_error(said.packet) if said and said.packet else None
    return f"refused by the node: {packets.ERRORS.get(error or 0, error)}"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`; an id that is none is refused at once, not when the first command is asked for."""
    return _apply(target, wanted, packets.number_of(target.device_id))


def _apply(target: Target, wanted: Settings, number: int) -> Dialogue:
    course, names = Course(wanted), tuple(wanted)
    before = yield from _ask(target, Purpose.READ, names, 2)
    course.known, course.unanswered = before.known, before.silent
    if before.silent:
        return course.judged()
    if not before.assumed and (reason := _stranger(before, number)):
        return course.refuse(reason)
    had = before.config or []
    steps = (
        ("begin_edit_settings", packets.BEGIN_EDIT),
        ("set_config position, whole", packets.set_position(values.changed(had, wanted))),
        ("commit_edit_settings", packets.COMMIT_EDIT),
    )
    course.written.update(names)
    refused, stored = "", False
    for step, (text, payload) in enumerate(steps):
        packet_id = (target.serial + step) & 0xFFFFFFFF or 1
        last = step == 2
        reply = yield Command(
            packets.admin(number, packet_id, payload),
            text,
            Purpose.WRITE,
            f"routing answer to {packet_id:08x}" + (", then rebooted" if last else ""),
            _handled(packet_id, number, restart=last),
            names if step == 1 else (),
            RESTART if last else TIMEOUT,
            depends_on_read=step == 1,
        )
        if reply.verdict is Verdict.REFUSED:
            refused = refused or _refusal(reply)
        elif reply.verdict is Verdict.TIMEOUT and not reply.messages:
            course.unanswered = True
            return course.judged()
        elif step == 1:
            stored = reply.ok
        # The transaction is closed even where its content was refused: the node must not wait for ever.
    after = yield from _ask(target, Purpose.READ_BACK, names, 3)
    course.known = before.known | after.known
    course.unanswered = after.silent
    if refused:
        course.refused = dict.fromkeys(names, refused)
    elif stored:
        course.acknowledged.update(names)
    if after.silent or after.assumed or _stranger(after, number):
        return course.judged()
    told = after.config or []
    if not values.kept(had, told):
        course.known["not_preserved"] = "other fields of the position section"
    return course.judged(values.decode(told))


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    return _read(target, wanted, packets.number_of(target.device_id))


def _read(target: Target, wanted: Sequence[str], number: int) -> Dialogue:
    node = yield from _ask(target, Purpose.READ, wanted, 2)
    told = {} if _stranger(node, number) else values.decode(node.config or [])
    return Outcome({}, told, node.known, node.silent)


def identify(target: Target) -> Dialogue:
    """See `Family.identify`: number of the node, firmware, number of the hardware model."""
    node = yield from _ask(target, Purpose.PROBE, (), 2)
    known = dict(node.known)
    if node.number:
        known |= {"device_id": packets.node_id(node.number), "model": "meshtastic"}
    return Outcome({}, known=known, unanswered=node.silent)


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: text is an AdminMessage in hex, sent to the target; bytes go as they are."""
    if isinstance(text, bytes):
        return Command(text, "an operator's own bytes", Purpose.RAW, "any frame of the node", _any, timeout=TIMEOUT)
    try:
        payload = bytes.fromhex(text)
        proto.parse(payload)
    except Exception as error:
        raise LocalError("must be an AdminMessage in hex, such as 2801", parameter="command") from error
    number, packet_id = packets.number_of(target.device_id), target.serial & 0xFFFFFFFF or 1
    data = packets.admin(number, packet_id, payload)
    if not payload or len(data) > 4 + packets.MAX_PAYLOAD:
        raise LocalError("is empty or too long for a frame", parameter="command")
    handled = _handled(packet_id, number)

    def match(message: Message) -> Match:
        said = _said(message)
        packet = said.packet if said else None
        if packet and (packet.port, packet.request) == (packets.ADMIN_APP, packet_id):
            return Match.DONE
        return handled(message)

    return Command(data, f"admin {payload.hex()}", Purpose.RAW, f"an answer to {packet_id:08x}", match, timeout=TIMEOUT)


def _any(message: Message) -> Match:
    said = _said(message)
    return Match.DONE if said and said.variant != "text" else Match.NO
