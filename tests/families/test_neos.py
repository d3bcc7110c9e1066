"""NEO-S: the one recorded message, and the answer that every message gets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target, Transport
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.neos import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "neos" / "frames.yaml"
(CASE,) = yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]
RECORDED = str(CASE["data"]).encode("ascii").removesuffix(b"\r\n")


def events(data: bytes) -> list[object]:
    return list(FAMILY.stream(Transport.UDP).feed(data))


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_the_recorded_message(end: bytes) -> None:
    (message,) = events(RECORDED + end)
    assert isinstance(message, Message)
    assert (message.kind, message.device_id) == (Kind.REPORT, CASE["means"]["device_id"])
    assert (message.owed.decode(), message.checksum) == (CASE["means"]["owes_reply"], Checksum.NONE)
    told = FAMILY.fields(message)
    assert (told["date_yymmdd"], told["time_hhmmss"], told["valid"], told["inputs"]) == (
        "070201",
        "144111",
        True,
        "11111111",
    )
    assert (told["longitude"], told["latitude"]) == (-58.487688, -34.587188)  # 58 29.2613 W, 34 35.2313 S
    assert (told["adc_battery"], told["course"]) == ("126-000", "034")
    assert FAMILY.recognise(RECORDED + end) is True


@pytest.mark.parametrize("cut", range(1, len(RECORDED)))
def test_a_part_is_no_message(cut: int) -> None:
    (event,) = events(RECORDED[:cut])
    assert isinstance(event, PeerError)


def test_a_place_that_is_none_costs_itself_only() -> None:
    (message,) = events(RECORDED.replace(b"W05829", b"X05829"))
    assert isinstance(message, Message)
    (sound,) = events(RECORDED)
    assert isinstance(sound, Message)
    whole, odd = FAMILY.fields(sound), FAMILY.fields(message)
    assert odd["longitude"] is None
    assert {**odd, "longitude": whole["longitude"]} == whole
    (short,) = events(b">12345678,7*00!")
    assert isinstance(short, Message)
    assert (FAMILY.fields(short), short.owed) == ({"device_id": "12345678", "status": "7"}, b"$OK!")


def test_the_answer_redaction_and_reasons() -> None:
    (answer,) = FAMILY.server(b"$OK!")
    assert isinstance(answer, Message)
    assert FAMILY.fields(answer) == {"message": "ack"}
    (renamed,) = events(FAMILY.rename(RECORDED, "12345678", "87654321"))
    assert isinstance(renamed, Message)
    assert renamed.device_id == "87654321"
    target = Target("12345678", variant="session", transport=Transport.UDP)
    (problem,) = FAMILY.check(target, {"tracking_interval": 60})
    assert problem.reason == FAMILY.unsupported
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "reset")
