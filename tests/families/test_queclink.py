"""Queclink @Track: documented and recorded frames, traps of the wire, values that do not fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import (
    Checksum,
    Event,
    FieldState,
    Kind,
    Message,
    Severity,
    Transport,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.queclink.family import FAMILY
from tracker_codecs.families.queclink.messages import fields as decode_fields

from tests.families.queclink_facts import (
    ASKED,
    CASES,
    FIXTURE,
    GL500,
    GV,
    applied,
    messages,
    problems,
    raw,
    target,
)


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
    events = FAMILY.server(raw(case))
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
