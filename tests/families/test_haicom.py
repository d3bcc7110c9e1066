"""Haicom: recorded frames."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.haicom import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "haicom" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


@pytest.mark.parametrize("name", CASES)
def test_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    assert (message.kind, message.owed, message.device_id) == (Kind.REPORT, b"", means["device_id"])
    assert FAMILY.recognise(raw(name)) is True
    told = FAMILY.fields(message)
    for key in means.keys() & {"latitude", "longitude"}:
        assert told[key] == pytest.approx(means[key], abs=1e-5)
    assert told["fix"] is means.get("fix", True)


def test_a_cut_frame_and_a_place_that_is_none() -> None:
    events = FAMILY.stream().feed(raw("haicom")[:50] + raw("haicom-t100001"))
    assert [type(event) for event in events] == [PeerError, Message]
    (wrong,) = FAMILY.stream().feed(raw("haicom-t100001").replace(b"5402267", b"5406267"))
    assert isinstance(wrong, Message)
    (sound,) = FAMILY.stream().feed(raw("haicom-t100001"))
    assert isinstance(sound, Message)
    whole, odd = FAMILY.fields(sound), FAMILY.fields(wrong)
    assert odd["latitude"] is None
    assert {**odd, "latitude": whole["latitude"]} == whole


def test_openings_and_commands() -> None:
    assert FAMILY.recognise(b"$GPRMC,") is False
    assert FAMILY.recognise(b"$GPRS01249700709716") is None
    with pytest.raises(LocalError):
        FAMILY.raw(Target("012497007097169", variant="session"), "anything")
