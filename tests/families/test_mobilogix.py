"""Mobilogix: recorded frames, what they are owed, and an operator's command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.mobilogix import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "mobilogix" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    told = FAMILY.fields(message)
    assert message.kind is (Kind.LOGIN if means["type"] == "T1" else Kind.REPORT)
    assert (message.device_id, told["type"]) == (means["serial_number"], means["type"])
    assert message.owed == means["server_owes"].encode("ascii")
    assert FAMILY.recognise(raw(name)) is True
    for key in ("imei", "latitude", "longitude"):
        assert told.get(key) == means.get(key)


def test_a_command_bears_the_time() -> None:
    now = datetime(2021, 10, 25, 20, 50, 16, tzinfo=UTC)
    at = Target("201951132031", variant="session", now=lambda: now)
    command = FAMILY.raw(at, "RELAY=1")
    assert command.payload == raw("mx-relay")
    later = FAMILY.raw(Target("201951132031", variant="session"), "RELAY=1").payload
    assert later != command.payload
    assert FAMILY.normalise(later) == FAMILY.normalise(command.payload)
    assert command.match(one(raw("mx-position"))).value == "no"
    (back,) = FAMILY.server(command.payload)
    assert isinstance(back, Message)
    assert FAMILY.fields(back)["text"] == CASES["mx-relay"]["means"]["text"]
    for text in ("RELAY=1]", "\xe9", "x\r\ny", "x" * 201):
        with pytest.raises(LocalError):
            FAMILY.raw(at, text)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"?[\x00[2020]" + raw("mx-position") + b"]" + raw("mx-status-line"))
    assert [event.frame for event in events if isinstance(event, Message)] == [
        raw("mx-position"),
        raw("mx-status-line").lstrip(),
    ]
    assert isinstance(events[0], PeerError)
    assert FAMILY.recognise(b"[2020-12-01 14:00:22,S") is False
    assert FAMILY.recognise(b"\r\n[2020-12-0") is None


def test_a_frame_that_broke_off_costs_itself_only() -> None:
    broken, whole = (
        b"[2020-12-01 14:00:22,T3,1,V1.1.1,111111,3B,12",
        b"[2020-12-01 14:00:22,T3,1,V1.1.1,201951132031,3B]",
    )
    events = FAMILY.stream().feed(broken + whole)
    assert [type(event) for event in events] == [PeerError, Message]
    assert isinstance(events[1], Message)
    assert (events[1].frame, events[1].device_id) == (whole, "201951132031")
