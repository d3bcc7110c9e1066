"""Pretrace: published frames, the XOR, and an interval that nothing answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Severity, Strength, Target
from tracker_codecs.drive import against_emulator, against_nobody
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.pretrace import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "pretrace" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
ID = "864244029498838"
ASKED = {"tracking_interval": 300}


def raw(name: str) -> bytes:
    return str(CASES[name]["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def target() -> Target:
    return Target(ID, variant="standard", experimental=True)


def test_the_recorded_position() -> None:
    means = CASES["pos-1"]["means"]
    (message,) = heard(raw("pos-1"))
    assert (message.kind, message.checksum, message.device_id) == (Kind.REPORT, Checksum.OK, means["imei"])
    assert message.owed == b""
    told = FAMILY.fields(message)
    assert (told["message"], told["valid"], told["time"]) == ("U111", means["valid"], means["time"])
    # 22 degrees 38.1641 minutes, 114 degrees 1.9213 minutes, by hand.
    assert (told["latitude"], told["longitude"], told["satellites"]) == (22.636068, 114.032022, 6)
    assert told["items"][0] == f"P1{means['battery_percent']}%"
    assert FAMILY.recognise(raw("pos-1")) is True
    assert all(FAMILY.recognise(raw("pos-1")[:count]) is None for count in range(20))


def test_the_edited_frame_is_bad_and_names_nobody() -> None:
    (message,) = heard(raw("pos-2-altered"))
    assert (message.kind, message.checksum, message.device_id) == (Kind.OTHER, Checksum.BAD, None)
    (right,) = heard(raw("pos-2-altered").replace(b"^47", b"^5F"))  # the fixture's note: the rule gives 5F
    assert (right.kind, right.device_id) == (Kind.REPORT, CASES["pos-2-altered"]["means"]["imei"])


@pytest.mark.parametrize("name", SERVER)
def test_published_commands(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    assert (message.checksum, FAMILY.fields(message)["message"]) == (Checksum.OK, means["command"])
    at = Target(str(message.device_id), variant="standard", experimental=True)
    (exchange,), outcome = against_nobody(FAMILY.apply(at, {"tracking_interval": means["interval_s"]}))
    assert exchange.command.payload == raw(name)
    assert outcome.fields["tracking_interval"].strength is Strength.WRITTEN


def test_the_weak_check_is_no_identity() -> None:
    """60 and 300 give the same XOR for one IMEI, so equal checks must never mean equal commands."""
    at = Target("123456789012345", variant="standard", experimental=True)
    sent = [next(FAMILY.apply(at, {"tracking_interval": value})).payload for value in (60, 300)]
    assert sent[0] == b"(123456789012345D22160,60,,^69)"
    assert sent[1] == raw("cmd-interval-300")


def test_every_flipped_bit_is_seen() -> None:
    whole = raw("pos-1")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        good = [each for each in heard(bytes(broken) + b")") if each.checksum is Checksum.OK]
        assert good == [], bit


def test_garbage_costs_itself_only() -> None:
    whole = raw("pos-1")
    for noise in (b"(8642", b"(" * 600, b"))", b"(864244029498838D22160,60,,^6C)", b"(864244029498838U111^)"):
        events = FAMILY.stream().feed(noise + whole)
        assert isinstance(events[0], PeerError), noise
        assert [event.frame for event in events if isinstance(event, Message)] == [whole], noise


@pytest.mark.parametrize(
    ("faults", "true"),
    [
        (Faults(), 300),
        (Faults(clamp={"tracking_interval": (10, 120)}), 120),
        (Faults(refuse=frozenset(ASKED)), 60),
        (Faults(ignore=frozenset(ASKED)), 60),
        (Faults(silent=True), 60),
    ],
)
def test_whatever_the_unit_does_the_setting_is_written_and_no_more(faults: Faults, true: int) -> None:
    unit = FAMILY.emulator(ID, "standard", faults=faults)
    _, outcome = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert outcome.fields["tracking_interval"].state.value == "written"
    assert not outcome.unanswered
    assert unit.settings == {"tracking_interval": true}


def test_no_frame_counts_as_an_answer_to_the_interval() -> None:
    command = next(FAMILY.apply(target(), ASKED))
    (other,) = heard(FAMILY.rename(b"(000000000000000U221300,300,,^00)", "000000000000000", ID))
    assert [command.match(each).value for each in (*heard(raw("pos-1")), other)] == ["no", "no"]
    asked = FAMILY.raw(target(), "D221")
    assert [asked.match(each).value for each in (*heard(raw("pos-1")), other)] == ["no", "done"]


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 86401, "tracking_distance": 300}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {"tracking_interval": Severity.REFUSE, "tracking_distance": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    for device_id in ("", "12345", "\u0663" * 15):
        with pytest.raises(LocalError):
            FAMILY.raw(Target(device_id, variant="standard"), "D221")
    for text in ("", "D22", "U221", "D2211)(", "D221^00", "D221\r\n"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
