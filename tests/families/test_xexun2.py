"""Xexun version 2: recorded frames, escapes, and the one command with its answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Outcome, Severity, Target
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.xexun2.family import FAMILY
from tracker_codecs.families.xexun2.frame import bcd, build, check16, escaped, unescaped

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "xexun2" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
POSITIONS = [name for name in CASES if name.startswith("pos-")]
COMMANDS = [name for name in CASES if name.startswith("cmd-")]
OTHER_VERSION = [name for name in CASES if name.startswith("x3-")]
ID = "862205051234567"
ASKED = {"tracking_interval": 60}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def target(serial: int = 2) -> Target:
    return Target(ID, variant="v2", serial=serial)


def said(index: int, payload: bytes, device_id: str = ID) -> bytes:
    return build(7, index, bcd(device_id), payload)


def outcome(answer: bytes, serial: int = 2) -> Outcome:
    """What the dialogue makes of this answer."""
    dialogue = FAMILY.apply(target(serial), ASKED)
    command = next(dialogue)
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(command, heard(answer)))
    found: Outcome = stop.value.value
    return found


def state(answer: bytes) -> tuple[str, bool]:
    found = outcome(answer)
    return found.fields["tracking_interval"].state.value, found.unanswered


# -- frames --
@pytest.mark.parametrize("name", POSITIONS)
def test_positions_and_what_is_owed(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = heard(raw(name))
    told = FAMILY.fields(message)
    assert (message.kind, message.checksum, message.device_id) == (Kind.REPORT, Checksum.OK, means["imei"])
    assert (told["type"], told["index"], told["check"]) == (
        means["message_type"].upper().replace("X", "x"),
        means["index"],
        means["check"],
    )
    assert (told["payload_length"], len(told["records"])) == (means["payload_length"], means["records"])
    assert message.owed.hex() == means["server_owes"]
    assert FAMILY.recognise(raw(name)) is True
    (receipt,) = FAMILY.server(message.owed)
    assert isinstance(receipt, Message)
    assert (receipt.device_id, receipt.owed, FAMILY.fields(receipt)["message"]) == (means["imei"], b"", "receipt")


def test_what_records_say() -> None:
    """Worked out by hand from the bytes of the recordings."""
    (message,) = heard(raw("pos-1"))
    first = FAMILY.fields(message)["records"][0]
    assert first["time"] == "2021-04-29T09:25:20+00:00"
    assert (first["battery_percent"], first["charging"], len(first["wifi"])) == (96, False, 5)
    assert first["wifi"][0] == {"mac": "78:8a:20:5d:f5:23", "signal": 0xD9}
    (message,) = heard(raw("pos-2"))
    (only,) = FAMILY.fields(message)["records"]
    assert (only["battery_percent"], only["block_hex"][:2]) == (94, "47")
    (message,) = heard(raw("pos-4"))
    assert FAMILY.fields(message)["records"][0]["battery_percent"] == 25


@pytest.mark.parametrize("name", COMMANDS)
def test_published_commands(name: str) -> None:
    means, data = CASES[name]["means"], raw(name)
    (message,) = FAMILY.server(data)
    assert isinstance(message, Message)
    assert FAMILY.fields(message)["text"] == means["text"]
    assert message.device_id is not None
    at = Target(message.device_id, variant="v2", serial=means["index"])
    (exchange,), _ = against_nobody(FAMILY.apply(at, {"tracking_interval": means["interval_s"]}))
    assert exchange.command.payload == data
    assert FAMILY.raw(at, means["text"]).payload == data


@pytest.mark.parametrize("name", OTHER_VERSION)
def test_version_3_is_not_taken_for_version_2(name: str) -> None:
    assert FAMILY.recognise(raw(name)) is False
    assert [type(event) for event in FAMILY.server(raw(name))] == [PeerError]


def test_escapes_of_the_published_sample() -> None:
    between = raw("escape-sample")[2:-2]
    content = bytes.fromhex(CASES["escape-sample"]["means"]["unescaped"])[2:-2]
    assert unescaped(between) == content
    assert escaped(content) == between
    payload = b"\xfa\xaf\xfb\xbf\x01\xfb\xbf\x02\xfa"
    (message,) = heard(said(0xFAAF, payload))
    assert message.data == (7, 0xFAAF, payload)


def test_the_check_folds_its_carry() -> None:
    assert check16(b"\x01") == 0xFFFE
    assert check16(b"\xff" * 257) == 0  # a sum of FFFF stays
    assert check16(b"\xff" * 257 + b"\x05") == 0xFFFA
    assert check16(b"") == 0xFFFF


def test_garbage_and_lost_ends_cost_no_later_frame() -> None:
    whole = raw("pos-2")
    for noise in (b"\xfa\xaf", b"\xfa", b"\xfa\xaf\x00\x14", whole[:20], b"\xfa\xaf" * 3, b"\xfb\xbf"):
        events = FAMILY.stream().feed(noise + whole)
        assert isinstance(events[0], PeerError), noise.hex()
        assert [event.frame for event in events[1:] if isinstance(event, Message)] == [whole], noise.hex()


def test_every_flipped_bit_of_an_answer_is_seen_or_stays_harmless() -> None:
    """The check covers the payload only: a flip before it must not name this unit and this command."""
    whole = said(2, b"ok")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        filler = broken[13] & 0x0F
        attributes = broken[14] & 0xFC
        if filler or attributes:
            continue  # bits that mean nothing
        assert state(bytes(broken))[0] == "written", bit


# -- conversations --
def test_an_answer_under_the_index_acknowledges() -> None:
    assert state(said(2, b"ok")) == ("acknowledged", False)
    assert state(said(2, b"Set FAIL")) == ("rejected", False)
    assert state(said(2, b"ERROR 1")) == ("rejected", False)


@pytest.mark.parametrize("answer", [said(2, b"ok", "861475031390034"), raw("pos-2"), b""])
def test_what_is_no_answer_proves_nothing_and_is_tried_again(answer: bytes) -> None:
    assert state(answer) == ("written", True)


def test_an_answer_under_another_index_proves_nothing_and_is_not_waited_for_again() -> None:
    assert state(said(1, b"ok")) == ("written", False)
    assert state(said(1, b"ok") + said(2, b"ok")) == ("acknowledged", False)


def test_our_own_bytes_are_no_answer() -> None:
    echo = said(2, b"tracking_send=60,60")
    assert next(FAMILY.apply(target(), ASKED)).payload == echo
    assert state(echo) == ("written", False)
    assert state(echo + said(2, b"ok")) == ("acknowledged", False)


def test_answers_are_never_answered() -> None:
    assert [message.owed for message in heard(said(2, b"ok"))] == [b""]


@pytest.mark.parametrize(
    ("faults", "expected", "true"),
    [
        (Faults(), "acknowledged", 60),
        (Faults(refuse=frozenset(ASKED)), "rejected", 150),
        (Faults(silent=True), "written", 150),
        (Faults(ignore=frozenset(ASKED)), "acknowledged", 150),
        (Faults(clamp={"tracking_interval": (90, 900)}), "acknowledged", 90),
    ],
)
def test_faults(faults: Faults, expected: str, true: int) -> None:
    """A unit that clamps or ignores is not found out: nothing reads back, so nothing is confirmed."""
    unit = FAMILY.emulator(ID, "v2", settings={"tracking_interval": 150}, faults=faults)
    _, found = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert found.fields["tracking_interval"].state.value == expected
    assert unit.settings == {"tracking_interval": true}
    assert found.reported == {}


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 0, "tracking_angle": 30}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {"tracking_interval": Severity.REFUSE, "tracking_angle": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    for text in ("", "of=1\n", "é", "x" * 501):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
    for device_id in ("", "12345", "\u0663" * 15, "1" * 16):
        with pytest.raises(LocalError):
            FAMILY.raw(Target(device_id, variant="v2"), "of=1")
    assert against_nobody(FAMILY.read(target(), ["tracking_interval"]))[0] == []


def test_renaming_keeps_the_frame_sound() -> None:
    (message,) = heard(FAMILY.rename(raw("pos-2"), ID, "135790246811220"))
    assert message.device_id == "135790246811220"


def test_south_and_west_count_from_zero() -> None:
    """A frame of the public bug report on floored coordinates; 12138.71878 minutes west are 121.645313 degrees."""
    frame = bytes.fromhex("faaf0014000086220505123456700016f86f0100130065f0b2c200000002010ac63daae045679dd0faaf")
    (message,) = heard(frame)
    (record,) = FAMILY.fields(message)["records"]
    assert (record["longitude"], record["latitude"]) == (-121.645313, 37.097721)
