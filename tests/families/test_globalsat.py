"""GlobalSat: printed and recorded frames, the words of motion mode, and the GPS that a distance needs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Outcome, Severity, Strength, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.globalsat.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "globalsat" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name in CASES if name not in DEVICE]
ID = "136489586301578"
ASKED = {"tracking_interval": 60, "on_stop_tracking_interval": 600, "tracking_distance": 200}
NEAR = {"tracking_interval": 60, "on_stop_tracking_interval": 600}
ACK = f"{ID},ACK\r".encode()


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def said(body: str) -> bytes:
    """A device's frame, with the XOR worked out here."""
    folded = 0
    for byte in body.encode("ascii"):
        folded ^= byte
    return f"{body}*{folded:02X}!".encode("ascii")


def told(values: str, sign: int = 3, number: int = 0, device_id: str = ID) -> bytes:
    return said(f"GSs,{device_id},{sign},{number},{values}")


def target(**options: bool) -> Target:
    return Target(ID, variant="motion", options=options)


def spoken(at: Target, asked: dict[str, int], *answers: bytes) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(at, asked)
    command = next(dialogue)
    payloads = []
    try:
        for answer in [*answers, b"", b"", b""]:
            payloads.append(command.payload)
            command = dialogue.send(collect(command, heard(answer)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return payloads, outcome
    raise AssertionError("the dialogue does not end")


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    fields = FAMILY.fields(message)
    whole = CASES[name]["checksum_verified"]
    assert message.checksum is (Checksum.OK if whole else Checksum.NONE)
    assert message.owed == (b"ACK\r" if whole else b"")
    if "imei" in means:
        assert message.device_id == means["imei"]
    for word, key in (
        ("R0", "static_interval_s"),
        ("R1", "moving_interval_s"),
        ("R2", "media"),
        ("R3", "distance_m"),
    ):
        if key in means:
            assert fields["settings"][word] == str(means[key])
    if "settings" in means:
        assert fields["settings"] == means["settings"]
    if name == "gs-report-1":
        assert fields["cells"][:2] == [str(means["operation_mode"]), str(means["report_type"])]
        assert (fields["longitude"], fields["latitude"]) == (121.488065, 24.997617)
    if "longitude" in means:
        assert fields["longitude"] == pytest.approx(means["longitude"], abs=1e-5)
        assert fields["latitude"] == pytest.approx(means["latitude"], abs=1e-5)
    if "date_ddmmyy" in means:
        assert means["date_ddmmyy"] in fields["cells"]
    reports = "report" in means["message"].lower() and "settings" not in means["message"]
    assert message.kind is (Kind.REPORT if reports else Kind.REPLY)
    if name != "gs-ack":
        assert FAMILY.recognise(raw(name)) is True


@pytest.mark.parametrize("name", SERVER)
def test_server_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    fields = FAMILY.fields(message)
    if "settings" in means:
        assert fields["settings"] == means["settings"]
    if "distance_m" in means:
        assert fields["settings"] == {"R0": "600", "R1": "60", "R3": "200"}
    if "words" in means:
        assert fields["command"] == "L1(" + ",".join(means["words"]) + ")"
    if name == "gs-mode-motion":
        assert fields["command"] == "M4(R0=420,R1=40,R2=44)"


def test_every_flipped_bit_is_seen() -> None:
    whole = raw("gs-read-answer")
    for bit in range(8 * (len(whole))):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        for message in heard(bytes(broken) + b"!" * 600):
            assert bit // 8 >= len(whole) - 3, bytes(broken)  # the case of a check digit
            assert message.frame.upper() == whole.upper()


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"\xff\r\n*12!GSr,1,2" + raw("gs-read-answer") + b"\r\n" + raw("gs-report-1"))
    assert [event.frame for event in events if isinstance(event, Message)] == [
        raw("gs-read-answer"),
        raw("gs-report-1"),
    ]
    assert any(isinstance(event, PeerError) for event in events)


def test_a_datagram_ends_with_its_frame() -> None:
    stream = FAMILY.stream(Transport.UDP)
    assert [type(each) for each in stream.feed(raw("gs-report-1")[:40])] == [PeerError]
    assert [type(each) for each in stream.feed(raw("gs-report-1"))] == [Message]
    with pytest.raises(LocalError):
        FAMILY.stream(Transport.MQTT)


def test_an_acknowledgement_without_a_name_is_of_the_link() -> None:
    stream = FAMILY.stream()
    (nobody,) = stream.feed(b"ACK\r")
    stream.feed(raw("gs-read-answer"))
    named = [stream.feed(each)[0] for each in (b"ACK\r", b"my-unit,ACK\r\n", b"135785412249986,ACK\r")]
    ids = [event.device_id for event in (nobody, *named) if isinstance(event, Message)]
    assert ids == [None, ID, ID, "135785412249986"]


def test_renaming_puts_the_check_digits_right() -> None:
    assert FAMILY.rename(raw("gs-read-answer"), ID, "135785412249986") != raw("gs-read-answer")
    (message,) = heard(FAMILY.rename(raw("gs-report-h"), "131826789036289", ID))
    assert (message.device_id, message.checksum) == (ID, Checksum.OK)


# -- conversations --
def test_the_bytes_of_a_change() -> None:
    answers = (told("RH=1"), ACK, told("R0=600,R1=60,R3=200,RH=1"))
    payloads, outcome = spoken(target(), ASKED, *answers)
    assert payloads[0] == said(f"GSC,{ID},L1(RH)")
    assert payloads[1] == raw("gs-set-motion-built")
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    payloads, outcome = spoken(target(), {**ASKED, "tracking_distance": 0}, ACK, told("R0=600,R1=60,R3=0"))
    assert payloads[1] == raw("gs-read-built")
    assert set(states(outcome).values()) == {"confirmed"}


@pytest.mark.parametrize(("answer", "again"), [(told("RH=0"), False), (told("RH=x"), False), (b"", True)])
def test_a_distance_is_not_written_without_the_gps_kept_on(answer: bytes, again: bool) -> None:
    payloads, outcome = spoken(target(), ASKED, answer, ACK, told("R0=600,R1=60"))
    assert all(b"R3" not in payload for payload in payloads)
    assert states(outcome) == {**dict.fromkeys(NEAR, "confirmed"), "tracking_distance": "rejected"}
    assert outcome.unanswered is again
    assert "RH" in outcome.fields["tracking_distance"].reason


def test_the_operator_may_have_the_gps_kept_on() -> None:
    at = target(keep_gps_on=True)
    payloads, outcome = spoken(at, ASKED, ACK, told("R0=600,R1=60,R3=200,RH=1"))
    assert payloads[0] == said(f"GSS,{ID},3,0,R0=600,R1=60,R3=200,RH=1")
    assert set(states(outcome).values()) == {"confirmed"}
    _, outcome = spoken(at, ASKED, ACK, told("R0=600,R1=60,R3=200,RH=0"))
    assert states(outcome)["tracking_distance"] == "rejected"
    with pytest.raises(LocalError):
        FAMILY.check(Target(ID, variant="motion", options={"keep_gps_on": "yes"}), ASKED)


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ((b"", told("R0=600,R1=60")), "confirmed"),
        ((b"ACK\r" + told("R0=600,R1=60"), told("R0=600", 1, 0) + told("R1=60", 2, 1)), "confirmed"),
        ((ACK, told("R0=600", 1, 0)), "acknowledged"),
        ((ACK, told("R0=600,R1=60", device_id="135785412249986")), "acknowledged"),
        ((ACK, told("P0=600,R1=60")), "acknowledged"),
        ((ACK, told("R0=600,R0=60,R1=60,R1=600")), "acknowledged"),
        ((b"135785412249986,ACK\r", b""), "written"),
        ((ACK, told("R0=60,R1=600")), "mismatched"),
    ],
)
def test_answers(answers: tuple[bytes, ...], state: str) -> None:
    stream = FAMILY.stream()
    stream.feed(raw("gs-read-answer"))
    dialogue = FAMILY.apply(target(), NEAR)
    command = next(dialogue)
    for answer in answers[:-1]:
        command = dialogue.send(collect(command, [m for m in stream.feed(answer) if isinstance(m, Message)]))
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(command, [m for m in stream.feed(answers[-1]) if isinstance(m, Message)]))
    assert set(states(stop.value.value).values()) == {state}


@pytest.mark.parametrize(
    ("faults", "options", "state"),
    [
        (Faults(clamp={"tracking_interval": (90, 900), "on_stop_tracking_interval": (0, 300)}), {}, "mismatched"),
        (Faults(ignore=frozenset(NEAR)), {}, "mismatched"),
        (Faults(refuse=frozenset(NEAR)), {}, "mismatched"),
        (Faults(silent=True), {}, "written"),
        (Faults(), {"acks": False, "packets": 1}, "confirmed"),
    ],
)
def test_faults(faults: Faults, options: dict[str, int], state: str) -> None:
    unit = FAMILY.emulator(ID, "motion", faults=faults, options=options)
    _, outcome = against_emulator(FAMILY.apply(target(), NEAR), unit, FAMILY.stream())
    assert set(states(outcome).values()) == {state}
    assert outcome.unanswered is faults.silent
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_flipped_bits_of_a_read_back_never_confirm() -> None:
    whole = told("R0=600,R1=60")
    for bit in range(8 * (len(whole) - 3)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(target(), NEAR, b"", bytes(broken))
        assert set(states(outcome).values()) == {"written"}, bytes(broken)


def test_reading() -> None:
    unit = FAMILY.emulator(ID, "motion", settings=ASKED)
    exchanges, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())
    assert outcome.reported == ASKED
    assert exchanges[0].command.payload == raw("gs-read-built")
    assert against_nobody(FAMILY.read(target(), ["tracking_angle"]))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    found = {
        each.field: each.severity for each in FAMILY.check(target(), {"tracking_interval": 2**32, "tracking_angle": 3})
    }
    assert found == {"tracking_interval": Severity.REFUSE, "tracking_angle": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), {"tracking_interval": -1})
    session = Target(ID, variant="session")
    assert [each.severity for each in FAMILY.check(session, {"tracking_interval": 60})] == [Severity.UNSUPPORTED]
    assert FAMILY.capabilities(target())["tracking_distance"].best is Strength.READ_BACK


@pytest.mark.parametrize("device_id", ["", "1,2", "\u0663" * 15, "1" * 21])
def test_an_id_that_no_frame_carries_is_refused(device_id: str) -> None:
    at = Target(device_id, variant="motion")
    for dialogue in (lambda: FAMILY.apply(at, NEAR), lambda: FAMILY.read(at, list(NEAR))):
        with pytest.raises(LocalError):
            next(dialogue())
    with pytest.raises(LocalError):
        FAMILY.raw(at, "L1(R1)")


def test_raw_commands() -> None:
    assert FAMILY.raw(Target("123456789012345", variant="motion"), "Na").payload == raw("gs-cmd-custom")
    mode = FAMILY.raw(Target("011412000010789", variant="motion"), "GSC,M4(R0=420,R1=40,R2=44)")
    assert mode.payload == raw("gs-mode-motion")
    assert [mode.match(each).value for each in heard(raw("gs-ack"))] == ["done"]
    timer = FAMILY.raw(Target("011412000012789", variant="motion"), "GSS,3,0,X0=32400,X1=64800,X2=3600,X3=3E,X4=80")
    assert timer.payload == raw("gs-set-timer")
    every = FAMILY.raw(target(), "L1(ALL)")
    parts = heard(ACK + told("R0=1", 1, 0) + told("R1=1", 0, 1) + told("R2=02", 2, 2))
    assert [every.match(each).value for each in parts] == ["no", "part", "part", "done"]
    form = FAMILY.raw(Target("135785412249986", variant="motion"), "GSS,3,0,O3=SORPZAB27GHKLMN*U!")
    assert form.payload == raw("gs-set-format")
    for text in ("", " ", "O3=A*20!", "O3=\rx", "x" * 221, "\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
