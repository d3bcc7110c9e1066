"""Omni: recorded lines, what they are owed, and D1, which nothing answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Faults, Kind, Message, Severity, Strength, Target
from tracker_codecs.drive import against_emulator, against_nobody
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.xrb28 import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "xrb28" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name in CASES if name not in DEVICE]
KINDS = {"Q0": Kind.LOGIN, "H0": Kind.HEARTBEAT, "D0": Kind.REPORT}
ID = "123456789012345"
ASKED = {"tracking_interval": 300}


def raw(name: str) -> bytes:
    case = CASES[name]
    return bytes.fromhex(case["data"]) if case["encoding"] == "hex" else str(case["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def target(**options: str) -> Target:
    return Target(ID, variant="iot", options=options, experimental=True)


@pytest.mark.parametrize("name", DEVICE)
def test_device_lines(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    word = means["message"][:2]
    assert (message.kind, message.device_id, message.owed) == (KINDS[word], raw(name).decode()[9:24], b"")
    told = FAMILY.fields(message)
    known = [key for key in ("voltage", "battery_percent", "signal", "locked_flag", "valid") if key in means]
    assert {key: told[key] for key in known} == {key: means[key] for key in known}
    assert FAMILY.recognise(raw(name)) is True
    assert all(FAMILY.recognise(raw(name)[:count]) is not False for count in range(len(raw(name))))


def test_the_recorded_place() -> None:
    told = FAMILY.fields(heard(raw("d0-1"))[0])
    # 06 degrees 08.00062 minutes south, 106 degrees 59.70331 minutes east, by hand.
    assert (told["latitude"], told["longitude"]) == (-6.133344, 106.995055)
    assert (told["satellites"], told["altitude_m"], told["date_ddmmyy"]) == (12, "30.3", "151118")


@pytest.mark.parametrize(
    ("line", "owed"),
    [
        ("*SCOR,OM,123456789012345,L0,0,1234,1497689816#", b"\xff\xff*SCOS,OM,123456789012345,L0#\n"),
        ("*SCOR,NG,123456789012345,W0,1#", b"\xff\xff*SCOS,NG,123456789012345,W0#\n"),
        ("*HBCR,OM,123456789012345,L1,1#", b"\xff\xff*HBCS,OM,123456789012345,L1#\n"),
        ("*SCOR,OM,123456789012345,200318123020,E1,5#", b"\xff\xff*SCOS,OM,123456789012345,200318123020,E1#\n"),
        ("*SCOR,OM,123456789012345,E0,5#", b""),
        ("*SCOR,OM,123456789012345,R0,0,55,1234,1497689816#", b""),
    ],
)
def test_what_is_owed(line: str, owed: bytes) -> None:
    (message,) = heard(line.encode())
    assert message.owed == owed


@pytest.mark.parametrize("name", SERVER)
def test_published_commands(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (told["message"], told["header"], told["parameters"]) == ("D1", "SCOS", [str(means["interval_s"])])
    at = Target(str(message.device_id), variant="iot", experimental=True)
    (exchange,), outcome = against_nobody(FAMILY.apply(at, {"tracking_interval": means["interval_s"]}))
    assert exchange.command.payload == raw(name)
    assert outcome.fields["tracking_interval"].strength is Strength.WRITTEN


def test_locks_and_other_vendors_are_spoken_to_in_their_words() -> None:
    assert FAMILY.raw(target(header="HBCS", vendor="NG"), "D1,60").payload == (
        b"\xff\xff*HBCS,NG,123456789012345,D1,60#\n"
    )
    stream = FAMILY.stream()
    stream.feed(f"*HBCR,NG,{ID},Q0,412,80,28#".encode())
    heard_of = Target(ID, variant="iot", known=stream.known)
    assert FAMILY.raw(heard_of, "D1,60").payload == b"\xff\xff*HBCS,NG,123456789012345,D1,60#\n"
    for options in ({"header": "SCOR"}, {"vendor": "O,"}):
        with pytest.raises(LocalError):
            FAMILY.raw(target(**options), "D1,60")


def test_broken_lines_name_nobody_and_hide_nothing() -> None:
    whole = raw("h0")
    for noise in (
        b"*SCOR,OM,12345#",
        b"\xff\xff*SCOS,OM,123456789012345,D1,60#\n",
        b"#",
        b"*SCOR,OM,8631580",
        b"*" * 600,
    ):
        events = FAMILY.stream().feed(noise + whole)
        assert isinstance(events[0], PeerError), noise
        assert [event.device_id for event in events[1:] if isinstance(event, Message)] == ["863158022988725"], noise


@pytest.mark.parametrize(
    ("faults", "true"),
    [
        (Faults(), 300),
        (Faults(clamp={"tracking_interval": (10, 120)}), 120),
        (Faults(refuse=frozenset(ASKED)), 60),
        (Faults(ignore=frozenset(ASKED)), 60),
        (Faults(silent=True), 60),
    ],
)
def test_whatever_the_unit_does_the_setting_is_written_and_no_more(faults: Faults, true: int) -> None:
    unit = FAMILY.emulator(ID, "iot", faults=faults)
    _, outcome = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert outcome.fields["tracking_interval"].state.value == "written"
    assert not outcome.unanswered
    assert unit.settings == {"tracking_interval": true}


def test_a_report_never_counts_as_an_answer() -> None:
    command = next(FAMILY.apply(target(), ASKED))
    for line in ("D0,0,012102.00,A,0608.00062,S,10659.70331,E,12,0.69,151118,30.3,M,A", "D1,300", "S5,2,1,60,0"):
        (message,) = heard(f"*SCOR,OM,{ID},{line}#".encode())
        assert command.match(message).value == "no"
    (result,) = heard(f"*SCOR,OM,{ID},S5,2,1,60,0#".encode())
    assert (result.kind, result.text) == (Kind.REPLY, "S5,2,1,60,0")
    assert FAMILY.raw(target(), "S5").match(result).value == "done"


@pytest.mark.parametrize("cell", ["4" * 400, "1_0", " 5", "x"])
def test_a_number_that_is_none_costs_itself_only(cell: str) -> None:
    (message,) = heard(f"*SCOR,OM,{ID},H0,0,{cell},28,80#".encode())
    (sound,) = heard(f"*SCOR,OM,{ID},H0,0,412,28,80#".encode())
    whole, odd = FAMILY.fields(sound), FAMILY.fields(message)
    assert odd["voltage"] is None
    assert {**odd, "voltage": 4.12, "parameters": whole["parameters"]} == whole


@pytest.mark.parametrize("device_id", ["", "12345", "\u0663" * 15])
def test_an_id_that_no_line_carries_is_refused(device_id: str) -> None:
    with pytest.raises(LocalError):
        FAMILY.raw(Target(device_id, variant="iot"), "D1,60")


def test_without_the_switch_nothing_is_sent() -> None:
    cold = Target(ID, variant="iot")
    (problem,) = FAMILY.check(cold, ASKED)
    assert (problem.severity, "experimental switch" in problem.reason) == (Severity.UNSUPPORTED, True)
    exchanges, outcome = against_nobody(FAMILY.apply(cold, ASKED))
    assert (exchanges, outcome.fields["tracking_interval"].state.value) == ([], "unsupported")


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 86401, "sleep_mode": True}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {"tracking_interval": Severity.REFUSE, "sleep_mode": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    for text in ("", "d1,60", "D1,60#*SCOS", "D1,6\n", "L0,\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
