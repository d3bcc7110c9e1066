"""Navtelecom: recorded packets and FLEX messages, the conversations, and the traps of the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
    Event,
    Faults,
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
from tracker_codecs.families.navtelecom import texts
from tracker_codecs.families.navtelecom.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "navtelecom" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
PACKETS = [
    name
    for name, case in CASES.items()
    if case["direction"] == "device_to_server" and not name.startswith("flex_telemetry")
]
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
IMEI = "869696049737385"
NUMBER = 49737385
SRV1, SRV2 = "TRANS:SRV1(,,2,,)", "TRANS:SRV2(FLEX,,,gw1.example.net,15003)"
ASKED = {"parameters": [SRV2]}
HAD, NOW = "TRANS:SRV2(FLEX,0,0,0.0.0.0,0)", "TRANS:SRV2(FLEX,0,0,gw1.example.net,15003)"
VERSION = CASES["command_answer-02"]["means"]["text"]


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def events(*parts: bytes) -> list[Event]:
    stream = FAMILY.stream()
    return [event for part in parts for event in stream.feed(part)]


def one(*parts: bytes) -> Message:
    """The message of the last part, all parts on one link."""
    event = events(*parts)[-1]
    assert isinstance(event, Message), event
    return event


def packet(body: bytes, sender: int = 0, receiver: int = 1) -> bytes:
    """An NTCB packet made here."""
    inner = 0
    for byte in body:
        inner ^= byte
    head = b"@NTC" + receiver.to_bytes(4, "little") + sender.to_bytes(4, "little") + len(body).to_bytes(2, "little")
    head += bytes((inner,))
    outer = 0
    for byte in head:
        outer ^= byte
    return head + bytes((outer,)) + body


def crc8(data: bytes) -> bytes:
    value = 0xFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (0x31 if value & 0x80 else 0)) & 0xFF
    return bytes((value,))


def said(text: str, sender: int = 0) -> Message:
    return one(raw("login-04"), packet(text.encode("latin-1"), sender))


def target(**more: Any) -> Target:
    return Target(IMEI, variant="tags", **more)


def applied(asked: dict[str, Any] | None = None, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "tags", **unit)
    stream = FAMILY.stream()
    exchanges, outcome = against_emulator(FAMILY.apply(target(), asked or ASKED), device, stream)
    return exchanges, outcome, device


def sent(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def spoken(answers: list[str | None], asked: dict[str, Any] | None = None) -> Outcome:
    """The dialogue with these answer texts in order (None: silence)."""
    dialogue = FAMILY.apply(target(), asked or ASKED)
    command = next(dialogue)
    try:
        for text in [*answers, *[None] * 8]:
            command = dialogue.send(collect(command, [] if text is None else [said(text)]))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
    raise AssertionError("the dialogue does not end")


def state(outcome: Outcome) -> str:
    return outcome.fields["parameters"].state.value


# -- packets --
def agree(found: dict[str, Any], means: dict[str, Any]) -> None:
    """What was decoded is what the fixture says; parts of a settings text are looked at apart."""
    for key in means.keys() & {"framing", "receiver", "sender", "body_length", "imei", "protocol", "protocol_version"}:
        assert found[key] == means[key], key
    for key in means.keys() & {"structure_version", "field_count", "mask", "fields", "event_index", "count"}:
        assert found[key] == means[key], key
    if "text" in means:
        assert found["text"] == means["text"].replace("\u00b0", r"\xb0").replace("\x1e", r"\x1e")


@pytest.mark.parametrize("name", PACKETS)
def test_a_recorded_packet_says_what_it_means(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    found = FAMILY.fields(message)
    agree(found, means)
    assert message.checksum is (Checksum.NONE if name == "ping-01" else Checksum.OK)
    if means["message"] == "settings_answer":
        told = texts.read_answer(message.text, f"{means['page']}:{means['tag']}")
        assert isinstance(told, texts.Parameter)
        assert list(told.values) == means["values"]
    else:
        assert found["message"] == means["message"]


@pytest.mark.parametrize("name", SERVER)
def test_what_a_server_says(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    found = FAMILY.fields(event)
    agree(found, CASES[name]["means"])
    assert found["message"] == CASES[name]["means"]["message"].removeprefix("settings_")


@pytest.mark.parametrize(
    ("name", "mask"), [("flex_telemetry-01", "01"), ("flex_telemetry-03", "02"), ("flex_telemetry-04", "02")]
)
def test_a_recorded_message_is_cut_by_the_mask_of_its_link(name: str, mask: str) -> None:
    message = one(raw("login-04"), raw(f"flex_negotiation-{mask}"), raw(name))
    found = FAMILY.fields(message)
    agree(found, CASES[name]["means"])
    assert (message.kind, message.device_id, len(found["records"])) == (Kind.REPORT, IMEI, 1)
    for other in ("04", "05"):  # a mask of another length: nothing fits
        assert not any(
            isinstance(event, Message) and event.kind is Kind.REPORT
            for event in events(raw(f"flex_negotiation-{other}"), raw(name) + raw("login-01"))
        )
    (event,) = events(raw(name))
    assert isinstance(event, PeerError)


def test_a_recorded_position() -> None:
    found = FAMILY.fields(one(raw("flex_negotiation-02"), raw("flex_telemetry-04")))["records"][0]
    assert (found["index"], found["time_utc"]) == (0x27, "2019-01-19T18:25:54Z")
    assert (found["latitude"], found["longitude"]) == (0x0203A2AA / 600000, 0x0192F229 / 600000)
    assert (found["satellites"], found["valid"], found["speed_kmh"], found["course"]) == (0x4B >> 2, True, 0.0, 0x93)
    assert found["altitude_m"] == pytest.approx(0x562 / 10)


@pytest.mark.parametrize(
    ("before", "name", "owed"),
    [
        ("ping-01", "login-01", "server_ack-01"),
        ("ping-01", "login-02", "server_ack-02"),
        ("flex_negotiation-01", "flex_telemetry-01", "server_ack-04"),
        ("flex_negotiation-02", "flex_telemetry-04", "server_ack-05"),
    ],
)
def test_what_is_owed(before: str, name: str, owed: str) -> None:
    assert one(raw(before), raw(name)).owed == raw(owed)


def test_a_negotiation_is_answered_with_its_versions_or_with_the_best_that_is_known() -> None:
    assert one(raw("flex_negotiation-02")).owed == packet(b"*<FLEX\xb0\x14\x14", 1, NUMBER)
    newer = packet(b"*>FLEX\xb0\x1e\x1e\xff" + bytes(32))
    assert one(newer).owed == packet(b"*<FLEX\xb0\x14\x14", 1, 0)
    # one byte more than needed, as the protocol's text counts it where the number of fields divides by 8
    longer = packet(b"*>FLEX\xb0\x0a\x0a\x08\x80\x00")
    record = b"~C" + b"\x27\x00\x00\x00"
    message = one(longer, record + crc8(record))
    assert message.owed == b"~C" + crc8(b"~C")
    for wrong in (b"*>FLEX\xb1\x0a\x0a\x08\x80", b"*>FLEX\xb0\x14\x14\x7b" + bytes(16), b"*>FLEX\xb0\x0a\x0a\x45\xff"):
        (event,) = events(packet(wrong))
        assert isinstance(event, PeerError)


def test_older_telemetry_is_owed_its_index_or_its_count() -> None:
    assert one(raw("ntcb_telemetry-01")).owed == packet(b"*<T\0\0\0\0", 1, 0)
    assert one(raw("ntcb_telemetry-05")).owed == packet(b"*<T\xaa\x17\0\0", 1, 49675213)
    assert one(raw("ntcb_telemetry-02")).owed == packet(b"*<A\x01", 0, 4)


def test_extra_records_are_cut_by_their_lengths() -> None:
    extra = b"~E\x02" + b"\x02\x00\x0a\x01" + b"\x01\x00\x0a"
    assert one(raw("flex_negotiation-02"), extra + crc8(extra)).owed == b"~E\x02" + crc8(b"~E\x02")
    extra = b"~X\x07\0\0\0" + b"\x02\x00\x0a\x01"
    assert one(raw("flex_negotiation-02"), extra + crc8(extra)).owed == b"~X\x07\0\0\0" + crc8(b"~X\x07\0\0\0")


def test_packets_and_messages_come_in_turns() -> None:
    found = events(
        raw("login-04")
        + raw("flex_negotiation-02")
        + raw("flex_telemetry-04")
        + raw("command_answer-05")
        + raw("ping-01")
        + raw("flex_telemetry-03")
    )
    kinds = [event.kind for event in found if isinstance(event, Message)]
    assert kinds == [Kind.LOGIN, Kind.OTHER, Kind.REPORT, Kind.REPLY, Kind.HEARTBEAT, Kind.REPORT]


def test_a_wrong_checksum_is_owed_nothing_and_does_not_hide_the_next_packet() -> None:
    for name, at in (("flex_telemetry-04", 20), ("command_answer-05", 18), ("command_answer-05", 12)):
        broken = bytearray(raw(name))
        broken[at] ^= 1
        found = events(raw("flex_negotiation-02"), bytes(broken) + raw("flex_telemetry-03") + raw("login-01"))[1:]
        assert [type(event) for event in found] == [PeerError, Message, Message], name


def test_a_login_without_an_imei_names_nobody() -> None:
    for body in (b"*>S:86969604973738", b"*>S:86969604973738x", b"*>S:"):
        (event,) = events(packet(body))
        assert isinstance(event, PeerError)


# -- commands --
def test_the_bytes_of_commands_are_the_documented_ones() -> None:
    for name in ("command-01", "command-02", "command-04", "command-05", "command-07", "settings_command-01"):
        assert FAMILY.raw(target(), CASES[name]["means"]["text"]).payload == raw(name), name
    dialogue = FAMILY.apply(target(), ASKED)
    assert next(dialogue).payload == raw("command-02")
    known = target(known={"unit_number": "123"})
    assert next(FAMILY.apply(known, ASKED)).payload == packet(b"*?V", 1, 123)
    option = target(options={"unit_number": 7, "server_number": 9}, known={"unit_number": "123"})
    assert FAMILY.raw(option, "*?V").payload == packet(b"*?V", 9, 7)


def test_what_answers_an_operators_command() -> None:
    match = FAMILY.raw(target(), "*!SETTIME +300").match
    assert match(said(CASES["command_answer-05"]["means"]["text"])) is Match.DONE
    assert match(said("*@SETOUT OK")) is Match.NO
    assert match(said("*Z")) is Match.REFUSED
    assert FAMILY.raw(target(), "*?DATA 21,22").match(said(CASES["command_answer-07"]["means"]["text"])) is Match.DONE
    assert FAMILY.raw(target(), "*!DEV_RESET").match(said("*@DEV_RESET")) is Match.DONE
    assert FAMILY.raw(target(), b"@NTC").match(said("*@X")) is Match.DONE
    for text in ("", "x" * 513, "a\r\n", "\u00e9", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


# -- conversations --
def test_a_tag_is_read_written_and_read_back() -> None:
    exchanges, outcome, unit = applied()
    assert sent(exchanges) == ["*?V", "*!READ TRANS:SRV2", f"*!EDIT {SRV2}", "*!READ TRANS:SRV2"]
    assert outcome.fields["parameters"].strength is Strength.READ_BACK
    assert unit.settings == ASKED
    assert outcome.known == {"unit_number": "0", "hardware": "S-2651", "firmware": "01.00.72", "parameters": SRV2}


def test_a_unit_with_a_number_of_its_own_is_found_and_kept() -> None:
    exchanges, outcome, _ = applied(options={"unit_number": NUMBER})
    assert sent(exchanges)[:3] == ["*?V", "*?V", "*!READ TRANS:SRV2"]
    assert (state(outcome), outcome.known["unit_number"]) == ("confirmed", str(NUMBER))
    unit = FAMILY.emulator(IMEI, "tags", options={"unit_number": NUMBER})
    again, _ = against_emulator(FAMILY.apply(target(known=outcome.known), ASKED), unit, FAMILY.stream())
    assert sent(again).count("*?V") == 1


@pytest.mark.parametrize(
    ("answers", "expected", "unanswered"),
    [
        ([VERSION, f"*@READ OK,{HAD}", "*@EDIT OK", f"*@READ OK,{NOW}"], "confirmed", False),
        ([VERSION, f"*@READ OK,{HAD}", "*@EDIT OK,TRANS:SRV2", f"*@READ OK,{HAD}"], "mismatched", False),
        ([VERSION, f"*@READ OK,{HAD}", "*@EDIT OK"], "acknowledged", True),
        ([VERSION, f"*@READ OK,{HAD}", "*@EDIT OK", "*Z"], "acknowledged", False),
        ([VERSION, f"*@READ OK,{HAD}", "*@EDIT ERR"], "rejected", False),
        ([VERSION, f"*@READ OK,{HAD}", "*@EDIT"], "rejected", False),
        ([VERSION, f"*@READ OK,{HAD}", None], "written", True),
        ([VERSION, f"*@READ OK,{HAD}", "*@EDITS OK"], "written", True),
        ([VERSION, f"*@READ OK,{HAD}", f"*@READ OK,{NOW}"], "written", True),
        ([VERSION, "*@READ ERR"], "rejected", False),
        ([VERSION, "*Z"], "rejected", False),
        ([VERSION, "*@READ OK,TRANS:SRV2(FLEX,0,0,0.0.0.0)"], "rejected", False),
        ([VERSION, f"*@READ OK,{HAD.replace('SRV2', 'SRV1')}"], "unknown", True),
        ([VERSION, None], "unknown", True),
        ([None, None], "unknown", True),
    ],
)
def test_ends(answers: list[str | None], expected: str, unanswered: bool) -> None:
    outcome = spoken(answers)
    assert (state(outcome), outcome.unanswered) == (expected, unanswered)


def test_what_was_left_empty_may_be_anything_and_the_rest_must_agree() -> None:
    asked = {"parameters": [SRV1, SRV2]}
    had = "*@READ OK,TRANS:SRV1(FLEX,0,1,193.193.165.165,20966)"
    start = [VERSION, had, "*@EDIT OK", f"*@READ OK,{HAD}", "*@EDIT OK"]
    outcome = spoken([*start, had.replace("0,1", "0,2"), f"*@READ OK,{NOW}"], asked)
    assert state(outcome) == "confirmed"
    outcome = spoken([*start, had, f"*@READ OK,{NOW}"], asked)
    assert state(outcome) == "mismatched"
    assert outcome.reported == {"parameters": ["TRANS:SRV1(,,1,,)", SRV2]}


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(clamp={"parameters": (1, 9999)}), "mismatched"),
        (Faults(ignore=frozenset({"parameters"})), "mismatched"),
        (Faults(refuse=frozenset({"parameters"})), "rejected"),
        (Faults(silent=True), "unknown"),
    ],
)
def test_faults(faults: Faults, expected: str) -> None:
    _, outcome, unit = applied(faults=faults)
    assert state(outcome) == expected
    assert outcome.fields["parameters"].reported in (None, unit.settings["parameters"])


def test_no_flipped_bit_of_a_read_back_confirms() -> None:
    exchanges, _, _ = applied()
    last = exchanges[-1].command
    assert last.purpose is Purpose.READ_BACK
    frame = packet(f"*@READ OK,{NOW.replace('15003', '15002')}".encode())
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in events(raw("login-04"), bytes(broken)) if isinstance(event, Message)]
        assert collect(last, heard[1:]).verdict is Verdict.TIMEOUT


def test_reading_asks_for_what_was_set() -> None:
    _, outcome, unit = applied()
    exchanges, again = against_emulator(FAMILY.read(target(known=outcome.known), ["parameters"]), unit, FAMILY.stream())
    assert (sent(exchanges), again.reported) == (["*?V", "*!READ TRANS:SRV2"], ASKED)
    assert against_nobody(FAMILY.read(target(), ["parameters"]))[0] == []


@pytest.mark.parametrize(
    "value",
    [
        [],
        "TRANS:SRV1(1)",
        ["TRANS:SRV1"],
        ["TRANS:SRV1(,,)"],
        ["TRANS:SRV1(!,1)"],
        ["TRANS:SRV1(&7[1111])"],
        ["TRANS:SRV1(1)\r\n*!DEV_RESET"],
        ["TRANS:SRV1(1);TRANS:SRV2(1)"],
        ["TRANS:SRV1(1)", "TRANS:SRV1(2)"],
        [f"TRANS:SRV{each}(1)" for each in range(13)],
        ["TRANS:SRV1(" + ",".join(["x" * 60] * 9) + ")"],
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_sent(value: Any) -> None:
    (problem,) = FAMILY.check(target(), {"parameters": value})
    assert problem.severity is Severity.REFUSE
    with pytest.raises(LocalError):
        FAMILY.apply(target(), {"parameters": value})


def test_what_cannot_be_carried_is_told() -> None:
    found = {each.field: each for each in FAMILY.check(target(), {"tracking_interval": 60, "x": 1, **ASKED})}
    assert found.keys() == {"tracking_interval", "x"}
    assert "tag" in found["tracking_interval"].reason
    exchanges, outcome = against_nobody(FAMILY.apply(target(), {"tracking_angle": 10}))
    assert (exchanges, outcome.fields["tracking_angle"].state.value) == ([], "unsupported")
    for options in ({"unit_number": -1}, {"server_number": "1"}, {"unit_number": True}):
        with pytest.raises(LocalError):
            FAMILY.check(target(options=options), ASKED)
    unset = target(options={"unit_number": None, "server_number": None}, known={"unit_number": "9" * 5000})
    assert FAMILY.raw(unset, "*?V").payload == packet(b"*?V", 1, 0)


def test_a_dry_run_acknowledges_nothing() -> None:
    _, outcome = against_nobody(FAMILY.apply(target(), ASKED))
    assert outcome.fields["parameters"].state.value == "written"


def test_a_message_of_extra_records_that_grows_without_end_is_given_up() -> None:
    stream = FAMILY.stream()
    stream.feed(raw("flex_negotiation-02"))
    found = [event for _ in range(40) for event in stream.feed(b"~E" + b"\xff" * 6000)]
    assert stream.buffered <= FAMILY.limits.max_frame
    assert any(isinstance(event, PeerError) for event in found)


def test_the_emulator_negotiates_before_it_reports() -> None:
    unit = FAMILY.emulator(IMEI, "tags")
    stream = FAMILY.stream()
    now = datetime(2026, 1, 2, tzinfo=UTC)
    (login,) = unit.connect()
    assert unit.report(now) == []
    (event,) = stream.feed(login.data)
    assert isinstance(event, Message)
    (negotiation,) = unit.receive(event.owed)
    (event,) = stream.feed(negotiation.data)
    assert isinstance(event, Message)
    unit.receive(event.owed)
    (event,) = stream.feed(unit.report(now)[0].data)
    assert isinstance(event, Message)
    assert FAMILY.fields(event)["records"][0]["time_utc"] == "2026-01-02T00:00:00Z"


def test_renaming_keeps_the_checksums_right_and_leaves_no_trace() -> None:
    other = "123456789012345"
    message = one(FAMILY.rename(raw("login-04"), IMEI, other))
    assert (message.device_id, FAMILY.fields(message)["sender"]) == (other, 89012345)
    assert FAMILY.rename(raw("flex_telemetry-04"), IMEI, other) == raw("flex_telemetry-04")
    assert FAMILY.rename(raw("login-05"), IMEI, other) == raw("login-05")


def test_credentials_are_neither_settings_nor_shown() -> None:
    for tag in ("TRANS:AP1(apn,user,word)", "TRANS:CRYPTO(1,key)"):
        (problem,) = FAMILY.check(target(), {"parameters": [tag]})
        assert "holds credentials" in problem.reason
    command = FAMILY.raw(target(), "*!EDIT TRANS:AP1(internet,me,s3same)")
    assert b"s3same" in command.payload
    assert {b"s3same", b"me", b"internet"} == set(command.secrets)
    assert FAMILY.raw(target(), "*!READ TRANS:SRV1").secrets == ()
