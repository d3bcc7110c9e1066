"""Carscop: recorded frames, of which only some name the unit."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.carscop import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "carscop" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
KINDS = {"UB00": Kind.HEARTBEAT, "UB05": Kind.LOGIN, "UD00": Kind.REPORT}


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


@pytest.mark.parametrize("name", CASES)
def test_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (message.kind, message.owed, told["message"]) == (KINDS[means["message"]], b"", means["message"])
    assert message.device_id == means.get("device_id")
    assert FAMILY.recognise(raw(name)) is True
    for key in means.keys() & {"latitude", "longitude"}:
        assert told[key] == pytest.approx(means[key], abs=1e-6)
    if "fix" in means:
        assert told["fix"] == means["fix"]


def test_later_frames_are_of_the_unit_that_named_itself() -> None:
    broken = raw("carscop-ub05")[:40]
    events = FAMILY.stream().feed(raw("carscop-ub05") + broken + raw("carscop-ud00"))
    assert [type(event) for event in events] == [Message, PeerError, Message]
    last = events[-1]
    assert isinstance(last, Message)
    assert last.device_id == "CC8011400042499"
    told = FAMILY.fields(last)
    assert (told["latitude"], told["speed"], told["course"]) == (pytest.approx(50.152912, abs=1e-6), "0.000", "298.28")


def test_a_place_that_is_none_costs_itself_only() -> None:
    odd, whole = (
        FAMILY.fields(event)
        for event in FAMILY.stream().feed(raw("carscop-ud00").replace(b"A5009", b"A5069") + raw("carscop-ud00"))
        if isinstance(event, Message)
    )
    assert odd["latitude"] is None
    assert {**odd, "latitude": whole["latitude"]} == whole


def test_openings() -> None:
    for opening in (b"*HQ,2705171109,V1", b"*1708212230451", b"#170821223045"):
        assert FAMILY.recognise(opening) is False
    assert FAMILY.recognise(b"*170821223045U") is None


def test_no_command_is_public() -> None:
    with pytest.raises(LocalError):
        FAMILY.raw(Target("CC8011400042499", variant="session"), "UB00")
