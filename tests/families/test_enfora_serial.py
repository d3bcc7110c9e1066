"""Enfora on its serial port: AT lines, answers without a number, echoes, results nobody asked for, hurt tables."""

from __future__ import annotations

from typing import Any

import pytest
from tracker_codecs.contract import Dialogue, Faults, FieldState, Message, Outcome, Target, Transport, Verdict
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.enfora.family import FAMILY

IMEI = "011070000570267"
ASKED = {"tracking_interval": 300, "tracking_distance": 1000}
#: Header and rows as the GSM1308 reference (page 292) prints them; the rows are a unit's that reports on timer 2.
ROWS = ("7A 1 13 1 1", "7B 3 52 9 4350", "8A 0 16 500 1000000", "8B 3 52 9 4350")
TIMERS = ("0", "60", "0", "0")
COMMANDS = [
    "AT$EVENT?",
    "AT$EVTIM1?",
    "AT$EVTIM2?",
    "AT$EVTIM3?",
    "AT$EVTIM4?",
    "AT$EVTIM2=300",
    "AT$EVDEL=8a",
    "AT$EVENT=8,0,16,1000,1000000",
    "AT&W",
    "AT$EVENT?",
    "AT$EVTIM2?",
]


def lines(*each: str) -> bytes:
    return "".join(f"\r\n{line}\r\n" for line in each).encode("latin-1")


def table(*rows: str) -> bytes:
    return lines("$EVENT: evgp evtyp evcat p1 p2", *rows, "OK")


OK = lines("OK")
STOPPED = [lines(f"$EVTIM{number}: {seconds}", "OK") for number, seconds in enumerate(TIMERS, 1)]


def at(**more: Any) -> Target:
    return Target(**{"device_id": IMEI, "variant": "events", "transport": Transport.SERIAL, **more})


def told(dialogue: Dialogue, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "events", transport=Transport.SERIAL, **unit)
    return *against_emulator(dialogue, device, FAMILY.stream(Transport.SERIAL)), device


def heard(data: bytes, size: int = 0) -> list[Message]:
    stream = FAMILY.stream(Transport.SERIAL)
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    return [event for piece in pieces for event in stream.feed(piece) if isinstance(event, Message)]


def spoken(dialogue: Dialogue, *answers: bytes) -> tuple[list[str], Outcome]:
    """The commands and the outcome, where the unit says these things in order; then silence."""
    texts = []
    command = next(dialogue)
    try:
        for said in [*answers, *[b""] * 9]:
            texts.append(command.text)
            command = dialogue.send(collect(command, heard(said)))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return texts, outcome
    raise AssertionError("the dialogue does not end")


def test_the_port_is_opened_as_published() -> None:
    form = FAMILY.serial
    assert form is not None
    assert (form.baudrates, form.parity, form.stopbits, form.eol) == ((115200,), "N", 1, b"\r")


@pytest.mark.parametrize("echo", [False, True])
def test_settings_are_written_and_read_back(echo: bool) -> None:
    exchanges, outcome, unit = told(FAMILY.apply(at(), ASKED), options={"echo": echo})
    assert [each.command.payload.decode() for each in exchanges] == [f"{text}\r" for text in COMMANDS]
    assert {each.command.timeout for each in exchanges} == {5}
    assert {found.state for found in outcome.fields.values()} == {FieldState.CONFIRMED}
    assert (unit.settings, unit.stored) == (ASKED, True)


def test_the_dry_run_has_the_commands_of_the_network() -> None:
    wire, _ = against_nobody(FAMILY.apply(at(), ASKED))
    network, _ = against_nobody(FAMILY.apply(at(transport=Transport.UDP), ASKED))
    assert [each.command.payload for each in wire] == [each.command.payload[4:] + b"\r" for each in network]


# 3GPP TS 27.007 clause 5.4: the number alone, or behind its name.
@pytest.mark.parametrize("said", [IMEI, f"+CGSN: {IMEI}", f'+CGSN: "{IMEI}"'])
@pytest.mark.parametrize("size", [0, 1])
def test_the_unit_says_who_it_is(said: str, size: int) -> None:
    dialogue = FAMILY.identify(at(device_id=""))
    command = next(dialogue)
    assert command.payload == b"AT+CGSN\r"
    reply = collect(command, heard(b"AT+CGSN\r" + lines("+CREG: 1", said, "OK"), size))
    with pytest.raises(StopIteration) as stop:
        dialogue.send(reply)
    assert stop.value.value == Outcome({}, known={"device_id": IMEI})


@pytest.mark.parametrize(
    ("said", "unanswered"),
    [(b"AT+CGSN\r", True), (lines("+CREG: 1"), True), (lines(IMEI), True), (lines("ERROR"), False), (OK, False)],
)
def test_anything_else_is_not_who_it_is(said: bytes, unanswered: bool) -> None:
    _, outcome = spoken(FAMILY.identify(at()), said)
    assert (outcome.known, outcome.unanswered) == ({}, unanswered)


def test_a_timers_answer_is_not_whole_before_its_ok() -> None:
    """Over UDP the line alone would be; here the OK that follows would pass for the next command's."""
    dialogue = FAMILY.read(at(), ["tracking_interval"])
    next(dialogue)
    command = dialogue.send(collect(next(FAMILY.read(at(), ["tracking_interval"])), heard(table(*ROWS))))
    assert command.text == "AT$EVTIM1?"
    assert collect(command, heard(lines("$EVTIM1: 60"))).verdict is Verdict.TIMEOUT
    assert collect(command, heard(STOPPED[0])).verdict is Verdict.ANSWERED


@pytest.mark.parametrize(
    "broken",
    [
        table(*ROWS)[:-6],  # no OK
        table(*ROWS).replace(b"7A", b"\xb7A"),
        table(*ROWS).replace(b"8A", b"8\x01"),
        table(*ROWS).replace(b"16", b"1?"),
        table(*ROWS).replace(b"$EVENT", b"$EWENT"),
    ],
)
def test_a_table_that_is_hurt_or_breaks_off_decides_nothing(broken: bytes) -> None:
    texts, outcome = spoken(FAMILY.apply(at(), ASKED), broken)
    assert texts == ["AT$EVENT?"]
    assert not {found.state for found in outcome.fields.values()} & {FieldState.CONFIRMED, FieldState.ACKNOWLEDGED}


def test_what_comes_unasked_is_no_part_of_a_table() -> None:
    noise = lines('+CREG: 1,"00C3"', "RING", "$GPRMC,120000,A,5128.5,N,00000.8,W,0,0,010126,,*00")
    said = table(ROWS[0]).replace(b"\r\nOK\r\n", b"") + noise + lines(*ROWS[1:], "OK")
    texts, outcome = spoken(
        FAMILY.apply(at(), {"tracking_distance": 1000}),
        b"AT$EVENT?\r" + said,
        OK,
        OK,
        OK,
        table(*ROWS[:2], ROWS[3], "8A 0 16 1000 1000000"),
    )
    assert texts == ["AT$EVENT?", *COMMANDS[6:10]]
    assert outcome.fields["tracking_distance"].state is FieldState.CONFIRMED


def test_no_flipped_bit_of_a_read_back_confirms_another_value() -> None:
    after = [*ROWS[:2], ROWS[3], "8A 0 16 1000 1000000"]
    first = [table(*ROWS), OK, OK, OK]

    def state(wanted: int, said: bytes) -> FieldState:
        _, outcome = spoken(FAMILY.apply(at(), {"tracking_distance": wanted}), *first, said)
        return outcome.fields["tracking_distance"].state

    good = table(*after)
    assert state(1000, good) is FieldState.CONFIRMED
    for position in range(len(good) * 8):
        hurt = bytearray(good)
        hurt[position // 8] ^= 1 << position % 8
        assert state(1300, bytes(hurt)) is not FieldState.CONFIRMED


@pytest.mark.parametrize(("reading", "state"), [(b"", FieldState.REJECTED), (table(*ROWS), FieldState.REJECTED)])
def test_what_the_unit_does_not_store_is_not_acknowledged(reading: bytes, state: FieldState) -> None:
    asked = FAMILY.apply(at(), {"tracking_distance": 1000})
    texts, outcome = spoken(asked, table(*ROWS), OK, OK, lines("ERROR"), reading)
    assert texts[3:] == ["AT&W", "AT$EVENT?"]
    assert outcome.fields["tracking_distance"].state is state
    assert "AT&W" in outcome.fields["tracking_distance"].reason


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={"tracking_interval": (600, 18000)}), FieldState.MISMATCHED),
        (Faults(ignore=frozenset({"tracking_interval"})), FieldState.MISMATCHED),
        (Faults(refuse=frozenset({"tracking_interval"})), FieldState.REJECTED),
        (Faults(silent=True), FieldState.UNKNOWN),
    ],
)
def test_what_is_not_kept_is_no_success(faults: Faults, state: FieldState) -> None:
    _, outcome, _ = told(FAMILY.apply(at(), {"tracking_interval": 300}), faults=faults)
    assert outcome.fields["tracking_interval"].state is state


def test_noise_is_told_and_bounded() -> None:
    stream = FAMILY.stream(Transport.SERIAL)
    events = [*stream.feed(b"\xb5\x62\xff\r\n"), *stream.feed(b"\x80" * 3000)]
    assert len(events) > 1
    assert all(isinstance(event, PeerError) for event in events)
    assert stream.buffered < 512


def test_own_commands() -> None:
    command = FAMILY.raw(at(), "ATI")
    assert command.payload == b"ATI\r"
    # Enabler II-G modem integration guide page 49: what ATI says.
    reply = collect(command, heard(b"ATI\r" + lines("Enfora, Inc.", "OK")))
    assert [message.text for message in reply.messages] == ["Enfora, Inc.", "OK"]
    assert FAMILY.fields(reply.messages[0]) == {"message": "answer", "text": "Enfora, Inc."}
    (told_,) = FAMILY.server(command.payload)
    assert isinstance(told_, Message)
    assert FAMILY.fields(told_) == {"message": "command", "text": "ATI"}
    secret = FAMILY.raw(at(), 'AT%CGPCO=1,"owner,s3cret",0')
    assert secret.payload == b'AT%CGPCO=1,"owner,s3cret",0\r'
    assert (secret.text, {b"owner", b"s3cret"} <= {*secret.secrets}) == ("AT%CGPCO=***", True)
    with pytest.raises(LocalError):
        FAMILY.raw(at(), "ATI\rAT$EVDELA")
