"""iStartek: recorded frames, the sum, and an operator's command."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Kind, Message, Target
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.startek import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "startek" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    message = one(raw(name))
    told = FAMILY.fields(message)
    assert (message.checksum, message.owed) == (Checksum.OK, b"")
    assert FAMILY.recognise(raw(name)) is True
    if "imei" in means:
        assert (message.kind, message.device_id, told["letter"]) == (Kind.REPORT, means["imei"], means["flag"])
        assert told["message"] == ("position" if means["message"].startswith("000") else "data")
        for key in ("latitude", "longitude"):
            assert told.get(key) == means.get(key, told.get(key))
    else:
        assert (message.kind, told["command"], told["cells"]) == (Kind.REPLY, means["command"], [means["result"]])


@pytest.mark.parametrize("split", [0, 1, 100])
def test_lines_within_a_frame_of_the_bus(split: int) -> None:
    """Recorded; line ends stand within the counted length, in 710 only."""
    data = raw("st-bus") * 2 + raw("st-answer")
    stream = FAMILY.stream()
    pieces = [data[at : at + split] for at in range(0, len(data), split)] if split else [data]
    events = [event for piece in pieces for event in stream.feed(piece)]
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("st-bus")] * 2 + [raw("st-answer")]
    assert not [event for event in events if isinstance(event, PeerError)]
    lines = FAMILY.fields(one(raw("st-bus")))["lines"]
    assert [line[0] for line in lines] == ["T1", "T2", "T5", "T6", "T7", "Tx"]
    assert lines[3] == ["T6", "00", "03", "00", "1F", "1F", "1F", "0E", "03", "00", "00", "00", "00", "1F", "1F"]
    other = raw("st-bus").replace(b",710,", b",711,")[:-4]
    assert isinstance(FAMILY.stream().feed(other + b"%02X\r\n" % (sum(other) & 0xFF))[0], PeerError)


def test_a_command_and_its_answer() -> None:
    command = FAMILY.raw(Target("123456789012345", variant="session"), "900,1,1")
    assert command.payload == raw("st-engine-stop")
    (back,) = FAMILY.server(command.payload)
    assert isinstance(back, Message)
    assert FAMILY.fields(back)["arguments"] == ["1", "1"]
    at = Target("860262050015424", variant="session")
    answer = one(raw("st-answer"))
    assert [FAMILY.raw(at, text).match(answer).value for text in ("129", "129,1", "900,1,1")] == ["done", "done", "no"]
    assert FAMILY.raw(Target("123456789012345", variant="session"), "129").match(answer).value == "no"
    for text in ("reboot", "90", "900 1", "900,\r\n$$", "900,\xe9"):
        with pytest.raises(LocalError):
            FAMILY.raw(at, text)


def test_every_flipped_bit_is_seen() -> None:
    whole = raw("st-answer")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        events = FAMILY.stream().feed(bytes(broken) + b"&" * 3000)
        assert [event for event in events if isinstance(event, Message)] == [], bytes(broken)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"&&x&&:9,\x00" + raw("st-answer") + b"??" + raw("st-position"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("st-answer"), raw("st-position")]
    assert isinstance(events[0], PeerError)


def test_renaming_puts_the_sum_right() -> None:
    renamed = one(FAMILY.rename(raw("st-position"), "865429043319537", "860262050015424"))
    assert (renamed.device_id, renamed.checksum) == ("860262050015424", Checksum.OK)


@pytest.mark.parametrize("device_id", ["", "\u0663" * 15, "\xb2" * 15, "1,2#", "1" * 21])
def test_a_command_goes_to_a_device_of_this_family(device_id: str) -> None:
    with pytest.raises(LocalError) as told:
        FAMILY.raw(Target(device_id, variant="session"), "900,1,1")
    assert told.value.parameter == "device_id"
