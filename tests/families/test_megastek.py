"""Megastek: recorded messages of all forms, how they are cut, and who sent them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.megastek import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "megastek" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}


def raw(name: str) -> bytes:
    text = str(CASES[name]["data"])
    return bytes.fromhex(text) if CASES[name]["encoding"] == "hex" else text.encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


@pytest.mark.parametrize("name", CASES)
def test_messages(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.frame, message.owed) == (Kind.REPORT, raw(name), b"")
    assert message.device_id == told["device_id"] == means.get("device_id", means.get("imei"))
    assert message.checksum is (Checksum.OK if CASES[name].get("checksum_verified") else Checksum.NONE)
    assert means["format"].startswith(told["message"])
    if "trigger" in means:
        assert told["cause"] == means["trigger"]
    if "device_name" in means:
        assert told["name"] == means["device_name"]
    for key in ("valid", "latitude", "longitude"):
        if key in means:
            assert told[key] == pytest.approx(means[key], abs=1e-5)
    assert FAMILY.recognise(raw(name)) is True


def test_positions_in_full() -> None:
    told = FAMILY.fields(heard(raw("mgv002-len"))[0])
    assert (told["time"], told["stored"], told["battery"], told["signal"]) == ("2014-02-24T10:47:42", False, 100, 25)
    assert (told["hdop"], told["speed"], told["course"], told["altitude"]) == (1.2, 0.462, 356.23, 137.9)
    assert told["cell"] == ["460", "07", "262C", "0F54"]
    told = FAMILY.fields(heard(raw("logstx"))[0])
    assert (told["time"], told["stored"], told["cause"]) == ("2014-09-27T22:54:19Z", True, "")
    assert told["latitude"] == pytest.approx(38.697034, abs=1e-5)


def test_who_sent_a_message() -> None:
    """An IMEI before a name, a name where there is no IMEI, and nobody where there is neither."""
    without = raw("stx-new").split(b",imei:")[0].replace(b"STX,102110830074542", b"STX,865067020439090") + b";"
    summed = b"%b%02X\r\n" % (without, sum(without) & 0xFF)
    assert [(message.device_id, message.checksum) for message in heard(summed)] == [("865067020439090", Checksum.OK)]
    # A damaged one names nobody: the link of another device would be ended for it.
    damaged = summed.replace(b"865067020439090", b"865067020439091")
    assert [(message.device_id, message.checksum) for message in heard(damaged)] == [(None, Checksum.BAD)]
    assert [message.device_id for message in heard(summed + damaged)] == ["865067020439090"] * 2
    nobody = raw("mgv002-dist").replace(b"0170", b"0155").replace(b"354550056642321", b"")
    assert [message.device_id for message in heard(nobody)] == [None]
    assert [message.device_id for message in heard(raw("mgv002-dist") + nobody)] == ["354550056642321"] * 2


def test_all_forms_on_one_link_however_they_end() -> None:
    frames = [raw(name) for name in CASES]
    assert [message.frame for message in heard(b"".join(frames))] == frames
    bare = raw("mgv002-dist")[4:]
    assert [message.frame for message in heard(bare + b"\r\n" + bare)] == [bare, bare]


def test_a_message_with_a_wrong_sum_says_so_and_names_no_link() -> None:
    line = raw("stx-new")
    for bit in range(8 * (len(line) - 5)):
        broken = bytearray(line)
        broken[bit // 8] ^= 1 << bit % 8
        for message in heard(bytes(broken)):
            assert message.checksum is Checksum.BAD, bytes(broken)
    stream = FAMILY.stream()
    stream.feed(line.replace(b"012207005553885", b"012207005553886"))
    assert stream.device_id is None


def test_what_is_no_message_costs_itself_only() -> None:
    whole = raw("mgv002-len")
    for garbage in (
        whole[:60],
        raw("stx-new")[:50],
        b"0175$MGX",
        b"9999" + whole[4:40],
        b"0003STX",
        b"\xff\xfe",
        b"SOS",
    ):
        stream = FAMILY.stream()
        events = stream.feed(garbage + whole + whole)
        assert isinstance(events[0], PeerError)
        assert whole in [event.frame for event in events[1:] if isinstance(event, Message)], garbage
        assert stream.buffered == 0
    with pytest.raises(PeerError):
        FAMILY.fields(heard(b"$MGV002,860719020193193,x,R,240214;!")[0])
    with pytest.raises(PeerError):
        FAMILY.fields(heard(b"LOGSTX,123456789012345,x;24\r\n")[0])


def test_commands_are_bytes_only() -> None:
    target = Target("860719020193193", variant="session")
    with pytest.raises(LocalError, match="not public"):
        FAMILY.raw(target, "W000000,010")
    command = FAMILY.raw(target, b"\x01\x02")
    assert [command.match(message).value for message in heard(raw("mgv002-len"))] == ["no"]
    assert isinstance(FAMILY.server(b"\x01")[0], PeerError)


def test_an_emulated_unit_and_redaction() -> None:
    unit = FAMILY.emulator("860719020193193", "session")
    assert unit.report(datetime(2014, 2, 24, 10, 47, 42, tzinfo=UTC))[0].data == raw("mgv002-len")
    for name, old in (("mgv002-len", "860719020193193"), ("stx-new", "012207005553885")):
        (message,) = heard(FAMILY.rename(raw(name), old, "135790246811220"))
        assert (message.device_id, message.checksum is Checksum.BAD) == ("135790246811220", False)
    with pytest.raises(LocalError):
        FAMILY.rename(raw("logstx"), "123456789012345", "135790246811220")
