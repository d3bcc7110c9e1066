"""Hua Sheng: recorded frames, escapes in both directions, and acknowledgements by index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Match, Message, Outcome, Severity, Strength, Target, Verdict
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.huasheng.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "huasheng" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [n for n, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [n for n in CASES if n not in DEVICE]
IMEI = "355855050440658"
ASKED = {"tracking_interval": 60, "psm_interval": 600, "tracking_angle": 10}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def target(serial: int = 1, **more: Any) -> Target:
    return Target(**{"device_id": IMEI, "variant": "hs3000g", "serial": serial, **more})


def heard(*frames: bytes) -> list[Message]:
    """The messages of these frames behind the recorded login."""
    stream = FAMILY.stream()
    stream.feed(raw("login-1"))
    return [event for event in stream.feed(b"".join(frames)) if isinstance(event, Message)]


def took(index: int, content: str = "00") -> bytes:
    """FF05 as the message table has it; what stands behind the index is inferred."""
    return bytes.fromhex(f"c00000{12 + len(content) // 2:04x}ff050000{index:08x}{content}c0")


def applied(asked: dict[str, Any], **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "hs3000g", **unit)
    return *against_emulator(FAMILY.apply(target(), asked), device, FAMILY.stream()), device


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frame(name: str) -> None:
    means = dict(CASES[name]["means"])
    owed = means.pop("server_owes", None)
    (event,) = FAMILY.stream().feed(raw(name))
    assert isinstance(event, Message)
    assert {**FAMILY.fields(event), **means} == FAMILY.fields(event)
    kinds = {"login": Kind.LOGIN, "position": Kind.REPORT, "fault codes": Kind.REPORT}
    assert event.kind is kinds.get(means["message"], Kind.HEARTBEAT)
    assert (event.device_id, event.checksum) == (means.get("imei"), Checksum.NONE)
    if owed:
        assert event.owed == bytes.fromhex(owed)
    assert FAMILY.recognise(raw(name)) is True


@pytest.mark.parametrize("name", SERVER)
def test_server_frame(name: str) -> None:
    (event,) = FAMILY.server(raw(name))
    assert isinstance(event, Message)
    assert {**FAMILY.fields(event), **CASES[name]["means"]} == FAMILY.fields(event)


def test_frames_belong_to_the_login_before_them() -> None:
    events = FAMILY.stream().feed(raw("login-1") + raw("pos-1") + raw("pos-escaped-1"))
    assert [event.device_id for event in events if isinstance(event, Message)] == [IMEI] * 3
    assert "tigo" not in str(FAMILY.fields(heard(raw("login-3"))[0]))  # names and passwords of the access point


@pytest.mark.parametrize("split", [1, 5, 900])
@pytest.mark.parametrize(
    "junk",
    [
        b"\xc0",  # half a pair: the next frame's first C0 ends it
        b"noise",
        raw("pos-1")[:-5],  # cut short
        b"\xc0" + raw("pos-1")[1:20].replace(b"\x60", b"\x61") + b"\xc0",  # another length than declared
        b"\xc0\x00\x00\x00\x12\xaa\x04\x00\x00\x00\x00\x00\x01\x00\x02\x00\x06\x00\xdb\x01\xc0",  # an escape of nothing
        b"\xc0" + bytes(2100),
    ],
)
def test_garbage_costs_itself_only(junk: bytes, split: int) -> None:
    stream = FAMILY.stream()
    data = junk + raw("login-1") + raw("pos-2")
    events = [each for at in range(0, len(data), split) for each in stream.feed(data[at : at + split])]
    assert [each.frame for each in events if isinstance(each, Message)] == [raw("login-1"), raw("pos-2")]
    assert sum(isinstance(each, PeerError) for each in events) == (junk != b"\xc0")
    assert stream.buffered == 0


def test_an_index_that_must_be_escaped_is_answered_escaped() -> None:
    frame = raw("pos-2").replace(bytes.fromhex("0000000f"), bytes.fromhex("0000dbdcdbdd"), 1)
    (event,) = heard(frame)
    assert event.owed == bytes.fromhex("c00100000cff0100000000dbdcdbddc0")
    assert FAMILY.fields(event)["index"] == 0xC0DB


@pytest.mark.parametrize("opening", [b"\xc0\x02", b"\xc0\x00\x00\xff", b"\xc0\x00\x00\x00\x12\xaa\x04", b"GET"])
def test_openings_of_others(opening: bytes) -> None:
    assert FAMILY.recognise(opening) is False


# -- conversations --
@pytest.mark.parametrize(
    ("name", "value", "serial"),
    [("set-interval-60", 60, 1), ("set-interval-30-built", 30, 7), ("set-interval-192-escaped-built", 192, 8)],
)
def test_the_interval_is_set_by_the_published_bytes(name: str, value: int, serial: int) -> None:
    command = next(FAMILY.apply(target(serial), {"tracking_interval": value}))
    assert command.payload == raw(name)
    assert FAMILY.raw(target(serial), f"0002:{value:04x}").payload == raw(name)


def test_each_parameter_has_a_command_and_an_index_of_its_own() -> None:
    exchanges, outcome, unit = applied(ASKED)
    # The parameters are those of the frame with all three.
    parts = [exchange.command.payload[13:-1] for exchange in exchanges]
    assert [part.hex() for part in parts] == ["00020006003c", "004200050a", "00030006000a"]
    assert [exchange.command.payload[9:13] for exchange in exchanges] == [bytes((0, 0, 0, n)) for n in (1, 2, 3)]
    assert bytes.fromhex("004200050a") in raw("set-three-built")
    assert bytes.fromhex("00030006000a") in raw("set-three-built")
    assert states(outcome) == dict.fromkeys(ASKED, "acknowledged")
    assert {found.strength for found in outcome.fields.values()} == {Strength.ACKNOWLEDGED}
    assert unit.settings == ASKED


def test_only_the_answer_with_the_index_of_the_command_counts() -> None:
    command = next(FAMILY.apply(target(), ASKED))
    answers = heard(took(2), took(1, "01"), took(1, ""), took(1), raw("pos-1"))
    assert [command.match(each) for each in answers] == [Match.NO, Match.REFUSED, Match.DONE, Match.DONE, Match.NO]
    other = next(FAMILY.apply(target(device_id="869731051393908"), ASKED))
    assert other.match(heard(took(1))[0]) is Match.NO
    (nobody,) = FAMILY.stream().feed(took(1))
    assert isinstance(nobody, Message)
    assert command.match(nobody) is Match.NO
    for bit in range(8, 8 * 13):  # a flip in head or index never acknowledges
        broken = bytearray(took(1))
        broken[bit // 8] ^= 1 << bit % 8
        kind = 40 <= bit < 56 or 72 <= bit < 104 or 24 <= bit < 40
        assert not kind or collect(command, heard(bytes(broken))).verdict is Verdict.TIMEOUT, bit


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(clamp={"tracking_interval": (100, 200)}), "acknowledged"),  # nothing can be read: never more than that
        (Faults(ignore=frozenset(ASKED)), "acknowledged"),
        (Faults(refuse=frozenset(ASKED)), "rejected"),
    ],
)
def test_faults(faults: Faults, expected: str) -> None:
    _, outcome, _ = applied(ASKED, faults=faults)
    assert states(outcome) == dict.fromkeys(ASKED, expected)
    assert outcome.reported == {}
    assert not outcome.unanswered


def test_after_silence_nothing_more_is_written() -> None:
    exchanges, outcome, _ = applied(ASKED, faults=Faults(silent=True))
    assert len(exchanges) == 1
    assert states(outcome) == {"tracking_interval": "written", "psm_interval": "unknown", "tracking_angle": "unknown"}
    assert outcome.unanswered


def test_nothing_can_be_read() -> None:
    exchanges, outcome = against_nobody(FAMILY.read(target(), list(ASKED)))
    assert (exchanges, outcome.reported, outcome.unanswered) == ([], {}, False)


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    wanted = {"tracking_interval": 0, "psm_interval": 90, "tracking_angle": 256, "x": 1}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), wanted)}
    assert found == {**dict.fromkeys(ASKED, Severity.REFUSE), "x": Severity.UNSUPPORTED}
    assert FAMILY.check(target(), {"psm_interval": 86400, "tracking_angle": 250}) == []
    with pytest.raises(LocalError):
        FAMILY.apply(target(), {"psm_interval": 90})
    for text in ("", "0002", "0002:3", "0002:003c;", "x:00"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
