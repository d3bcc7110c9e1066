"""BSJ: the interval as a text in JT/T 808, and the answer that names it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Message, Outcome, Severity, Target
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError
from tracker_codecs.families.jt808 import frame as wire
from tracker_codecs.families.jt808.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "jt808" / "bsj-frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
GENERATED, PUBLISHED = "bsj_text_command-02", "bsj_text_command-01"
ID = "13800138000"
ASKED = {"tracking_interval": 30, "tracking_angle": 30}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def target(serial: int = 1, device_id: str = ID, **options: Any) -> Target:
    return Target(device_id, variant="bsj", serial=serial, options=options, experimental=True)


def answer(serial: int, result: int = 0, ident: int = wire.TEXT, device_id: str = ID) -> bytes:
    body = struct.pack(">HHB", serial, ident, result)
    return wire.build(wire.Frame(wire.TERMINAL_ANSWER, wire.phone_of(device_id, new=False), 7, body))


def outcome(said: bytes) -> Outcome:
    """What the dialogue makes of these bytes."""
    dialogue = FAMILY.apply(target(), ASKED)
    command = next(dialogue)
    heard = [event for event in FAMILY.stream().feed(said) if isinstance(event, Message)]
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(command, heard))
    found: Outcome = stop.value.value
    return found


def state(said: bytes) -> tuple[str, bool]:
    found = outcome(said)
    return found.fields["tracking_interval"].state.value, found.unanswered


@pytest.mark.parametrize("name", CASES)
def test_published_commands(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    frame = message.data
    assert (message.checksum, frame.id, frame.serial) == (Checksum.OK, 0x8300, means["serial"])
    assert frame.body == bytes((means["flag"],)) + means["text"].encode()
    assert FAMILY.raw(target(0, "123456789012345"), CASES[PUBLISHED]["means"]["text"]).payload == raw(PUBLISHED)


def test_the_interval_is_the_text_of_the_public_generator() -> None:
    (exchange,), found = against_nobody(FAMILY.apply(target(flag=0), ASKED))
    assert exchange.command.payload == raw(GENERATED)
    assert exchange.command.text == "<SPBSJ*P:****C:30>"
    assert exchange.command.secrets == (b"BSJGPS",)
    assert {name: each.state.value for name, each in found.fields.items()} == {
        "tracking_interval": "written",
        "tracking_angle": "unsupported",
    }
    (exchange,), _ = against_nobody(FAMILY.apply(target(), ASKED))
    assert wire.parse(exchange.command.payload).body == b"\x01<SPBSJ*P:BSJGPS*C:30>"
    (exchange,), _ = against_nobody(FAMILY.apply(target(edition="2019", password="secret9"), ASKED))
    assert wire.parse(exchange.command.payload).body == b"\x01\x01<SPBSJ*P:secret9*C:30>"


def test_the_password_of_an_operators_text_is_hidden() -> None:
    command = FAMILY.raw(target(), "<SPBSJ*P:hunter2*T:192.0.2.1,5000>")
    assert (command.text, command.secrets) == ("<SPBSJ*P:****T:192.0.2.1,5000>", (b"hunter2",))
    assert wire.parse(command.payload).body == b"\x01<SPBSJ*P:hunter2*T:192.0.2.1,5000>"
    assert FAMILY.raw(target(), "<CKBSJ>").secrets == ()


def test_answers() -> None:
    assert state(answer(1)) == ("acknowledged", False)
    assert state(answer(1, 1)) == ("rejected", False)
    assert state(answer(1, 3)) == ("rejected", False)


@pytest.mark.parametrize("said", [answer(0), answer(2), answer(1, 0, 0x8103), answer(1, device_id="13900139000"), b""])
def test_what_is_no_answer_proves_nothing_and_is_tried_again(said: bytes) -> None:
    """The serial is the revision's: an answer to an older one fits nothing."""
    assert state(said) == ("written", True)


def test_flipped_bits_of_an_answer_never_acknowledge() -> None:
    whole = answer(1)
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        assert state(bytes(broken)) == ("written", True), bit


@pytest.mark.parametrize(
    ("faults", "expected", "true"),
    [
        (Faults(), "acknowledged", 30),
        (Faults(refuse=frozenset(ASKED)), "rejected", 300),
        (Faults(silent=True), "written", 300),
        (Faults(ignore=frozenset(ASKED)), "acknowledged", 300),
        (Faults(clamp={"tracking_interval": (60, 900)}), "acknowledged", 60),
    ],
)
def test_faults(faults: Faults, expected: str, true: int) -> None:
    """A unit that clamps or ignores is not found out: nothing reads back, so nothing is confirmed."""
    unit = FAMILY.emulator(ID, "bsj", settings={"tracking_interval": 300}, faults=faults)
    _, found = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert found.fields["tracking_interval"].state.value == expected
    assert unit.settings == {"tracking_interval": true}
    assert found.reported == {}


def test_a_wrong_password_is_refused_by_the_unit() -> None:
    unit = FAMILY.emulator(ID, "bsj", settings={"tracking_interval": 300}, options={"password": "other"})
    _, found = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert found.fields["tracking_interval"].state.value == "rejected"
    assert "other" not in found.fields["tracking_interval"].reason


def test_without_the_switch_nothing_is_sent() -> None:
    cold = Target(ID, variant="bsj")
    found = {each.field: each for each in FAMILY.check(cold, ASKED)}
    assert {each.severity for each in found.values()} == {Severity.UNSUPPORTED}
    assert "experimental switch" in found["tracking_interval"].reason
    assert against_nobody(FAMILY.apply(cold, ASKED))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 0, "tracking_angle": 30, "sleep_mode": True}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {
        "tracking_interval": Severity.REFUSE,
        "tracking_angle": Severity.UNSUPPORTED,
        "sleep_mode": Severity.UNSUPPORTED,
    }
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    options: dict[str, Any]
    none: dict[str, Any] = {"password": None}
    for options in ({"password": "a*C:0"}, {"password": ""}, none, {"flag": 2}, {"flag": True}, {"flag": 1.0}):
        with pytest.raises(LocalError):
            FAMILY.check(target(**options), ASKED)
    assert against_nobody(FAMILY.read(target(), ["tracking_interval"]))[0] == []
