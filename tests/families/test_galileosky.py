"""Galileosky: recorded packets, printed texts, the conversations, and the traps of the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Severity,
    Strength,
    Target,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.galileosky import texts
from tracker_codecs.families.galileosky.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "galileosky" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
FRAMES = {name: case for name, case in CASES.items() if case["layer"] == "frame"}
DEVICE = [name for name, case in FRAMES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name, case in FRAMES.items() if case["direction"] == "server_to_device"]
IMEI = "866050038437586"
ASKED = {"tracking_interval": 120, "tracking_angle": 30}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message), event
    return event


def sealed(payload: bytes) -> bytes:
    """A packet made here, with a bitwise CRC-16/MODBUS."""
    body = b"\x01" + len(payload).to_bytes(2, "little") + payload
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return body + crc.to_bytes(2, "little")


def answer(number: int, text: str, imei: str = IMEI) -> Message:
    """An answer packet by the layout of the recorded one."""
    head = b"\x03" + imei.encode() + b"\x04\x47\x01\xe0" + number.to_bytes(4, "little")
    return one(sealed(head + b"\xe1" + bytes((len(text),)) + text.encode("latin-1")))


def target(**more: Any) -> Target:
    return Target(IMEI, variant="track", serial=0x46, **more)


def applied(
    asked: dict[str, Any] | None = None, at: Target | None = None, **unit: Any
) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "track", **unit)
    exchanges, outcome = against_emulator(FAMILY.apply(at or target(), asked or ASKED), device, FAMILY.stream())
    return exchanges, outcome, device


def sent(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


def spoken(answers: list[str | None], asked: dict[str, Any] | None = None, at: Target | None = None) -> Outcome:
    """The dialogue with these answer texts in order (None: silence), each with the number of its command."""
    dialogue = FAMILY.apply(at or target(), asked or ASKED)
    command = next(dialogue)
    try:
        for text in [*answers, *[None] * 8]:
            found = one(command.payload).data
            heard = [] if text is None else [answer(found.number, text)]
            command = dialogue.send(collect(command, heard))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
    raise AssertionError("the dialogue does not end")


# -- packets --
def matches(found: dict[str, Any], means: dict[str, Any]) -> None:
    for key, value in means.items():
        if key in ("first_record", "last_record"):
            matches(found["records"][0 if key == "first_record" else -1], value)
        elif key == "records":
            assert len(found["records"]) == value
        elif key == "header":
            assert int(found[key], 16) == int(value, 16)
        elif key != "answers_message":
            assert found[key] == value, key


@pytest.mark.parametrize("name", DEVICE)
def test_device_packet(name: str) -> None:
    means, data = CASES[name]["means"], raw(name)
    message = one(data)
    matches(FAMILY.fields(message), means)
    assert message.checksum is Checksum.OK
    kinds = {"login_head_packet": Kind.LOGIN, "command_answer": Kind.REPLY, "photo_part": Kind.OTHER}
    assert message.kind is kinds.get(means["message"], Kind.REPORT)
    assert message.device_id == means.get("first_record", {}).get("imei")
    assert message.owed == (b"\x07" if name.startswith("photo") else b"\x02") + data[-2:]


@pytest.mark.parametrize("name", SERVER)
def test_server_packet(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    matches(FAMILY.fields(event), CASES[name]["means"])


def test_what_is_owed_is_what_the_rule_says() -> None:
    owed = {one(raw(name)).owed for name in DEVICE}
    for ack in ("server_ack-01", "server_ack-07", "server_ack-09", "server_ack-12"):
        assert raw(ack) in owed, ack


def test_packets_after_the_head_belong_to_its_imei() -> None:
    stream = FAMILY.stream()
    events = stream.feed(raw("login_head_packet-01") + raw("data-02") + raw("photo_part-01"))
    assert [event.device_id for event in events if isinstance(event, Message)] == ["868204001549087"] * 3


def test_a_wrong_checksum_is_owed_nothing_and_hides_nothing() -> None:
    head, data = raw("login_head_packet-01"), raw("data-04")
    for bit in range(24, 8 * len(head)):
        broken = bytearray(head)
        broken[bit // 8] ^= 1 << bit % 8
        events = FAMILY.stream().feed(bytes(broken) + data)
        assert isinstance(events[0], PeerError)
        assert [event.frame for event in events if isinstance(event, Message)] == [data]
    # A packet that was cut short: its length covers the next one, which starts inside it.
    events = FAMILY.stream().feed(raw("data-05")[:300] + data + data)
    assert [event.frame for event in events if isinstance(event, Message)] == [data, data]


def test_the_checksum_stands_low_byte_first() -> None:
    head = raw("login_head_packet-01")
    assert not [e for e in FAMILY.stream().feed(head[:-2] + head[:-3:-1]) if isinstance(e, Message)]


def test_garmin_packets_are_owed_nothing_and_compressed_ones_are() -> None:
    body = raw("data-01")[3:-2]
    for header, owed in ((6, False), (8, True)):
        whole = bytearray(sealed(body))
        whole[0] = header
        crc = sealed_crc(bytes(whole[:-2]))
        message = one(bytes(whole[:-2]) + crc)
        assert message.owed == (b"\x02" + crc if owed else b"")
        assert message.device_id is None


def sealed_crc(body: bytes) -> bytes:
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def test_satellite_packets_are_passed_over_and_name_nobody() -> None:
    packet = b"\x01\x00\x1f\x01\x00\x1c" + bytes(28)
    events = FAMILY.stream().feed(packet + raw("login_head_packet-01"))
    assert [(event.kind, event.device_id) for event in events if isinstance(event, Message)] == [
        (Kind.OTHER, None),
        (Kind.LOGIN, "868204001549087"),
    ]
    assert FAMILY.recognise(packet) is False


def test_tags_that_run_past_the_end_are_told() -> None:
    message = one(sealed(b"\x04\x32\x00\x30\x05\x01"))
    with pytest.raises(PeerError, match="tag 30"):
        FAMILY.fields(message)
    assert FAMILY.fields(one(sealed(b"\x04\x32\x00\x1f\x05")))["records"] == [{"device_id": 50, "undecoded": "1f05"}]


def test_an_imei_that_is_none_names_nobody() -> None:
    assert one(sealed(b"\x03" + bytes(15) + b"\x04\x32\x00")).device_id is None


# -- texts --
@pytest.mark.parametrize(("name", "command"), [("command-01", "status"), ("command-02", "Turning 3,10,300,60,20")])
def test_commands_are_framed_as_documented(name: str, command: str) -> None:
    imei = CASES[name]["means"]["first_record"]["imei"]
    ours = FAMILY.raw(Target(imei, variant="track", serial=1), command).payload
    theirs = raw(name)
    # Only the command number (and so the checksum) is another server's.
    assert FAMILY.normalise(ours) == FAMILY.normalise(theirs)
    assert len(ours) == len(theirs)


def test_printed_answers() -> None:
    assert texts.turning(CASES["answer_text-01"]["data"]) == (3, 10, 300, 60, 20)
    assert texts.period(CASES["answer_text-02"]["data"]) == (60, 180)
    assert texts.parse(CASES["answer_text-04"]["data"]) == ("imei", {})
    assert texts.parse(CASES["answer_text-05"]["data"])[0] == "headpack"
    name, pairs = texts.parse(CASES["answer_text-07"]["data"])
    assert name == "accelerometer"
    assert pairs == {"sens": "40", "time out": "300"}
    assert texts.parse(CASES["command_answer-01"]["means"]["first_record"]["text"])[1]["acc"] == "566924725"


@pytest.mark.parametrize(
    "text",
    [
        *("", "WRPERIOD", "WRPERIOD move=60", "move=60 parking=180", "PERIOD move=60 parking=180"),
        *("WRPERIOD move=60 parking=x", "WRPERIOD move=60 parking=180 move=30", "WRPERIOD move=-60 parking=180"),
    ],
)
def test_other_texts_tell_no_period(text: str) -> None:
    assert texts.period(text) is None


def test_case_and_separators_may_differ() -> None:
    assert texts.period("WrPeriod:move = 60,parking = 180;") == (60, 180)


# -- conversations --
def test_the_other_arguments_are_read_and_kept() -> None:
    exchanges, outcome, unit = applied()
    assert sent(exchanges) == [
        *("WrPeriod", "WrPeriod 120,180", "Turning", "Turning 3,30,300,60,20"),
        *("WrPeriod", "Turning"),
    ]
    assert unit.stored == {"wrperiod": [120, 180], "turning": [3, 30, 300, 60, 20]}
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    assert outcome.reported == {**ASKED, "tracking_distance": 300}
    assert [exchange.command.depends_on_read for exchange in exchanges] == [False, True, False, True, False, False]


def test_a_distance_is_the_third_argument_of_turning() -> None:
    exchanges, outcome, _ = applied({**ASKED, "tracking_distance": 500})
    assert "Turning 3,30,500,60,20" in sent(exchanges)
    assert states(outcome)["tracking_distance"] == "confirmed"


def test_a_late_answer_to_an_older_revision_matches_nothing() -> None:
    first = next(FAMILY.apply(target(), ASKED))
    assert first.match(answer(one(first.payload).data.number, "WRPERIOD move=60 parking=180")) is Match.DONE
    older = one(next(FAMILY.apply(Target(IMEI, variant="track", serial=0x45), ASKED)).payload).data.number
    for message in (
        answer(older, "WRPERIOD move=60 parking=180"),
        answer(0, "WRPERIOD move=60 parking=180"),
        answer(one(first.payload).data.number, "WRPERIOD move=60 parking=180", "866050038437587"),
    ):
        assert first.match(message) is Match.NO


def test_every_number_of_a_conversation_is_its_own() -> None:
    numbers = [one(exchange.command.payload).data.number for exchange in applied()[0]]
    assert len(set(numbers)) == len(numbers)
    assert 0 not in numbers


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ({"parking_interval": "same", "turning_keep": "3,300,60,20"}, ["WrPeriod 120,120", "Turning 3,30,300,60,20"]),
        ({"parking_interval": 600, "turning_keep": "5, 0, 80, 10"}, ["WrPeriod 120,600", "Turning 5,30,0,80,10"]),
        ({}, []),
    ],
)
def test_where_the_unit_does_not_tell_them_options_give_the_other_arguments(
    options: dict[str, Any], written: list[str]
) -> None:
    # With `query: false` nothing is asked at all; the echo of the write is the evidence.
    exchanges, outcome, _ = applied(at=target(options={**options, "query": False}))
    assert sent(exchanges) == written
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed" if written else "rejected")
    assert all("option" in found.reason for found in outcome.fields.values()) or written
    # A unit that answers with something else than its values.
    answers = [
        "what?",
        "WRPERIOD move=120 parking=600",
        "what?",
        "TURNING:Speed=3,Angle=30,Distance=1,SpeedEx=1,SpeedDelta=1",
    ]
    if written:
        assert states(spoken(list(answers), at=target(options=options))) == dict.fromkeys(ASKED, "confirmed")
    else:
        assert states(spoken(["what?", "what?"])) == dict.fromkeys(ASKED, "rejected")


def test_a_unit_that_keeps_silent_on_queries_is_asked_again_later() -> None:
    exchanges, outcome, unit = applied(options={"queries": False})
    assert sent(exchanges) == ["WrPeriod", "Turning"]
    assert unit.stored["wrperiod"] == [60, 180]
    assert outcome.unanswered
    assert states(outcome) == dict.fromkeys(ASKED, "unknown")


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={"tracking_interval": (1, 100), "tracking_angle": (1, 20)}), "mismatched"),
        (Faults(ignore=frozenset(ASKED)), "mismatched"),
        (Faults(refuse=frozenset(ASKED)), "unknown"),
        (Faults(silent=True), "unknown"),
    ],
)
def test_faults(faults: Faults, state: str) -> None:
    _, outcome, unit = applied(faults=faults)
    if faults.refuse:  # it answers the queries, so the read-back shows that nothing was taken
        state = "mismatched"
    assert states(outcome) == dict.fromkeys(ASKED, state)
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_an_answer_without_the_values_is_a_failure() -> None:
    outcome = spoken(["WRPERIOD move=60 parking=180", "WRPERIOD: wrong parameters"], {"tracking_interval": 120})
    assert states(outcome) == {"tracking_interval": "rejected"}
    assert "wrong parameters" in outcome.fields["tracking_interval"].reason


def test_a_read_back_that_differs_from_the_echo_wins() -> None:
    echo = "WRPERIOD move=120 parking=180"
    asked = {"tracking_interval": 120}
    assert states(spoken(["WRPERIOD move=60 parking=180", echo, "WRPERIOD move=60 parking=180"], asked)) == {
        "tracking_interval": "mismatched"
    }
    outcome = spoken(["WRPERIOD move=60 parking=180", echo], asked)
    assert outcome.fields["tracking_interval"].strength is Strength.READ_BACK
    assert not outcome.unanswered


def test_no_flipped_bit_of_an_answer_confirms() -> None:
    asked = {"tracking_interval": 60}
    exchanges, _, _ = applied(
        asked, faults=Faults(clamp={"tracking_interval": (1, 61)}), settings={"tracking_interval": 61}
    )
    last = exchanges[-1]
    assert last.command.purpose is Purpose.READ_BACK
    frame = answer(one(last.command.payload).data.number, "WRPERIOD move=61 parking=180").frame
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in FAMILY.stream().feed(bytes(broken)) if isinstance(event, Message)]
        assert collect(last.command, heard).verdict is Verdict.TIMEOUT


def test_a_dry_run_shows_what_is_known_of_the_unit() -> None:
    assert sent(against_nobody(FAMILY.apply(target(), ASKED))[0])[1::2][:2] == [
        "WrPeriod 120,120",
        "Turning 3,30,300,60,20",
    ]
    _, outcome, _ = applied()
    known = target(known=outcome.known)
    dry, _ = against_nobody(FAMILY.apply(known, {**ASKED, "tracking_interval": 30}))
    assert "WrPeriod 30,180" in sent(dry)


def test_reading() -> None:
    unit = FAMILY.emulator(IMEI, "track", settings={"tracking_interval": 45})
    exchanges, outcome = against_emulator(FAMILY.read(target(), ["tracking_interval"]), unit, FAMILY.stream())
    assert (sent(exchanges), outcome.reported) == (["WrPeriod"], {"tracking_interval": 45})
    _, outcome = against_emulator(FAMILY.read(target(), ["tracking_angle", "shock_value"]), unit, FAMILY.stream())
    assert outcome.reported == {"tracking_angle": 10, "tracking_distance": 300}


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    found = {p.field: p.severity for p in FAMILY.check(target(), {"tracking_interval": 0, "shock_value": 1.5, "x": 1})}
    assert found == {
        "tracking_interval": Severity.REFUSE,
        "shock_value": Severity.UNSUPPORTED,
        "x": Severity.UNSUPPORTED,
    }
    for options in ({"query": "no"}, {"parking_interval": -1}, {"turning_keep": "1,2,3"}):
        with pytest.raises(LocalError):
            FAMILY.check(target(options=options), ASKED)
    for text in ("", "x" * 256, "a\r\nb", "é"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_an_unconfirmed_packet_is_repeated_by_the_emulator() -> None:
    unit = FAMILY.emulator(IMEI, "track")
    (head,) = unit.connect()
    assert unit.report(datetime(2026, 1, 2, tzinfo=UTC))[0] == head
    assert unit.receive(one(head.data).owed) == []
    assert head not in unit.report(datetime(2026, 1, 3, tzinfo=UTC))


def test_renaming_keeps_the_checksum_right() -> None:
    renamed = FAMILY.rename(raw("command_answer-01"), IMEI, "123456789012345")
    message = one(renamed)
    assert message.device_id == "123456789012345"
    assert FAMILY.rename(raw("server_ack-01"), IMEI, "123456789012345") == raw("server_ack-01")


def test_a_conversation_with_nothing_to_carry_sends_nothing() -> None:
    exchanges, outcome = against_nobody(FAMILY.apply(target(), {"sleep_timeout": 10}))
    assert exchanges == []
    assert outcome.fields["sleep_timeout"].state is FieldState.UNSUPPORTED
