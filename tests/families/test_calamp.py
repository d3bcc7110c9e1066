"""CalAmp: recorded datagrams and what they are owed, documented lines of the serial port, dialogues with emulators."""

from __future__ import annotations

import contextlib
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
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Severity,
    Strength,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.calamp.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "calamp" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
REPORTS = [
    name for name, case in CASES.items() if case["encoding"] == "hex" and case["direction"] == "device_to_server"
]
ACKS = [name for name in CASES if name.startswith("server_ack")]
LINES = [name for name, case in CASES.items() if case["encoding"] == "ascii"]
ESN = "4532104183"
ASKED = {"tracking_interval": 60, "tracking_distance": 200, "tracking_angle": 30}
WRITES = [b"AT$APP PARAM 262,0,60\r", b"AT$APP PARAM 263,0,200\r", b"AT$APP PARAM 264,0,30\r"]
READINGS = [b"AT$APP PARAM? 262,0\r", b"AT$APP PARAM? 263,0\r", b"AT$APP PARAM? 264,0\r"]


def raw(case: str) -> bytes:
    text = str(CASES[case]["data"])
    return bytes.fromhex(text) if CASES[case]["encoding"] == "hex" else text.encode("ascii")


def target(transport: Transport = Transport.SERIAL, device_id: str = ESN, **more: Any) -> Target:
    return Target(device_id, "calamp_lmu_4200", "lmu", transport, **more)


def one(data: bytes) -> Message:
    (message,) = FAMILY.stream(Transport.UDP).feed(data)
    assert isinstance(message, Message)
    return message


def lines(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream(Transport.SERIAL).feed(data) if isinstance(event, Message)]


def applied(
    asked: dict[str, Any], at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, Emulator]:
    at = at or target()
    unit = FAMILY.emulator(at.device_id, "lmu", transport=at.transport, options=at.options, **emulator)
    exchanges, outcome = against_emulator(FAMILY.apply(at, asked), unit, FAMILY.stream(at.transport))
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- datagrams --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", REPORTS)
def test_recorded_datagram(case: str) -> None:
    message = one(raw(case))
    told, means = FAMILY.fields(message), dict(CASES[case]["means"])
    assert message.data.body == means.pop("body_offset")
    assert message.device_id == means["mobile_id"]
    assert message.checksum is Checksum.NONE
    for key, value in means.items():
        assert told[key] == value, key


def test_kinds_of_the_recorded_datagrams() -> None:
    assert one(raw("id_report-01")).kind is Kind.LOGIN
    assert {one(raw(case)).kind for case in REPORTS if case != "id_report-01"} == {Kind.REPORT}


def test_values_of_a_recorded_report() -> None:
    """By the layout that the decoder of traccar documents; the position is in the fixture."""
    told = FAMILY.fields(one(raw("event_report-04")))
    assert (told["altitude_m"], told["speed_kmh"], told["heading"], told["satellites"]) == (104.41, 2.38, 305, 7)
    assert (told["rssi"], told["hdop"], told["event_index"], told["event_code"], told["valid"]) == (
        -95,
        11,
        27,
        202,
        True,
    )
    assert told["accumulators"] == [0, 0xF87, 0xE8E2F, 0xEA029E, 0x82D]
    assert FAMILY.fields(one(raw("event_report-07")))["valid"] is False
    assert FAMILY.fields(one(raw("user_data-01")))["text"] == "0x300ED89F335019000000467E\\r\\n"
    with pytest.raises(PeerError, match="too short"):
        FAMILY.fields(one(raw("user_data-01")[:-1]))
    mini = FAMILY.fields(one(raw("mini_event_report-01")))
    assert (mini["heading"], mini["satellites"], mini["event_code"]) == (240, 9, 0x33)
    assert mini["accumulators"] == [0x301, 0x40C0A6, 0, 0, 0x8B12A102]


@pytest.mark.parametrize("case", ACKS)
def test_acknowledgement_owed(case: str) -> None:
    """The vectors' bytes answer the recorded message of the same unit; one of them belongs to a frame not kept."""
    means = dict(CASES[case]["means"])
    start = bytes.fromhex(means.pop("answers_frame"))
    (said,) = FAMILY.server(raw(case))
    assert isinstance(said, Message)
    told = FAMILY.fields(said)
    assert told["message"] == "ack"
    means.pop("message")
    for key, value in means.items():
        assert told[key] == value, key
    for name in REPORTS:
        message = one(raw(name))
        if message.frame.startswith(start) and message.data.sequence == means["sequence"]:
            assert message.owed == raw(case)


def test_most_acknowledgements_have_their_message() -> None:
    answered = {one(raw(name)).owed for name in REPORTS}
    assert len(answered & {raw(case) for case in ACKS}) >= 7


def test_only_an_acknowledged_request_is_owed_an_answer() -> None:
    report = bytearray(raw("event_report-08"))
    service = report.index(b"\x01\x02\x08\x89")
    for kind in (0, 2):
        report[service] = kind
        assert one(bytes(report)).owed == b""
    assert one(bytes.fromhex("8305453210418301010201000502000000000000")).owed == b"", "an ack is not acknowledged"
    null = one(bytes.fromhex("8305453210418301010000000a"))
    assert (null.kind, null.owed, null.device_id) == (Kind.HEARTBEAT, b"", ESN)


def test_the_options_go_in_front_of_the_acknowledgement_where_the_tracker_says_so() -> None:
    stream = FAMILY.stream(Transport.UDP)
    stream.bind(target(Transport.UDP, options={"ack_header": True}))
    (message,) = stream.feed(raw("event_report-10"))
    assert isinstance(message, Message)
    assert message.owed == bytes.fromhex("83054542018545" + "0101" + "02010007020000000000")


def test_a_message_without_options_is_of_the_unit_that_spoke_before() -> None:
    stream = FAMILY.stream(Transport.UDP)
    whole = raw("mini_event_report-02")
    bare = whole[9:]
    (nobody,) = stream.feed(bare)
    assert isinstance(nobody, Message)
    assert nobody.device_id is None
    assert nobody.owed == bytes.fromhex("02010c210a0000000000")
    stream.feed(whole)
    (known,) = stream.feed(bare)
    assert isinstance(known, Message)
    assert known.device_id == "4332149486"


def test_all_options_are_skipped() -> None:
    """Bits 0 to 5: a length and that many bytes each, in the order of the bits."""
    data = bytes.fromhex("bf0545321041 83010102aaaa01bb0003cccccc0100 0007")
    message = one(data)
    assert (message.device_id, message.data.sequence, message.owed.hex()) == (ESN, 7, "02010007000000000000")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "cut off"),
        ("83", "cut off"),
        ("8305453210", "cut off"),
        ("830545321041830101", "cut off"),
        ("830545321041830101010200", "cut off"),
        ("c30545321041830101010200010203", "bit 6"),
        ("830545a21041830101010200010203", "decimal digits"),
        ("830545321041830101030200010203", "service type 3"),
        ("01ff0001", "message type 255"),
    ],
)
def test_no_message(data: str, reason: str) -> None:
    (event,) = FAMILY.stream(Transport.UDP).feed(bytes.fromhex(data))
    assert isinstance(event, PeerError)
    assert reason in event.reason


def test_a_datagram_has_a_bound_and_a_body_its_length() -> None:
    (event,) = FAMILY.stream(Transport.UDP).feed(raw("event_report-10") + bytes(2048))
    assert isinstance(event, PeerError)
    cut = one(raw("event_report-10")[:40])
    assert cut.device_id == "4542018545"
    with pytest.raises(PeerError):
        FAMILY.fields(cut)


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.sampled_from(REPORTS), st.data())
def test_damaged_datagrams_give_one_event(case: str, data: st.DataObject) -> None:
    """The invariants hold the serial side; this one the datagrams."""
    frame = bytearray(raw(case))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    del frame[data.draw(st.integers(0, len(frame))) :]
    (event,) = FAMILY.stream(Transport.UDP).feed(bytes(frame))
    if isinstance(event, Message):
        assert event.owed in (b"", b"\2\1" + frame[event.data.body - 2 : event.data.body] + event.owed[4:])
        with contextlib.suppress(PeerError):
            FAMILY.fields(event)


def test_recognition() -> None:
    for case in REPORTS:
        frame = raw(case)
        assert FAMILY.recognise(frame) is True
        assert not any(FAMILY.recognise(frame[:at]) is False for at in range(20))
    assert FAMILY.recognise(b"") is None
    for no in (
        b"GET / HTTP/1.1",
        b"\x01\x02\x00\x01",  # no options: could be anything
        b"\x78\x78\x0d\x01",
        bytes.fromhex("8300010101020001"),
        bytes.fromhex("830545321041830108010200"),
        bytes.fromhex("8305453210418301010172ffff"),
    ):
        assert FAMILY.recognise(no) is False


def test_recordings_are_compared_without_numbers_and_times_and_renamed() -> None:
    first, second = raw("mini_event_report-01"), bytearray(raw("mini_event_report-01"))
    second[11:17] = bytes.fromhex("0081560b5a9a")
    assert FAMILY.normalise(bytes(second)) == FAMILY.normalise(first)
    second[30] ^= 1
    assert FAMILY.normalise(bytes(second)) != FAMILY.normalise(first)
    renamed = FAMILY.rename(raw("id_report-01"), ESN, "1112223334")
    assert ESN.encode() not in renamed
    assert bytes.fromhex(ESN) not in renamed
    assert one(renamed).device_id == "1112223334"
    imei = FAMILY.rename(raw("event_report-08"), "353301059723580", "123456789012345")
    assert one(imei).device_id == "123456789012345"
    with pytest.raises(LocalError):
        FAMILY.rename(b"", ESN, "12")


# -- lines ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", LINES)
def test_line(case: str) -> None:
    host = CASES[case]["direction"] == "server_to_device"
    events = FAMILY.server(raw(case) + b"\r") if host else FAMILY.stream(Transport.SERIAL).feed(raw(case))
    told: dict[str, Any] = {}
    for event in reversed(events):
        assert isinstance(event, Message)
        told |= FAMILY.fields(event)
    for key, value in CASES[case]["means"].items():
        if key != "meaning":
            assert told[key] == value, key


def test_what_stands_in_quotes_is_never_shown() -> None:
    command = FAMILY.raw(target(), 'AT$APP PARAM 2306,0,"apn.secret"')
    assert command.payload == b'AT$APP PARAM 2306,0,"apn.secret"\r'
    assert command.secrets == (b"apn.secret",)
    assert "secret" not in command.text
    for line in (b'AT$APP PARAM 2306,0,"apn.secret"\r', b'2306,0,"apn.secret"\r\n', b'2306,0,"apn.secret\r\n'):
        (message,) = lines(line)
        assert b"secret" not in message.frame
        assert "secret" not in message.text


# -- dialogues --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"echo": True}])
def test_stored_with_the_documented_bytes_and_the_same_in_a_dry_run(options: dict[str, Any]) -> None:
    at = target(options=options)
    exchanges, outcome, unit = applied(ASKED, at)
    assert {name: (found.state, found.strength) for name, found in outcome.fields.items()} == dict.fromkeys(
        ASKED, (FieldState.ACKNOWLEDGED, Strength.ACKNOWLEDGED)
    )
    assert unit.settings == ASKED
    assert all("PEG script" in found.reason for found in outcome.fields.values())
    assert set(outcome.stored) == set(ASKED)
    sent = [exchange.command.payload for exchange in exchanges]
    assert sent == WRITES + READINGS
    assert raw("at_command-04") + b"\r" in sent
    assert raw("at_command-05") + b"\r" in sent
    assert raw("at_query-01") + b"\r" in sent
    dry, nothing = against_nobody(FAMILY.apply(at, ASKED))
    assert [exchange.command.payload for exchange in dry] == sent
    assert FieldState.CONFIRMED.value not in states(nothing).values()


def test_the_index_that_the_script_uses() -> None:
    at = target(options={"profile_index": 2})
    exchanges, outcome, _ = applied({"tracking_angle": 255}, at)
    assert [each.command.payload for each in exchanges] == [b"AT$APP PARAM 264,2,255\r", b"AT$APP PARAM? 264,2\r"]
    assert states(outcome) == {"tracking_angle": "acknowledged"}
    for wrong in (4, -1, "1", True):
        with pytest.raises(LocalError, match="profile_index"):
            FAMILY.check(target(options={"profile_index": wrong}), ASKED)


def test_the_sleep_interval_needs_its_timer_and_the_experimental_switch() -> None:
    asked = {"psm_interval": 600}
    (problem,) = FAMILY.check(target(experimental=True), asked)
    assert (problem.severity, "sleep_timer" in problem.reason) == (Severity.UNSUPPORTED, True)
    (problem,) = FAMILY.check(target(options={"sleep_timer": 3}), asked)
    assert "experimental switch" in problem.reason
    exchanges, outcome, _ = applied(asked, target(options={"sleep_timer": 3}, experimental=True))
    assert [each.command.payload for each in exchanges] == [b"AT$APP PARAM 265,3,600\r", b"AT$APP PARAM? 265,3\r"]
    assert states(outcome) == {"psm_interval": "acknowledged"}


def test_faults() -> None:
    _, outcome, unit = applied(ASKED, faults=Faults(clamp={"tracking_interval": (120, 3600)}))
    assert states(outcome) == {
        "tracking_interval": "mismatched",
        "tracking_distance": "acknowledged",
        "tracking_angle": "acknowledged",
    }
    assert outcome.fields["tracking_interval"].reported == unit.settings["tracking_interval"] == 120
    _, outcome, _ = applied(ASKED, faults=Faults(refuse=frozenset({"tracking_angle"})))
    assert states(outcome)["tracking_angle"] == "rejected"
    assert states(outcome)["tracking_distance"] == "acknowledged"
    _, outcome, unit = applied(ASKED, faults=Faults(ignore=frozenset({"tracking_distance"})))
    assert states(outcome)["tracking_distance"] == "mismatched"
    exchanges, outcome, _ = applied(ASKED, faults=Faults(silent=True))
    assert len(exchanges) == 1, "a late OK would count for the next command"
    assert outcome.unanswered
    assert states(outcome) == {
        "tracking_interval": "written",
        "tracking_distance": "unknown",
        "tracking_angle": "unknown",
    }


def test_check() -> None:
    for value in (256, -1, 30.5, True, "30"):
        (problem,) = FAMILY.check(target(), {"tracking_angle": value})
        assert problem.severity is Severity.REFUSE
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {"tracking_angle": value})
    assert FAMILY.check(target(), {"tracking_angle": 180, "tracking_interval": 0xFFFFFFFF}) == []
    (problem,) = FAMILY.check(target(), {"sleep_mode": 1})
    assert problem.severity is Severity.UNSUPPORTED


def test_over_udp_nothing_is_sent_and_everything_is_told_with_the_reason() -> None:
    at = target(Transport.UDP)
    assert {(each.best, "serial port" in each.reason) for each in FAMILY.capabilities(at).values()} == {(None, True)}
    assert {problem.severity for problem in FAMILY.check(at, ASKED)} == {Severity.UNSUPPORTED}
    exchanges, outcome, _ = applied(ASKED, at)
    assert exchanges == []
    assert set(states(outcome).values()) == {"unsupported"}
    assert against_nobody(FAMILY.read(at, list(ASKED))) == ([], Outcome({}))
    with pytest.raises(LocalError, match="serial port only"):
        FAMILY.raw(at, "AT$APP PEG ACTION 1 5")
    own = FAMILY.raw(at, b"\x01\x06\x00\x01\x00")
    assert own.payload == b"\x01\x06\x00\x01\x00"
    assert own.match(one(raw("event_report-10"))) is Match.NO
    header = "830545321041830101"
    for said, match in (
        ("020600010300", Match.DONE),  # write response
        ("02060001ff", Match.REFUSED),  # error
        ("0206000203", Match.NO),  # of another command
        ("0006000103", Match.NO),  # no response
        ("02010001060000000000", Match.DONE),
        ("02010001060100000000", Match.REFUSED),
        ("02010001070000000000", Match.NO),  # acknowledges another type
        ("02010009060000000000", Match.NO),
    ):
        assert own.match(one(bytes.fromhex(header + said))) is match, said


def test_read() -> None:
    at = target(experimental=True)
    unit = FAMILY.emulator(ESN, "lmu", transport=Transport.SERIAL, settings=ASKED)
    exchanges, outcome = against_emulator(
        FAMILY.read(at, [*ASKED, "psm_interval", "other"]), unit, FAMILY.stream(Transport.SERIAL)
    )
    assert outcome.reported == ASKED
    assert [exchange.command.payload for exchange in exchanges] == READINGS


def test_a_reading_is_of_its_own_parameter_and_index() -> None:
    commands = [each.command for each in against_nobody(FAMILY.apply(target(), {"tracking_interval": 60}))[0]]

    def reply(text: bytes) -> Verdict:
        asked = [each.command for each in against_nobody(FAMILY.read(target(), ["tracking_interval"]))[0]]
        return collect(asked[0], lines(text)).verdict

    assert reply(raw("at_query_answer-01")) is Verdict.ANSWERED
    for other in (b"OK\r\n", b"263,0,60\r\nOK\r\n", b"262,1,60\r\nOK\r\n", b"262,0,60\r\n", b"262,0,\r\nOK\r\n"):
        assert reply(other) is Verdict.TIMEOUT
    assert reply(b"ERROR\r\n") is Verdict.REFUSED
    assert reply(b"AT$APP PARAM? 262,0\r\r\n262,0,60\r\n\r\nOK\r\n") is Verdict.ANSWERED
    assert collect(commands[0], lines(b"AT$APP PARAM 262,0,60\r\r\nOK\r\n")).verdict is Verdict.ANSWERED
    assert collect(commands[0], lines(b"262,0,60\r\n")).verdict is Verdict.TIMEOUT


def outcome_of(answer: bytes) -> Outcome:
    """The verdict when the reading after an accepted write is answered with these bytes."""
    dialogue = FAMILY.apply(target(), {"tracking_interval": 60})
    command = next(dialogue)
    command = dialogue.send(collect(command, lines(b"OK\r\n")))
    try:
        dialogue.send(collect(command, lines(answer)))
    except StopIteration as stop:
        found: Outcome = stop.value
        return found
    raise AssertionError("the dialogue goes on")


def test_a_damaged_reading_never_passes_for_another_value() -> None:
    answer = raw("at_query_answer-01")
    assert outcome_of(answer).fields["tracking_interval"].reported == 60
    read = 0
    for bit in range(len(answer) * 8):
        damaged = bytearray(answer)
        damaged[bit // 8] ^= 1 << bit % 8
        found = outcome_of(bytes(damaged)).fields["tracking_interval"]
        if found.reported == 60:
            read += 1
            assert damaged.startswith(b"262,0,60")
        assert found.state is not FieldState.CONFIRMED
    assert 0 < read < 20, "only the ends of lines may be hurt"
    assert states(outcome_of(b"262,0,60\r\n262,0,90\r\nOK\r\n")) == {"tracking_interval": "acknowledged"}


@pytest.mark.parametrize(
    ("registered", "answer", "known"),
    [
        ("", b"\r\n4532104183\r\n\r\nOK\r\n", {"device_id": ESN}),
        (ESN, b"AT$APP ESN?\r\r\nESN: 4532104183\r\nOK\r\n", {"device_id": ESN}),
        ("353816051610691", b"4532104183\r\nOK\r\n", {"esn": ESN}),
        ("", b"ESN 45-32-10\r\nOK\r\n", {}),
        ("", b"ERROR\r\n", {}),
    ],
)
def test_who_is_there(registered: str, answer: bytes, known: dict[str, str]) -> None:
    dialogue = FAMILY.identify(target(device_id=registered))
    command = next(dialogue)
    assert command.payload == b"AT$APP ESN?\r"
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(command, lines(answer)))
    assert stop.value.value == Outcome({}, known=known)


def test_an_own_command_is_one_line() -> None:
    command = FAMILY.raw(target(), " AT$APP PEG ACTION 1 5 ")
    assert command.payload == b"AT$APP PEG ACTION 1 5\r"
    assert collect(command, lines(b"AT$APP PEG ACTION 1 5\r\r\nOK\r\n")).verdict is Verdict.ANSWERED
    for wrong in ("", "PARAM 1,0,1", "AT\rAT", "AT" + "x" * 300, "AT\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), wrong)
    with pytest.raises(LocalError):
        FAMILY.raw(target(), b"")


def test_the_form_of_the_port_and_the_variant() -> None:
    assert FAMILY.serial is not None
    assert (FAMILY.serial.baudrates[0], FAMILY.serial.eol) == (115200, b"\r")
    assert FAMILY.variants["lmu"]["tracking_interval"].best is Strength.ACKNOWLEDGED
    with pytest.raises(LocalError):
        FAMILY.stream(Transport.TCP)
    with pytest.raises(LocalError):
        FAMILY.capabilities(Target(ESN, variant="other"))
    with pytest.raises(LocalError):
        FAMILY.emulator("unit-1", "lmu")
