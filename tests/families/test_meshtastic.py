"""Meshtastic: frames by the published definitions, traps of the wire, dialogues with emulated nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import (
    Event,
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Severity,
    Stream,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.meshtastic import packets, proto
from tracker_codecs.families.meshtastic import settings as registers
from tracker_codecs.families.meshtastic.emulator import MeshtasticEmulator
from tracker_codecs.families.meshtastic.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "meshtastic" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
NODE = "9e7595c4"
ASKED = {
    "tracking_interval": 300,
    "gps_interval": 30,
    "smart_position": True,
    "tracking_distance": 50,
    "smart_min_interval": 60,
}


def raw(case: str) -> bytes:
    return bytes.fromhex(CASES[case]["data"])


#: my_info with the node number of the vectors: field 3, in it field 1.
MY_INFO = bytes.fromhex("94c3000a08011a0608c4abd6f309")


def target(**more: Any) -> Target:
    return Target(NODE, variant="node", **{"serial": 0x11223345, **more})


def known_stream() -> Stream:
    """A stream that has heard who the node is."""
    stream = FAMILY.stream()
    (hello,) = stream.feed(MY_INFO)
    assert isinstance(hello, Message)
    assert (hello.kind, hello.device_id) == (Kind.LOGIN, NODE)
    return stream


def one(data: bytes) -> Message:
    (event,) = known_stream().feed(data)
    assert isinstance(event, Message)
    return event


def applied(
    asked: dict[str, Any], at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, MeshtasticEmulator]:
    unit = FAMILY.emulator(NODE, "node", **emulator)
    assert isinstance(unit, MeshtasticEmulator)
    exchanges, outcome = against_emulator(FAMILY.apply(at or target(), asked), unit, FAMILY.stream())
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


NOT_SHOWN = {"note", "payload_length", "expect", "want_response", "session_passkey"}


@pytest.mark.parametrize("case", CASES)
def test_frame(case: str) -> None:
    found = CASES[case]
    host = found["direction"] == "server_to_device"
    events = FAMILY.server(raw(case)) if host else known_stream().feed(raw(case))
    message = events[-1]
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    for key, value in found["means"].items():
        if key not in NOT_SHOWN:
            assert told[key] == value, key
    if "payload_length" in found["means"]:
        assert len(message.frame) - 4 == found["means"]["payload_length"]
    assert not any(isinstance(event, PeerError) for event in events)
    assert message.device_id == (None if host else NODE)


def test_our_frames_are_the_published_ones() -> None:
    node = int(NODE, 16)
    assert packets.want_config(69420) == raw("want-config")
    assert packets.admin(node, 0x11223344, packets.GET_POSITION) == raw("get-position-config")
    assert packets.admin(node, 0x11223345, packets.BEGIN_EDIT) == raw("begin-edit")
    assert raw("wake-up") == packets.WAKE_UP


def test_a_change_sends_the_whole_section() -> None:
    """From the section of one vector and the wanted settings comes exactly the set_config of another."""
    before = FAMILY.fields(one(raw("config-dump-position")))["position"]
    said = packets.understand(raw("config-dump-position")[4:])
    assert isinstance(said.value, bytes)
    had = packets.position_of(said.value)
    assert had is not None
    assert packets.shown(had) == before
    changed = packets.set_position(registers.changed(had, ASKED))
    assert packets.admin(int(NODE, 16), 0x11223346, changed) == raw("set-position-config")


def test_unknown_fields_go_back_as_they_came() -> None:
    rest = bytes.fromhex("6d01020304790102030405060708f20103616263820700")
    strange = bytes.fromhex("08840710011801") + rest
    parsed = proto.parse(strange)
    assert proto.build(parsed) == strange
    changed = proto.build(registers.changed(parsed, {"tracking_interval": 60, "smart_position": False}))
    assert changed == bytes.fromhex("083c1801") + rest


@pytest.mark.parametrize(
    "bad", ["08", "0a05", "0aff", "ff", "00", "0b", "0c", "0e", "08ffffffffffffffffffff01", "0d0102"]
)
def test_broken_protobuf_is_the_peers_fault(bad: str) -> None:
    with pytest.raises(PeerError):
        proto.parse(bytes.fromhex(bad))


def _seen(events: Any) -> list[Any]:
    return [e if isinstance(e, Message) else (e.reason, e.discarded, e.fatal) for e in events]


PIECES = [
    *map(raw, CASES),
    MY_INFO,
    b"\x94",
    b"\xc3",
    b"\x94\xc3",
    b"DEBUG | boot\r\n",
    b"\x94\xc3\xff\xff",
    b"\xfe" * 300,
]


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=6))
def test_any_mixture_is_bounded_and_split_anywhere_alike(parts: list[bytes]) -> None:
    data = b"".join(parts)
    for make in (FAMILY.stream, lambda: FAMILY.stream(Transport.TCP)):
        whole, single = make(), make()
        events = [event for at in range(len(data)) for event in single.feed(data[at : at + 1])]
        found = whole.feed(data)
        assert _seen(found) == _seen(events)
        assert whole.buffered == single.buffered <= FAMILY.limits.max_frame
        for event in found:
            if isinstance(event, Message):
                FAMILY.fields(event)


def test_frames_are_found_behind_text_false_starts_and_nonsense() -> None:
    data = b"\x1b[34mDEBUG\x1b[0m | boot\r\n" + b"\x94\xc3\x02\x01" + b"\x94\xc3\0\2\xff\xff" + raw("config-complete")
    events: list[Event] = list(FAMILY.stream().feed(data))
    assert isinstance(events[0], Message)
    assert events[0].text.endswith("| boot")
    assert isinstance(events[-1], Message)
    assert events[-1].frame == raw("config-complete")
    assert next(e.reason for e in events if isinstance(e, PeerError)) == "a length beyond 512"


def test_what_is_only_heard_on_the_mesh_is_not_this_nodes() -> None:
    other = raw("position").replace(bytes.fromhex("c495759e"), bytes.fromhex("c495759f"))
    message = one(other)
    assert (message.kind, message.device_id) == (Kind.OTHER, None)
    assert FAMILY.fields(message)["from"] == "9f7595c4"
    assert one(raw("position")).kind is Kind.REPORT


def test_keys_do_not_get_out() -> None:
    unit, stream = FAMILY.emulator(NODE, "node"), FAMILY.stream()
    said = unit.receive(raw("want-config"))
    assert any(b"private key" in datum.data for datum in said)
    heard = [event for datum in said for event in stream.feed(datum.data)]
    assert all(isinstance(event, Message) for event in heard)
    assert not any(b"private key" in event.frame for event in heard if isinstance(event, Message))


def test_recognition() -> None:
    assert FAMILY.recognise(raw("config-complete")) is True
    for open_ in (b"", b"\x94", b"\x94\xc3", b"\x94\xc3\0"):
        assert FAMILY.recognise(open_) is None
    for no in (b"GET /", b"\x16\x03\x01\x02", b"\x94\xc3\xff\xff", b"\xb5\x62\x05\x01", b"\r\n\r\n"):
        assert FAMILY.recognise(no) is False


# -- dialogues -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("transport", [Transport.SERIAL, Transport.TCP])
def test_confirmed_after_the_restart(transport: Transport, echo: bool) -> None:
    at = target(transport=transport)
    exchanges, outcome, unit = applied(ASKED, at, options={"echo": echo})
    assert set(states(outcome).values()) == {"confirmed"}
    assert unit.settings == ASKED
    payloads = [x.command.payload for x in exchanges if x.command.payload != packets.WAKE_UP]
    assert payloads[:3] == [raw("want-config"), raw("begin-edit"), raw("set-position-config")]
    assert payloads[4:] == [raw("want-config")]
    assert (packets.WAKE_UP in [x.command.payload for x in exchanges]) == (transport is Transport.SERIAL)
    assert [x.command.depends_on_read for x in exchanges if x.command.purpose.value == "write"] == [False, True, False]
    commit = next(x for x in exchanges if x.command.text.startswith("commit"))
    assert len(commit.reply.messages) == 2  # the answer and the restart
    assert outcome.known == {"firmware": "2.7.11.ee68575", "hardware": "hardware model 43"}
    dry, assumed = against_nobody(FAMILY.apply(at, ASKED))
    same = [(a.command, b.command) for a, b in zip(dry, exchanges, strict=True) if not a.command.depends_on_read]
    assert all(a.payload == b.payload for a, b in same)
    assert set(states(assumed).values()) == {"written"}


def test_one_field_changes_and_nothing_else() -> None:
    exchanges, outcome, unit = applied({"tracking_interval": 300}, target(serial=0x11223346))
    assert states(outcome) == {"tracking_interval": "confirmed"}
    # With the same ids: what must never be sent, because it would switch the GPS off.
    assert raw("set-position-config-partial-bad") not in [x.command.payload for x in exchanges]
    assert unit.settings["gps_interval"] == 120
    assert packets.shown(unit.position)["gps_mode"] == "ENABLED"
    assert packets.shown(unit.position)["position_flags"] == 811


def test_zero_and_false_are_values() -> None:
    _, outcome, unit = applied({"smart_position": False, "gps_interval": 0})
    assert set(states(outcome).values()) == {"confirmed"}
    assert unit.settings["smart_position"] is False


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("name", ["tracking_interval", "gps_interval", "tracking_distance"])
def test_faults(name: str, echo: bool) -> None:
    more = {"options": {"echo": echo}}
    _, outcome, _ = applied(ASKED, faults=Faults(clamp={name: (1000, 2000)}), **more)
    assert (outcome.fields[name].state, outcome.fields[name].reported) == (FieldState.MISMATCHED, 1000)
    _, outcome, _ = applied(ASKED, faults=Faults(ignore=frozenset({name})), **more)
    assert outcome.fields[name].state is FieldState.MISMATCHED
    _, outcome, _ = applied(ASKED, faults=Faults(refuse=frozenset({name})), **more)
    assert outcome.fields[name].state is FieldState.REJECTED
    assert "BAD_REQUEST" in outcome.fields[name].reason
    exchanges, outcome, _ = applied(ASKED, faults=Faults(silent=True), **more)
    assert outcome.unanswered
    assert {x.command.purpose.value for x in exchanges} == {"read"}


def test_a_managed_node_refuses() -> None:
    _, outcome, unit = applied(ASKED, options={"managed": True})
    assert {name for name, state in states(outcome).items() if state == "rejected"} == ASKED.keys() - {"smart_position"}
    assert states(outcome)["smart_position"] == "confirmed"  # it was so before
    assert unit.settings["tracking_interval"] == 900
    assert "NOT_AUTHORIZED" in outcome.fields["gps_interval"].reason


def test_another_node_on_the_port_is_left_alone() -> None:
    unit = FAMILY.emulator("0badcafe", "node")
    exchanges, outcome = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert len(exchanges) == 1
    assert set(states(outcome).values()) == {"rejected"}
    assert "0badcafe" in outcome.fields["gps_interval"].reason


def test_answers_match_by_request_and_sender() -> None:
    exchanges, _, _ = applied(ASKED, target(transport=Transport.TCP))
    write = exchanges[2].command
    ack, nak = one(raw("routing-ack")), one(raw("routing-nak-not-authorized"))
    assert write.match(ack) is Match.DONE
    assert write.match(nak) is Match.REFUSED
    assert exchanges[1].command.match(ack) is Match.NO  # of begin_edit_settings, with another id
    foreign = one(raw("routing-ack").replace(bytes.fromhex("0dc495759e"), bytes.fromhex("0dc495759f")))
    assert write.match(foreign) is Match.NO
    assert write.match(one(raw("config-complete"))) is Match.NO
    assert exchanges[0].command.match(one(raw("config-complete"))) is Match.DONE


def test_damaged_read_back_confirms_nothing_wrong() -> None:
    exchanges, _, unit = applied(ASKED, target(transport=Transport.TCP))
    frames = [message.frame for message in exchanges[-1].reply.messages]
    whole = b"".join(frames)
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [e for e in FAMILY.stream().feed(bytes(broken)) if isinstance(e, Message)]
        dialogue = FAMILY.apply(target(transport=Transport.TCP), ASKED)
        next(dialogue)
        for exchange in exchanges[:-2]:
            dialogue.send(exchange.reply)
        command = dialogue.send(exchanges[-2].reply)
        outcome: Outcome | None = None
        try:
            for _ in range(3):
                command = dialogue.send(collect(command, heard))
        except StopIteration as stop:
            outcome = stop.value
        assert outcome is not None
        for name, found in outcome.fields.items():
            if found.state is FieldState.CONFIRMED:
                assert found.reported == unit.settings[name] == ASKED[name]


def test_identification_needs_no_id() -> None:
    unit = FAMILY.emulator(NODE, "node")
    _, outcome = against_emulator(FAMILY.identify(Target("", transport=Transport.SERIAL)), unit, FAMILY.stream())
    assert outcome.known["device_id"] == NODE
    assert outcome.known["firmware"] == "2.7.11.ee68575"
    assert outcome.known["model"] == "meshtastic"


def test_reading_and_checks() -> None:
    unit = FAMILY.emulator(NODE, "node", settings=ASKED)
    assert against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())[1].reported == ASKED
    for name, bad in (
        ("tracking_interval", 29),
        ("gps_interval", 1 << 32),
        ("smart_position", 1),
        ("gps_interval", True),
    ):
        (problem,) = FAMILY.check(target(), {name: bad})
        assert problem.severity is Severity.REFUSE
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {name: bad})
    with pytest.raises(LocalError, match="node number"):
        FAMILY.apply(Target("bench", variant="node"), ASKED)
    assert [p.severity for p in FAMILY.check(target(), {"x": 1})] == [Severity.UNSUPPORTED]


def test_raw_commands() -> None:
    command = FAMILY.raw(target(serial=0x11223344), "2801")
    assert command.payload == raw("get-position-config")
    assert collect(command, [one(raw("get-config-response"))]).verdict is Verdict.ANSWERED
    assert FAMILY.raw(target(), raw("heartbeat")).payload == raw("heartbeat")
    for bad in ("", "zz", "08", "0a" + "ff" * 3):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), bad)


def test_emulated_reports_renaming_and_comparison() -> None:
    unit = FAMILY.emulator(NODE, "node")
    (datum,) = unit.report(datetime(2026, 5, 1, 12, 30, tzinfo=UTC))
    message = one(datum.data)
    assert message.kind is Kind.REPORT
    assert FAMILY.fields(message)["latitude"] == 48.85833
    renamed = FAMILY.rename(raw("routing-ack"), NODE, "9f7595c4")
    assert renamed == raw("routing-ack").replace(bytes.fromhex("c495759e"), bytes.fromhex("c495759f"))
    assert FAMILY.fields(one(MY_INFO))["node"] == NODE
    assert b"\xc4\xab\xd6\xf3\x09" not in FAMILY.rename(MY_INFO, NODE, "9f7595c4")
    other = raw("routing-ack").replace(bytes.fromhex("88776655"), bytes.fromhex("00776655"))
    assert other != raw("routing-ack")
    assert FAMILY.normalise(other) == FAMILY.normalise(raw("routing-ack"))
    with pytest.raises(LocalError):
        FAMILY.rename(raw("routing-ack"), NODE, "node")
