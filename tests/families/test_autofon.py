"""AutoFon: recorded frames, the answer to a login, and where a frame is believed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.autofon import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "autofon" / "frames.yaml"
CASES = {
    case["id"].removeprefix("russian-minor-autofon_"): case for case in yaml.safe_load(FIXTURE.read_text())["cases"]
}
LOGINS = {"login-01": "server_ack-01", "login-02": "server_ack-02"}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


@pytest.mark.parametrize("name", LOGINS)
def test_a_login_is_answered_with_its_own_last_byte(name: str) -> None:
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    means = CASES[name]["means"]
    assert (message.kind, message.device_id, message.checksum) == (Kind.LOGIN, means["imei"], Checksum.NONE)
    assert message.owed == raw(LOGINS[name])
    assert (len(message.frame), FAMILY.fields(message)["type"]) == (means["length"], int(means["type"], 16))
    assert FAMILY.recognise(raw(name)) is True


@pytest.mark.parametrize("name", ["data-01", "data-02", "data-04"])
def test_a_location_is_taken_behind_a_login_only(name: str) -> None:
    stream = FAMILY.stream()
    _, message = stream.feed(raw("login-01") + raw(name))
    assert isinstance(message, Message)
    assert (message.kind, message.frame, message.owed) == (Kind.REPORT, raw(name), b"")
    assert message.device_id == "359231031482572"
    assert len(message.frame) == CASES[name]["means"]["length"]
    assert FAMILY.fields(message)["content_hex"] == raw(name)[1:-1].hex()
    assert FAMILY.recognise(raw(name)) is False
    assert not [each for each in FAMILY.stream().feed(raw(name)) if isinstance(each, Message)]


def test_after_garbage_the_next_login_counts() -> None:
    stream = FAMILY.stream()
    events = stream.feed(raw("login-01") + b"\xff" + raw("data-04") + raw("login-01") + raw("data-04"))
    assert [type(each) for each in events] == [Message, PeerError, Message, Message]
    (_, login) = FAMILY.stream().feed(b"\xff" + raw("login-02"))
    assert isinstance(login, Message)
    assert login.device_id == "351513052899314"


def test_garbage_does_not_change_who_speaks() -> None:
    """Nothing proves a login, and zeros within a location look like one."""
    stream = FAMILY.stream()
    stream.feed(raw("login-01") + b"\xff\x10\x01\x02" + bytes(9) + raw("login-02"))
    assert stream.device_id == "359231031482572"
    assert [each for each in FAMILY.stream().feed(b"\x10\x01\x02" + bytes(9)) if isinstance(each, Message)] == []


def test_an_identity_is_fifteen_digits() -> None:
    for at in range(3, 11):
        wrong = bytearray(raw("login-01"))
        wrong[at] = 0xA5
        assert FAMILY.recognise(bytes(wrong)) is False
    assert FAMILY.recognise(b"AT+GTFRI=gl200,1") is False
    assert FAMILY.recognise(raw("login-02")[:5]) is None


def test_redaction_and_reasons() -> None:
    (message,) = FAMILY.stream().feed(FAMILY.rename(raw("login-02"), "351513052899314", "490154203237518"))
    assert isinstance(message, Message)
    assert message.device_id == "490154203237518"
    target = Target("351513052899314", variant="session")
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert problem.reason == FAMILY.unsupported
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "1234,report")
