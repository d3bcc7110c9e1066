"""Syrus on its serial port: the same messages, who is there by QVR, echoes and noise, nothing acknowledged."""

from __future__ import annotations

from typing import Any

import pytest
from tracker_codecs.contract import Dialogue, Faults, FieldState, Message, Outcome, Target, Transport, Verdict
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.families.syrus.family import FAMILY

IMEI = "356612021234567"
#: university.digitalcomtech.com glossary, qualifier: question and answer in the maker's own console.
QUESTION, ANSWER = b">QVR<", b">RVR;2.0.60;ID=356612021234567<"
ASKED = {"tracking_interval": 3600, "tracking_distance": 8000}
#: easymanua.ls dct/syrus page 41: the counter of the manual's example, with the least time of the emulated unit.
COMMANDS = [b">QED<", b">QTD6<", b">STD60010000000803600<", b">QTD6<"]


def at(**more: Any) -> Target:
    return Target(**{"device_id": IMEI, "variant": "syrus", "transport": Transport.SERIAL, **more})


def told(dialogue: Dialogue, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "syrus", transport=Transport.SERIAL, **unit)
    return *against_emulator(dialogue, device, FAMILY.stream(Transport.SERIAL)), device


def heard(data: bytes, size: int = 0) -> list[Message]:
    stream = FAMILY.stream(Transport.SERIAL)
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    return [event for piece in pieces for event in stream.feed(piece) if isinstance(event, Message)]


def test_the_port_is_opened_as_the_maker_says() -> None:
    form = FAMILY.serial
    assert form is not None
    assert form.baudrates[0] == 115200
    assert set(form.baudrates) <= {2400, 4800, 9600, 19200, 38400, 57600, 115200}
    assert (form.parity, form.stopbits, form.eol) == ("N", 1, b"")


@pytest.mark.parametrize("size", [0, 1, 3])
def test_the_unit_says_who_it_is(size: int) -> None:
    dialogue = FAMILY.identify(at(device_id=""))
    command = next(dialogue)
    assert command.payload == QUESTION
    reply = collect(command, heard(b"\xff\r\n" + QUESTION + b"\r\n" + ANSWER + b"\r\n", size))
    with pytest.raises(StopIteration) as stop:
        dialogue.send(reply)
    assert stop.value.value == Outcome({}, known={"firmware": "2.0.60", "device_id": IMEI})


@pytest.mark.parametrize(
    "said", [QUESTION, b">RVR<", b">RVR;2.0.60;ID=356612021234567", b">RED00U;ID=356612021234567<"]
)
def test_anything_else_is_no_answer(said: bytes) -> None:
    assert collect(next(FAMILY.identify(at())), heard(said)).verdict is Verdict.TIMEOUT


@pytest.mark.parametrize("options", [{}, {"echo": True}, {"events": 70}])
def test_settings_are_written_and_read_back(options: dict[str, Any]) -> None:
    unit = {"settings": {"tracking_interval": 120, "tracking_distance": 500}, "options": options}
    exchanges, outcome, device = told(FAMILY.apply(at(), ASKED), **unit)
    assert [each.command.payload for each in exchanges] == COMMANDS
    assert {found.state for found in outcome.fields.values()} == {FieldState.CONFIRMED}
    assert device.settings.items() >= ASKED.items()
    assert [each.command.timeout for each in exchanges] == [15, 5, 5, 5]
    network, _ = against_nobody(FAMILY.apply(at(transport=Transport.TCP), ASKED))
    wire, _ = against_nobody(FAMILY.apply(at(), ASKED))
    assert [each.command.payload for each in wire] == [each.command.payload for each in network]


def test_a_unit_under_the_operators_own_name_is_the_one_on_the_port() -> None:
    """It tells its IMEI, or the id that the owner set; on TCP that would be another unit's."""
    _, outcome, _ = told(FAMILY.apply(at(device_id="roof"), ASKED))
    assert {found.state for found in outcome.fields.values()} == {FieldState.CONFIRMED}
    device = FAMILY.emulator(IMEI, "syrus")
    elsewhere = at(device_id="roof", transport=Transport.TCP)
    _, outcome = against_emulator(FAMILY.apply(elsewhere, ASKED), device, FAMILY.stream())
    assert outcome.unanswered


def test_a_unit_that_keeps_another_value_is_no_success() -> None:
    _, outcome, _ = told(FAMILY.apply(at(), ASKED), faults=Faults(clamp={"tracking_interval": (1, 600)}))
    assert outcome.fields["tracking_interval"].state is not FieldState.CONFIRMED


def test_a_report_is_acknowledged_to_the_server_only() -> None:
    report = b">REV011958000369+0307185+1016144400000032;ID=357042063052352<"  # traccar/traccar, TAIP decoder test
    (wired,) = heard(report)
    (event,) = FAMILY.stream().feed(report)
    assert isinstance(event, Message)
    assert (wired.owed, event.owed) == (b"", b"357042063052352")


def test_own_messages() -> None:
    command = FAMILY.raw(at(device_id="roof"), "QVR")
    assert command.payload == QUESTION
    assert collect(command, heard(QUESTION + ANSWER)).messages[-1].frame == ANSWER
