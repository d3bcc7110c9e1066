"""Oigo: recorded datagrams of both framings, and the answer to the one that asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target, Transport
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.oigo import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "oigo" / "frames.yaml"
CASES = {case["id"].removeprefix("americas-minor-oigo_"): case for case in yaml.safe_load(FIXTURE.read_text())["cases"]}
AR, MG = "ar_report-01", "mg_report-01"


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream(Transport.UDP).feed(data)
    assert isinstance(event, Message)
    return event


@pytest.mark.parametrize("name", CASES)
def test_datagrams(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.device_id, message.owed) == (Kind.REPORT, means["imei"], b"")
    assert told["framing"] == means["framing"]
    for key in ("length", "type", "tag", "event", "ack_wanted"):
        if key in means:
            assert told[key] == means[key], key
    if "mask" in means:
        assert told["mask"] == int(means["mask"], 16)
    assert FAMILY.recognise(raw(name)) is True


def test_times_and_places() -> None:
    """Read by hand: 69150f310c, 0591594d, 062ac0c0; 5218 13 38 and 02, 0026ee4e and ff8593aa."""
    told = FAMILY.fields(one(raw(AR)))
    assert (told["index"], told["time_utc"]) == (3, "2016-09-21T15:49:12Z")
    assert (told["latitude"], told["longitude"]) == (3.411661, -76.534848)
    told = FAMILY.fields(one(raw(MG)))
    assert told["time_utc"] == "2015-02-24T19:56:02Z"
    assert (told["latitude"], told["longitude"]) == (25.856233, -80.385433)  # 25 51.374 N, 80 23.126 W
    assert (told["course"], told["power_dv"], told["satellites"]) == (62, 121, 5)


def test_an_mg_datagram_is_answered_where_it_asks() -> None:
    asks = bytearray(raw("mg_report-03"))
    asks[1] |= 0x80
    message = one(bytes(asks))
    assert message.owed == b"\xe0\x6a\x00"
    (answer,) = FAMILY.server(message.owed)
    assert isinstance(answer, Message)
    assert FAMILY.fields(answer) == {"message": "ack", "index": 0x6A}


def test_a_datagram_without_identity_is_of_the_one_before() -> None:
    short = raw(MG)[:1] + b"\x40" + raw(MG)[9:]
    stream = FAMILY.stream(Transport.UDP)
    (alone,) = stream.feed(short)
    assert isinstance(alone, Message)
    assert alone.device_id is None
    stream.feed(raw(AR))
    (after,) = stream.feed(short)
    assert isinstance(after, Message)
    assert after.device_id == "014631000252383"


def test_a_meid() -> None:
    body = b"\x00\x01\x00A0000000000001" + b"\x07\x00\x00\x00\x00"
    message = one(b"\x7e" + len(body).to_bytes(2) + body)
    assert message.device_id == "A0000000000001"
    assert FAMILY.fields(message)["event"] == 7


@pytest.mark.parametrize("cut", [1, 4, 12, 44])
def test_what_is_not_whole_is_told(cut: int) -> None:
    for name in (AR, MG):
        (event,) = FAMILY.stream(Transport.UDP).feed(raw(name)[:cut])
        assert isinstance(event, PeerError)
        assert FAMILY.recognise(raw(name)[:cut]) is False
    wrong = bytearray(raw(AR))
    wrong[6] = 0xAB
    (event,) = FAMILY.stream(Transport.UDP).feed(bytes(wrong))
    assert isinstance(event, PeerError)
    with pytest.raises(PeerError):
        FAMILY.fields(one(b"\x7e\x00\x10" + raw(AR)[3:19]))


def test_redaction_and_reasons() -> None:
    for name in (AR, MG):
        renamed = FAMILY.rename(raw(name), CASES[name]["means"]["imei"], "490154203237518")
        assert one(renamed).device_id == "490154203237518"
    target = Target("014631000252383", variant="session", transport=Transport.UDP)
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert problem.reason == FAMILY.unsupported
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "reset")


def test_a_datagram_whose_event_is_the_first_byte_of_an_answer_is_read() -> None:
    told = FAMILY.fields(one(b"\xe0" + raw(MG)[1:]))
    assert (told["framing"], told["event"]) == ("MG", 0xE0)


def test_datagrams_of_others_are_not_claimed() -> None:
    """A recorded report of an Enfora unit has 45 bytes, too, and digits where the IMEI would be (issue 8, B7)."""
    others = yaml.safe_load((FIXTURE.parents[1] / "enfora" / "frames.yaml").read_text("utf-8"))["cases"]
    (other,) = [bytes.fromhex(case["data"]) for case in others if case["id"].endswith("udp_binary_report-02")]
    assert FAMILY.recognise(other) is False
    one(other)  # whole by its length
    assert FAMILY.recognise(raw(MG)) is True
