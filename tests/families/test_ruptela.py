"""Ruptela: recorded packets, printed texts, the conversations, and the traps of the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
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
from tracker_codecs.families.ruptela import texts
from tracker_codecs.families.ruptela.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "ruptela" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
FRAMES = [name for name, case in CASES.items() if case["layer"] == "frame"]
DEVICE = [name for name in FRAMES if CASES[name]["direction"] == "device_to_server"]
SERVER = [name for name in FRAMES if CASES[name]["direction"] == "server_to_device"]
EDITED = [name for name, case in CASES.items() if case["layer"] == "edited"]
IMEI = "868204004248349"
FIRST, SECOND = "id=28,profile=3,enable=1,level=10,average=500", "id=5,profile=1,enable=0"
ASKED = {"io_parameters": [FIRST, SECOND]}
ALL = "id=28,profile=3,enable=1,level=10,delta=0,average=500,eventon=2,include=0,priority=0,switch=0,edge=0"
OK, OFF = "setioparam OK, slot: 12", "I/O ID 5 is NOT enabled"


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message), event
    return event


def kermit(data: bytes) -> bytes:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc.to_bytes(2, "big")


def packet(command: int, payload: bytes, imei: str = IMEI) -> bytes:
    """A device's packet made here, with a bitwise CRC."""
    body = int(imei).to_bytes(8, "big") + bytes((command,)) + payload
    return len(body).to_bytes(2, "big") + body + kermit(body)


def answer(text: str, imei: str = IMEI) -> Message:
    return one(packet(7, text.encode("latin-1"), imei))


def target(**more: Any) -> Target:
    return Target(IMEI, variant="io", options=more.pop("options", {"password": "pass"}), **more)


def applied(asked: dict[str, Any] | None = None, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "io", options={"password": "pass"}, **unit)
    exchanges, outcome = against_emulator(FAMILY.apply(target(), asked or ASKED), device, FAMILY.stream())
    return exchanges, outcome, device


def sent(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def spoken(answers: list[str | None], asked: dict[str, Any] | None = None) -> Outcome:
    """The dialogue with these answer texts in order (None: silence)."""
    dialogue = FAMILY.apply(target(), asked or ASKED)
    command = next(dialogue)
    try:
        for text in [*answers, *[None] * 8]:
            command = dialogue.send(collect(command, [] if text is None else [answer(text)]))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
    raise AssertionError("the dialogue does not end")


def text_of(payload: bytes) -> str:
    """The text of a command 108."""
    (event,) = FAMILY.server(payload)
    assert isinstance(event, Message)
    return str(FAMILY.fields(event)["text"])


def state(outcome: Outcome) -> str:
    return outcome.fields["io_parameters"].state.value


# -- packets --
@pytest.mark.parametrize("name", DEVICE)
def test_a_recorded_packet_says_what_it_means(name: str) -> None:
    message = one(raw(name))
    means = dict(CASES[name]["means"])
    assert means.pop("length_matches")
    found = FAMILY.fields(message)
    assert {key: found[key] for key in means} == means
    assert message.checksum is Checksum.OK
    assert message.device_id == means["imei"]
    if means["command"] in (1, 68):
        assert len(found["records"]) == means["record_count"]
        assert all(abs(each["latitude"]) <= 90 or each["satellites"] == 255 for each in found["records"])


def test_a_recorded_position() -> None:
    record = FAMILY.fields(one(raw("data-05")))["records"][0]
    # 20fddaff 0f12289b 0072 0000 06 0000 0c 07: somewhere in Dubai, standing
    assert (record["longitude"], record["latitude"]) == (0x20FDDAFF / 1e7, 0x0F12289B / 1e7)
    assert (record["altitude_m"], record["satellites"], record["speed_kmh"], record["hdop"]) == (11.4, 6, 0, 1.2)
    assert (record["event"], record["io"]["5"], record["io"]["27"]) == (7, 1, 24)


@pytest.mark.parametrize("name", SERVER)
def test_what_a_server_says(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    found = FAMILY.fields(event)
    means = CASES[name]["means"]
    assert all(found[key] == means[key] for key in ("message", "command", "text", "status") if key in means)


@pytest.mark.parametrize(
    ("name", "owed", "kind"),
    [
        ("data_extended-01", "server_ack-01", Kind.REPORT),
        ("data-02", "server_ack-01", Kind.REPORT),
        ("identification-01", "server_ack-02", Kind.LOGIN),
    ],
)
def test_what_is_owed(name: str, owed: str, kind: Kind) -> None:
    message = one(raw(name))
    assert (message.owed, message.kind) == (raw(owed), kind)


def test_heartbeat_and_trouble_codes_are_owed_an_answer_too() -> None:
    beat = one(packet(16, b""))
    assert (beat.owed, beat.kind) == (raw("server_ack-04"), Kind.HEARTBEAT)
    assert one(packet(9, b"\0")).owed.hex() == "00026d01c4a4"
    assert one(raw("file_part-01")).owed == b""


@pytest.mark.parametrize("name", EDITED)
def test_a_shortened_sample_is_given_up_and_understood_once_its_length_is_right(name: str) -> None:
    data, means = raw(name), CASES[name]["means"]
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, PeerError)
    message = one((len(data) - 4).to_bytes(2, "big") + data[2:])
    found = FAMILY.fields(message)
    assert found["imei"] == means["imei"]
    assert found["message"] == means["message"]
    assert found.get("text") == means.get("text")


def test_a_wrong_checksum_is_owed_nothing_and_does_not_hide_the_next_packet() -> None:
    broken = bytearray(raw("data-04"))
    broken[40] ^= 4
    events = FAMILY.stream().feed(bytes(broken) + raw("identification-01"))
    assert [type(event) for event in events] == [PeerError, Message]
    assert events[1] == one(raw("identification-01"))


def test_a_record_that_runs_past_its_packet_is_the_peers_fault() -> None:
    content = raw("data-04")[11:-2]
    for payload in (content[:-1], content + b"\0"):
        with pytest.raises(PeerError):
            FAMILY.fields(one(packet(1, payload)))


def test_what_opens_a_link() -> None:
    for name in DEVICE:
        assert FAMILY.recognise(raw(name)) is True
        assert all(FAMILY.recognise(raw(name)[:at]) is not False for at in range(13))
    # an Autofon report, which could pass for records but for their number
    assert FAMILY.recognise(bytes.fromhex("02080000251848470afa010262daa690013aa4046da83745f8")) is False


# -- texts --
def test_printed_texts() -> None:
    secret = CASES["sms_text-01"]["means"]["password"]
    dialogue = FAMILY.apply(target(options={"password": secret}), {"io_parameters": ["id=256,profile=4,enable=1"]})
    command = next(dialogue)
    assert text_of(command.payload) == CASES["sms_text-01"]["data"]
    assert command.secrets == (secret.encode(),)
    assert secret not in command.text
    assert command.match(answer(CASES["answer_text-05"]["data"])) is Match.DONE
    assert command.match(answer(CASES["answer_text-07"]["data"])) is Match.REFUSED
    for name in ("answer_text-01", "answer_text-02", "answer_text-04", "answer_text-06"):
        assert command.match(answer(CASES[name]["data"])) is Match.NO
    assert command.match(answer(OK, "868204004248340")) is Match.NO


def test_the_printed_read_back() -> None:
    known = {"io_parameters": "id=28,profile=3,enable=1,average=5,eventon=1"}
    command = next(FAMILY.read(target(options={"password": "password"}, known=known), ["io_parameters"]))
    assert text_of(command.payload) == CASES["sms_text-02"]["data"]
    printed = CASES["answer_text-06"]["data"]
    assert command.match(answer(printed)) is Match.DONE
    means = CASES["answer_text-06"]["means"]
    told = texts.told(printed, (28, 3))
    assert isinstance(told, texts.Element)
    assert dict(told.values)["average"] == means["average"]
    for other in (
        printed.replace("id=28", "id=29"),
        printed.replace("profile=3", "profile=1"),
        printed.replace(",edge=0", ""),
        printed + ",edge=0",
        "I/O ID 5 is NOT enabled",
        OK,
    ):
        assert command.match(answer(other)) is Match.NO, other
    for refusal in (
        "ERROR: I/O ID 28 does not exist",
        "ERROR: I/O ID 28 read is forbidden",
        "ERROR: more than one I/O parameter with same ID was found",
        "ERROR: wrong request syntax",
        "You do not have permission to read the settings",
    ):
        assert command.match(answer(refusal)) is Match.REFUSED, refusal


def test_the_bytes_of_commands_are_the_recorded_ones() -> None:
    assert FAMILY.raw(target(options={}), "Setio 2,1").payload == raw("command_sms_via_gprs-01")
    assert FAMILY.raw(target(), "imei").payload == raw("command_sms_via_gprs-02")
    assert FAMILY.raw(target(), "connect 192.168.0.1,7011,TCP").payload == raw("command_sms_via_gprs-04")
    assert FAMILY.raw(target(), raw("command_version-01")).payload == raw("command_version-01")
    for text in ("x" * 160, "a\r\nb", "é", b"", "", " "):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


# -- conversations --
def test_every_element_is_set_and_read_back() -> None:
    exchanges, outcome, unit = applied(settings={"io_parameters": ["id=5,profile=1,enable=1"]})
    assert sent(exchanges) == [f"setioparam {FIRST}", f"setioparam {SECOND}", "getioparam 28,3", "getioparam 5,1"]
    assert outcome.fields["io_parameters"].strength is Strength.READ_BACK
    assert unit.settings["io_parameters"] == [SECOND, FIRST]
    assert outcome.known == {"io_parameters": f"{FIRST};{SECOND}"}


def test_an_element_that_was_disabled_already_is_where_it_should_be() -> None:
    outcome = spoken([OK, "setioparam ERROR, parameter is already disable", ALL, OFF])
    assert state(outcome) == "confirmed"


@pytest.mark.parametrize(
    ("answers", "expected", "unanswered"),
    [
        ([OK, OK, ALL, OFF], "confirmed", False),
        ([OK, OK, ALL.replace("level=10", "level=11"), OFF], "mismatched", False),
        ([OK, OK, ALL, ALL.replace("id=28,profile=3", "id=5,profile=1")], "mismatched", False),
        ([OK, OK, ALL], "acknowledged", True),
        ([OK, OK, "You do not have permission to read the settings"], "acknowledged", False),
        ([OK, "setioparam ERROR, no free slots for set the I/O", ALL, "I/O ID 9 is NOT enabled"], "rejected", True),
        (["You do not have permission to change the settings"] * 2 + [ALL], "rejected", True),
        ([None], "written", True),
        ([OK, None], "written", True),
    ],
)
def test_ends(answers: list[str | None], expected: str, unanswered: bool) -> None:
    outcome = spoken(answers)
    assert (state(outcome), outcome.unanswered) == (expected, unanswered)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(clamp={"io_parameters": (20, 60)}), "mismatched"),
        (Faults(ignore=frozenset({"io_parameters"})), "mismatched"),
        (Faults(refuse=frozenset({"io_parameters"})), "rejected"),
        (Faults(silent=True), "written"),
    ],
)
def test_faults(faults: Faults, expected: str) -> None:
    _, outcome, unit = applied({"io_parameters": [FIRST]}, faults=faults)
    found = outcome.fields["io_parameters"]
    assert found.state.value == expected
    assert found.reported in (None, ["id=28,profile=3,enable=0"], unit.settings["io_parameters"])


def test_no_flipped_bit_of_a_read_back_confirms() -> None:
    exchanges, _, _ = applied({"io_parameters": ["id=28,profile=3,enable=1,level=10"]})
    last = exchanges[-1].command
    assert last.purpose is Purpose.READ_BACK
    frame = packet(7, ALL.replace("level=10", "level=11").encode())
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in FAMILY.stream().feed(bytes(broken)) if isinstance(event, Message)]
        assert collect(last, heard).verdict is Verdict.TIMEOUT


def test_reading_asks_for_what_was_set() -> None:
    _, outcome, unit = applied()
    exchanges, again = against_emulator(
        FAMILY.read(target(known=outcome.known), ["io_parameters"]), unit, FAMILY.stream()
    )
    assert (sent(exchanges), again.reported) == (["getioparam 28,3", "getioparam 5,1"], ASKED)
    exchanges, again = against_nobody(FAMILY.read(target(), ["io_parameters"]))
    assert (exchanges, again.reported) == ([], {})


@pytest.mark.parametrize(
    "value",
    [
        [],
        ["id=1,profile=5,enable=1"],
        ["id=1,profile=1"],
        ["id=1,profile=1,enable=1,level=1,level=2"],
        ["id=1,profile=1,enable=1,speed=1"],
        ["id=1,profile=1,enable=1,level=-1"],
        ["id=1,profile=1,enable=0,level=1"],
        ["id=1,profile=1,enable=1", "id=1,profile=1,enable=0"],
        ["id=1,profile=1,enable=1\r\n"],
        [f"id={each},profile=1,enable=0" for each in range(17)],
        [ALL.replace("=0", "=4000000000").replace("=2", "=4000000000")],
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_sent(value: list[str]) -> None:
    (problem,) = FAMILY.check(target(options={"password": "p" * 40}), {"io_parameters": value})
    assert problem.severity is Severity.REFUSE
    with pytest.raises(LocalError):
        FAMILY.apply(target(options={"password": "p" * 40}), {"io_parameters": value})


def test_what_cannot_be_carried_is_told() -> None:
    found = {each.field: each for each in FAMILY.check(target(), {"tracking_interval": 60, "x": 1, **ASKED})}
    assert found.keys() == {"tracking_interval", "x"}
    assert "setcfg" in found["tracking_interval"].reason
    session = Target(IMEI, variant="session")
    assert [each.severity for each in FAMILY.check(session, ASKED)] == [Severity.UNSUPPORTED]
    exchanges, outcome = against_nobody(FAMILY.apply(session, ASKED))
    assert (exchanges, state(outcome)) == ([], "unsupported")
    for secret in ("a b", "é", "x" * 65, 7):
        with pytest.raises(LocalError):
            FAMILY.check(target(options={"password": secret}), ASKED)


def test_a_wrong_password_is_met_with_silence() -> None:
    unit = FAMILY.emulator(IMEI, "io", options={"password": "other"})
    _, outcome = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert (state(outcome), outcome.unanswered) == ("written", True)


def test_renaming_keeps_the_checksum_right() -> None:
    old = CASES["identification-01"]["means"]["imei"]
    assert one(FAMILY.rename(raw("identification-01"), old, "123456789012345")).device_id == "123456789012345"
    assert FAMILY.rename(raw("server_ack-01"), old, "123456789012345") == raw("server_ack-01")
