"""BOX-tracker: recorded and printed lines, the conversations, and the traps of lines without a checksum."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Match, Message, Outcome, Severity, Strength, Target, Verdict
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.box_telematics.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "box-telematics" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [n for n, case in CASES.items() if case["direction"] == "device_to_server" and n != "query_answer-01"]
SERVER = [n for n, case in CASES.items() if case["direction"] == "server_to_device"]
SERIAL = "358281002435893"
ASKED = {"tracking_interval": 120, "tracking_angle": 30}
LISTING = ["GPSHC 20", "UPLOADHC 0", "UPLOADI 300", "OK"]
DONE = ["OK"]


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(*lines: str) -> list[Message]:
    """The messages of these lines behind the recorded header."""
    stream = FAMILY.stream()
    stream.feed(raw("header-01"))
    events = stream.feed("".join(f"{line}\r" for line in lines).encode("latin-1"))
    return [event for event in events if isinstance(event, Message)]


def target(**more: Any) -> Target:
    return Target(SERIAL, variant="box", **more)


def applied(asked: dict[str, Any] | None = None, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(SERIAL, "box", **unit)
    exchanges, outcome = against_emulator(
        FAMILY.apply(target(), ASKED if asked is None else asked), device, FAMILY.stream()
    )
    return exchanges, outcome, device


def spoken(*answers: list[str], asked: dict[str, Any] | None = None) -> tuple[list[str], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    dialogue = FAMILY.apply(target(), asked or ASKED)
    command = next(dialogue)
    texts = []
    try:
        for lines in [*answers, *[[]] * 6]:
            texts.append(command.text)
            command = dialogue.send(collect(command, heard(*lines)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return texts, outcome
    raise AssertionError("the dialogue does not end")


def sent(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- lines --
@pytest.mark.parametrize("name", DEVICE)
def test_device_line(name: str) -> None:
    means = CASES[name]["means"]
    (event,) = FAMILY.stream().feed(raw(name))
    assert isinstance(event, Message)
    assert {**FAMILY.fields(event), **means} == FAMILY.fields(event)
    kinds = {"header": Kind.LOGIN, "end": Kind.OTHER}
    assert event.kind is kinds.get(means["message"], Kind.REPORT)
    assert event.checksum is Checksum.NONE
    assert event.device_id == means.get("serial")
    assert event.owed == (raw("server_ack-01") if name == "end-01" else b"")
    assert FAMILY.recognise(raw(name)) is (means["message"] == "header")


@pytest.mark.parametrize("name", SERVER)
def test_server_line(name: str) -> None:
    means = CASES[name]["means"]
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    told = FAMILY.fields(event)
    assert told["value"] == means["value"]
    assert told.get("command") == means.get("command")
    assert told["message"] == ("server_ack" if name.startswith("server_ack") else "command")


def test_the_printed_listing() -> None:
    stream = FAMILY.stream()
    stream.feed(raw("header-01"))
    events = stream.feed(raw("query_answer-01"))
    rows: dict[str, str] = {}
    for event in events:
        assert isinstance(event, Message)
        assert (event.kind, event.device_id) == (Kind.REPLY, SERIAL)
        rows |= FAMILY.fields(event).get("settings", {})
    means = CASES["query_answer-01"]["means"]
    assert {**rows, **means["settings"]} == rows
    assert events[-1].text == means["status"]
    assert stream.buffered == 0


def test_a_log_tells_its_states() -> None:
    (event,) = FAMILY.stream().feed(raw("log-08"))
    assert FAMILY.fields(event)["states"] == ["ignition", "moving", "no_fix"]


def test_lines_belong_to_the_header_before_them() -> None:
    events = FAMILY.stream().feed(raw("header-01") + b"\n" + raw("log-04") + raw("end-01"))
    assert [event.device_id for event in events if isinstance(event, Message)] == [SERIAL] * 3
    short = FAMILY.stream().feed(raw("header-01").replace(SERIAL.encode(), b"N878123"))
    assert isinstance(short[0], Message)
    assert short[0].device_id == "N878123"
    sim = FAMILY.stream().feed(raw("header-01")[:-1] + b",8944100000000000000\r")
    assert isinstance(sim[0], Message)
    assert FAMILY.fields(sim[0])["sim_number"] == "8944100000000000000"


@pytest.mark.parametrize(
    "line", [b"H,BT,35828\xff\r", b"H,BT\r", b"E,x\r", b"OK\r", b"x" * 1100 + b"\r", b"H,BT,1,0810281424,F5,6D\r"]
)
def test_lines_that_are_none_cost_themselves_only(line: bytes) -> None:
    events = FAMILY.stream().feed(line + raw("header-01"))
    assert isinstance(events[0], PeerError)
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("header-01")]


def test_a_log_that_is_none_is_told() -> None:
    (event,) = FAMILY.stream().feed(b"L,1\r")
    with pytest.raises(PeerError):
        FAMILY.fields(event)


def test_passwords_of_the_listing_are_blanked() -> None:
    (message,) = heard("SERVER1_PASS hunter2")
    assert b"hunter2" not in message.frame
    assert message.text == "SERVER1_PASS ***"
    (event,) = FAMILY.stream().feed(b"SERVER1_PASS hunter2\r")
    assert isinstance(event, PeerError)
    assert b"hunter2" not in event.discarded


# -- conversations --
def test_commands_are_the_documented_words() -> None:
    exchanges, outcome, unit = applied()
    assert [exchange.command.payload for exchange in exchanges] == [
        *(b"CONFIG\r", raw("setting_command-01"), raw("setting_command-02"), b"UPLOADHC,1\r", b"CONFIG\r")
    ]
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    assert {found.strength for found in outcome.fields.values()} == {Strength.READ_BACK}
    assert unit.stored["UPLOADI_IOFF"] == "86400"
    assert FAMILY.raw(target(), "UPLOADD,7").payload == raw("command-01")


def test_an_angle_of_0_switches_its_uploads_off_and_keeps_the_angle() -> None:
    exchanges, outcome, unit = applied({"tracking_angle": 0}, settings={"tracking_angle": 40})
    assert sent(exchanges) == ["CONFIG", "UPLOADHC,0", "CONFIG"]
    assert states(outcome) == {"tracking_angle": "confirmed"}
    assert unit.stored["GPSHC"] == "40"


def test_an_angle_whose_uploads_are_off_is_not_confirmed() -> None:
    after = ["GPSHC 30", "UPLOADHC 0", "UPLOADI 120", "OK"]
    _, outcome = spoken(LISTING, DONE, DONE, DONE, after)
    assert states(outcome) == {"tracking_interval": "confirmed", "tracking_angle": "mismatched"}


@pytest.mark.parametrize("shown", ["absent", "20,5", "ON"])
def test_gpshc_is_written_only_where_it_holds_one_number(shown: str) -> None:
    exchanges, outcome, unit = applied(options={"gpshc": shown})
    assert sent(exchanges) == ["CONFIG", "UPLOADI,120", "CONFIG"]
    assert states(outcome) == {"tracking_interval": "confirmed", "tracking_angle": "rejected"}
    assert unit.stored["UPLOADHC"] == "0"


def test_an_ok_to_an_older_command_answers_nothing() -> None:
    command = next(FAMILY.apply(target(), ASKED))
    assert [command.match(message) for message in heard("OK", *LISTING)] == [
        *(Match.NO, Match.PART, Match.PART, Match.PART, Match.DONE)
    ]
    # A listing that comes late, while a write is open: its OK is not the write's.
    texts, outcome = spoken(LISTING, LISTING)
    assert texts == ["CONFIG", "UPLOADI,120", "CONFIG"]
    assert outcome.unanswered
    assert states(outcome) == {"tracking_interval": "written", "tracking_angle": "unknown"}
    _, outcome = spoken(LISTING, [*LISTING, "OK"], DONE, DONE)
    assert states(outcome)["tracking_interval"] == "written"  # acknowledged once, but the listing must still come
    assert outcome.unanswered


def test_logs_and_output_may_stand_before_the_ok() -> None:
    log = str(CASES["log-04"]["data"]).rstrip("\r")
    after = ["GPSHC 30", log, "UPLOADHC 1", "UPLOADI 120", "E,7", "OK"]
    _, outcome = spoken([log, *LISTING], ["UPLOADI 120", log, "OK"], DONE, DONE, after)
    assert states(outcome) == dict.fromkeys(ASKED, "confirmed")
    assert states(applied(options={"echo": True})[1]) == dict.fromkeys(ASKED, "confirmed")


def test_after_a_write_that_nobody_answered_nothing_more_is_written() -> None:
    texts, outcome = spoken(LISTING, ["what?"], LISTING)
    assert texts == ["CONFIG", "UPLOADI,120", "CONFIG"]
    assert states(outcome) == {"tracking_interval": "mismatched", "tracking_angle": "mismatched"}
    assert outcome.unanswered


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={"tracking_interval": (1, 100), "tracking_angle": (1, 20)}), "mismatched"),
        (Faults(ignore=frozenset(ASKED)), "mismatched"),
        (Faults(refuse=frozenset(ASKED)), "mismatched"),
        (Faults(silent=True), "unknown"),
    ],
)
def test_faults(faults: Faults, state: str) -> None:
    _, outcome, unit = applied(faults=faults)
    assert states(outcome) == dict.fromkeys(ASKED, state)
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])
    assert outcome.unanswered is bool(faults.silent or faults.refuse)


def test_flipped_bits_of_the_listing_confirm_only_what_is_still_read_as_asked() -> None:
    """There is no checksum: a flip in a row of ours must not leave that row confirmed."""
    whole = b"GPSHC 30\rUPLOADHC 1\rUPLOADI 120\r"
    for bit in range(8 * len(whole)):
        broken = bytearray(whole + b"OK\r")
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(LISTING, DONE, DONE, DONE, broken.decode("latin-1").split("\r"))
        hit = "tracking_interval" if bit >= 8 * whole.index(b"UPLOADI ") else "tracking_angle"
        assert states(outcome)[hit] != "confirmed", bytes(broken)


def test_a_row_that_stands_twice_tells_nothing() -> None:
    _, outcome = spoken(LISTING, DONE, DONE, DONE, ["UPLOADI 120", "UPLOADI 300", "UPLOADHC 1", "GPSHC 30", "OK"])
    assert states(outcome) == {"tracking_interval": "acknowledged", "tracking_angle": "confirmed"}


def test_lines_of_another_unit_answer_nothing() -> None:
    command = next(FAMILY.apply(Target("N878123", variant="box"), ASKED))
    assert collect(command, heard(*LISTING)).verdict is Verdict.TIMEOUT


def test_reading() -> None:
    unit = FAMILY.emulator(SERIAL, "box", settings=ASKED)
    exchanges, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())
    assert (sent(exchanges), outcome.reported) == (["CONFIG"], ASKED)
    assert against_nobody(FAMILY.read(target(), []))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    found = {
        problem.field: problem.severity
        for problem in FAMILY.check(
            target(), {"tracking_interval": 4294968, "tracking_angle": 360, "tracking_distance": 500, "x": 1}
        )
    }
    assert found == {
        "tracking_interval": Severity.REFUSE,
        "tracking_angle": Severity.REFUSE,
        "tracking_distance": Severity.UNSUPPORTED,
        "x": Severity.UNSUPPORTED,
    }
    assert FAMILY.check(target(), {"tracking_interval": 4294967, "tracking_angle": 359}) == []


@pytest.mark.parametrize("text", ["", "a\rb", "é", "x" * 161, "SERVER1_PORT,0", "server2_port , 000", "SERVER1_PORT,"])
def test_raw_commands_that_are_refused(text: str) -> None:
    with pytest.raises(LocalError):
        FAMILY.raw(target(), text)


def test_raw_commands_hide_passwords() -> None:
    command = FAMILY.raw(target(), "SERVER1_PASS,hunter2")
    assert command.payload == b"SERVER1_PASS,hunter2\r"
    assert "hunter2" not in command.text
    assert command.secrets == (b"hunter2",)
    assert FAMILY.raw(target(), "SERVER1_PORT,5065").secrets == ()


def test_the_emulator_sends_a_batch_again_until_it_is_confirmed() -> None:
    unit = FAMILY.emulator(SERIAL, "box")
    unit.connect()
    first = unit.report(datetime(2026, 1, 2, tzinfo=UTC))
    assert first[0] in unit.report(datetime(2026, 1, 3, tzinfo=UTC))
    unit.receive(b"A,2\r")
    assert first[0] not in unit.report(datetime(2026, 1, 4, tzinfo=UTC))
