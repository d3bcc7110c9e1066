"""Maxtrack: recorded frames, stuffing, and the answer to a position."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Match, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.maxtrack import FAMILY, NAK, POSITION, build

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "maxtrack" / "frames.yaml"
CASES = {
    case["id"].removeprefix("americas-minor-maxtrack_"): case for case in yaml.safe_load(FIXTURE.read_text())["cases"]
}
POSITIONS = [name for name in CASES if name.startswith("position")]
#: Position -> the answer that was composed for it.
ACKS = {"position-01": "server_ack-01", "position-02": "server_ack-02", "position-04": "server_ack-04"}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


@pytest.mark.parametrize("name", POSITIONS)
def test_positions(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.checksum, message.device_id) == (Kind.REPORT, Checksum.OK, str(means["id"]))
    for key in ("device_descriptor", "type", "info_groups", "crc"):
        assert told[key] == int(means[key], 16), key
    for key in ("id", "protocol", "sequence", "latitude", "longitude", "unstuffed_length"):
        assert told[key] == means[key], key
    assert FAMILY.recognise(raw(name)) is True


@pytest.mark.parametrize("name", ACKS)
def test_a_position_is_answered_as_composed(name: str) -> None:
    assert one(raw(name)).owed == raw(ACKS[name])
    (answer,) = FAMILY.server(raw(ACKS[name]))
    assert isinstance(answer, Message)
    told, means = FAMILY.fields(answer), CASES[ACKS[name]]["means"]
    assert (told["type"], told["id"]) == (means["type"], means["id"])
    assert bytes.fromhex(told["content_hex"]) == int(means["echoed_crc"], 16).to_bytes(2, "little")
    assert answer.owed == b""


def test_stuffed_bytes_are_the_five_that_the_protocol_names() -> None:
    frame = build(0xA6, POSITION, 1, bytes(range(0x16)))
    assert frame[1:-1].count(b"\x10") >= 6  # five in the payload, one in the id
    assert not {0x01, 0x04, 0x11, 0x13} & set(frame[1:-1])
    (message,) = FAMILY.stream().feed(frame)
    assert isinstance(message, Message)
    assert message.device_id == "1"


def test_a_flipped_bit_is_no_frame_and_gets_no_answer() -> None:
    whole = raw("position-02")
    for at in range(len(whole)):
        events = FAMILY.stream().feed(whole[:at] + bytes([whole[at] ^ 2]) + whole[at + 1 :])
        assert not [each for each in events if isinstance(each, Message)], at


def test_a_short_position_is_told() -> None:
    with pytest.raises(PeerError):
        FAMILY.fields(one(build(0xA6, POSITION, 7, b"\x08\x64")))


def test_openings_and_redaction() -> None:
    assert FAMILY.recognise(raw("position-01")[:-1]) is None
    assert FAMILY.recognise(b"\x01\x00\x02\x0b") is False
    assert FAMILY.recognise(raw("position-01")[:-3] + b"\x00\x00\x04") is False
    renamed = one(FAMILY.rename(raw("position-01"), "8086183", "17041664"))
    assert renamed.device_id == "17041664"


def test_raw_bytes_are_taken_or_not() -> None:
    target = Target("8086183", variant="session")
    command = FAMILY.raw(target, b"\x01\x02")
    assert command.match(one(raw("server_ack-01"))) is Match.DONE
    assert command.match(one(raw("server_ack-02"))) is Match.NO, "another unit"
    assert command.match(one(build(0xA6, NAK, 8086183, b"\0\0"))) is Match.REFUSED
    assert command.match(one(raw("position-01"))) is Match.NO
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "reset")
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert problem.reason == FAMILY.unsupported
