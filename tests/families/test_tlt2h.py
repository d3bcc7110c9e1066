"""TLT-2H: recorded heads and positions, ends of reports, and the password that is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.tlt2h import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "tlt2h" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


@pytest.mark.parametrize("name", CASES)
def test_reports(name: str) -> None:
    means = CASES[name]["means"]
    head, *places = FAMILY.stream().feed(raw(name))
    assert isinstance(head, Message)
    told = FAMILY.fields(head)
    assert (head.kind, head.owed, head.device_id) == (Kind.LOGIN, b"", means["device_id"])
    assert {key: told[key] for key in ("model_field", "event", "count")} == {
        key: means[key] for key in ("model_field", "event", "count")
    }
    assert "0000" not in told.values()
    assert len(places) == (0 if name == "tlt2h-head" else 1)
    for place in places:
        assert isinstance(place, Message)
        assert (place.kind, place.device_id) == (Kind.REPORT, means["device_id"])
        assert FAMILY.fields(place)["checksum_right"] is True
    assert FAMILY.recognise(raw(name)) is True


@pytest.mark.parametrize("end", [b"##\r\n", b"##", b"\r\n##\r\n", b""])
def test_reports_follow_each_other(end: bytes) -> None:
    whole = raw("tlt2h-mp90") + end + raw("tlt2h-v500")
    events = FAMILY.stream().feed(whole)
    assert [event.device_id for event in events if isinstance(event, Message)] == [
        "869260042149724",
        "869260042149724",
        "357671030946351",
        "357671030946351",
    ]
    assert not [event for event in events if isinstance(event, PeerError)]


@pytest.mark.parametrize("before", [b"12.6V", b"cells 1,2,3", b"battery=98|310,26,0x1a2b,33", b"x" * 200])
def test_any_text_before_the_sentence(before: bytes) -> None:
    """Reported by users of a public server (issue 8, B6), in no known form: the texts stand for battery or cells."""
    head, place = FAMILY.stream().feed(raw("tlt2h-mp90").replace(b"#02201be0000$", b"#" + before + b"$"))
    assert isinstance(head, Message)
    assert isinstance(place, Message)
    assert (place.kind, place.device_id) == (Kind.REPORT, "869260042149724")
    told = FAMILY.fields(place)
    assert (told["before"][:64], told["checksum_right"]) == (before.decode()[:64], True)
    assert "cell" not in told
    whole = FAMILY.stream().feed(raw("tlt2h-mp90"))[1]
    assert isinstance(whole, Message)
    assert FAMILY.fields(whole)["cell"] == "02201be0000"


def test_a_line_that_is_none_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"#12#x\r\n" + raw("tlt2h-mp90"))
    assert [type(event) for event in events][-2:] == [Message, Message]
    assert isinstance(events[0], PeerError)


def test_openings_and_commands() -> None:
    for opening in (b"#L#2.0;", b"##,imei:", b"#86926004214972#"):
        assert FAMILY.recognise(opening) is False
    assert FAMILY.recognise(b"\r\n#3576710309463") is None
    with pytest.raises(LocalError):
        FAMILY.raw(Target("869260042149724", variant="session"), "#at#30#sum#0#")
