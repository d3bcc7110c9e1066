"""Noran: recorded datagrams, the documented command, and an answer without a verdict."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Faults, Kind, Message, Severity, Strength, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.noran.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "noran" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name in CASES if name not in DEVICE]
ID = "NR09B23449"


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream(Transport.UDP).feed(data) if isinstance(event, Message)]


def target(**options: str) -> Target:
    return Target(ID, variant="standard", transport=Transport.UDP, options=options)


def answer(device_id: str = ID, kind: int = 0x8009) -> bytes:
    """The recorded position behind 8 bytes of address and port, with the one byte more of the longer form."""
    content = bytes(8) + raw("noran-pos")[4:].replace(ID.encode(), device_id.encode()) + b"\x00"
    return struct.pack("<HH", len(content) + 4, kind) + content


@pytest.mark.parametrize("name", DEVICE)
def test_device_datagrams(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert message.device_id == told["device_id"] == means["device_id"]
    assert told["message"] == means["message"]
    assert message.owed.hex() == means.get("server_owes", "")
    assert message.kind is (Kind.LOGIN if means["message"] == "handshake" else Kind.REPORT)
    assert FAMILY.recognise(raw(name)) is True
    for key in ("latitude", "longitude"):
        if key in means:
            assert told[key] == pytest.approx(means[key], abs=1e-5)
    if "time" in means:
        assert told["time"] == means["time"]


def test_the_newer_position() -> None:
    """The bytes 00003f43, bb8da6c2 and ebe22942 as floats by hand; the time is plain text in the recording."""
    told = FAMILY.fields(heard(raw("noran-pos"))[0])
    assert (told["course"], told["time"]) == (191.0, "16-09-15 07:00:07")
    assert (told["longitude"], told["latitude"]) == (pytest.approx(-83.276817), pytest.approx(42.471600))


@pytest.mark.parametrize("name", SERVER)
def test_server_datagrams(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    told, means = FAMILY.fields(event), CASES[name]["means"]
    assert told["message"] == means["message"]
    if "text" in means:
        assert told["text"] == means["text"]
        assert FAMILY.raw(target(), means["text"]).payload == raw(name)


def test_the_documented_command_and_its_password() -> None:
    ((exchange,), _) = against_nobody(FAMILY.apply(target(), {"tracking_interval": 60}))
    assert exchange.command.payload == raw("noran-cmd-interval-built")
    ((other,), _) = against_nobody(FAMILY.apply(target(password="123456"), {"tracking_interval": 60}))
    assert b"*KW,000,002,123456,60#" in other.command.payload
    assert (other.command.secrets, "123456" in other.command.text) == ((b"123456",), False)
    with pytest.raises(LocalError):
        against_nobody(FAMILY.apply(target(password="1234,6"), {"tracking_interval": 60}))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (answer(), "acknowledged"),
        (answer("NR09B23440"), "written"),
        (raw("noran-pos"), "written"),
        (raw("noran-handshake"), "written"),
        (b"", "written"),
    ],
)
def test_answers(said: bytes, state: str) -> None:
    dialogue = FAMILY.apply(target(), {"tracking_interval": 60})
    command = next(dialogue)
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(command, heard(said)))
    outcome = stop.value.value
    assert outcome.fields["tracking_interval"].state.value == state
    assert outcome.unanswered is (state == "written")
    assert outcome.reported == {}


@pytest.mark.parametrize(
    ("faults", "state", "kept"),
    [
        (Faults(), "acknowledged", 60),
        (Faults(clamp={"tracking_interval": (90, 900)}), "acknowledged", 90),
        (Faults(ignore=frozenset({"tracking_interval"})), "acknowledged", 30),
        (Faults(refuse=frozenset({"tracking_interval"})), "written", 30),
        (Faults(silent=True), "written", 30),
    ],
)
def test_faults_that_no_answer_shows_are_never_confirmed(faults: Faults, state: str, kept: int) -> None:
    unit = FAMILY.emulator(ID, "standard", transport=Transport.UDP, faults=faults)
    _, outcome = against_emulator(FAMILY.apply(target(), {"tracking_interval": 60}), unit, FAMILY.stream(Transport.UDP))
    found = outcome.fields["tracking_interval"]
    assert (found.state.value, unit.settings["tracking_interval"]) == (state, kept)
    assert found.strength is (Strength.ACKNOWLEDGED if state == "acknowledged" else Strength.WRITTEN)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        raw("noran-pos")[:-1],
        raw("noran-pos") + b"\x00",
        raw("noran-handshake")[:2] + b"\x01\x00" + raw("noran-handshake")[4:],
        b"\x0f\x00\x00\x00NR09\xff041550",
        b"\x08\x00\x08\x00\x00\x00\x00\x00",
        bytes(3000),
    ],
)
def test_other_datagrams_are_faults_of_the_peer(data: bytes) -> None:
    (event,) = FAMILY.stream(Transport.UDP).feed(data)
    assert isinstance(event, PeerError)


def test_a_flipped_bit_of_an_answer_never_acknowledges_for_another_unit() -> None:
    command = FAMILY.raw(target(), "*KW,000,007,000000,0#")
    whole = answer()
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        if any(command.match(message).value == "done" for message in heard(bytes(broken))):
            assert ID.encode() in broken
            assert broken[:4] == whole[:4]


def test_what_does_not_fit_is_refused() -> None:
    for seconds in (0, 14, 64801):
        (problem,) = FAMILY.check(target(), {"tracking_interval": seconds})
        assert problem.severity is Severity.REFUSE
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {"tracking_interval": seconds})
    for text in ("", "*KW,000,002,000000,60", "*KW,000,002,0,60#", "*KW,000,002,000000,60#\r\n*KW", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
    for transport in (Transport.TCP, Transport.SERIAL):
        with pytest.raises(LocalError):
            FAMILY.stream(transport)
