"""Suntech on its serial port: the same lines, a unit that answers to its own id, generation and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from tracker_codecs.contract import Dialogue, FieldState, Message, Outcome, Target, Transport, Verdict
from tracker_codecs.drive import Exchange, against_emulator, against_nobody
from tracker_codecs.families.suntech.dialogue import SERIAL_TIMEOUT
from tracker_codecs.families.suntech.family import FAMILY

ID = "100850000"  # of the manuals' examples
ASKED = {"tracking_interval": 60, "tracking_distance": 500, "tracking_angle": 30}
# Suntech ST300/340 manual 1.41, page 104; its example writes `Preset A` once and `PresetA` elsewhere.
QUESTION, AGAIN = f"ST300CMD;{ID};02;Preset\r".encode(), f"ST300CMD;{ID};02;PresetA\r".encode()
# The grammar of ST310U manual 1.08, page 12, over the emulator's other values.
WRITE = f"ST300RPT;{ID};02;1800;60;80;3;500;0;0;0;0;30;0\r".encode()


def at(**more: Any) -> Target:
    return Target(**{"device_id": ID, "variant": "st300", "transport": Transport.SERIAL, **more})


def told(dialogue: Dialogue, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(ID, "st300", transport=Transport.SERIAL, **unit)
    return *against_emulator(dialogue, device, FAMILY.stream(Transport.SERIAL)), device


def test_the_port_and_its_lines_end() -> None:
    form = FAMILY.serial
    assert form is not None
    assert (form.parity, form.stopbits, form.eol) == ("N", 1, b"\r")
    assert Transport.SERIAL in FAMILY.transports


def test_settings_are_written_and_read_back() -> None:
    exchanges, outcome, unit = told(FAMILY.apply(at(), ASKED))
    assert [each.command.payload for each in exchanges] == [QUESTION, WRITE, AGAIN]
    assert {each.command.timeout for each in exchanges} == {SERIAL_TIMEOUT}
    assert {found.state for found in outcome.fields.values()} == {FieldState.CONFIRMED}
    assert unit.settings == ASKED


def test_the_dry_run_shows_one_question_and_the_write() -> None:
    wire, _ = against_nobody(FAMILY.apply(at(), ASKED))
    network, _ = against_nobody(FAMILY.apply(at(transport=Transport.TCP), ASKED))
    assert [each.command.payload for each in wire] == [each.command.payload for each in network]


def test_the_unit_says_who_it_is_by_answering_to_its_id() -> None:
    exchanges, outcome, _ = told(FAMILY.identify(at(variant="")))
    assert [each.command.payload for each in exchanges] == [QUESTION]
    assert outcome.known == {"device_id": ID, "firmware": "313", "prefix": "ST300"}
    _, outcome, _ = told(FAMILY.identify(at(device_id="205029533")))
    assert (outcome.unanswered, outcome.known) == (True, {})


@pytest.mark.parametrize("unknown", [{"device_id": ""}, {"device_id": "roof"}, {"variant": "st910"}])
def test_nothing_is_asked_of_a_unit_whose_id_or_port_nobody_knows(unknown: dict[str, str]) -> None:
    exchanges, outcome = against_nobody(FAMILY.identify(at(**unknown)))
    assert (exchanges, outcome) == ([], Outcome({}))


def test_generations_are_asked_in_turn_until_one_answers() -> None:
    unit = {"options": {"speaks": "ST600"}}
    exchanges, outcome, device = told(FAMILY.apply(at(options={"prefix": "SA200"}), ASKED), **unit)
    words = [each.command.text.partition(";")[0] for each in exchanges]
    assert words == ["SA200CMD", "ST300CMD", "ST600CMD", "ST600RPT", "ST600CMD"]
    assert [each.reply.verdict for each in exchanges[:3]] == [Verdict.TIMEOUT, Verdict.TIMEOUT, Verdict.ANSWERED]
    assert outcome.known["prefix"] == "ST600"
    assert device.settings == ASKED
    exchanges, outcome, _ = told(FAMILY.apply(at(known={"prefix": "SA200"}), ASKED), **unit)
    assert len(exchanges) == 1  # a generation that the unit was heard to have is not doubted
    assert outcome.unanswered


def test_echoes_and_noise_are_no_answers() -> None:
    _, outcome, unit = told(FAMILY.apply(at(), ASKED), options={"echo": True})
    assert {found.state for found in outcome.fields.values()} == {FieldState.CONFIRMED}
    assert unit.settings == ASKED
    stream = FAMILY.stream(Transport.SERIAL)
    events = stream.feed(b"\xff\x00\r\n" + QUESTION + b"\nAT+OK\r\n")
    assert [isinstance(each, Message) for each in events] == [False, True, False]
    assert stream.buffered == 0


@pytest.mark.parametrize(
    "line",
    [
        # Recorded (traccar/traccar, Suntech decoder test), and the word of ST9xx (ST940 user manual 1.19).
        "SA200EMG;317652;042;20120718;15:35:41;16d41;-15.618740;-056.083252;000.034;000.00;8;1;41548;12.17;110000;1\r",
        f"ST910;Emergency;{ID};500\r",
    ],
)
def test_an_emergency_is_not_acknowledged_on_the_port(line: str) -> None:
    """Its server would never hear of it; on the network it is answered."""
    (event,) = FAMILY.stream(Transport.SERIAL).feed(line.encode())
    (other,) = FAMILY.stream(Transport.TCP).feed(line.encode())
    assert isinstance(event, Message)
    assert isinstance(other, Message)
    assert (event.owed, bool(other.owed)) == (b"", True)


def test_st940_takes_nothing_on_its_port() -> None:
    target = at(variant="st910")
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert "serial port" in problem.reason
    exchanges, outcome = against_nobody(FAMILY.apply(target, {"tracking_interval": 60}))
    assert exchanges == []
    assert outcome.fields["tracking_interval"].state is FieldState.UNSUPPORTED
    assert against_nobody(FAMILY.read(target, ["tracking_interval"])) == ([], Outcome({}))


def test_the_manual_s_preset_command() -> None:
    assert FAMILY.raw(at(device_id="907149876"), "Preset").payload == b"ST300CMD;907149876;02;Preset\r"
