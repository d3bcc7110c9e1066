"""Ulbotech: recorded binary and text frames on one link, escapes, acknowledgements, raw commands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.ulbotech import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "ulbotech" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
BINARY = [name for name in CASES if name.startswith("binary")]
IMEI = "868323025245751"
TARGET = Target(IMEI, variant="session")


def raw(name: str) -> bytes:
    text = str(CASES[name]["data"])
    return bytes.fromhex(text) if CASES[name]["encoding"] == "hex" else text.encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


@pytest.mark.parametrize("name", BINARY)
def test_binary_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.checksum, message.device_id) == (Kind.REPORT, Checksum.OK, means["device_id"])
    assert message.owed == b""
    for key in ("time", "latitude", "longitude"):
        if key in means:
            assert told[key] == (means[key] if key == "time" else pytest.approx(means[key], abs=1e-5))
    if "unescaped_hex" in means:
        assert told["obd"] in means["unescaped_hex"]
        assert (told["odometer"], told["event"]) == (0x9F7, 1)
    assert ("cell" in told) == (means.get("location_source") == "cell")
    assert FAMILY.recognise(raw(name)) is True


def test_text_frames() -> None:
    (login,) = heard(raw("text-login"))
    assert (login.kind, login.device_id, login.owed) == (Kind.LOGIN, "353323081464660", raw("text-ack-derived"))
    (answer,) = heard(raw("text-answer"))
    told, means = FAMILY.fields(answer), CASES["text-answer"]["means"]
    assert (answer.kind, answer.device_id, answer.text) == (Kind.REPLY, IMEI, "WFE:0")
    assert (told["time"], told["result"]) == (means["time"], means["result"])
    assert answer.owed.startswith(b"*TS01,ACK:")


def test_what_a_server_says() -> None:
    told = [
        FAMILY.fields(event)
        for event in FAMILY.server(raw("text-ack-derived") + raw("cmd-uno"))
        if isinstance(event, Message)
    ]
    assert told == [
        {"message": "acknowledgement", "of": "CA7B"},
        {"message": "command", "command": "UNO", "arguments": ["13912345678"]},
    ]


def test_binary_frames_are_acknowledged_only_where_the_operator_wants_it() -> None:
    """By the likelier of two readings, neither proven: the frame's own CRC; F8 and F7 in it are escaped."""
    stream = FAMILY.stream()
    stream.bind(Target(IMEI, variant="session", options={"binary_ack": "crc"}))
    (message,) = stream.feed(raw("binary-1"))
    assert isinstance(message, Message)
    assert raw("binary-1")[-3:-1].hex() == "8536"
    assert message.owed.startswith(bytes.fromhex("f801fe8536"))
    (answer,) = FAMILY.server(message.owed)
    assert isinstance(answer, Message)
    assert FAMILY.fields(answer) == {"message": "acknowledgement", "of": "8536"}


def test_both_kinds_on_one_link() -> None:
    order = ["text-login", "binary-1", "text-answer", "binary-escaped", "binary-lbs"]
    events = FAMILY.stream().feed(b"".join(raw(name) for name in order))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw(name) for name in order]


def test_flipped_bits_of_a_binary_frame_are_no_frame() -> None:
    frame = raw("binary-escaped")
    for bit in range(8, 8 * len(frame) - 8):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        assert [each for each in heard(bytes(broken)) if each.kind is Kind.REPORT] == [], bytes(broken).hex()


def test_a_frame_that_broke_off_costs_itself_only() -> None:
    events = FAMILY.stream().feed(raw("binary-1")[:30] + raw("binary-lbs") + raw("text-login"))
    assert isinstance(events[0], PeerError)
    assert [event.frame for event in events[1:] if isinstance(event, Message)] == [raw("binary-lbs"), raw("text-login")]


def test_raw_commands() -> None:
    assert FAMILY.raw(TARGET, "UNO;13912345678").payload == raw("cmd-uno")
    (answer,) = heard(raw("text-answer"))
    found = {name: FAMILY.raw(TARGET, name).match(answer).value for name in ("WFE", "WFE;1", "UNO", "WF")}
    assert found == {"WFE": "done", "WFE;1": "done", "UNO": "no", "WF": "no"}
    assert FAMILY.raw(Target("1" * 15, variant="session"), "WFE").match(answer).value == "no"
    for text in ("uno", "UNO;1#*TS01,X", "UNO;\r", "*TS01,UNO#", "UNO;\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(TARGET, text)


def test_a_value_longer_than_its_frame_is_told() -> None:
    stream = FAMILY.stream()
    whole = FAMILY.emulator(IMEI, "session").report(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))[0].data
    (message,) = stream.feed(whole)
    assert isinstance(message, Message)
    assert FAMILY.fields(message)["time"] == "2026-01-02T03:04:05"
    message.frame = whole[:-4] + whole[-3:]
    with pytest.raises(PeerError):
        FAMILY.fields(message)


def test_redaction_puts_the_checksum_right() -> None:
    renamed = FAMILY.rename(raw("binary-1"), "868323028799515", "135790246811220")
    assert [message.device_id for message in heard(renamed)] == ["135790246811220"]
    assert FAMILY.rename(raw("binary-1"), IMEI, "135790246811220") == raw("binary-1")
