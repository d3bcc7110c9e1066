"""GT06: documented and recorded frames, what is owed, traps of the wire, values that do not fit."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import Checksum, Kind, Message, Severity, Transport
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.gt06 import frame as wire
from tracker_codecs.families.gt06 import texts as meanings
from tracker_codecs.families.gt06.family import FAMILY
from tracker_codecs.families.gt06.frame import build_command

from tests.families.gt06_facts import ASKED, CASES, FIXTURE, GT06, GT700, command, long, problems, raw, short, target

FRAMES = [c for c in FIXTURE["cases"] if "layer" not in c]
FROM_DEVICE = [c["id"] for c in FRAMES if c["direction"] == "device_to_server"]
FROM_SERVER = [c["id"] for c in FRAMES if c["direction"] == "server_to_device"]
TEXTS = [c["id"] for c in FIXTURE["cases"] if c.get("layer") == "command_text"]
#: Messages that the vendor answers with the same number and serial.
ANSWERED = {0x01, 0x13, 0x23, 0x16, 0x26, 0x27, 0x70}


# -- frames ----------------------------------------------------------------------------------------------------------
def owed(case: str) -> bytes:
    means, frame = CASES[case]["means"], raw(case)
    if "server_owes" in means:
        return bytes.fromhex(means["server_owes"])
    if frame[:2] == b"\x78\x78" and frame[3] in ANSWERED:
        return short(frame[3], b"", means["serial"])
    return b""


def test_every_case_is_tested_one_way() -> None:
    assert len(CASES) == len(FIXTURE["cases"]) == len(FROM_DEVICE) + len(FROM_SERVER) + len(TEXTS) == 37
    assert all(case["provenance"]["source"] for case in CASES.values())


@pytest.mark.parametrize("case", FROM_DEVICE)
def test_device_frame(case: str) -> None:
    means = CASES[case]["means"]
    stream = FAMILY.stream(clock=lambda: datetime(2015, 12, 29, 0, 0, 21, tzinfo=UTC))
    (message,) = stream.feed(raw(case))
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    for key in means.keys() - {"server_owes", "note"}:
        assert found[key] == means[key], key
    assert message.owed == (raw("time-reply") if case == "time-req" else owed(case))
    assert message.device_id == stream.device_id == means.get("imei")
    assert message.text == (means["text"] if means["message"] == "command_reply" else "")
    assert stream.buffered == 0
    assert FAMILY.recognise(raw(case)) is True
    assert message.checksum is (Checksum.OK if CASES[case]["checksum_verified"] else Checksum.NONE)
    if CASES[case]["checksum_verified"]:
        for bit in range(8 * 4, 8 * (len(raw(case)) - 2)):
            broken = bytearray(raw(case))
            broken[bit // 8] ^= 1 << bit % 8
            assert not [e for e in FAMILY.stream().feed(bytes(broken)) if isinstance(e, Message)]


@pytest.mark.parametrize("case", FROM_SERVER)
def test_server_frame(case: str) -> None:
    means = CASES[case]["means"]
    (message,) = FAMILY.server(raw(case))
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    assert {key: found[key] for key in means} == means
    if means["message"] == "command":
        assert build_command(means["text"], int(means["server_flag"], 16), means["serial"]) == raw(case)
        assert command(means["text"], int(means["server_flag"], 16), means["serial"]) == raw(case)


@pytest.mark.parametrize("case", TEXTS)
def test_text(case: str) -> None:
    text, means = CASES[case]["data"], CASES[case]["means"]
    found = {**meanings.explained(text), "status": meanings.status(text)}
    assert {key: found[key] for key in means} == means


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("OK", "ok"),
        ("SETOK", "ok"),
        ("TIMER,20,20 OK!", "ok"),
        ("APEXError: Parameter 1 (ON/OFF)", "error"),
        ("Set failed, not OK", "error"),
        ("broken", "unknown"),
        ("Timer:5,5;", "unknown"),
    ],
)
def test_answer_texts(text: str, said: str) -> None:
    assert meanings.status(text) == said


def test_places_are_where_the_recorded_frames_were_taken() -> None:
    """Near Huizhou (N 23.1, E 114.4), as the recorded DWXX answer of the same document prints it."""
    for case in ("loc-12-b", "loc-22", "alarm-16"):
        (message,) = FAMILY.stream().feed(raw(case))
        assert isinstance(message, Message)
        found = FAMILY.fields(message)
        assert (round(found["latitude"], 1), round(found["longitude"], 1), found["fixed"]) == (23.1, 114.4, True)
        assert message.kind is Kind.REPORT


@pytest.mark.parametrize(("reply", "number", "serial"), [("alarm-16-b-reply", 0x16, 54), ("alarm-26-reply", 0x26, 28)])
def test_alarms_are_owed_the_documented_answer(reply: str, number: int, serial: int) -> None:
    (message,) = FAMILY.stream().feed(short(number, raw("alarm-16")[4:-6], serial))
    assert isinstance(message, Message)
    assert message.owed == raw(reply)


def test_positions_and_answers_are_owed_nothing_and_modular_frames_a_short_one() -> None:
    for number in (0x12, 0x22, 0xA0, 0x28, 0x2A, 0x2C, 0x94, 0x15, 0x21):
        for event in FAMILY.stream().feed(long(number, bytes(40), 7)):
            assert not isinstance(event, Message) or event.owed == b""
    (modular,) = FAMILY.stream().feed(long(0x70, b"\x01\x02", 0x1234))
    assert isinstance(modular, Message)
    assert modular.owed == short(0x70, b"", 0x1234)


def test_a_device_that_is_not_ours_is_answered_and_kept() -> None:
    assert FAMILY.hold_unregistered
    stream = FAMILY.stream()
    login, report, alarm, beat = stream.feed(raw("login-doc") + raw("loc-22") + raw("alarm-16") + raw("hb-13-b"))
    assert [FAMILY.refuse(m) for m in (login, report, alarm, beat) if isinstance(m, Message)] == [
        raw("login-doc-reply"),
        b"",
        b"",
        raw("hb-13-b-reply"),
    ]


# -- traps of the wire -----------------------------------------------------------------------------------------------
def seen(events: Any) -> list[Any]:
    return [e if isinstance(e, Message) else (e.reason, e.discarded, e.fatal) for e in events]


@hypothesis_settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([*map(raw, FROM_DEVICE), *(raw(c)[:-3] for c in FROM_DEVICE)]),
            st.sampled_from([b"x", b"xx", b"yy", b"hh\x05", b"\r\n", b"xx\0\x17", b"yy\0\x20", b"xx\x05", b"yyyy"]),
            st.binary(max_size=12),
        ),
        max_size=8,
    ),
    st.integers(1, 50),
)
def test_any_mixture_is_bounded_and_split_anywhere_alike(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    whole, single, sized = FAMILY.stream(), FAMILY.stream(), FAMILY.stream()
    events = seen(whole.feed(data))
    assert events == seen(e for at in range(len(data)) for e in single.feed(data[at : at + 1]))
    assert events == seen(e for at in range(0, len(data), size) for e in sized.feed(data[at : at + size]))
    assert whole.buffered == single.buffered == sized.buffered <= FAMILY.limits.max_frame


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=60), st.booleans())
def test_contents_of_any_kind_are_told_or_are_the_peers_fault(number: int, content: bytes, wide: bool) -> None:
    frame = (long if wide else short)(number, content, 1)
    for event in (*FAMILY.stream().feed(frame), *FAMILY.server(frame)):
        if isinstance(event, Message):
            with suppress(PeerError):
                assert json.loads(json.dumps(FAMILY.fields(event)))["message"]


def test_stop_and_start_bytes_inside_a_frame_do_not_cut_it() -> None:
    frame = short(0x12, b"\r\n\x78\x78\x05\x01\r\n", 0x0D0A)
    assert [e.frame for e in FAMILY.stream().feed(frame + frame) if isinstance(e, Message)] == [frame, frame]


def test_garbage_is_told_once_and_the_next_frame_is_found() -> None:
    for dirt in (b"GET / HTTP/1.1\r\n\r\n", bytes(500), raw("loc-22")[:20], raw("loc-22")[:-2], b"xx\x01", b"yy\0\x04"):
        fault, message, again = FAMILY.stream().feed(dirt + raw("login-doc") + raw("hb-23"))
        assert isinstance(fault, PeerError)
        assert isinstance(message, Message)
        assert message.owed == raw("login-doc-reply")
        assert isinstance(again, Message)


def test_declared_lengths_hold_no_more_than_a_frame() -> None:
    for header in (b"xx\0\x01", b"xx\x04\x01", b"yy\0\0", b"yy\0\x04", b"hh\0\0"):
        stream = FAMILY.stream()
        stream.feed(header + b"zzzz")
        assert stream.buffered == 0
    stream, events = FAMILY.stream(), list[Any]()
    for _ in range(70):
        events += stream.feed(b"yy\xff\xff" + b"z" * 1020)
        assert stream.buffered <= FAMILY.limits.max_frame == 0xFFFF + 6
    assert [type(event) for event in events] == [PeerError]  # told once, at 65,541 bytes


def test_a_heartbeat_whose_length_leaves_out_its_checksum() -> None:
    """As reported of units in the field; the same with a wrong checksum is none."""
    frame = bytes.fromhex("787808134606020002044dc5050d0a")
    for split in (1, 13, 14, len(frame)):
        stream = FAMILY.stream()
        pieces = [frame[at : at + split] for at in range(0, len(frame), split)]
        (message,) = [event for piece in pieces for event in stream.feed(piece)]
        assert isinstance(message, Message)
        assert (message.kind, message.owed) == (Kind.HEARTBEAT, short(0x13, b"", 0x044D))
        assert FAMILY.fields(message)["serial"] == 0x044D
    for at in range(4, 11):
        broken = bytearray(frame)
        broken[at] ^= 1
        assert not [e for e in FAMILY.stream().feed(bytes(broken) + raw("login-doc"))[:1] if isinstance(e, Message)]


def test_a_position_without_a_time_is_told_otherwise() -> None:
    content = bytes(6) + raw("loc-22")[10:-6]
    (message,) = FAMILY.stream().feed(short(0x22, content, 1))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (told["time"], told["fixed"]) == (None, True)
    assert round(told["latitude"], 1) == 23.1


def test_watches_send_wifi_without_length_or_checksum() -> None:
    frame = b"\x78\x78\x00\x69" + bytes(range(1, 10)) + b"\r\n"
    wifi, login = FAMILY.stream().feed(frame + raw("login-doc"))
    assert isinstance(wifi, Message)
    assert (wifi.frame, wifi.kind, wifi.owed) == (frame, Kind.OTHER, b"")
    assert isinstance(login, Message)
    stream = FAMILY.stream()
    stream.feed(b"\x78\x78\x00\x69" + b"z" * 400)
    assert stream.buffered == 0


def test_only_a_login_tells_who_it_is_and_a_broken_one_changes_nothing() -> None:
    stream = FAMILY.stream()
    before, login, after = stream.feed(raw("loc-22") + raw("login-doc") + raw("loc-22"))
    assert isinstance(before, Message)
    assert before.device_id is None
    assert isinstance(after, Message)
    assert after.device_id == "123456789012345"
    for content in (bytes.fromhex("0123456789abcdef"), b"\x01\x23"):
        (fault,) = stream.feed(short(0x01, content, 2))
        assert isinstance(fault, PeerError)
    again, other = stream.feed(raw("login-type-tz") + raw("hb-23"))
    assert isinstance(login, Message)
    assert isinstance(again, Message)
    assert isinstance(other, Message)
    assert (again.owed, other.device_id) == (raw("login-type-tz-reply"), "752533678900242")


def test_impossible_times_and_lengths_are_the_peers_fault() -> None:
    (message,) = FAMILY.stream().feed(short(0x12, b"\x0b\x0d" + raw("loc-12-b")[6:-6], 1))
    assert isinstance(message, Message)
    with pytest.raises(PeerError):
        FAMILY.fields(message)
    place = raw("gt02-loc")
    (message,) = FAMILY.stream().feed(b"hh" + bytes((place[2] - 2,)) + place[3:-4] + b"\r\n")
    assert isinstance(message, Message)
    with pytest.raises(PeerError):
        FAMILY.fields(message)
    for content in (b"\xff" + bytes(8), b"\x03" + bytes(8), b""):
        (fault,) = FAMILY.stream().feed(short(0x15, content, 1))
        assert isinstance(fault, PeerError)


def test_recognition_waits_and_refuses() -> None:
    for few in (b"", b"x", b"xx", b"xx\x0d", b"yy\0"):
        assert FAMILY.recognise(few) is None
    for other in (
        b"GET / HTTP/1.1",
        b"+RESP:GTFRI",
        b"\x16\x03\x01\x02",
        b"xx\0\x01",
        b"yy\0\x04",
        b"hh\x01\x02",
        b"xy",
    ):
        assert FAMILY.recognise(other) is False


def test_normalise_blanks_serial_checksum_and_time() -> None:
    assert FAMILY.normalise(raw("time-reply")) == bytes.fromhex("78780b8a000000000000000000000d0a")
    assert FAMILY.normalise(raw("login-doc")) == bytes.fromhex("78780d010123456789012345000000000d0a")
    assert FAMILY.normalise(raw("gt02-reply-ok"))[13:15] == b"\0\0"


def test_udp_is_not_spoken() -> None:
    with pytest.raises(LocalError):
        FAMILY.stream(Transport.UDP)


# -- what fits -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("variant", "asked", "field", "bad", "good"),
    [
        ("concoxgt06", {**GT06, "type": "interval"}, "tracking_interval", [18001, 65535, 4], [5, 18000]),
        ("concoxgt06", {**GT06, "type": "distance"}, "tracking_distance", [49, 10001], [50, 10000]),
        ("concoxgt06", GT06, "tracking_angle", [0, 1, 4, 181], [5, 180]),
        (
            "concoxgt06",
            GT06,
            "type",
            ["power_save", "distance_interval_angle", "intelligent"],
            ["interval", "distance"],
        ),
        ("concox_gt700", GT700, "type", ["distance", "interval_angle", "intelligent"], ["interval", "power_save"]),
        ("concox_gt700", GT700, "psm_interval", [0, 25], [1, 2, 3, 4, 6, 8, 12, 24]),
        ("concox_gt700", {**GT700, "type": "interval"}, "tracking_interval", [0], [1, 30]),
        ("concox_gt700", GT700, "wakeup_time", ["24:00", "8:00", "08:00,1#RESET", "08:00#", 8], ["00:00", "23:59"]),
        ("concox_distance_interval", ASKED["concox_distance_interval"], "tracking_interval", [18001, True], [30]),
        ("concox_qbit", ASKED["concox_qbit"], "gps_tracking_interval", [18001, -1], [18000]),
        ("concox_qbit", ASKED["concox_qbit"], "lbs_tracking_interval", [18001, -1], [18000]),
    ],
)
def test_values_that_do_not_fit_are_refused(
    variant: str, asked: dict[str, Any], field: str, bad: list[Any], good: list[Any]
) -> None:
    for value in bad:
        assert problems(variant, {**asked, field: value})[field].severity is Severity.REFUSE
        with pytest.raises(LocalError) as caught:
            FAMILY.apply(target(variant), {**asked, field: value})
        assert caught.value.parameter == field
    for value in good:
        assert field not in problems(variant, {**asked, field: value})


def test_fields_without_effect_are_told_whatever_their_value() -> None:
    unsupported = {
        ("concoxgt06", "interval"): {"tracking_distance", "tracking_angle", "psm_interval"},
        ("concoxgt06", "distance"): {"tracking_interval", "tracking_angle", "psm_interval"},
        ("concoxgt06", "interval_angle"): {"tracking_distance", "psm_interval"},
        ("concox_gt700", "interval"): {"psm_interval", "wakeup_time"},
        ("concox_gt700", "power_save"): {"tracking_interval"},
    }
    for (variant, kind), fields in unsupported.items():
        found = problems(variant, {**ASKED[variant], "type": kind})
        assert set(found) == fields
        assert all(p.severity is Severity.UNSUPPORTED and p.reason for p in found.values())
    for metres in (100, 10000):  # TIMER and DISTANCE switch each other off; the X3's profile always asks for a time
        found = problems("concox_distance_interval", {"tracking_interval": 30, "tracking_distance": metres})
        assert {name: p.severity for name, p in found.items()} == {"tracking_distance": Severity.UNSUPPORTED}
        assert "TIMER switches DISTANCE off" in found["tracking_distance"].reason
    assert set(problems("concox_gt350", ASKED["concox_gt350"])) == {"psm_interval", "psm_mode"}
    assert set(problems("concox_qbit", ASKED["concox_qbit"])) == {"mode"}


@pytest.mark.parametrize(
    "options",
    [
        {"resting_interval": "300#RESET#"},
        {"resting_interval": 179},
        {"resting_interval": True},
        {"angle_detection_time": "2#"},
        {"angle_detection_time": 6},
        {"language_bytes": "yes"},
    ],
)
def test_options_that_make_no_sense_reach_no_frame(options: dict[str, Any]) -> None:
    with pytest.raises(LocalError) as caught:
        FAMILY.apply(target("concoxgt06", options=options), GT06)
    assert caught.value.parameter == next(iter(options))


def test_raw_commands_are_one_frame() -> None:
    found = FAMILY.raw(target("concoxgt06"), "GPRSSET#")
    assert found.payload == command("GPRSSET#", 0x03000040, 0x40)
    assert FAMILY.raw(target("concoxgt06"), raw("cmd-dyd")).payload == raw("cmd-dyd")
    english = FAMILY.raw(target("concoxgt06", options={"language_bytes": True}), "STATUS#")
    assert english.payload == command("STATUS#", 0x03000040, 0x40, b"\0\2")
    for bad in ("", "TIMER#\r\n", "caf\u00e9#", "A" * 201, b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target("concoxgt06"), bad)


@given(
    text=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200),
    flag=st.integers(0, 2**32 - 1),
    serial=st.integers(0, 2**20),
    language=st.sampled_from([b"", b"\x00\x02"]),
)
def test_a_command_by_hand_is_the_layout_s(text: str, flag: int, serial: int, language: bytes) -> None:
    content = wire.COMMAND_CONTENT.build(
        {"flag": flag.to_bytes(4, "big"), "text": text.encode("ascii"), "language": language}
    )
    assert build_command(text, flag, serial, language) == wire.build(wire.COMMAND, content, serial)
