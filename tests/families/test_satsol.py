"""Satsol: the recorded packet, its records, and the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.satsol import FAMILY, build

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "satsol" / "frames.yaml"
CASES = {
    case["id"].removeprefix("russian-minor-satsol_"): case for case in yaml.safe_load(FIXTURE.read_text())["cases"]
}
PACKET, ACK = (bytes.fromhex(CASES[name]["data"]) for name in ("data-01", "server_ack-01"))


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


def test_the_recorded_packet() -> None:
    means = CASES["data-01"]["means"]
    message = one(PACKET)
    told = FAMILY.fields(message)
    assert (message.kind, message.checksum, message.device_id) == (Kind.REPORT, Checksum.OK, str(means["id"]))
    assert (told["id"], told["length"]) == (means["id"], means["length"])
    assert message.owed == ACK
    assert FAMILY.recognise(PACKET) is True
    # seven records a second or two apart, from the archive; two of them with extra bytes
    assert [each["time_utc"][-3:-1] for each in told["records"]] == ["13", "15", "16", "17", "18", "19", "19"]
    assert {each["time_utc"][:17] for each in told["records"]} == {"2019-01-30T08:01:"}
    assert all(each["archive"] and each["valid"] for each in told["records"])
    assert [each["extra_hex"] for each in told["records"] if each["extra_hex"]] == ["00" * 9, "becd07001901"]
    assert (told["records"][0]["latitude"], told["records"][0]["longitude"]) == (55.23102, 30.256558)
    assert (told["records"][0]["speed_kmh"], told["records"][0]["satellites"]) == (2.7, 9)


def test_the_answer_is_understood() -> None:
    (message,) = FAMILY.server(ACK)
    assert isinstance(message, Message)
    assert (message.device_id, FAMILY.fields(message)["length"], message.owed) == ("1502386", 0, b"")


def test_a_flipped_bit_is_no_packet_and_gets_no_answer() -> None:
    for at in range(len(PACKET)):
        events = FAMILY.stream().feed(PACKET[:at] + bytes([PACKET[at] ^ 1]) + PACKET[at + 1 :])
        assert not [each for each in events if isinstance(each, Message)], at


@pytest.mark.parametrize("body", [b"\0" * 5, PACKET[10:50], b"\0\0\0\0\x01\0\x09\0" + b"\0" * 22])
def test_records_that_do_not_fit_are_told(body: bytes) -> None:
    with pytest.raises(PeerError):
        FAMILY.fields(one(build(7, body)))


def test_openings_and_redaction() -> None:
    assert FAMILY.recognise(PACKET[:9]) is None
    assert FAMILY.recognise(ACK) is False
    assert FAMILY.recognise(b"\0\0\xbf\x4d") is False
    renamed = one(FAMILY.rename(PACKET, "1502386", "1502387"))
    assert (renamed.device_id, renamed.checksum) == ("1502387", Checksum.OK)


def test_settings_and_commands_are_refused_with_the_reason() -> None:
    target = Target("1502386", variant="session")
    (problem,) = FAMILY.check(target, {"psm_interval": 60})
    assert problem.reason == FAMILY.unsupported
    with pytest.raises(LocalError, match="give bytes"):
        FAMILY.raw(target, "reset")
