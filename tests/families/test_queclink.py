"""Queclink @Track: documented and recorded frames, traps of the protocol, dialogues with emulated units."""

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
    Checksum,
    Emulator,
    Event,
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Problem,
    Purpose,
    Reply,
    Severity,
    Strength,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.queclink import FAMILY
from tracker_codecs.families.queclink.emulator import QueclinkEmulator
from tracker_codecs.families.queclink.layout import HexAck
from tracker_codecs.families.queclink.messages import fields as decode_fields

FIXTURE = yaml.safe_load(Path("firmware-fixtures/queclink/frames.yaml").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in FIXTURE["cases"]}
IMEI = "135790246811220"
GL200 = {
    "type": "interval",
    "tracking_interval": 300,
    "tracking_distance": 100,
    "tracking_angle": 30,
    "psm_interval": 600,
    "movement_detection": False,
    "non_movement_duration": 420,
}
GL500 = {"type": "interval", "tracking_interval": 2, "wakeup_time": "10:00", "psm_interval": 8}
GT300 = {
    "tracking_interval": 900,
    "start_time": "0100",
    "end_time": "2300",
    "movement_detection": False,
    "min_speed": 10,
    "min_distance": 200,
}
GV = {
    "type": "interval",
    "tracking_interval": 30,
    "tracking_distance": 100,
    "tracking_angle": 30,
    "psm_mode": 0,
    "psm_interval": 900,
}
ASKED: dict[str, dict[str, Any]] = {"gl200": GL200, "gl500": GL500, "gv500": GV, "gv55lite": GV}


def raw(case: str) -> bytes:
    found = CASES[case]
    return bytes.fromhex(found["data"]) if found["encoding"] == "hex" else found["data"].encode("ascii")


def target(variant: str, **more: Any) -> Target:
    return Target(IMEI, variant=variant, serial=32, **more)


def applied(
    variant: str, asked: dict[str, Any], at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, Any]:
    unit = FAMILY.emulator(IMEI, variant, **emulator)
    at = at or target(variant, options=emulator.get("options", {}))
    exchanges, outcome = against_emulator(FAMILY.apply(at, asked), unit, FAMILY.stream(at.transport))
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


def sections(unit: Emulator) -> dict[str, list[str]]:
    assert isinstance(unit, QueclinkEmulator)
    return unit.sections


def messages(data: bytes, transport: Transport = Transport.TCP) -> list[Message]:
    events = list(FAMILY.stream(transport).feed(data))
    assert all(isinstance(event, Message) for event in events), events
    return [event for event in events if isinstance(event, Message)]


# -- frames ----------------------------------------------------------------------------------------------------------
def matches(found: dict[str, Any], means: dict[str, Any]) -> None:
    for key, value in means.items():
        if key in ("note", "server_owes", "server_owes_if_sack", "commands"):
            continue
        if isinstance(value, dict):
            matches(found[key], value)
        else:
            assert found[key] == value, key


@pytest.mark.parametrize("case", [c["id"] for c in FIXTURE["cases"] if c["direction"] == "device_to_server"])
def test_device_frame(case: str) -> None:
    found, means = CASES[case], CASES[case]["means"]
    stream = FAMILY.stream(Transport(found.get("transport", "tcp")))
    if "server_owes_if_sack" in means:
        stream.bind(target("gl200", options={"sack": "on"}))
    (message,) = stream.feed(raw(case))
    assert isinstance(message, Message)
    matches(FAMILY.fields(message), means)
    owed = means.get("server_owes", means.get("server_owes_if_sack", "")).encode("ascii")
    # The old dialect's documents end nothing; Traccar ends the heartbeat's answer with 00.
    assert message.owed == (owed + b"\0" if means.get("dialect") == "gl100" and owed else owed)
    if "imei" in means:
        assert message.device_id == stream.device_id == means["imei"]
    if found.get("checksum_verified"):
        assert message.checksum is Checksum.OK
        broken = bytearray(raw(case))
        broken[-8] ^= 1
        (event,) = FAMILY.stream().feed(bytes(broken))
        assert isinstance(event, PeerError)
    assert stream.buffered == 0
    assert FAMILY.recognise(raw(case)) is True


@pytest.mark.parametrize("case", [c["id"] for c in FIXTURE["cases"] if c["direction"] == "server_to_device"])
def test_server_frame(case: str) -> None:
    means = CASES[case]["means"]
    events = FAMILY.decode_server(raw(case))
    decoded = [FAMILY.fields(event) for event in events if isinstance(event, Message)]
    assert len(decoded) == len(events)
    if "commands" in means:
        assert [found["command"] for found in decoded] == means["commands"]
        return
    (found,) = decoded
    matches(found, means)


def test_partial_commands_are_written_like_public_production_code_writes_them() -> None:
    exchanges, _, _ = applied("gl500", GL500, at=target("gl500", options={"count_gbc": 22}), options={"count_gbc": 22})
    ours, theirs = exchanges[1].command.payload, raw("cmd-gbc-gl500-5min-motion")
    assert ours.count(b",") == theirs.count(b",")
    read = exchanges[0].command.payload
    assert read == raw("cmd-rto-read-cfg").replace(b"gl300", b"gl500").replace(b"CFG", b"GBC").replace(b"000F", b"0020")


# -- traps of the wire -----------------------------------------------------------------------------------------------
def test_one_chunk_is_byte_by_byte() -> None:
    parts = [raw(c["id"]) for c in FIXTURE["cases"] if c["direction"] == "device_to_server" and "transport" not in c]
    data = b"x\r\n+ACK" + b"\r\n".join(parts) + b"+RSP\x01\x02\xff\xff garbage that is long enough +AC" + parts[0]
    single = FAMILY.stream()
    events = [event for at in range(len(data)) for event in single.feed(data[at : at + 1])]
    assert _seen(FAMILY.stream().feed(data)) == _seen(events)


def _seen(events: Any) -> list[Any]:
    return [e if isinstance(e, Message) else (e.reason, e.discarded, e.fatal) for e in events]


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*(raw(c)[:40] for c in CASES), *map(raw, CASES), b"\0", b"+ACK", b"-\0"]), max_size=6))
def test_any_mixture_is_bounded_and_split_anywhere_alike(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, single = FAMILY.stream(), FAMILY.stream()
    events = [event for at in range(len(data)) for event in single.feed(data[at : at + 1])]
    assert _seen(whole.feed(data)) == _seen(events)
    assert whole.buffered == single.buffered <= FAMILY.limits.max_frame


def test_frames_end_at_dollar_or_nul_and_stray_ends_are_dropped() -> None:
    plain = raw("fri-gl200")
    found = messages(b"\0\0" + plain[:-1] + b"\0\0" + plain.replace(b"0002$", b" 0003 \r\n$"))
    assert [decode_fields(message)["count"] for message in found] == ["0002", "0003"]


def test_a_frame_without_an_end_is_given_up_at_the_maximum() -> None:
    stream = FAMILY.stream()
    events: list[Event] = []
    for _ in range(40):
        events += stream.feed(b"+RESP:GTFRI," + b"1" * 500)
        assert stream.buffered <= FAMILY.limits.max_frame
    assert events
    assert all(isinstance(event, PeerError) for event in events)
    assert [e for e in stream.feed(b"$" + raw("hbd-gl300")) if isinstance(e, Message)][-1].kind is Kind.HEARTBEAT


def test_a_cut_frame_does_not_swallow_the_next_one() -> None:
    events = FAMILY.stream().feed(raw("fri-gl200")[:60] + raw("ack-fri-gl300"))
    assert isinstance(events[0], PeerError)
    assert isinstance(events[1], Message)
    assert events[1].frame == raw("ack-fri-gl300")


def test_hex_lengths_beyond_bounds_are_refused_at_the_header() -> None:
    for length in (b"\0\0", b"\0\x0a", b"\xff\xff"):
        stream = FAMILY.stream()
        stream.feed(b"+RSP\x01\0\0\0\0" + length + b"z" * 64)
        assert stream.buffered == 0


def test_udp_datagrams_stand_alone() -> None:
    stream = FAMILY.stream(Transport.UDP)
    (event,) = stream.feed(raw("fri-gl200")[:-5])
    assert isinstance(event, PeerError)
    assert stream.buffered == 0
    assert len(stream.feed(raw("fri-gl200") + raw("hbd-gl300"))) == 2


def test_sack_is_off_until_a_frame_comes_twice_and_a_resent_frame_is_no_second_report() -> None:
    stream = FAMILY.stream()
    stream.bind(target("gl200", options={"sack": "auto"}))
    first, again, other = stream.feed(
        raw("fri-gl200") + raw("fri-gl200").replace(b"+RESP", b"+BUFF") + raw("inf-gl300")
    )
    assert isinstance(first, Message)
    assert isinstance(again, Message)
    assert isinstance(other, Message)
    assert (first.kind, first.owed) == (Kind.REPORT, b"")
    assert (again.kind, again.owed) == (Kind.OTHER, b"+SACK:0002$")
    assert other.owed == b"+SACK:022C$"
    assert FAMILY.fields(again)["resent"] is True


@pytest.mark.parametrize(
    ("option", "owed"), [("on", b"+SACK:0002$"), (True, b"+SACK:0002$"), ("off", b""), (False, b"")]
)
def test_sack_option(option: object, owed: bytes) -> None:
    stream = FAMILY.stream()
    stream.bind(target("gl200", options={"sack": option}))
    for event in stream.feed(raw("fri-gl200") * 2):
        assert isinstance(event, Message)
        assert event.owed == owed


def test_the_old_dialect_is_never_sacked() -> None:
    stream = FAMILY.stream()
    stream.bind(target("gt300", options={"sack": "on"}))
    for event in stream.feed(raw("tri-gt300") * 2):
        assert isinstance(event, Message)
        assert event.owed == b""


def test_on_a_serial_port_every_line_ends_with_cr_lf() -> None:
    exchanges, outcome, _ = applied(
        "gv500", GV, target("gv500", transport=Transport.SERIAL), transport=Transport.SERIAL
    )
    assert all(exchange.command.payload.endswith(b"$\r\n") for exchange in exchanges)
    assert outcome.fields["type"].state is FieldState.CONFIRMED
    (hello,) = FAMILY.stream(Transport.SERIAL).feed(raw("hbd-gl300") + b"\r\n")
    assert isinstance(hello, Message)
    assert hello.owed == b"+SACK:GTHBD,1A0102,11F0$\r\n"


def test_recognition_waits_and_refuses() -> None:
    assert FAMILY.recognise(b"") is None
    assert FAMILY.recognise(b"+RES") is None
    assert FAMILY.recognise(b"+ACK") is None
    for other in (
        b"GET / HTTP/1.1",
        b"\x78\x78\x0d\x01",
        b"+RESP?",
        b"AT+CSQ",
        b"\x16\x03\x01",
        b"+RSP\x01\0\0\0\0\xff\xff",
    ):
        assert FAMILY.recognise(other) is False


def test_normalise_blanks_what_varies() -> None:
    assert FAMILY.normalise(raw("cmd-fri-gv55")) == raw("cmd-fri-gv55").replace(b"FFFF", b"****")
    assert FAMILY.normalise(raw("cmd-tri-gl100-doc")).endswith(b"5,60,**************")
    assert FAMILY.normalise(raw("ack-fri-gl300")).endswith(b",0007,**************,****$")


# -- what fits -------------------------------------------------------------------------------------------------------
def problems(variant: str, asked: dict[str, Any], **more: Any) -> dict[str, Problem]:
    return {problem.field: problem for problem in FAMILY.check(target(variant, **more), asked)}


@pytest.mark.parametrize(
    ("variant", "field", "bad", "good"),
    [
        ("gl200", "non_movement_duration", [0, 10, 20, 3840, -15], [15, 3825]),
        ("gl200", "tracking_interval", [4, 86401, -1], [5, 86400]),
        ("gl200", "tracking_angle", [181, -1], [0, 180]),
        ("gl500", "psm_interval", [5, 0, 48], [1, 24]),
        ("gl500", "tracking_interval", [0], [1]),
        ("gv500", "tracking_interval", [4, 86401], [5, 86400]),
        ("gv500", "psm_interval", [0, 86401], [1, 86400]),
        ("gv55lite", "tracking_angle", [181], [180]),
    ],
)
def test_values_that_do_not_fit_are_refused(variant: str, field: str, bad: list[int], good: list[int]) -> None:
    for value in bad:
        asked = {**ASKED[variant], field: value}
        assert problems(variant, asked)[field].severity is Severity.REFUSE
        with pytest.raises(LocalError) as caught:
            FAMILY.apply(target(variant), asked)
        assert caught.value.parameter == field
    for value in good:
        assert field not in problems(variant, {**ASKED[variant], field: value})


def test_fields_without_effect_are_told_whatever_their_value() -> None:
    unsupported = {
        ("gl200", "interval"): {"tracking_distance", "psm_interval"},
        ("gl200", "distance"): {"psm_interval"},
        ("gl200", "power_save"): {"tracking_interval", "tracking_distance", "tracking_angle"},
        ("gv500", "interval"): {"tracking_distance"},
        ("gv55lite", "distance"): {"tracking_interval"},
        ("gl500", "interval"): {"type"},
    }
    for (variant, kind), fields in unsupported.items():
        found = problems(variant, {**ASKED[variant], "type": kind})
        assert set(found) == fields
        assert all(problem.severity is Severity.UNSUPPORTED and problem.reason for problem in found.values())
    assert "psm_interval" in problems("gv500", {**GV, "psm_mode": 1, "psm_interval": -1})
    assert problems("gv500", {**GV, "psm_mode": 1})["psm_interval"].severity is Severity.UNSUPPORTED
    assert problems("gv500", {**GV, "tracking_interval": 1}, options={"interval_min": 1}).keys() == {
        "tracking_distance"
    }


# -- dialogues -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ASKED)
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_confirmed_and_dry_run_writes_the_same(variant: str, transport: Transport) -> None:
    at = target(variant, transport=transport)
    exchanges, outcome, unit = applied(variant, ASKED[variant], at, transport=transport)
    told = set(problems(variant, ASKED[variant]))
    for name, found in outcome.fields.items():
        assert found.state is (FieldState.UNSUPPORTED if name in told else FieldState.CONFIRMED), name
        if name not in told:
            assert unit.settings[name] == found.reported == ASKED[variant][name]
            assert found.strength is Strength.READ_BACK
    dry, assumed = against_nobody(FAMILY.apply(at, ASKED[variant]))
    assert [x.command.payload for x in dry] == [x.command.payload for x in exchanges]
    assert FieldState.CONFIRMED not in {found.state for found in assumed.fields.values()}
    for exchange in exchanges:
        assert exchange.command.secrets[0] in exchange.command.payload
        assert b"***" not in exchange.command.payload
        assert exchange.command.secrets[0].decode() + "," not in exchange.command.text


def test_the_gl_types_are_mode_and_gps_power_together() -> None:
    fri, gps = (
        {"interval": "1", "distance": "2", "power_save": "1"},
        {"interval": "2", "distance": "2", "power_save": "1"},
    )
    unit = FAMILY.emulator(IMEI, "gl200")
    for kind in ("power_save", "distance", "power_save", "interval"):
        asked = {**GL200, "type": kind}
        _, outcome = against_emulator(FAMILY.apply(target("gl200"), asked), unit, FAMILY.stream())
        assert outcome.fields["type"].state is FieldState.CONFIRMED
        stored = sections(unit)
        assert (stored["FRI"][0], stored["CFG"][4]) == (fri[kind], gps[kind])
        assert stored["FRI"][6:8] == (["600", "600"] if kind == "power_save" else ["300", "300"])


def test_distance_mode_without_gps_is_no_confirmation() -> None:
    unit = FAMILY.emulator(
        IMEI, "gl200", settings={**GL200, "type": "power_save"}, faults=Faults(ignore=frozenset({"type"}))
    )
    _, outcome = against_emulator(FAMILY.apply(target("gl200"), {**GL200, "type": "distance"}), unit, FAMILY.stream())
    assert outcome.fields["type"].state is FieldState.MISMATCHED
    sections(unit)["FRI"][0] = "2"
    _, outcome = against_emulator(FAMILY.read(target("gl200"), ["type"]), unit, FAMILY.stream())
    assert "type" not in outcome.reported


def test_other_arguments_survive() -> None:
    for variant, asked in ASKED.items():
        unit = FAMILY.emulator(IMEI, variant)
        before = {name: list(values) for name, values in sections(unit).items()}
        against_emulator(FAMILY.apply(target(variant), asked), unit, FAMILY.stream())
        changed = {
            (name, at)
            for name, values in before.items()
            for at, value in enumerate(values, 1)
            if sections(unit)[name][at - 1] != value
        }
        assert changed <= {
            *{("FRI", at) for at in (1, 7, 8, 9, 12, 13, 18)},
            *{("GBC", at) for at in (7, 8, 13)},
            *{("NMD", 1), ("NMD", 2), ("CFG", 5), ("CFG", 8)},
        }


def test_movement_bits_are_kept_and_the_rest_intervals_give_way() -> None:
    for present, wanted, left in (("6", True, "7"), ("7", False, "6"), ("E", True, "7"), ("F", False, "E")):
        unit = FAMILY.emulator(IMEI, "gl200")
        sections(unit)["NMD"][0] = present
        asked = {**GL200, "movement_detection": wanted}
        _, outcome = against_emulator(FAMILY.apply(target("gl200"), asked), unit, FAMILY.stream())
        assert sections(unit)["NMD"][0] == left
        assert outcome.fields["movement_detection"].state is FieldState.CONFIRMED


def test_a_unit_that_clears_empty_fields_gets_them_back() -> None:
    for variant in ("gl200", "gv500"):
        unit = FAMILY.emulator(IMEI, variant, options={"clears": True})
        before = {name: list(values) for name, values in sections(unit).items()}
        exchanges, outcome = against_emulator(FAMILY.apply(target(variant), ASKED[variant]), unit, FAMILY.stream())
        assert "not_preserved" not in outcome.known
        for name, values in before.items():
            now = sections(unit)[name]
            assert all(kept for value, kept in zip(values, now, strict=True) if value), (name, now)
        assert len(exchanges) < 32  # command numbers of one revision
        assert FieldState.MISMATCHED not in {found.state for found in outcome.fields.values()}


def test_the_units_own_number_of_fields_is_used() -> None:
    _, outcome, _ = applied("gv500", GV, target("gv500"), options={"count_cfg": 21, "count_fri": 18})
    assert outcome.fields["psm_mode"].state is FieldState.CONFIRMED
    assert (outcome.known["count_cfg"], outcome.known["count_fri"]) == ("21", "18")
    dry, _ = against_nobody(FAMILY.apply(target("gv500", known=outcome.known), GV))
    assert dry[3].command.payload.count(b",") == 22


def test_a_unit_without_gtals_is_asked_for_everything() -> None:
    exchanges, outcome, _ = applied("gl200", GL200, target("gl200"), options={"als": False})
    assert outcome.fields["movement_detection"].state is FieldState.CONFIRMED
    assert outcome.known["read"] == "all"
    assert [x.command.text.split(",")[2] for x in exchanges if "RTO" in x.command.text] == ["FRI", "", ""]


def test_without_any_read_back_nothing_is_confirmed_and_bits_are_not_guessed() -> None:
    exchanges, outcome, _ = applied("gl200", GL200, target("gl200"), options={"read": False})
    assert outcome.fields["tracking_interval"].state is FieldState.ACKNOWLEDGED
    assert outcome.fields["movement_detection"].state is FieldState.UNKNOWN
    assert [x.command.payload for x in exchanges if b"NMD=" in x.command.payload] == [
        b"AT+GTNMD=gl200,,28,,,,,,,,,,,,0024$".replace(b"0024", exchanges[-1].command.payload[-5:-1])
    ]


def test_clamped_ignored_refused_silent() -> None:
    clamp = Faults(clamp={"tracking_interval": (60, 900)})
    for variant in ("gl200", "gv500"):
        _, outcome, _ = applied(variant, {**ASKED[variant], "tracking_interval": 30}, faults=clamp)
        found = outcome.fields["tracking_interval"]
        assert (found.state, found.reported) == (FieldState.MISMATCHED, 60)
    for variant, name in (("gl200", "non_movement_duration"), ("gl500", "wakeup_time"), ("gv55lite", "psm_interval")):
        only = frozenset({name})
        _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(ignore=only))
        assert outcome.fields[name].state is FieldState.MISMATCHED
        _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(refuse=only))
        assert outcome.fields[name].state is FieldState.REJECTED
        assert "silence" in outcome.fields[name].reason
        _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(refuse=only), options={"nack": True})
        assert "wrong password or parameter" in outcome.fields[name].reason
        exchanges, outcome, _ = applied(variant, ASKED[variant], faults=Faults(silent=True))
        assert outcome.unanswered
        assert len(exchanges) == 1
        assert set(states(outcome).values()) <= {"unknown", "unsupported"}


def test_silence_over_udp_is_no_refusal() -> None:
    at = target("gv500", transport=Transport.UDP)
    faults = Faults(refuse=frozenset({"psm_mode"}))
    _, outcome, _ = applied("gv500", GV, at, transport=Transport.UDP, faults=faults)
    assert outcome.unanswered
    assert outcome.fields["psm_mode"].state is FieldState.MISMATCHED


def test_wrong_password() -> None:
    _, outcome, _ = applied("gv500", GV, target("gv500"), options={"password": "abcd", "nack": True})
    assert states(outcome)["type"] == "rejected"
    _, outcome, _ = applied("gv500", GV, target("gv500"), options={"password": "abcd"})
    assert outcome.unanswered
    _, outcome, _ = applied("gv500", GV, options={"password": "abcd"})
    assert states(outcome)["type"] == "confirmed"
    with pytest.raises(LocalError):
        FAMILY.apply(target("gv500", options={"password": "a,b$"}), GV)


def test_a_unit_of_another_line_is_left_alone() -> None:
    unit = FAMILY.emulator(IMEI, "gv500", options={"password": "gl200"})
    exchanges, outcome = against_emulator(FAMILY.apply(target("gl200"), GL200), unit, FAMILY.stream())
    assert all(exchange.command.purpose is Purpose.READ for exchange in exchanges)
    assert outcome.unanswered or "belongs to gv500" in outcome.fields["type"].reason


def test_answers_match_by_word_serial_unit_and_order() -> None:
    first, _, _ = applied("gl200", GL200)
    ask = next(FAMILY.apply(target("gl200"), GL200))
    ack, als = first[0].reply.messages

    def said(message: Message, old: bytes, new: bytes) -> Message:
        assert old in message.frame
        return messages(message.frame.replace(old, new))[0]

    assert collect(ask, [als]).verdict is Verdict.TIMEOUT  # before the acknowledgement of this very reading
    assert next(FAMILY.apply(target("gl200"), GL200)).match(said(ack, b",0020,", b",0040,")) is Match.NO
    for wrong in (
        said(ack, b",0020,", b",0000,"),
        said(ack, b"READ", b"GPS"),
        said(ack, b"GTRTO", b"GTFRI"),
        said(ack, IMEI.encode(), b"135790246811221"),
        said(als, b"+RESP", b"+BUFF"),
    ):
        assert ask.match(wrong) is Match.NO
    assert ask.match(ack) is Match.PART
    assert ask.match(said(als, b",FRI,", b",CFG,")) is Match.NO
    assert ask.match(said(als, b",20260101", b",20250101")) is Match.NO  # older than our acknowledgement
    assert ask.match(said(als, b"+RESP", b"+BUFF")) is Match.NO
    assert ask.match(als) is Match.DONE


def test_serials_come_back_in_lower_case_and_revisions_share_none() -> None:
    one = {x.command.payload[-5:-1] for x in applied("gl200", GL200)[0]}
    two = {
        x.command.payload[-5:-1]
        for x in against_nobody(FAMILY.apply(Target(IMEI, variant="gl200", serial=64), GL200))[0]
    }
    assert not one & two
    at = Target(IMEI, variant="gl200", serial=0xABC0)
    assert applied("gl200", GL200, at)[1].fields["type"].state is FieldState.CONFIRMED


def test_damaged_read_back_confirms_nothing_wrong() -> None:
    """Every single flipped bit of the section report after the write: either it shows, or the value is the true one."""
    asked = {**GV, "psm_mode": 0}
    exchanges, _, unit = applied("gv500", asked)
    ack, als = exchanges[4].reply.messages
    truth = unit.settings
    for bit in range(8 * len(als.frame)):
        frame = bytearray(als.frame)
        frame[bit // 8] ^= 1 << bit % 8
        dialogue = FAMILY.apply(target("gv500"), asked)
        next(dialogue)
        for exchange in exchanges[:3]:
            dialogue.send(exchange.reply)
        read_back = dialogue.send(exchanges[3].reply)
        stream = FAMILY.stream()
        heard = [e for e in (*stream.feed(ack.frame), *stream.feed(bytes(frame))) if isinstance(e, Message)]
        try:
            reply = collect(read_back, heard)
            dialogue.send(reply)
            dialogue.send(exchanges[5].reply)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            for name, found in outcome.fields.items():
                if found.state is FieldState.CONFIRMED:
                    assert found.reported == truth[name] == asked[name]
        finally:
            dialogue.close()


def test_hex_format_units_take_text_commands() -> None:
    """A unit in HEX format acknowledges with a HEX frame: word by message type, serial, checksum."""
    ack = HexAck.parse(raw("hex-ack"))

    def acknowledge(kind: int, serial: int) -> Message:
        from fastcrc import crc16

        body = HexAck.build({**ack, "message_type": kind, "serial": serial})
        body = body[:-4] + crc16.ibm_3740(body[4:-4]).to_bytes(2, "big") + b"\r\n"
        return messages(body)[0]

    dialogue = FAMILY.apply(target("gv500"), GV)
    ask = next(dialogue)
    assert ask.payload.startswith(b"AT+GTRTO=")
    assert ask.match(acknowledge(11, 32)) is Match.NO
    assert ask.match(acknowledge(16, 33)) is Match.NO
    assert ask.match(acknowledge(16, 32)) is Match.PART
    fri = messages(
        f"+RESP:GTALS,1F0101,{IMEI},,,FRI,1,0,,1,0000,0000,,10,1000,1000,,45,600,,,,,20260101000000,0001$".encode()
    )
    assert ask.match(fri[0]) is Match.DONE
    dialogue.send(Reply(Verdict.ANSWERED, (acknowledge(16, 32), *fri)))
    cfg = messages(f"+RESP:GTALS,1F0101,{IMEI},,,CFG,gv500,,,,,,,0,,,,,,,,,,,,,20260101000000,0002$".encode())
    write = dialogue.send(Reply(Verdict.ANSWERED, (acknowledge(16, 33), *cfg)))
    assert write.match(acknowledge(11, 34)) is Match.DONE
    dialogue.close()


def test_the_password_in_cfg_is_not_shown() -> None:
    exchanges, _, _ = applied("gv500", GV, options={"password": "s3cret"})
    shown = [message.text for exchange in exchanges for message in exchange.reply.messages]
    assert any(",CFG,***," in text for text in shown)
    assert not any("s3cret" in text for text in shown)


# -- the old dialect -------------------------------------------------------------------------------------------------
def test_gt300_needs_the_experimental_switch() -> None:
    exchanges, outcome = against_nobody(FAMILY.apply(target("gt300"), GT300))
    assert not exchanges
    assert set(states(outcome).values()) == {"unsupported"}


def test_gt300_writes_gl100_texts() -> None:
    noon = datetime(2010, 1, 1, 12, tzinfo=UTC)
    options = {"sfr_keep": "1,1,0,0,3,0", "password": "gl100"}
    at = target("gt300", experimental=True, options=options, now=lambda: noon)
    asked = {**GT300, "start_time": "0000", "end_time": "2359"}
    unit = FAMILY.emulator(IMEI, "gt300", options={"password": "gl100"})
    exchanges, outcome = against_emulator(FAMILY.apply(at, asked), unit, FAMILY.stream())
    assert exchanges[0].command.payload == raw("cmd-tri-gl100-client") + b"\0"
    assert set(states(outcome).values()) == {"acknowledged"}
    assert {name: unit.settings[name] for name in asked} == asked
    asked = {**GT300, "movement_detection": True, "min_speed": 20, "min_distance": 500}
    dry, _ = against_nobody(FAMILY.apply(at, asked))
    documented = raw("cmd-sfr-gl100-doc")
    assert dry[1].command.payload[:-15] == documented[:-14]
    stale = messages(raw("ack-tri-gl100"), Transport.UDP)[0]
    assert exchanges[0].command.match(stale) is Match.NO


def test_gt300_without_sfr_keep_leaves_gtsfr_alone() -> None:
    exchanges, outcome, _ = applied("gt300", GT300, target("gt300", experimental=True))
    assert len(exchanges) == 1
    assert states(outcome)["min_speed"] == "unsupported"
    assert states(outcome)["tracking_interval"] == "acknowledged"
    _, outcome, _ = applied("gt300", GT300, target("gt300", experimental=True), faults=Faults(silent=True))
    assert outcome.unanswered


# -- reading, raw commands, reports, replay ---------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ASKED)
def test_reading(variant: str) -> None:
    unit = FAMILY.emulator(IMEI, variant, settings=ASKED[variant])
    _, outcome = against_emulator(FAMILY.read(target(variant), list(ASKED[variant])), unit, FAMILY.stream())
    assert outcome.reported == {name: value for name, value in unit.settings.items() if name in outcome.reported}
    assert set(outcome.reported) >= set(ASKED[variant]) - set(problems(variant, ASKED[variant]))
    assert not outcome.fields


def test_raw_commands() -> None:
    unit, stream = FAMILY.emulator(IMEI, "gv500"), FAMILY.stream()
    command = FAMILY.raw(target("gv500"), "GTRTO,3,,,,,")
    assert command.payload == b"AT+GTRTO=gv500,3,,,,,,0020$"
    assert "gv500" not in command.text
    heard = [e for d in unit.receive(command.payload) for e in stream.feed(d.data) if isinstance(e, Message)]
    assert collect(command, heard).verdict is Verdict.ANSWERED
    whole = FAMILY.raw(target("gv500"), raw("cmd-rto-read-cfg").decode())
    assert whole.payload == raw("cmd-rto-read-cfg")
    for bad in ("", "GTRTO,3$AT+GTRTO=gv500,4", "caf\u00e9", "hello", "AT+GTRTO=x"):
        with pytest.raises(LocalError):
            FAMILY.raw(target("gv500"), bad)


@pytest.mark.parametrize("variant", [*ASKED, "gt300"])
def test_emulated_reports_are_understood_and_sack_is_served(variant: str) -> None:
    unit = FAMILY.emulator(IMEI, variant, options={"sack": "on"})
    stream = FAMILY.stream()
    now = datetime(2026, 5, 1, tzinfo=UTC)
    events = [
        event for datum in (*unit.connect(), *unit.report(now), *unit.report(now)) for event in stream.feed(datum.data)
    ]
    kinds = [event.kind for event in events if isinstance(event, Message)]
    assert kinds[:2] == [Kind.HEARTBEAT, Kind.REPORT]
    assert len(kinds) == len(events) == (3 if variant == "gt300" else 4)
    for event in events:
        assert isinstance(event, Message)
        assert FAMILY.fields(event)["imei"] == IMEI
        unit.receive(event.owed)
    assert unit.report_interval > 0


@pytest.mark.parametrize("dialogue", [found["id"] for found in FIXTURE["dialogues"]])
def test_composed_dialogue(dialogue: str) -> None:
    found = next(d for d in FIXTURE["dialogues"] if d["id"] == dialogue)
    variant = {"gl300": "gl200"}.get(found["model"], found["model"])
    at = target(variant, options={"password": found["model"]})
    stream, talk = FAMILY.stream(), FAMILY.apply(at, found["settings"])
    command = next(talk)
    heard: list[Message] = []
    owed = b""
    outcome: Outcome | None = None
    for step in found["exchange"]:
        if "from_device" in step:
            for event in stream.feed(step["from_device"]["ascii"].encode()):
                assert isinstance(event, Message)
                owed += event.owed
                heard.append(event)
            reply = collect(command, heard)
            if reply.ok:
                heard = []
                try:
                    command = talk.send(reply)
                except StopIteration as stop:
                    outcome = stop.value
            continue
        wanted = step["to_device"]["ascii"].encode()
        if owed:
            assert owed == wanted
            owed = b""
        else:
            assert command.payload == wanted
    assert outcome is not None
    told = set(problems(variant, found["settings"]))
    assert {n for n, f in outcome.fields.items() if f.state is FieldState.CONFIRMED} == set(found["settings"]) - told
