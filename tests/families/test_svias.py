"""Svias: recorded frames, what they are owed, and an operator's command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.svias import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "svias" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (message.kind, message.device_id) == (Kind.REPORT, means["device_id"])
    assert message.owed == means["server_owes"].encode("ascii")
    assert told["date_dmmyy"] == means["date"]
    assert FAMILY.recognise(raw(name)) is True
    if "latitude" in means:
        assert told["latitude"] == pytest.approx(-(9 + 31.55840 / 60), abs=1e-6)
        assert told["longitude"] == pytest.approx(-(37 + 17.54060 / 60), abs=1e-6)


def test_a_command() -> None:
    at = Target("20324277", variant="session")
    assert [FAMILY.raw(at, text).payload for text in ("AT+STR=1", "AT+STR=1*")] == [raw("sv-position-please")] * 2
    events = FAMILY.server(raw("sv-ack") + raw("sv-position-please"))
    told = [FAMILY.fields(event)["message"] for event in events if isinstance(event, Message)]
    assert told == ["ack", "command"]
    for text in ("AT+STR=1*AT", "*", "\xe9", "x\r\ny", "x" * 202):
        with pytest.raises(LocalError):
            FAMILY.raw(at, text)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"?[70[7061,3]\r\n" + raw("sv-report-1") + b"]" + raw("sv-report-2"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("sv-report-1"), raw("sv-report-2")]
    assert isinstance(events[0], PeerError)
    assert FAMILY.recognise(b"[7061,3041,57,2032") is None
    assert FAMILY.recognise(b"[3G*8800000015*0002*LK]") is False
