"""Kingneed and VJoy: recorded frames, texts with brackets, commands and their notices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Faults, Kind, Message, Outcome, Severity, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.vjoy.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "vjoy" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
TEXTS = [name for name, case in CASES.items() if case.get("layer")]
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server" and name not in TEXTS]
ID = "864555555555555"
ASKED = {"continuous_report_interval": 60, "psm_mode": 1, "psm_wake_up_interval": 12}
SAMPLING, UPLOAD, SLEEP = (CASES[f"vjoy-text-{name}"]["data"] for name in ("4", "5", "sleepv"))


def notice(text: str, device_id: str = ID) -> bytes:
    """A text in the frame of the recorded ZC03."""
    return f"({device_id},ZC03,191117,234207,${text}$)".encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def target(**fields: Any) -> Target:
    return Target(ID, variant="standard", **{"experimental": True, **fields})


def spoken(asked: dict[str, Any], *answers: bytes, **fields: Any) -> tuple[list[str], Outcome]:
    """The commands and the outcome, with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(**fields), asked)
    command = next(dialogue)
    texts = []
    try:
        for answer in [*answers, b"", b""]:
            texts.append(command.text)
            assert command.payload == b"[begin]sms2,%b,[end]" % command.text.encode()
            command = dialogue.send(collect(command, heard(answer)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return texts, outcome
    raise AssertionError("the dialogue does not end")


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    data, means = CASES[name]["data"].encode("ascii"), CASES[name]["means"]
    (message,) = heard(data)
    told = FAMILY.fields(message)
    assert (message.device_id, message.owed) == (means["device_id"], b"")
    assert told["message"] == means["message"]
    kind = {"ZC03": Kind.REPLY, "ZC20": Kind.OTHER}
    assert message.kind is kind.get(means["message"], Kind.REPORT)
    assert FAMILY.recognise(data) is True
    if "text" in means:
        assert message.data[1] == means["text"]
    if "battery_level" in means:
        assert told["battery_level"] == str(means["battery_level"])
    if "check_min" in means:
        assert told["check_min"] == means["check_min"]


def test_positions() -> None:
    """The DW3B of the public test is 27 degrees 54.4558 minutes south, 27 degrees 59.0423 minutes east."""
    (message,) = heard(CASES["vjoy-dw3b"]["data"].encode())
    told = FAMILY.fields(message)
    assert told["latitude"] == pytest.approx(-27.907597, abs=1e-6)
    assert told["longitude"] == pytest.approx(27.984038, abs=1e-6)
    assert (told["time"], told["satellites"]) == ("124449", "10")


@pytest.mark.parametrize("name", TEXTS)
def test_notices_with_brackets_stay_whole(name: str) -> None:
    text, means = CASES[name]["data"], CASES[name]["means"]
    (message, after) = heard(notice(text) + CASES["vjoy-dw30"]["data"].encode())
    told = FAMILY.fields(message)
    assert message.data == ("ZC03", text)
    assert after.kind is Kind.REPORT
    for key, value in means.items():
        if key != "sleep_hours":
            assert told[key] == value


@pytest.mark.parametrize("name", ["vjoy-cmd-routetrack", "vjoy-cmd-routetrackoff"])
def test_server_frames(name: str) -> None:
    data, means = CASES[name]["data"].encode(), CASES[name]["means"]
    assert FAMILY.raw(target(), means["text"]).payload == data
    (event,) = FAMILY.server(data)
    assert isinstance(event, Message)
    assert FAMILY.fields(event)["text"] == means["text"]


@pytest.mark.parametrize("place", ["51nanN", "511e9N", "5135." + "8" * 400 + "N", "1_35.82713N", "N"])
def test_a_place_that_is_none_costs_itself_only(place: str) -> None:
    (message,) = heard(f"({ID},DW30,050917,A,{place},00001.17918E,0.089,154745,000.0,43.40,12)".encode())
    told = FAMILY.fields(message)
    assert told["latitude"] is None
    assert (told["longitude"], told["date"], told["satellites"]) == (0.019653, "050917", "12")


@pytest.mark.parametrize(
    "before", ["460,0,0,6,2,aa:bb:cc:dd:ee:ff*-8*0,aa:bb:cc:dd:ee:ff*-8*0", "460,0,0,6,0"], ids=["networks", "none"]
)
def test_a_report_without_a_fix(before: str) -> None:
    """Frames of the public decoder's test (traccar/traccar Tk103ProtocolDecoderTest)."""
    (message,) = heard(f"(013632651491,DW50,{before},040613,040137)".encode())
    assert message.kind is Kind.REPORT
    assert FAMILY.fields(message) == {
        "message": "DW50",
        "device_id": "013632651491",
        "date": "040613",
        "time": "040137",
        "values": before.split(","),
    }


def test_a_datagram_ends_with_its_frame() -> None:
    stream, frame = FAMILY.stream(Transport.UDP), notice(UPLOAD)
    assert [type(each) for each in stream.feed(frame[:30])] == [PeerError]
    assert [type(each) for each in stream.feed(frame)] == [Message]


def test_a_text_that_is_never_closed_costs_itself_only() -> None:
    broken = notice(UPLOAD).replace(b"$)", b"#)")
    frame = notice(SAMPLING)
    events = FAMILY.stream().feed(broken + frame + frame)
    assert isinstance(events[0], PeerError)
    assert [event.frame for event in events if isinstance(event, Message)] == [frame, frame]


# -- conversations --
def test_documented_commands_and_notices() -> None:
    texts, outcome = spoken(ASKED, notice(SAMPLING), notice(UPLOAD), notice(SLEEP))
    assert texts == ["*rsampling*60*", "*rupload*60*", "*sleep*12*"]
    assert set(states(outcome).values()) == {"acknowledged"}
    texts, outcome = spoken({"psm_mode": 0}, notice(CASES["vjoy-text-sleepoff"]["data"]))
    assert (texts, states(outcome)) == (["*sleepoff*"], {"psm_mode": "acknowledged"})
    texts, _ = spoken({"psm_mode": 1, "psm_wake_up_interval": 5}, options={"sleep_command": "sleepv"})
    assert texts == ["*sleepv*5*"]
    with pytest.raises(LocalError):
        spoken({"psm_mode": 1, "psm_wake_up_interval": 5}, options={"sleep_command": "sleep*1*"})


@pytest.mark.parametrize(
    ("answers", "interval", "mode", "hours"),
    [
        ((SAMPLING, UPLOAD.replace("60", "90"), SLEEP), "mismatched", "acknowledged", "acknowledged"),
        ((SAMPLING.replace("60", "90"), UPLOAD, SLEEP), "mismatched", "acknowledged", "acknowledged"),
        ((SAMPLING, UPLOAD, SLEEP.replace("12", "24")), "acknowledged", "acknowledged", "mismatched"),
        ((SAMPLING, UPLOAD, "Notice: System does not sleep."), "acknowledged", "written", "written"),
        ((SAMPLING, UPLOAD, "Notice: System has ended all sleep functions."), "acknowledged", "written", "written"),
        ((SAMPLING, SAMPLING), "written", "unknown", "unknown"),
        (("Notice: Device version: 1.0",), "written", "unknown", "unknown"),
    ],
)
def test_other_notices(answers: tuple[str, ...], interval: str, mode: str, hours: str) -> None:
    _, outcome = spoken(ASKED, *(notice(each) for each in answers))
    assert states(outcome) == dict(zip(ASKED, (interval, mode, hours), strict=True))
    assert outcome.unanswered is ("written" in (interval, mode))


def test_a_notice_of_another_unit_is_none() -> None:
    texts, outcome = spoken(ASKED, notice(SAMPLING, "864555555555556"))
    assert texts == ["*rsampling*60*"]
    assert outcome.unanswered


def test_what_cannot_be_carried_is_told() -> None:
    asked = {**ASKED, "motion_interval": 60}
    assert {each.field for each in FAMILY.check(target(), asked)} == {"motion_interval"}
    cold = {each.field: each for each in FAMILY.check(target(experimental=False), asked)}
    assert cold.keys() == {"motion_interval", "continuous_report_interval"}
    assert "experimental switch" in cold["continuous_report_interval"].reason
    awake = {each.field: each.severity for each in FAMILY.check(target(), {**ASKED, "psm_mode": 0})}
    assert awake == {"psm_wake_up_interval": Severity.UNSUPPORTED}
    assert {each.field for each in FAMILY.check(target(), {"psm_mode": 1})} == {"psm_mode"}
    (bad,) = FAMILY.check(target(), {**ASKED, "psm_wake_up_interval": 100})
    assert bad.severity is Severity.REFUSE
    assert against_nobody(FAMILY.read(target(), list(ASKED)))[0] == []


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(), ("acknowledged", "acknowledged", "acknowledged")),
        (Faults(clamp={"continuous_report_interval": (90, 900)}), ("mismatched", "acknowledged", "acknowledged")),
        (Faults(clamp={"psm_wake_up_interval": (24, 99)}), ("acknowledged", "acknowledged", "mismatched")),
        (Faults(ignore=frozenset(ASKED)), ("acknowledged", "acknowledged", "acknowledged")),
        (Faults(refuse=frozenset({"psm_mode"})), ("acknowledged", "written", "written")),
        (Faults(silent=True), ("written", "unknown", "unknown")),
    ],
)
def test_faults(faults: Faults, expected: tuple[str, ...]) -> None:
    unit = FAMILY.emulator(ID, "standard", faults=faults)
    _, outcome = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert tuple(states(outcome)[name] for name in ASKED) == expected


def test_flipped_bits_of_a_notice_never_acknowledge_another_value() -> None:
    whole = notice(UPLOAD)
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken({"continuous_report_interval": 60}, notice(SAMPLING), bytes(broken))
        if states(outcome)["continuous_report_interval"] == "acknowledged":
            assert b"Notice: Upload time interval is set to 60 second" in broken
            assert ID.encode() in broken


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), "*status*")
    assert command.match(heard(CASES["vjoy-zc03-status"]["data"].encode())[0]).value == "done"
    for text in ("", "status", "*a*,[end][begin]sms2,*b*", "*st\xe4tus*", "**", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_openings_of_sister_protocols_are_not_claimed() -> None:
    for opening in (b"(087073005534BP00HSO)", b"(7023110001,1,001", b"(013632651491,zc20", b"[3G*4700186508*"):
        assert FAMILY.recognise(opening) is False
    for opening in (b"(", b"(0136326", b"(013632651491", b"(013632651491,ZC2"):
        assert FAMILY.recognise(opening) is None
