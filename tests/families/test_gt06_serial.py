"""GT06 on its serial port: text commands behind AT^GT_CM=, answers without a number, log text between them."""

from __future__ import annotations

from typing import Any

import pytest
from tracker_codecs.contract import (
    Dialogue,
    Faults,
    FieldState,
    Match,
    Message,
    Outcome,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.gt06.family import FAMILY

IMEI = "135790246811220"
#: Public factory test programs name these lines and answers.
IMEI_LINE, IMEI_ANSWER = b"AT^GT_CM=IMEI\r\n", b"IMEI:222222222222222\r\n"
VERSION_LINE, VERSION_ANSWER = b"AT^GT_CM=VERSION\r\n", b"[VERSION]GT02F_20_61DM2_B25E_R0_V02\r\n"
#: Answers by SMS: EV02 command list (TIMER), GT06D command list (PARAM), a recorded refusal.
TIMER, PARAM, ERROR = (
    b"Timer:5,5;\r\n",
    b"IMEI:135790246811220;TIMER:20,300; SENDS:5; SOS:,,;\r\n",
    b"Command error!\r\n",
)


def at(variant: str = "concox_interval", **more: Any) -> Target:
    return Target(**{"device_id": IMEI, "variant": variant, "transport": Transport.SERIAL, **more})


def told(variant: str, dialogue: Dialogue, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, variant, transport=Transport.SERIAL, **unit)
    return *against_emulator(dialogue, device, FAMILY.stream(Transport.SERIAL)), device


def heard(data: bytes, size: int = 0) -> list[Message]:
    stream = FAMILY.stream(Transport.SERIAL)
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    return [event for piece in pieces for event in stream.feed(piece) if isinstance(event, Message)]


def spoken(dialogue: Dialogue, *answers: bytes) -> tuple[list[bytes], Outcome]:
    """The lines sent, and the outcome, where the unit says these things in order."""
    lines = []
    command = next(dialogue)
    try:
        for said in [*answers, *[b""] * 9]:
            lines.append(command.payload)
            command = dialogue.send(collect(command, heard(said)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return lines, outcome
    raise AssertionError("the dialogue does not end")


def test_the_port_is_opened_as_factory_programs_do() -> None:
    form = FAMILY.serial
    assert form is not None
    assert (form.baudrates, form.parity, form.stopbits, form.eol) == ((115200,), "N", 1, b"\r\n")


def test_the_unit_says_who_it_is() -> None:
    lines, outcome = spoken(FAMILY.identify(at("", device_id="")), IMEI_LINE + IMEI_ANSWER, VERSION_ANSWER)
    assert lines == [IMEI_LINE, VERSION_LINE]
    assert outcome.known == {"device_id": "222222222222222", "firmware": "GT02F_20_61DM2_B25E_R0_V02"}


@pytest.mark.parametrize(
    ("said", "unanswered"), [(b"", True), (IMEI_LINE, True), (b"IMEI:22222\r\n", True), (PARAM, True), (ERROR, False)]
)
def test_anything_else_is_not_who_it_is(said: bytes, unanswered: bool) -> None:
    lines, outcome = spoken(FAMILY.identify(at()), said)
    assert lines == [IMEI_LINE]
    assert (outcome.known, outcome.unanswered) == ({}, unanswered)


@pytest.mark.parametrize(
    ("variant", "asked", "options"),
    [
        ("concox_interval", {"tracking_interval": 60}, {}),
        ("concox_interval", {"tracking_interval": 60}, {"echo": True}),
        ("concox_interval", {"tracking_interval": 60}, {"queries": False}),
        ("concoxgt06", {"type": "interval_angle", "tracking_interval": 60, "tracking_angle": 30}, {}),
        ("concoxgt06", {"type": "distance", "tracking_distance": 200}, {"echo": True}),
    ],
)
def test_settings_are_written_and_read_back(variant: str, asked: dict[str, Any], options: dict[str, Any]) -> None:
    exchanges, outcome, unit = told(variant, FAMILY.apply(at(variant), asked), options=options)
    network, _ = against_nobody(FAMILY.apply(at(variant, transport=Transport.TCP), asked))
    wire, _ = against_nobody(FAMILY.apply(at(variant), asked))
    assert [each.command.payload for each in wire] == [
        b"AT^GT_CM=" + each.command.text.encode() + b"\r\n" for each in network
    ]
    assert unit.settings.items() >= asked.items()
    states = {name: found.state for name, found in outcome.fields.items()}
    assert states.pop("type", FieldState.ACKNOWLEDGED) is FieldState.ACKNOWLEDGED  # MODE# tells nothing
    assert set(states.values()) == {FieldState.CONFIRMED}
    assert max(each.command.timeout for each in exchanges) <= 5


def test_the_time_with_the_ignition_off_is_kept() -> None:
    lines, outcome = spoken(FAMILY.apply(at(), {"tracking_interval": 60}), TIMER, b"OK\r\n", b"Timer:60,5;\r\n")
    assert lines == [b"AT^GT_CM=TIMER#\r\n", b"AT^GT_CM=TIMER,60,5#\r\n", b"AT^GT_CM=TIMER#\r\n"]
    assert outcome.fields["tracking_interval"].state is FieldState.CONFIRMED


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={"tracking_interval": (100, 18000)}), FieldState.MISMATCHED),
        (Faults(ignore=frozenset({"tracking_interval"})), FieldState.MISMATCHED),
        (Faults(refuse=frozenset({"tracking_interval"})), FieldState.REJECTED),
        (Faults(silent=True), FieldState.UNKNOWN),
    ],
)
def test_what_is_not_kept_is_no_success(faults: Faults, state: FieldState) -> None:
    _, outcome, _ = told("concox_interval", FAMILY.apply(at(), {"tracking_interval": 60}), faults=faults)
    assert outcome.fields["tracking_interval"].state is state


def test_a_late_yes_is_no_yes_to_the_next_write() -> None:
    """Answers carry no number: once a write stayed unanswered, no other yes counts."""
    asked = {"type": "interval", "tracking_interval": 60}
    nothing, on = b"", b"ANGLEREP:ON,30,3;\r\n"
    lines, outcome = spoken(FAMILY.apply(at("concoxgt06"), asked), TIMER, on, nothing, b"OK\r\n")
    assert lines[2:4] == [b"AT^GT_CM=MODE,1,60#\r\n", b"AT^GT_CM=ANGLEREP,OFF#\r\n"]
    assert outcome.fields["type"].state is not FieldState.ACKNOWLEDGED
    assert outcome.unanswered


@pytest.mark.parametrize("log", [b"GPS init ok\r\n", b"GSM connect fail\r\n", b"Network attach success.\r\n"])
def test_log_text_is_no_answer_to_a_write(log: bytes) -> None:
    lines, outcome = spoken(FAMILY.apply(at(), {"tracking_interval": 60}), TIMER, log)
    assert lines[1] == b"AT^GT_CM=TIMER,60,5#\r\n"
    assert outcome.fields["tracking_interval"].state is FieldState.WRITTEN
    for yes in (b"OK!\r\n", b"SETOK\r\n", b"SET OK\r\n", b"Timer ok\r\n", b"Success!\r\n"):
        _, outcome = spoken(FAMILY.apply(at(), {"tracking_interval": 60}), TIMER, log + yes)
        assert outcome.fields["tracking_interval"].state is FieldState.ACKNOWLEDGED, yes
    _, outcome = spoken(FAMILY.apply(at(), {"tracking_interval": 60}), TIMER, log + ERROR)
    assert outcome.fields["tracking_interval"].state is FieldState.REJECTED


def test_our_own_command_is_no_reading() -> None:
    echo = b"TIMER,60,5#\r\n"
    _, outcome = spoken(FAMILY.apply(at(), {"tracking_interval": 60}), TIMER, b"", echo)
    assert outcome.fields["tracking_interval"].state is not FieldState.CONFIRMED


NOISE = b"\r\n[12:00:01] gps fix ok\r\nupload=error\r\nAT^GT_CM=TIMER#\r\n\0\xffxx\r\n"


@pytest.mark.parametrize("size", [0, 1, 3])
def test_answers_are_found_among_log_text(size: int) -> None:
    replies = [message for message in heard(NOISE + TIMER + NOISE, size) if message.data is not None]
    assert [message.text for message in replies] == ["Timer:5,5;"]
    dialogue = FAMILY.apply(at(), {"tracking_interval": 60})
    command = next(dialogue)
    reply = collect(command, heard(NOISE + TIMER + NOISE, size))
    assert (reply.verdict, len(reply.messages)) == (Verdict.ANSWERED, 1)
    write = dialogue.send(reply)
    assert collect(write, heard(NOISE)).verdict is Verdict.TIMEOUT


@pytest.mark.parametrize(
    ("known", "answer"), [({}, b"Timer:60,5;\r\n"), ({"read": "param"}, b"IMEI:135790246811220;TIMER:60,5;\r\n")]
)
def test_no_flipped_bit_of_a_read_back_confirms_another_value(known: dict[str, str], answer: bytes) -> None:
    def state(wanted: int, said: bytes) -> FieldState:
        before = PARAM if known else TIMER
        _, outcome = spoken(FAMILY.apply(at(known=known), {"tracking_interval": wanted}), before, b"OK\r\n", said)
        return outcome.fields["tracking_interval"].state

    assert state(60, answer) is FieldState.CONFIRMED
    for position in range(len(answer) * 8):
        hurt = bytearray(answer)
        hurt[position // 8] ^= 1 << position % 8
        assert state(100, bytes(hurt)) is not FieldState.CONFIRMED


def test_a_line_that_names_another_unit_is_its() -> None:
    (message,) = heard(PARAM)
    assert message.device_id == IMEI
    command = next(FAMILY.read(at(device_id="222222222222222", known={"read": "param"}), ["tracking_interval"]))
    assert command.payload == b"AT^GT_CM=PARAM#\r\n"
    assert command.match(message) is Match.NO


def test_noise_that_does_not_end_is_given_up() -> None:
    stream = FAMILY.stream(Transport.SERIAL)
    events = stream.feed(b"x" * 5000)
    assert all(isinstance(event, PeerError) for event in events)
    assert stream.buffered < 512


def test_own_commands() -> None:
    command = FAMILY.raw(at(), "STATUS#")
    assert command.payload == b"AT^GT_CM=STATUS#\r\n"
    said = b"AT^GT_CM=STATUS#\r\nBattery:4.12V;GSM Signal Level:Strong;\r\n"
    reply = collect(command, heard(said))
    assert [message.text for message in reply.messages] == ["Battery:4.12V;GSM Signal Level:Strong;"]
    assert FAMILY.raw(at(), "AT^GT_CM=TEST").payload == b"AT^GT_CM=TEST\r\n"
    # As in the public field notes on Concox locks.
    server = FAMILY.raw(at(), "SERVER,0,120.24.248.12,3455,0#").payload
    assert server == b"AT^GT_CM=SERVER,0,120.24.248.12,3455,0#\r\n"
    with pytest.raises(LocalError):
        FAMILY.raw(at(), "TIMER#\r\nFACTORY#")


def test_lines_are_told_and_renamed_as_text() -> None:
    (message,) = heard(VERSION_ANSWER)
    assert FAMILY.fields(message) == {
        "message": "answer",
        "text": VERSION_ANSWER.decode().strip(),
        "version": "GT02F_20_61DM2_B25E_R0_V02",
    }
    (message,) = heard(TIMER)
    assert FAMILY.fields(message)["timer_acc_on"] == 5
    (command,) = FAMILY.server(IMEI_LINE)
    assert isinstance(command, Message)
    assert FAMILY.fields(command) == {"message": "command", "text": "AT^GT_CM=IMEI"}
    assert FAMILY.rename(IMEI_ANSWER, "2" * 15, IMEI) == b"IMEI:135790246811220\r\n"
    assert (
        FAMILY.rename(b"xx log text\r\n", "2" * 15, IMEI) == FAMILY.normalise(b"xx log text\r\n") == b"xx log text\r\n"
    )
