"""Arnavi: recorded frames of both protocols, what is owed to them, and the traps of the binary one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target, Transport
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.arnavi.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "arnavi" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
HEADERS = [name for name in CASES if name.startswith("login_header")]
PACKAGES = [name for name, case in CASES.items() if "records" in case["means"]]
SENTENCES = [name for name in CASES if name.startswith("text_sentence")]
ANSWERS = [name for name in CASES if name.startswith("server_ack")]
IMEI = "861785007918323"


def raw(name: str) -> bytes:
    text = str(CASES[name]["data"])
    return bytes.fromhex(text) if CASES[name]["encoding"] == "hex" else text.encode("ascii")


def heard(data: bytes, seconds: int = 1500000035) -> list[Message]:
    stream = FAMILY.stream(Transport.TCP, lambda: datetime.fromtimestamp(seconds, UTC))
    return [event for event in stream.feed(data) if isinstance(event, Message)]


@pytest.mark.parametrize("name", HEADERS)
def test_headers(name: str) -> None:
    means = CASES[name]["means"]
    message, *more = heard(raw(name))
    assert (message.kind, message.device_id) == (Kind.LOGIN, str(means["id_le64"]))
    assert FAMILY.fields(message)["version"] == int(means["protocol_version"], 16)
    assert b"".join([message.frame, *(each.frame for each in more)]) == raw(name)
    assert message.owed == raw("server_ack-01" if means["protocol_version"] == "0x22" else "server_ack-03")
    assert FAMILY.recognise(raw(name)) is True


def test_the_clock_goes_to_every_header_but_the_oldest() -> None:
    assert heard(b"\xff\x25" + raw("login_header-01")[2:], 1500000037)[0].owed == raw("server_ack-04")
    assert FAMILY.normalise(raw("server_ack-03")) == FAMILY.normalise(raw("server_ack-04")) != raw("server_ack-03")
    assert FAMILY.normalise(raw("server_ack-10")) == raw("server_ack-10")


def test_a_header_24_of_either_length() -> None:
    long, package = raw("login_header-04"), raw("binary-01")
    for header in (long, long[:10]):
        messages = heard(header + package)
        assert messages[-1].frame == package
        assert {message.device_id for message in messages} == {IMEI}
        assert len(messages) == (3 if header == long else 2)


@pytest.mark.parametrize("name", PACKAGES)
def test_packages(name: str) -> None:
    means: dict[str, Any] = CASES[name]["means"]
    (_, message) = heard(raw("login_header-02") + raw(name))
    told = FAMILY.fields(message)
    assert message.device_id == IMEI
    assert message.kind is (Kind.OTHER if means["message"] == "text" else Kind.REPORT)
    assert message.owed == bytes((0x7B, 0, means["package_number"], 0x7D))
    assert message.checksum is (Checksum.OK if means["records"][0]["checksum_ok"] else Checksum.BAD)
    assert told["number"] == means["package_number"]
    for record, expected in zip(told["records"], means["records"], strict=True):
        assert (record["time"], record["checksum_ok"]) == (expected["time_utc"], expected["checksum_ok"])
        assert record.get("text") == expected.get("text")
        if expected["type"] == 1:
            assert 5 * len(record["tags"]) == expected["length"]
            assert -90 < record["latitude"] < 90


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_server_says(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    assert told["number"] == means.get("number")
    if "unix_time" in means:
        assert told["time"] == datetime.fromtimestamp(means["unix_time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert isinstance(FAMILY.server(raw(name)[:3] + b"\0" + raw(name)[4:])[0], PeerError)


def test_the_end_mark_inside_a_record_ends_nothing() -> None:
    unit = FAMILY.emulator(IMEI, "arnavi4")
    frame = unit.report(datetime.fromtimestamp(0x5D5D5D5D, UTC))[0].data
    (message,) = heard(frame)
    assert (message.frame, message.checksum) == (frame, Checksum.OK)
    assert FAMILY.fields(message)["records"][0]["longitude"] == pytest.approx(37.2, abs=1e-5)


def test_a_ping_an_empty_package_and_a_result() -> None:
    ping, empty, result = bytes.fromhex("5b070000000000000000 5d"), b"\x5b\x08\x5d", raw("command_result-01")
    messages = heard(raw("login_header-01") + ping + empty + result)[1:]
    assert [message.kind for message in messages] == [Kind.HEARTBEAT, Kind.OTHER, Kind.REPLY]
    assert [message.owed.hex() for message in messages] == ["7b00077d", "7b00087d", ""]
    assert (FAMILY.fields(messages[2])["code"], messages[2].text) == (0, "result 0")
    command = FAMILY.raw(Target(IMEI, variant="arnavi4"), b"\x01")
    assert [command.match(message).value for message in messages] == ["no", "no", "done"]
    with pytest.raises(LocalError, match="not public"):
        FAMILY.raw(Target(IMEI, variant="arnavi4"), "123456*SETP*#2= , , ")


@pytest.mark.parametrize("name", SENTENCES)
def test_text_sentences(name: str) -> None:
    case = CASES[name]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    sound = case["checksum_verified"]
    # A damaged sentence names nobody: the link of another device would be ended for it.
    assert message.device_id == (case["means"]["device_id"] if sound else None)
    assert (told["message"], message.owed) == (case["means"]["type"], b"")
    assert message.checksum is (Checksum.OK if sound else Checksum.BAD)
    assert FAMILY.recognise(raw(name)) is True


def test_text_sentences_in_full() -> None:
    told = FAMILY.fields(heard(raw("text_sentence-08"))[0])
    assert (told["time"], told["speed"], told["course"]) == ("2012-10-12T20:07:41Z", 0, 0)
    assert (told["latitude"], told["longitude"]) == (pytest.approx(59.844622), pytest.approx(30.485072))
    assert FAMILY.fields(heard(raw("text_sentence-02"))[0])["imei"] == "863071013041618"
    # A sentence whose checksum is wrong does not say whose link it is.
    stream = FAMILY.stream()
    stream.feed(raw("text_sentence-01"))
    assert stream.device_id is None


@pytest.mark.parametrize("name", ["binary-01", "text_sentence-08"])
def test_flipped_bits_never_pass_as_sound(name: str) -> None:
    frame = raw(name)
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        for message in heard(bytes(broken)):
            # Number, type and length of a record are under no checksum.
            spared = name == "binary-01" and bit // 8 < 5
            assert spared or message.checksum is Checksum.BAD or message.frame == frame, bytes(broken).hex()


def test_a_header_within_garbage_does_not_change_who_speaks() -> None:
    stream = FAMILY.stream()
    stream.feed(b"\xff\x22" + (351856040005407).to_bytes(8, "little"))
    broken = b"\x5b\x01\x09" + b"\xff\x22\x05" + bytes(7)
    for _ in range(2):
        assert [event.device_id for event in stream.feed(broken) if isinstance(event, Message)] == []
    assert stream.device_id == "351856040005407"
    (message,) = stream.feed(raw("binary-01"))
    assert isinstance(message, Message)
    assert message.device_id == "351856040005407"


def test_what_is_no_frame_costs_itself_only() -> None:
    package = raw("binary-01")
    for garbage in (
        b"\x5b\x01\x63",
        b"\xff\x99",
        b"\xff\x22" + bytes(8),
        b"\x5b\xfd\x00\x00",
        b"$AV,V2,1\x00",
        b"\x5b\x01\x01\xff\xff",
    ):
        stream = FAMILY.stream()
        events = stream.feed(garbage + package)
        if not stream.buffered:
            assert isinstance(events[0], PeerError)
            assert [event.frame for event in events[1:] if isinstance(event, Message)] == [package], garbage.hex()
    # A record that declares all it can is waited for, and no more than that.
    stream = FAMILY.stream()
    for _ in range(80):
        stream.feed(b"\x5b\x01\x01\xff\xff" + bytes(1000))
        assert stream.buffered <= FAMILY.limits.max_frame


def test_emulated_units_and_redaction() -> None:
    old = FAMILY.emulator("85164", "arnavi2")
    assert old.connect()[0].data == raw("text_sentence-02")
    with pytest.raises(LocalError):
        FAMILY.emulator("unit-7", "arnavi4")
    renamed = FAMILY.rename(raw("login_header-02"), IMEI, "135790246811220")
    assert heard(renamed)[0].device_id == "135790246811220"
    (sentence,) = heard(FAMILY.rename(raw("text_sentence-02"), "85164", "12345"))
    assert (sentence.device_id, sentence.checksum) == ("12345", Checksum.OK)
    assert FAMILY.rename(raw("binary-01"), IMEI, "135790246811220") == raw("binary-01")
