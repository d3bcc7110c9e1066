"""EasyTrack: recorded frames and an operator's command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.easytrack import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "easytrack" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


@pytest.mark.parametrize("name", DEVICE)
@pytest.mark.parametrize("end", [b"#", b"\r\n", b"#\r\n"])
def test_device_frames(name: str, end: bytes) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream().feed(raw(name).removesuffix(b"#") + end)
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    placed = means["command"] in ("HB", "DW")
    assert message.kind is (Kind.REPORT if placed else Kind.OTHER)
    # Three are owed their echo (reported by users of a public server), however the unit ended the line.
    owed = raw(name) if means["command"] in ("MQ", "TX", "JZ") else b""
    assert (message.device_id, message.owed) == (means["imei"], owed)
    for key in ("command", "time"):
        assert told.get(key) == means.get(key)
    if "latitude" in means:
        assert told["latitude"] == pytest.approx(means["latitude"], abs=1e-5)
        assert told["longitude"] == pytest.approx(means["longitude"], abs=1e-5)
    assert FAMILY.recognise(raw(name)) is True


def test_an_echo_owes_nothing_and_is_no_position() -> None:
    (message,) = FAMILY.stream().feed(raw("et-tx"))
    assert isinstance(message, Message)
    assert (message.kind, message.owed) == (Kind.OTHER, b"*ET,354522180045564,TX,V,14070E,122336#")
    (echo,) = FAMILY.server(message.owed)
    assert isinstance(echo, Message)
    assert (echo.owed, echo.device_id) == (b"", "354522180045564")


def test_the_highest_bit_is_south_and_west() -> None:
    (message,) = FAMILY.stream().feed(raw("et-position-dw").replace(b",0413FA4E", b",8413FA4E"))
    assert isinstance(message, Message)
    assert FAMILY.fields(message)["longitude"] == pytest.approx(-114.03021, abs=1e-5)


def test_a_command() -> None:
    at = Target("123456789012345", variant="session")
    command = FAMILY.raw(at, "FD,Y1")
    assert command.payload == raw("et-output")
    (back,) = FAMILY.server(command.payload)
    assert isinstance(back, Message)
    assert (back.device_id, FAMILY.fields(back)["cells"]) == (at.device_id, CASES["et-output"]["means"]["cells"])
    for text in ("fd", "FD,Y1#", "FDY", "FD,\r\nx", "FD,\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(at, text)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"?*ET,35*HQ,1,V1#" + raw("et-mq") + b"\r\n" + raw("et-jz"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("et-mq"), raw("et-jz")]
    assert isinstance(events[0], PeerError)
    assert FAMILY.recognise(b"*ET,3545") is None
    assert FAMILY.recognise(b"*HQ,") is False


@pytest.mark.parametrize("device_id", ["", "\u0663" * 15, "\xb2" * 15, "1,2#", "1" * 21])
def test_a_command_goes_to_a_device_of_this_family(device_id: str) -> None:
    with pytest.raises(LocalError) as told:
        FAMILY.raw(Target(device_id, variant="session"), "FD,Y1")
    assert told.value.parameter == "device_id"


def test_a_frame_that_broke_off_costs_itself_only() -> None:
    broken, whole = b"*ET,111111111111111,HB,A,0c", b"*ET,135790246811220,HB,A,140107#"
    events = FAMILY.stream().feed(broken + whole)
    assert [type(event) for event in events] == [PeerError, Message]
    assert isinstance(events[1], Message)
    assert (events[1].frame, events[1].device_id) == (whole, "135790246811220")
