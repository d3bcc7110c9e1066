"""Portman: recorded lines and an operator's command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.portman import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "portman" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


@pytest.mark.parametrize("name", DEVICE)
def test_device_lines(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (message.kind, message.device_id, message.owed) == (Kind.REPORT, means["id"], b"")
    assert told["time_yymmddhhmmss"] == means["time"]
    assert [told[key] for key in ("event", "satellites", "odometer_km")] == [
        means[key] for key in ("event", "satellites", "odometer_km")
    ]
    assert FAMILY.recognise(raw(name)) is True


def test_a_place_is_read() -> None:
    (message,) = FAMILY.stream().feed(raw("pm-report"))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert told["latitude"] == pytest.approx(25 + 43.0681 / 60, abs=1e-6)
    assert told["longitude"] == pytest.approx(-(100 + 9.2974 / 60), abs=1e-6)


def test_a_command() -> None:
    at = Target("355854050074633", variant="session")
    command = FAMILY.raw(at, "XA5")
    assert command.payload == raw("pm-engine")
    (back,) = FAMILY.server(command.payload)
    assert isinstance(back, Message)
    assert (back.device_id, FAMILY.fields(back)["text"]) == (at.device_id, CASES["pm-engine"]["means"]["text"])
    for text in ("XA5\r\n&&", "\xe9", "x" * 201):
        with pytest.raises(LocalError):
            FAMILY.raw(at, text)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"?$PTMLA,3\x00%%x\n" + raw("pm-report") + b"\r\n" + raw("pm-extended"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("pm-report"), raw("pm-extended")]
    assert isinstance(events[0], PeerError)
    assert FAMILY.recognise(b"$PTMLA,35585") is None
    assert FAMILY.recognise(b"$GPRMC,") is False


@pytest.mark.parametrize("device_id", ["", "\u0663" * 15, "\xb2" * 15, "1,2#", "1" * 21])
def test_a_command_goes_to_a_device_of_this_family(device_id: str) -> None:
    with pytest.raises(LocalError) as told:
        FAMILY.raw(Target(device_id, variant="session"), "XA5")
    assert told.value.parameter == "device_id"


def test_a_frame_that_broke_off_costs_itself_only() -> None:
    broken, whole = (
        b"$PTMLA,111111111111111,A,200612153911,N2",
        b"$PTMLA,355854050074633,A,200612153911,N2543.0681W10009.2974,0\r\n",
    )
    events = FAMILY.stream().feed(broken + whole)
    assert [type(event) for event in events] == [PeerError, Message]
    assert isinstance(events[1], Message)
    assert (events[1].frame, events[1].device_id) == (whole, "355854050074633")
