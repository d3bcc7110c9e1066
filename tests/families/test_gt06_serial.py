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
#: Answers by SMS: tracker firmware on GitHub (TIMER), GT06D command list (PARAM), a recorded refusal.
TIMER, PARAM, ERROR = (
    b"TIMER:20,300\r\n",
    b"IMEI:135790246811220;TIMER:60,300; SENDS:5; SOS:,,;\r\n",
    b"Command error!\r\n",
)
#: A unit that was asked before: it is asked for its version and its timer.
KNOWN = {"platform": "acc", "version": "GT02F_20_61DM2_B25E_R0_V02"}


def at(variant: str = "concox_interval", **more: Any) -> Target:
    return Target(**{"device_id": IMEI, "variant": variant, "transport": Transport.SERIAL, **more})


def knows(variant: str = "concox_interval") -> Target:
    return at(variant, known=KNOWN)


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
        ("concox_interval", {"tracking_interval": 60}, {"platform": "clone"}),
        ("concox_gt700", {"type": "power_save", "psm_interval": 6, "wakeup_time": "10:20"}, {}),
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
    assert {found.state for found in outcome.fields.values()} == {FieldState.CONFIRMED}
    assert max(each.command.timeout for each in exchanges) <= 5


def test_the_time_with_the_ignition_off_is_kept() -> None:
    answers = (VERSION_ANSWER, TIMER, b"OK!\r\n", b"TIMER:60,300\r\n", PARAM)
    lines, outcome = spoken(FAMILY.apply(knows(), {"tracking_interval": 60}), *answers)
    words = (b"VERSION", b"TIMER", b"TIMER,60,300", b"TIMER", b"PARAM")
    assert lines == [b"AT^GT_CM=%s#\r\n" % word for word in words]
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
    on = b"ANGLEREP:ON,30,3\r\n"
    lines, outcome = spoken(FAMILY.apply(knows("concoxgt06"), asked), VERSION_ANSWER, TIMER, on, b"", b"OK!\r\n")
    assert lines[3:5] == [b"AT^GT_CM=ANGLEREP,OFF#\r\n", b"AT^GT_CM=TIMER,60,300#\r\n"]
    assert outcome.fields["type"].state is not FieldState.ACKNOWLEDGED
    assert outcome.fields["tracking_interval"].state is not FieldState.ACKNOWLEDGED
    assert outcome.unanswered


@pytest.mark.parametrize("log", [b"GPS init ok\r\n", b"GSM connect fail\r\n", b"Network attach success.\r\n"])
def test_log_text_is_no_answer_to_a_write(log: bytes) -> None:
    def said(after_write: bytes) -> tuple[list[bytes], FieldState]:
        dialogue = FAMILY.apply(knows(), {"tracking_interval": 60})
        lines, outcome = spoken(dialogue, VERSION_ANSWER, TIMER, after_write)
        return lines, outcome.fields["tracking_interval"].state

    assert (said(log)[0][2], said(log)[1]) == (b"AT^GT_CM=TIMER,60,300#\r\n", FieldState.WRITTEN)
    for yes in (b"OK!\r\n", b"SETOK\r\n", b"SET OK\r\n", b"Timer ok\r\n", b"Success!\r\n"):
        assert said(log + yes)[1] is FieldState.ACKNOWLEDGED, yes
    assert said(log + ERROR)[1] is FieldState.REJECTED


def test_our_own_command_is_no_reading() -> None:
    echo = b"TIMER,60,300#\r\n"
    dialogue = FAMILY.apply(knows(), {"tracking_interval": 60})
    _, outcome = spoken(dialogue, VERSION_ANSWER, TIMER, b"", echo, PARAM)
    assert outcome.fields["tracking_interval"].state is not FieldState.CONFIRMED


NOISE = b"\r\n[12:00:01] gps fix ok\r\nupload=error\r\nAT^GT_CM=TIMER#\r\n\0\xffxx\r\n"


@pytest.mark.parametrize("size", [0, 1, 3])
def test_answers_are_found_among_log_text(size: int) -> None:
    replies = [message for message in heard(NOISE + TIMER + NOISE, size) if message.data is not None]
    assert [message.text for message in replies] == ["TIMER:20,300"]
    dialogue = FAMILY.apply(knows(), {"tracking_interval": 60})
    query = dialogue.send(collect(next(dialogue), heard(NOISE + VERSION_ANSWER, size)))
    reply = collect(query, heard(NOISE + TIMER + NOISE, size))
    assert (reply.verdict, len(reply.messages)) == (Verdict.ANSWERED, 1)
    write = dialogue.send(reply)
    assert collect(write, heard(NOISE)).verdict is Verdict.TIMEOUT


@pytest.mark.parametrize("hurt", ["TIMER", "PARAM"])
def test_no_flipped_bit_of_a_read_back_confirms_another_value(hurt: str) -> None:
    """Both answers of the read-back tell 60 s, one of them with a flipped bit: 100 s is never confirmed by that."""
    timer = b"TIMER:60,300\r\n"

    def state(wanted: int, timer: bytes, param: bytes) -> FieldState:
        dialogue = FAMILY.apply(knows(), {"tracking_interval": wanted})
        _, outcome = spoken(dialogue, VERSION_ANSWER, TIMER, b"OK\r\n", timer, param)
        return outcome.fields["tracking_interval"].state

    assert state(60, timer, PARAM) is FieldState.CONFIRMED
    said = timer if hurt == "TIMER" else PARAM
    for position in range(len(said) * 8):
        flipped = bytearray(said)
        flipped[position // 8] ^= 1 << position % 8
        pair = (bytes(flipped), PARAM) if hurt == "TIMER" else (timer, bytes(flipped))
        assert state(100, *pair) is not FieldState.CONFIRMED


def test_a_line_that_names_another_unit_is_its() -> None:
    (message,) = heard(PARAM)
    assert message.device_id == IMEI
    dialogue = FAMILY.read(at(device_id="222222222222222", known=KNOWN), ["tracking_interval"])
    query = dialogue.send(collect(next(dialogue), heard(VERSION_ANSWER)))
    param = dialogue.send(collect(query, heard(TIMER)))
    assert param.payload == b"AT^GT_CM=PARAM#\r\n"
    assert param.match(message) is Match.NO


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
    assert FAMILY.fields(message)["timer_values"] == [20, 300]
    (command,) = FAMILY.server(IMEI_LINE)
    assert isinstance(command, Message)
    assert FAMILY.fields(command) == {"message": "command", "text": "AT^GT_CM=IMEI"}
    assert FAMILY.rename(IMEI_ANSWER, "2" * 15, IMEI) == b"IMEI:135790246811220\r\n"
    assert (
        FAMILY.rename(b"xx log text\r\n", "2" * 15, IMEI) == FAMILY.normalise(b"xx log text\r\n") == b"xx log text\r\n"
    )
