"""DSF22: the one recorded frame, and the byte that is owed to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.dsf22 import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "dsf22" / "frames.yaml"
(CASE,) = yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]
RECORDED = bytes.fromhex(CASE["data"])


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


def test_the_recorded_frame() -> None:
    means = CASE["means"]
    message = one(RECORDED)
    assert (message.kind, message.device_id, message.checksum) == (Kind.REPORT, means["device_id"], Checksum.NONE)
    assert message.owed == bytes.fromhex(means["owes_reply_hex"])
    told = FAMILY.fields(message)
    assert len(told["records"]) == means["records"]
    # read by hand: 0e5feea8, 21f45fca, 4e523fb3, 32, 0461, 01
    assert told["records"][0] == {
        "latitude": 24.116804,
        "longitude": 56.9663434,
        "time_utc": "2011-08-22T11:38:27Z",
        "speed": 50,
        "fuel": 1.121,
        "status": 1,
    }
    assert FAMILY.recognise(RECORDED) is True


def test_several_records_are_one_frame_and_owed_one_byte() -> None:
    message = one(RECORDED[:4] + b"\x03" + RECORDED[5:] * 3)
    assert (len(FAMILY.fields(message)["records"]), message.owed) == (3, b"\x01")
    first, second = FAMILY.stream().feed(RECORDED * 2)
    assert isinstance(second, Message)
    assert first == second


@pytest.mark.parametrize(
    "wrong",
    [
        RECORDED[:4] + b"\x00" + RECORDED[5:],
        RECORDED[:8] + b"\x40" + RECORDED[9:],  # 107 degrees north
        RECORDED[:12] + b"\x70" + RECORDED[13:],  # 188 degrees east
        b"FC" + RECORDED[2:],
    ],
)
def test_a_place_off_the_earth_is_no_frame(wrong: bytes) -> None:
    events = FAMILY.stream().feed(wrong)
    assert [type(each) for each in events] == [PeerError]
    assert FAMILY.recognise(wrong) is False


def test_openings_and_redaction() -> None:
    for count in range(13):
        assert FAMILY.recognise(RECORDED[:count]) is None
    assert one(FAMILY.rename(RECORDED, "256", "999")).device_id == "999"
    assert FAMILY.rename(RECORDED, "256", "70000") == RECORDED
    (answer,) = FAMILY.server(b"\x01")
    assert isinstance(answer, Message)
    assert FAMILY.fields(answer) == {"message": "ack"}


def test_settings_and_commands_are_refused_with_the_reason() -> None:
    target = Target("256", variant="session")
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert problem.reason == FAMILY.unsupported
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "reset")
    with pytest.raises(LocalError, match="16 bits"):
        FAMILY.emulator("65536", "session")
