"""Topin: recorded frames, their ends, what they are owed, and an operator's command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.topin import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "topin" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
NOW = datetime(2024, 1, 2, 13, 10, 5, tzinfo=UTC)
TIME = bytes.fromhex("7878073007e801020d0a050d0a")


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def after_login(data: bytes) -> list[Message]:
    stream = FAMILY.stream(clock=lambda: NOW)
    stream.feed(raw("tp-login"))
    return [event for event in stream.feed(data) if isinstance(event, Message)]


@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = after_login(raw(name))
    told = FAMILY.fields(message)
    kinds = {"01": Kind.LOGIN, "13": Kind.HEARTBEAT, "30": Kind.OTHER}
    assert (message.frame, message.device_id) == (raw(name), "359339075416963")
    assert (message.kind, told["type"]) == (kinds.get(means["type"], Kind.REPORT), means["type"])
    owed = {"tp-login": bytes.fromhex("78780d01010d0a") + TIME, "tp-time-please": TIME}
    assert message.owed == owed.get(name, bytes.fromhex(means.get("server_owes", "") if name not in owed else ""))
    for key in ("imei", "time", "interval", "battery_percent", "version", "timezone", "signal"):
        assert told.get(key) == means.get(key)


def test_a_place_is_read() -> None:
    (message,) = after_login(raw("tp-position"))
    told = FAMILY.fields(message)
    assert (told["latitude"], told["longitude"], told["valid"]) == (
        pytest.approx(0x026B3F3E / 1.8e6, abs=1e-6),
        pytest.approx(0x0C22AD65 / 1.8e6, abs=1e-6),
        True,
    )


def test_an_end_mark_within_the_time_ends_nothing() -> None:
    frame = bytearray(raw("tp-position"))
    frame[7:9] = b"\r\n"
    (message,) = after_login(bytes(frame))
    assert message.frame == bytes(frame)


def test_nobody_is_told_anything_before_the_login() -> None:
    (message,) = FAMILY.stream().feed(raw("tp-status"))
    assert isinstance(message, Message)
    assert (message.device_id, message.owed) == (None, b"")


def test_a_stranger_is_refused_and_gt06_is_left_alone() -> None:
    (login,) = FAMILY.stream().feed(raw("tp-login"))
    assert isinstance(login, Message)
    assert FAMILY.refuse(login) == bytes.fromhex("78780d01440d0a")
    assert FAMILY.recognise(raw("tp-login")) is True
    assert FAMILY.recognise(raw("tp-login")[:14]) is None
    assert FAMILY.recognise(bytes.fromhex("78780d01012345678901234500018cdd0d0a")) is False
    assert FAMILY.normalise(TIME) == FAMILY.normalise(TIME.replace(b"\x05\r\n", b"\x06\r\n"))


def test_a_command_and_its_answer() -> None:
    at = Target("359339075416963", variant="session")
    command = FAMILY.raw(at, "41 3133353333333333333333")
    assert command.payload == raw("tp-sos-number")
    answers = after_login(bytes.fromhex("787801410d0a") + raw("tp-status"))
    assert [command.match(each).value for each in answers] == ["done", "no"]
    # What a unit sends by itself answers nothing.
    status = FAMILY.raw(at, "13 513c0819")
    assert [status.match(each).value for each in after_login(raw("tp-status"))] == ["no"]
    for text in ("zz", "410d0a", "4", "41" * 101, "\xb2"):
        with pytest.raises(LocalError):
            FAMILY.raw(at, text)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"x?xx\x05\x77" + raw("tp-login") + b"\x00" + raw("tp-networks"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("tp-login"), raw("tp-networks")]
    assert isinstance(events[0], PeerError)


def test_an_empty_frame_of_type_99_is_a_frame() -> None:
    """As reported of units in the field: no garbage, and nothing is owed."""
    (message,) = FAMILY.stream().feed(bytes.fromhex("787801990d0a"))
    assert isinstance(message, Message)
    assert (message.kind, message.owed) == (Kind.OTHER, b"")
    assert FAMILY.fields(message)["type"] == "99"
