"""BOX-tracker on its serial port: the same lines without a header, echoes, and what must not be confirmed."""

from __future__ import annotations

from typing import Any

import pytest
from tracker_codecs.contract import Dialogue, Faults, FieldState, Message, Outcome, Target, Transport, Verdict
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.families.box_telematics.family import FAMILY

ASKED = {"tracking_interval": 120, "tracking_angle": 30}
#: Communication Protocol v1.5: pages 7 (`NAME,value`), 20 (CONFIG) and 31 (UPLOADI, UPLOADHC).
COMMANDS = [b"CONFIG\r", b"UPLOADI,120\r", b"GPSHC,30\r", b"UPLOADHC,1\r", b"CONFIG\r"]
#: The end of the printed listing, page 20.
LISTING = b"SPEEDALM 0\r\nUPLOADD 320\r\nUPLOADHC 1\r\nUPLOADI 300\r\nVALIDATE_KEY 1\r\nVBAT12 1\r\nOK\r\n"


def at(**more: Any) -> Target:
    return Target(**{"device_id": "N878123", "variant": "box", "transport": Transport.SERIAL, **more})


def told(dialogue: Dialogue, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator("N878123", "box", transport=Transport.SERIAL, **unit)
    return *against_emulator(dialogue, device, FAMILY.stream(Transport.SERIAL)), device


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream(Transport.SERIAL).feed(data) if isinstance(event, Message)]


def test_the_port_is_opened_as_printed() -> None:
    form = FAMILY.serial
    assert form is not None
    assert (form.baudrates, form.parity, form.stopbits, form.eol) == ((115200,), "N", 1, b"\r")


@pytest.mark.parametrize("echo", [False, True])
def test_settings_are_written_and_read_back(echo: bool) -> None:
    exchanges, outcome, unit = told(FAMILY.apply(at(), ASKED), options={"echo": echo})
    assert [each.command.payload for each in exchanges] == COMMANDS
    assert {found.state for found in outcome.fields.values()} == {FieldState.CONFIRMED}
    assert unit.settings == ASKED


def test_a_value_that_was_not_kept_is_no_success() -> None:
    _, outcome, _ = told(FAMILY.apply(at(), ASKED), faults=Faults(clamp={"tracking_interval": (300, 4294967)}))
    assert (outcome.fields["tracking_interval"].state, outcome.reported["tracking_interval"]) == (
        FieldState.MISMATCHED,
        300,
    )


def test_the_printed_listing_says_that_a_unit_is_there() -> None:
    dialogue = FAMILY.identify(at(device_id=""))
    command = next(dialogue)
    assert command.payload == b"CONFIG\r"
    reply = collect(command, heard(LISTING))
    assert reply.verdict is Verdict.ANSWERED
    with pytest.raises(StopIteration) as stop:
        dialogue.send(reply)
    assert stop.value.value == Outcome({})


@pytest.mark.parametrize(
    "said", [b"CONFIG\r\n", b"OK\r\n", LISTING[:-4], b"H,BT,N878123,081028142432,F5813D19,6D6E6DC2\r"]
)
def test_anything_else_does_not(said: bytes) -> None:
    dialogue = FAMILY.identify(at())
    command = next(dialogue)
    assert collect(command, heard(said)).verdict is Verdict.TIMEOUT


def test_rows_belong_to_the_unit_on_the_port_without_a_header() -> None:
    assert [message.device_id for message in heard(LISTING)] == [None] * 7
    _, outcome = against_nobody(FAMILY.read(at(device_id="roof"), ["tracking_interval"]))
    assert not outcome.reported
    _, outcome, _ = told(FAMILY.read(at(device_id="roof"), ["tracking_interval"]))
    assert outcome.reported["tracking_interval"] == 300


def test_a_batch_is_confirmed_to_the_server_only() -> None:
    (wired,) = heard(b"E,1\r")
    (event,) = FAMILY.stream().feed(b"E,1\r")
    assert isinstance(event, Message)
    assert (wired.owed, event.owed) == (b"", b"A,1\r")


def test_an_own_command_ends_with_ok_and_its_echo_is_no_answer() -> None:
    command = FAMILY.raw(at(), "UPLOADI")
    assert command.payload == b"UPLOADI\r"
    reply = collect(command, heard(b"UPLOADI\r\nUPLOADI 300\r\nOK\r\n"))
    assert [message.text for message in reply.messages] == ["UPLOADI 300", "OK"]
