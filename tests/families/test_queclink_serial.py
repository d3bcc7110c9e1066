"""Queclink on its serial port: how the port is opened, lines with CR LF, log text between them, another unit on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tracker_codecs.contract import FieldState, Message, Outcome, Reply, Transport, Verdict
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.families.queclink.family import FAMILY

from tests.families.queclink_facts import ASKED, GL200, GT300, IMEI, raw, target

#: Rates that AT+GTURT knows, by its codes 10, 11 and 12.
URT = {10: 38400, 11: 57600, 12: 115200}


def serial(variant: str, **more: Any) -> Any:
    return target(variant, transport=Transport.SERIAL, **more)


def test_the_port_is_opened_as_documented() -> None:
    form = FAMILY.serial
    assert form is not None
    assert form.baudrates[0] == 115200
    assert set(form.baudrates) == set(URT.values())
    assert (form.parity, form.stopbits, form.eol) == ("N", 1, b"\r\n")


@pytest.mark.parametrize("variant", ASKED)
def test_the_commands_are_those_of_the_network_with_a_line_end(variant: str) -> None:
    asked = ASKED[variant]
    wire, _ = against_nobody(FAMILY.apply(serial(variant), asked))
    network, _ = against_nobody(FAMILY.apply(target(variant), asked))
    assert [each.command.payload for each in wire] == [each.command.payload + b"\r\n" for each in network]
    assert all(each.command.payload.count(b"\r\n") == 1 for each in wire)


@pytest.mark.parametrize("variant", ASKED)
def test_settings_are_read_back(variant: str) -> None:
    at = serial(variant)
    unit = FAMILY.emulator(IMEI, variant, transport=Transport.SERIAL)
    _, outcome = against_emulator(FAMILY.apply(at, ASKED[variant]), unit, FAMILY.stream(Transport.SERIAL))
    carried = ASKED[variant].keys() - {each.field for each in FAMILY.check(at, ASKED[variant])}
    assert {outcome.fields[name].state for name in carried} == {FieldState.CONFIRMED}
    assert {name: unit.settings[name] for name in carried} == {name: ASKED[variant][name] for name in carried}


def test_the_old_dialect_and_own_commands_end_their_lines_too() -> None:
    old, _ = against_nobody(FAMILY.apply(serial("gt300", experimental=True), GT300))
    assert old
    assert all(each.command.payload.endswith(b"\0\r\n") for each in old)
    own = FAMILY.raw(serial("gl200"), "AT+GTRTO=gl300,2,CFG,,,,,000F$")
    assert own.payload == raw("cmd-rto-read-cfg") + b"\r\n"


def noisy(line: bytes) -> bytes:
    """What a port prints around an answer: an echo, log text, empty lines, half a line."""
    return b"AT+GTRTO=gl200,2,FRI,,,,,0020$\r\n\r\n[12:00:01] gps fix 3d\r\n" + line + b"\r\n\x00\r\n+RES"


@pytest.mark.parametrize("split", [0, 1, 3])
def test_answers_are_found_among_log_text(split: int) -> None:
    """Every answer of the unit wrapped in noise, in pieces of any size: all is confirmed as without."""
    at = serial("gl200")
    unit = FAMILY.emulator(IMEI, "gl200", transport=Transport.SERIAL)
    unit.connect()
    stream = FAMILY.stream(Transport.SERIAL)

    def hear(payload: bytes) -> list[Message]:
        said = b"".join(noisy(datum.data) for datum in unit.receive(payload))
        size = split or len(said) or 1
        pieces = [said[at : at + size] for at in range(0, len(said), size)]
        return [event for piece in pieces for event in stream.feed(piece) if isinstance(event, Message)]

    dialogue = FAMILY.apply(at, GL200)
    command = next(dialogue)
    while True:
        try:
            command = dialogue.send(collect(command, hear(command.payload)))
        except StopIteration as stop:
            outcome: Outcome = stop.value
            break
    dropped = {each.field for each in FAMILY.check(at, GL200)}
    assert {found.state for name, found in outcome.fields.items() if name not in dropped} == {FieldState.CONFIRMED}


def test_an_echo_of_a_command_is_no_answer() -> None:
    dialogue = FAMILY.apply(serial("gl200"), GL200)
    command = next(dialogue)
    echoed = FAMILY.stream(Transport.SERIAL).feed(command.payload)
    assert collect(command, [event for event in echoed if isinstance(event, Message)]) == Reply(Verdict.TIMEOUT)


def test_another_unit_on_the_port_answers_nothing() -> None:
    """Its lines name it, and no answer of another IMEI counts."""
    at = replace(serial("gl200"), device_id="135790246811238")
    unit = FAMILY.emulator(IMEI, "gl200", transport=Transport.SERIAL)
    stream = FAMILY.stream(Transport.SERIAL)
    exchanges, outcome = against_emulator(FAMILY.apply(at, GL200), unit, stream)
    assert {each.reply.verdict for each in exchanges} == {Verdict.TIMEOUT}
    assert stream.device_id == IMEI
    assert not {found.state for found in outcome.fields.values()} & {FieldState.CONFIRMED, FieldState.ACKNOWLEDGED}
