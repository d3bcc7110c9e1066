"""C2STEK: recorded frames; a heartbeat is said back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.c2stek import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "c2stek" / "frames.yaml"
CASES = {case["id"].removeprefix("c2stek-"): case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


@pytest.mark.parametrize("name", CASES)
def test_frames(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    kind = Kind.HEARTBEAT if means["type"] == "heartbeat" else Kind.REPORT
    assert (message.kind, message.device_id, message.checksum) == (kind, means["device_id"], Checksum.NONE)
    assert message.owed == (raw(name) if means.get("owes_reply") == "echo" else b"")
    assert FAMILY.recognise(raw(name)) is True
    assert FAMILY.server(raw(name))[0] == message


def test_a_position() -> None:
    told = FAMILY.fields(one(raw("position")))
    assert (told["latitude"], told["longitude"], told["altitude_m"]) == (22.537222, 114.020948, 42.1)
    assert (told["date"], told["time_hhmmss"], told["battery_mv"]) == ("091117", "020928", "4183")
    assert (told["alarm"], told["state"]) == ("1", ["101", "Wsz-wl001", "B0101940", "C+3.0,-5.0,+2.0"])


def test_an_odd_number_costs_itself_only() -> None:
    odd = FAMILY.fields(one(raw("position").replace(b"#22.5", b"#x2.5")))
    whole = FAMILY.fields(one(raw("position")))
    assert odd["latitude"] is None
    assert {**odd, "latitude": whole["latitude"]} == whole


def test_a_place_with_its_sign() -> None:
    """A frame of the public decoder's test (traccar/traccar C2stekProtocolDecoderTest)."""
    told = FAMILY.fields(
        one(b"PA$867965024889327$D#220222#135059#0#+37.98995#+23.85141#0.00#69.2#0.0#0000#000#8#00#sz-w1001#B2600$AP")
    )
    assert (told["latitude"], told["longitude"], told["course"]) == (37.98995, 23.85141, 69.2)
    assert told["state"] == ["00", "sz-w1001", "B2600"]


def test_frames_that_follow_each_other_with_and_without_line_ends() -> None:
    stream = FAMILY.stream()
    events = stream.feed(raw("heartbeat") + raw("position") + b"\r\nnoise" + raw("heartbeat") + b"PA$86308")
    assert [type(each) for each in events] == [Message, Message, PeerError, Message]
    assert stream.buffered == len(b"PA$86308")
    (wrong,) = FAMILY.stream().feed(b"PA$8630830306021x4$20$AP")
    assert isinstance(wrong, PeerError)
    endless = FAMILY.stream()
    endless.feed(b"PA$863083030602124$" + b"D" * 2000)
    assert endless.buffered == 0


def test_openings_and_redaction() -> None:
    for count in range(19):
        assert FAMILY.recognise(raw("heartbeat")[:count]) is None
    for other in (b"PB", b"PA$86308x", b"$$A"):
        assert FAMILY.recognise(other) is False
    renamed = one(FAMILY.rename(raw("heartbeat"), "863083030602124", "490154203237518"))
    assert renamed.device_id == "490154203237518"


def test_settings_and_commands_are_refused_with_the_reason() -> None:
    target = Target("863083030602124", variant="session")
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert problem.reason == FAMILY.unsupported
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "20")


def test_a_frame_that_broke_off_costs_itself_only() -> None:
    broken, whole = b"PA$111111111111111$D#140516#23", b"PA$135790246811220$20$AP"
    events = FAMILY.stream().feed(broken + whole)
    assert [type(event) for event in events] == [PeerError, Message]
    assert isinstance(events[1], Message)
    assert (events[1].frame, events[1].device_id) == (whole, "135790246811220")
