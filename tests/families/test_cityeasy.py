"""Cityeasy: recorded frames, the commands of a public server, and an interval that nothing answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Severity, Strength, Target
from tracker_codecs.drive import against_emulator, against_nobody
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.cityeasy import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "cityeasy" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name in CASES if name not in DEVICE]
KINDS = {"0x0001": Kind.LOGIN, "0x0002": Kind.HEARTBEAT, "0x0003": Kind.REPORT, "0x0004": Kind.REPLY}
ID = "35755702490201"
ASKED = {"tracking_interval": 300}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def target(serial: int = 11) -> Target:
    return Target(ID, variant="standard", serial=serial, experimental=True)


@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.device_id, message.owed, message.checksum) == (means["imei_first_14"], b"", Checksum.NONE)
    assert message.kind is KINDS.get(means["message_type"], Kind.OTHER)
    assert told["type"] == means["message_type"]
    assert {key: told[key] for key in ("length", "serial", "content_hex")} == {
        key: means[key] for key in ("length", "serial", "content_hex")
    }
    assert all(FAMILY.recognise(raw(name)[:count]) is not False for count in range(len(raw(name))))
    assert FAMILY.recognise(raw(name)) is True


def test_places() -> None:
    told = FAMILY.fields(heard(raw("location-gps"))[0])
    assert (told["latitude"], told["longitude"], told["valid"]) == (22.537228, 114.022774, "A")
    assert (told["time_yyyymmddhhmmss"], told["cells"]) == ("20141110095409", ["460", "0", "10173", "4652", "41"])
    told = FAMILY.fields(heard(raw("location-cells"))[0])
    assert "latitude" not in told
    assert told["cells"][:5] == ["404", "45", "10681", "11621", "35"]
    whole = FAMILY.fields(heard(raw("location-gps"))[0])
    for digits in (b"nan      ", b"inf      ", b"2_2.53722", b"1e9999999"):
        (message,) = heard(raw("location-gps").replace(b"22.537228", digits))
        odd = FAMILY.fields(message)
        assert (odd["latitude"], odd["longitude"]) == (None, whole["longitude"])


@pytest.mark.parametrize("name", SERVER)
def test_commands_of_a_public_server(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (message.checksum, told["type"], told["serial"]) == (Checksum.OK, means["message_type"], means["serial"])
    assert told.get("interval") == means.get("interval")
    text = f"{told['type'][2:]} {told['content_hex']}".strip()
    assert FAMILY.raw(target(means["serial"]), text).payload == raw(name)


def test_the_interval_is_the_command_of_the_public_server() -> None:
    (exchange,), outcome = against_nobody(FAMILY.apply(target(), {"tracking_interval": 60}))
    assert exchange.command.payload == raw("cmd-interval-60-built")
    assert outcome.fields["tracking_interval"].strength is Strength.WRITTEN
    (exchange,), _ = against_nobody(FAMILY.apply(target(0x1_0000_0020), {"tracking_interval": 60}))
    assert exchange.command.payload[8:12].hex() == "00000020"


def test_every_flipped_bit_of_a_command_is_seen() -> None:
    whole = raw("cmd-interval-60-built")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        assert [e for e in FAMILY.server(bytes(broken)) if isinstance(e, Message)] == [], bit


def test_lengths_digits_and_ends_are_checked() -> None:
    whole = raw("status-1")
    for at, byte in ((2, 0xFF), (3, 0x14), (3, 0x18), (4, 0xAB), (len(whole) - 1, 0x0B)):
        broken = bytearray(whole)
        broken[at] = byte
        events = FAMILY.stream().feed(bytes(broken) + whole)
        assert isinstance(events[0], PeerError), at
        assert [event.frame for event in events if isinstance(event, Message)] == [whole], at
    for noise in (b"T", b"TT\x00", b"\x00\xffTTT"):
        assert heard(noise + whole * 5)[-1].frame == whole, noise  # a false head holds back what it could declare


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
    unit = FAMILY.emulator(ID, "standard", faults=faults)
    _, outcome = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert outcome.fields["tracking_interval"].state.value == "written"
    assert not outcome.unanswered
    assert unit.settings == {"tracking_interval": true}


def test_no_frame_counts_as_an_answer_to_the_interval() -> None:
    command = next(FAMILY.apply(target(), ASKED))
    for name in DEVICE:
        assert command.match(heard(raw(name))[0]).value == "no"
    located = heard(raw("location-answer"))[0]
    at = Target(str(located.device_id), variant="standard")
    assert FAMILY.raw(at, "0004").match(located).value == "done"


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 65536, "tracking_angle": 30}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {"tracking_interval": Severity.REFUSE, "tracking_angle": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    assert [problem.severity for problem in FAMILY.check(target(), {"tracking_interval": 0})] == [Severity.REFUSE]
    for text in ("", "4", "0005 003", "00050", "0005 00zz"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_renaming() -> None:
    (message,) = heard(FAMILY.rename(raw("status-1"), ID, "12345678901234"))
    assert message.device_id == "12345678901234"
