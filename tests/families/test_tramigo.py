"""Tramigo: recorded frames of both protocols, receipts, FIND and the list of reports that reads it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from fastcrc import crc16
from tracker_codecs.contract import Faults, Kind, Message, Outcome, Severity, Target
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.tramigo.family import FAMILY
from tracker_codecs.families.tramigo.frame import text_frame

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "tramigo" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
TEXTS = [name for name, case in CASES.items() if case["means"].get("protocol") == "0x80"]
V4, STATUS, PING = "tramigo_report_v4-01", "tramigo_status_answer-01", "tramigo_report-05"
#: The id of the recorded answer to STATUS: 03 2F 14 66.
ID = "53417062"
ASKED = {"tracking_interval": 5, "tracking_distance": 2.0, "on_stop_tracking_interval": 720, "tracking_angle": 30}
ON = "Tramigo: Find, reporting is turned on, 15:50 May 29"
LIST = "Tramigo: Status, GPS: 91%, GSM: 77%, GPRS: Connected, battery: 100%, reports: Ignition (off), {}, 19:08 Mar 9"


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def target(device_id: str = ID, variant: str = "minutes", **options: str) -> Target:
    return Target(device_id, variant=variant, options=options, experimental=True)


def said(text: str, device_id: str = ID) -> bytes:
    return text_frame(device_id, 1, text, 0)


def spoken(*answers: bytes, **options: str) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(**options), ASKED)
    command = next(dialogue)
    sent = []
    try:
        for answer in [*answers, b"", b""]:
            sent.append(command.payload)
            command = dialogue.send(collect(command, heard(answer)))
    except StopIteration as stop:
        found: Outcome = stop.value
        return sent, found
    raise AssertionError("the dialogue does not end")


def states(found: Outcome) -> set[str]:
    return {each.state.value for each in found.fields.values()}


# -- frames --
@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (told["index"], told["length"], told["time_utc"]) == (means["index_le"], means["length"], means["time_utc"])
    assert means["text"].startswith(str(message.data))
    assert means["text"].removesuffix("EOF").rstrip() == message.data
    kind = {STATUS: Kind.REPLY, PING: Kind.HEARTBEAT}.get(name, Kind.REPORT)
    assert (message.kind, message.owed) == (kind, b"gprs,ack,%d" % means["index_le"])
    assert message.device_id == str(int.from_bytes(raw(name)[12:16]))
    assert message.device_id[:1] == "5"  # eight digits in all recordings
    assert len(message.device_id) == 8
    assert FAMILY.recognise(raw(name)) is True
    assert all(FAMILY.recognise(raw(name)[:count]) is None for count in range(10))


def test_what_a_text_tells() -> None:
    told = FAMILY.fields(heard(raw("tramigo_report-01"))[0])
    assert (told["latitude"], told["longitude"], told["direction"], told["speed_kmh"]) == (4.83149, 100.73085, "NW", 10)
    assert FAMILY.fields(heard(raw("tramigo_report-14"))[0])["latitude"] == -4.34106
    assert "\\xe9" in FAMILY.fields(heard(raw("tramigo_report-14"))[0])["text"]


def test_protocol_04_and_its_receipt() -> None:
    means = CASES[V4]["means"]
    (message,) = heard(raw(V4))
    told = FAMILY.fields(message)
    assert (message.kind, message.device_id) == (Kind.REPORT, means["imei"])
    assert (told["index"], told["length"], told["time_utc"]) == (means["index"], means["length"], means["time_utc"])
    assert [block["block"] for block in told["blocks"]] == [4, 1, 1]
    assert FAMILY.recognise(raw(V4)) is True
    owed, index = message.owed, raw(V4)[5:7]
    assert owed[:3] + owed[5:] == b"\x04\x18\0" + raw(V4)[5:19] + b"\xff" + index + b"\0\0"
    assert owed[3:5] == crc16.ibm_3740(owed[:3] + b"\0\0" + owed[5:]).to_bytes(2, "little")


def test_lengths_and_ends_are_checked() -> None:
    whole = raw("tramigo_report-04")
    for at, byte in ((1, 1), (6, 0x7E), (7, 0xFF), (len(whole) - 1, 0x47)):
        broken = bytearray(whole)
        broken[at] = byte
        events = FAMILY.stream().feed(bytes(broken) + whole * 3)
        assert isinstance(events[0], PeerError), at
        assert whole in [event.frame for event in events if isinstance(event, Message)], at


# -- conversations --
@pytest.mark.parametrize("name", ["tramigo_text_command-01", "tramigo_text_command-02"])
def test_published_commands(name: str) -> None:
    case = CASES[name]
    means = case["means"]
    values = ("interval_min", "distance_km", "parked_interval_min", "angle_deg")
    asked: dict[str, Any] = {field: means[key] for field, key in zip(ASKED, values, strict=True)}
    exchanges, _ = against_nobody(FAMILY.apply(target(), asked))
    sent = [exchange.command.payload.decode() for exchange in exchanges]
    word, *numbers = case["data"].split(",")
    assert sent[0].split(",")[0].startswith(word)  # F is short for FIND
    assert [float(each) for each in sent[0].split(",")[1:]] == [float(each) for each in numbers]
    assert sent[1] == "STATUS"
    if word == "FIND":
        assert sent[0] == case["data"]
    assert [event.frame for event in FAMILY.server(b"gprs,ack,9924" + case["data"].encode())] == [  # type: ignore[union-attr]  # both are messages
        b"gprs,ack,9924",
        case["data"].encode(),
    ]


def test_the_recorded_list_reads_back_the_status_report() -> None:
    on = said("Avensis SysServe: Status, reporting is turned on, 15:50 May 29")
    sent, found = spoken(on, raw(STATUS), report="status")
    assert sent == [b"STATUS,5,2,720,30", b"STATUS"]
    assert states(found) == {"confirmed"}
    off = said(LIST.format("Trip"))
    assert states(spoken(on, off, report="status")[1]) == {"rejected"}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("Find (5,2.0,720,30)", {"confirmed"}),
        ("Find (5,2.0,720,30), Status (9,9,9,9)", {"confirmed"}),
        ("Find (10,2.0,720,30)", {"confirmed", "mismatched"}),
        ("Status (5,2.0,720,30)", {"acknowledged"}),
        ("Find (5,2.0,720)", {"acknowledged"}),
    ],
)
def test_what_the_list_tells_of_find(listed: str, expected: set[str]) -> None:
    assert states(spoken(said(ON), said(LIST.format(listed)))[1]) == expected


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        said(ON, "58038277"),
        said("Tramigo: IdleAlarm, reporting is turned on, 15:50 May 29"),
        said("Tramigo: Status, reporting is turned on, 15:50 May 29"),
        raw("tramigo_report-08"),
        raw(STATUS),
    ],
)
def test_what_does_not_answer_proves_nothing_and_is_tried_again(answer: bytes) -> None:
    """Silence may be a missing authority."""
    _, found = spoken(answer)
    assert (states(found), found.unanswered) == ({"written"}, True)


def test_the_wording_of_the_manual() -> None:
    text = CASES["tramigo_answer-01"]["data"]
    (message,) = heard(said(text))
    assert (message.kind, message.text) == (Kind.REPLY, text)
    (message,) = heard(said(CASES["tramigo_status_answer-02"]["data"]))
    assert message.kind is Kind.REPLY
    assert FAMILY.raw(target(), "SETTINGS").match(message).value == "done"
    _, found = spoken(said(ON.replace("turned on", "turned off")))
    assert states(found) == {"rejected"}


def test_flipped_bits_of_a_read_back_never_confirm_other_values() -> None:
    """Frames have no check that could be verified; every value here differs from what is asked in two bits or more."""
    whole = said(LIST.format("Find (6,4.0,711,45)"))
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, found = spoken(said(ON), bytes(broken))
        assert "confirmed" not in states(found), bytes(broken)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(), {"confirmed"}),
        (Faults(clamp={"tracking_interval": (10, 60)}), {"confirmed", "mismatched"}),
        (Faults(ignore=frozenset(ASKED)), {"mismatched"}),
        (Faults(refuse=frozenset(ASKED)), {"mismatched"}),
        (Faults(silent=True), {"written"}),
    ],
)
@pytest.mark.parametrize("report", ["find", "status"])
def test_faults(faults: Faults, expected: set[str], report: str) -> None:
    before = {"tracking_interval": 30, "tracking_distance": 5, "on_stop_tracking_interval": 60, "tracking_angle": 90}
    unit = FAMILY.emulator(ID, "minutes", settings=before, faults=faults, options={"report": report})
    _, found = against_emulator(FAMILY.apply(target(report=report), ASKED), unit, FAMILY.stream())
    assert states(found) == expected
    for name, each in found.fields.items():
        assert each.reported in (None, unit.settings[name])


def test_reading() -> None:
    unit = FAMILY.emulator(ID, "minutes", settings=ASKED)
    _, found = against_emulator(FAMILY.read(target(), ["tracking_angle", "sleep_mode"]), unit, FAMILY.stream())
    assert found.reported == {"tracking_angle": 30}
    for at in (target("352625695239614"), target(variant="session")):
        assert against_nobody(FAMILY.read(at, list(ASKED)))[0] == []


def test_without_the_switch_nothing_is_sent() -> None:
    cold = Target(ID, variant="minutes")
    assert {each.severity for each in FAMILY.check(cold, ASKED)} == {Severity.UNSUPPORTED}
    assert all("experimental switch" in each.reason for each in FAMILY.check(cold, ASKED))
    for dialogue in (FAMILY.apply(cold, ASKED), FAMILY.read(cold, list(ASKED))):
        assert against_nobody(dialogue)[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {**ASKED, "tracking_distance": 0.75, "tracking_angle": 19, "sleep_mode": "disabled"}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {
        "tracking_distance": Severity.REFUSE,
        "tracking_angle": Severity.REFUSE,
        "sleep_mode": Severity.UNSUPPORTED,
    }
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    for at in (target("352625695239614"), target(variant="session")):
        assert {problem.severity for problem in FAMILY.check(at, ASKED)} == {Severity.UNSUPPORTED}
        assert against_nobody(FAMILY.apply(at, ASKED))[0] == []
    (alone,) = FAMILY.check(target(), {"tracking_interval": 5})
    assert (alone.severity, "tracking_angle" in alone.reason) == (Severity.UNSUPPORTED, True)
    with pytest.raises(LocalError):
        FAMILY.check(target(report="trip"), ASKED)
    for text in ("", "1", "FIND\r\n", "x" * 151):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_renaming() -> None:
    (message,) = heard(FAMILY.rename(raw(STATUS), ID, "12345678"))
    assert message.device_id == "12345678"
