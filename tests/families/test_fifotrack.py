"""fifotrack: recorded frames, the XOR, and the one documented setting."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Outcome, Severity, Strength, Target
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.fifotrack.family import FAMILY
from tracker_codecs.families.fifotrack.frame import build

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "fifotrack" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name, case in CASES.items() if name not in DEVICE and case["checksum_verified"]]
ID = "866104023192332"
ASKED = {"heartbeat_interval": 60, "parked_heartbeat_interval": 0}
NOW = datetime(2023, 6, 26, 7, 27, 23, tzinfo=UTC)


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream(clock=lambda: NOW).feed(data) if isinstance(event, Message)]


def target(serial: int = 1) -> Target:
    return Target(ID, variant="heartbeat", serial=serial)


def said(number: int, body: str, device_id: str = ID) -> bytes:
    return build(device_id, number, body, start=b"$$")


def spoken(*answers: bytes) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(2), ASKED)
    command = next(dialogue)
    payloads = []
    try:
        for answer in [*answers, b"", b""]:
            payloads.append(command.payload)
            command = dialogue.send(collect(command, heard(answer)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return payloads, outcome
    raise AssertionError("the dialogue does not end")


def states(outcome: Outcome) -> set[str]:
    return {found.state.value for found in outcome.fields.values()}


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.checksum, message.device_id, told["device_id"]) == (Checksum.OK, *[means["device_id"]] * 2)
    assert (told["command"], told["number"]) == (means["command"], means["work_no"])
    assert message.kind is (Kind.REPORT if means["type"] == "data" else Kind.REPLY)
    assert FAMILY.recognise(raw(name)) is True
    for key in ("latitude", "longitude"):
        if key in means:
            assert told[key] == means[key]
    if "valid" in means and means["command"] != "A03":
        assert told["fix"] == ("A" if means["valid"] else "V")
    if "alarm" in means:
        assert told["alarm"] == str(means["alarm"])
    if "rfid_hex" in means:
        assert means["rfid_hex"] in told["parameters"]
    if means["type"] == "ack":
        assert told["status"] == means["status"].upper()
    if "photo_id" in means:
        assert told["parameters"][-2:] == [str(means["size"]), means["photo_id"]]


@pytest.mark.parametrize("name", SERVER)
def test_server_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (told["device_id"], told["number"]) == (means["device_id"], means["work_no"])
    assert told["command"] == means.get("command", means.get("answers"))
    parameters = {"C04": ["B03"], "S09": ["60", "0"], "A03": ["230626072723"]}
    assert told["parameters"] == parameters[told["command"]]


def test_a_place_that_is_none_costs_itself_only() -> None:
    (sound,) = heard(next(raw(name) for name in DEVICE if CASES[name]["means"]["command"] == "A01"))
    place = str(FAMILY.fields(sound)["latitude"]).encode()
    odd = FAMILY.fields(
        Message(sound.kind, sound.frame.replace(place, b"x" * len(place)), sound.device_id, data=sound.data)
    )
    whole = FAMILY.fields(sound)
    assert (odd["latitude"], odd["longitude"], odd["fix"]) == (None, whole["longitude"], whole["fix"])


def test_a_sum_in_place_of_the_xor_is_no_frame() -> None:
    (event,) = FAMILY.server(raw("encoder-with-a-sum"))
    assert isinstance(event, PeerError)
    means = CASES["encoder-with-a-sum"]["means"]
    right = raw("encoder-with-a-sum").replace(
        b"*" + means["sum_checksum"].encode(), b"*" + means["xor_checksum"].encode()
    )
    assert [type(each) for each in FAMILY.server(right)] == [Message]
    assert FAMILY.raw(Target(means["device_id"], variant="heartbeat"), "D05,3").payload == right


def test_a03_is_owed_the_time_and_nothing_else_is_owed_anything() -> None:
    (message,) = heard(said(0x7F, "A03,,230626072722", "865413050150407"))
    assert message.owed == raw("a03-reply")
    assert FAMILY.normalise(message.owed) == FAMILY.normalise(raw("a03-reply").replace(b"72723*09", b"72724*0E"))
    for name in DEVICE:
        assert bool(heard(raw(name))[0].owed) is (CASES[name]["means"]["command"] == "A03")


def test_every_flipped_bit_is_seen() -> None:
    for name in ("ack-b03-ok", "a01-driver"):
        whole = raw(name)
        for bit in range(8 * len(whole)):
            broken = bytearray(whole)
            broken[bit // 8] ^= 1 << bit % 8
            assert heard(bytes(broken) + b"$" * 300) == [], (name, bit)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"$$9999,$$25,x" + raw("ack-b03-ok"))
    assert isinstance(events[0], PeerError)
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("ack-b03-ok")]
    events = FAMILY.stream().feed(b"\x00$$1" + raw("a00-position") + b"junk" + raw("ack-b03-ok"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("a00-position"), raw("ack-b03-ok")]


def test_renaming_puts_the_checksum_right() -> None:
    (message,) = heard(FAMILY.rename(raw("ack-b03-ok"), "863003046473534", "135790246811220"))
    assert (message.device_id, message.text) == ("135790246811220", "B03,OK")


# -- conversations --
def test_the_documented_command_and_its_answers() -> None:
    payloads, outcome = spoken(said(2, "S09,OK"), said(3, "C04,UNSUPPORT"))
    assert payloads[0] == raw("set-heartbeat-s09")
    assert payloads[1] == build(ID, 3, "C04,S09")
    assert states(outcome) == {"acknowledged"}
    assert {found.strength for found in outcome.fields.values()} == {Strength.ACKNOWLEDGED}
    assert FAMILY.raw(target(), "C04,B03").payload == raw("read-b03")


@pytest.mark.parametrize(
    ("after", "state"), [("C04,S09,60,0", "confirmed"), ("C04,S09,60,60", "mismatched"), ("C04,S09,60", "acknowledged")]
)
def test_a_unit_that_tells_confirms(after: str, state: str) -> None:
    _, outcome = spoken(said(2, "S09,OK"), said(3, after))
    assert outcome.fields["parked_heartbeat_interval"].state.value == state


@pytest.mark.parametrize(
    "answer", [said(1, "S09,OK"), said(2, "B03,OK"), said(2, "S09,OK", "863003046473534"), said(2, "S09"), b""]
)
def test_what_does_not_answer_acknowledges_nothing(answer: bytes) -> None:
    _, outcome = spoken(answer)
    assert states(outcome) == {"written"}
    assert outcome.unanswered


@pytest.mark.parametrize(
    ("faults", "told", "state"),
    [
        (Faults(clamp={"heartbeat_interval": (90, 900), "parked_heartbeat_interval": (30, 900)}), True, "mismatched"),
        (Faults(ignore=frozenset(ASKED)), True, "mismatched"),
        (Faults(refuse=frozenset(ASKED)), False, "rejected"),
        (Faults(silent=True), True, "written"),
        (Faults(), True, "confirmed"),
        (Faults(), False, "acknowledged"),
    ],
)
def test_faults(faults: Faults, told: bool, state: str) -> None:
    before = {"heartbeat_interval": 300, "parked_heartbeat_interval": 600}
    unit = FAMILY.emulator(ID, "heartbeat", settings=before, faults=faults, options={"retrieve": told})
    stream = FAMILY.stream()
    _, outcome = against_emulator(FAMILY.apply(target(0xFFFF), ASKED), unit, stream)
    assert states(outcome) == {state}
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_flipped_bits_of_a_read_back_never_confirm() -> None:
    whole = said(3, "C04,S09,60,0")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(said(2, "S09,OK"), bytes(broken))
        assert states(outcome) == {"acknowledged"}, bytes(broken)


def test_numbers_run_from_1_to_ffff() -> None:
    exchanges, _ = against_nobody(FAMILY.apply(target(0xFFFF), ASKED))
    assert [exchange.command.payload.split(b",")[2] for exchange in exchanges] == [b"FFFF", b"1"]


def test_reading() -> None:
    unit = FAMILY.emulator(ID, "heartbeat", settings=ASKED, options={"retrieve": True})
    _, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())
    assert outcome.reported == ASKED
    assert against_nobody(FAMILY.read(target(), ["tracking_interval"]))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"heartbeat_interval": 0, "parked_heartbeat_interval": 0, "tracking_interval": 60, "tracking_angle": 30}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {
        "heartbeat_interval": Severity.REFUSE,
        "tracking_interval": Severity.UNSUPPORTED,
        "tracking_angle": Severity.UNSUPPORTED,
    }
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    (alone,) = FAMILY.check(target(), {"heartbeat_interval": 60})
    assert alone.severity is Severity.UNSUPPORTED


def test_raw_commands() -> None:
    command = FAMILY.raw(target(5), "B99,Q3.bin,1,192.0.2.1,21,somebody,hunter2")
    assert "hunter2" not in command.text
    assert command.secrets == (b"somebody,hunter2",)
    assert [command.match(heard(said(5, f"B99,{code}"))[0]).value for code in ("OK", "FAILED")] == ["done", "refused"]
    assert command.match(heard(said(6, "B99,OK"))[0]).value == "no"
    for text in ("", "b03", "B03,1*00", "B03\r\n##", "B03,\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
