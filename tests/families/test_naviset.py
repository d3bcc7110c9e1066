"""Naviset: recorded packets, the answer to each, and the settings that go by SMS only."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Match, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.naviset import FAMILY, RESPONSE, build

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "naviset" / "frames.yaml"
CASES = {
    case["id"].removeprefix("russian-minor-naviset_"): case for case in yaml.safe_load(FIXTURE.read_text())["cases"]
}
PACKETS = [name for name, case in CASES.items() if case["encoding"] == "hex" and "ack" not in name]
#: Packet -> the answer that was composed for it.
ACKS = {"login-01": "server_ack-01", "data-02": "server_ack-03"}
IMEI = "868204005958466"


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


@pytest.mark.parametrize("name", PACKETS)
def test_packets(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert (message.checksum, message.kind) == (Checksum.OK, Kind.REPORT if means["type"] else Kind.LOGIN)
    assert message.owed == b"\x01" + bytes.fromhex(means["crc"])
    for key in ("length", "device_number", "imei", "first_record_number", "first_time_utc", "first_latitude"):
        assert told.get(key) == means.get(key), key
    assert told.get("first_longitude") == means.get("first_longitude")
    if "block_mask" in means:
        assert told["block_mask"] == int(means["block_mask"], 16)


@pytest.mark.parametrize("name", ACKS)
def test_answers_are_those_that_were_composed(name: str) -> None:
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    assert message.owed == raw(ACKS[name])
    (answer,) = FAMILY.server(message.owed)
    assert isinstance(answer, Message)
    assert FAMILY.fields(answer)["echoed_crc"] == CASES[ACKS[name]]["means"]["echoed_crc"]


def test_data_is_of_the_device_that_said_the_header() -> None:
    _, data = FAMILY.stream().feed(raw("login-01") + raw("data-04"))
    assert isinstance(data, Message)
    assert data.device_id == IMEI


def test_a_flipped_bit_is_no_packet_and_gets_no_answer() -> None:
    whole = raw("data-04")
    for at in range(2, len(whole)):
        events = FAMILY.stream().feed(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert events
        assert isinstance(events[0], PeerError)
        assert not [each for each in events if isinstance(each, Message)]


def test_openings() -> None:
    assert FAMILY.recognise(raw("login-01")) is True
    assert FAMILY.recognise(raw("login-01")[:18]) is None
    assert FAMILY.recognise(raw("data-04")) is False, "a link opens with a header"
    assert FAMILY.recognise(b"\x13\x10\xe4\x07ABCDE") is False
    (message,) = FAMILY.stream().feed(FAMILY.rename(raw("login-01"), IMEI, "490154203237518"))
    assert isinstance(message, Message)
    assert message.device_id == "490154203237518"


def test_commands_over_tcp_are_bytes_and_a_response_answers_them() -> None:
    target = Target(IMEI, variant="session")
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, CASES["sms-05"]["data"])
    _, response = FAMILY.stream().feed(raw("login-01") + build(RESPONSE, b"\xe4\x07\x01"))
    assert isinstance(response, Message)
    assert (response.kind, response.text) == (Kind.REPLY, "01")
    assert FAMILY.raw(target, b"\x01\x02").match(response) is Match.DONE
    problems = FAMILY.check(target, {"tracking_interval": 60, "tracking_angle": 10})
    assert [each.field for each in problems] == ["tracking_interval", "tracking_angle"]
    assert "SMS" in problems[0].reason
