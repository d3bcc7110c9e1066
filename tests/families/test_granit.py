"""Granit: recorded frames, receipts, and the interval as an experiment over TCP."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Outcome, Severity, Target
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.granit.family import FAMILY
from tracker_codecs.families.granit.frame import NOW, binary

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "granit" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
POSITIONS = ["current-1", "current-3", "archive-1"]
COMMANDS = [name for name in CASES if name.startswith("cmd-")]
ID = "10558"
ASKED = {"tracking_interval": 60}


def raw(name: str) -> bytes:
    case = CASES[name]
    return bytes.fromhex(case["data"]) if case["encoding"] == "hex" else str(case["data"]).encode("ascii")


def heard(data: bytes) -> list[Message]:
    """Messages of a unit that has told its id."""
    return [event for event in FAMILY.stream().feed(raw("current-3") + data) if isinstance(event, Message)][1:]


def target() -> Target:
    return Target(ID, variant="navigator", experimental=True)


def outcome(answer: bytes) -> Outcome:
    """What the dialogue makes of this answer."""
    dialogue = FAMILY.apply(target(), ASKED)
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
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    assert (message.kind, message.checksum, message.device_id) == (
        Kind.REPORT,
        Checksum.OK,
        str(means["device_id"]),
    )
    assert message.owed.hex() == means["server_owes"]
    told = FAMILY.fields(message)
    assert means["message"].startswith(told["message"])
    for key in ("unix_time", "format", "blocks", "pack"):
        assert told.get(key) == means.get(key)
    assert FAMILY.recognise(raw(name)) is True
    assert all(FAMILY.recognise(raw(name)[:count]) is None for count in range(8))
    (receipt,) = FAMILY.server(message.owed)
    assert isinstance(receipt, Message)
    assert (receipt.checksum, receipt.owed) == (Checksum.OK, b"")


def test_records() -> None:
    """Worked out by hand: 28 39 are 40 and 57 degrees, 97E3 and 0002 are 58.263 and 0.512 minutes; steps of 20 s."""
    (message,) = FAMILY.stream().feed(raw("current-1"))
    assert isinstance(message, Message)
    record = FAMILY.fields(message)["record"]
    assert (record["valid"], record["satellites"], record["pdop"], record["altitude_m"]) == (True, 4, 2, 130)
    assert (record["longitude"], record["latitude"]) == (40.97105, 57.008533)
    (message,) = FAMILY.stream().feed(raw("archive-1"))
    assert isinstance(message, Message)
    records = FAMILY.fields(message)["records"]
    assert len(records) == 6
    assert [each["time"][11:19] for each in records[:2]] == ["02:57:20", "02:57:40"]


def test_lines() -> None:
    (message,) = heard(raw("idnt-answer"))
    assert (message.kind, message.checksum, message.device_id) == (Kind.REPLY, Checksum.OK, ID)
    assert message.text == CASES["idnt-answer"]["means"]["text"]
    (message,) = heard(raw("error-answer"))
    assert (message.kind, message.checksum, message.text) == (Kind.REPLY, Checksum.NONE, "ERROR WRONG CHECKSUM_1")
    assert heard(raw("idnt-answer").replace(b"*21", b"*22")) == []
    (unnamed,) = FAMILY.stream().feed(raw("error-answer"))
    assert isinstance(unnamed, Message)
    assert unnamed.device_id is None


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str) -> None:
    text = CASES[name]["means"]["command"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    assert (message.checksum, message.text) == (Checksum.OK, text)
    assert FAMILY.raw(target(), text).payload == raw(name)
    if "BBMD" in text:
        (exchange,), _ = against_nobody(FAMILY.apply(target(), ASKED))
        assert exchange.command.payload == raw(name)


def test_a_body_may_hold_the_end_of_a_line() -> None:
    frame = binary(NOW, raw("current-3")[8:26] + b"\r\n" + raw("current-3")[28:34])
    (message,) = FAMILY.stream().feed(frame)
    assert isinstance(message, Message)
    assert message.frame == frame


def test_every_flipped_bit_of_a_position_is_seen() -> None:
    whole = raw("current-1")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        events = FAMILY.stream().feed(bytes(broken) + b"\r\n" + whole)
        assert [e.frame for e in events if isinstance(e, Message) and e.kind is Kind.REPORT][:1] in ([], [whole]), bit
        assert not any(isinstance(e, Message) and e.frame == bytes(broken) for e in events), bit


def test_garbage_costs_itself_only() -> None:
    whole = raw("current-3")
    for noise in (b"\x00\x01", b"+RRCB~\x1b\x00", b"+DDAT~\xff\xff", b"+RRC", b"x" * 300, b"ERROR\r\r"):
        events = FAMILY.stream().feed(noise + b"\n" + whole)
        assert isinstance(events[0], PeerError), noise
        assert [event.frame for event in events if isinstance(event, Message)] == [whole], noise


# -- conversations --
def test_answers() -> None:
    assert state(b"OK\r\n") == ("acknowledged", False)
    assert state(raw("error-answer")) == ("rejected", False)
    assert "WRONG CHECKSUM_1" in outcome(raw("error-answer")).fields["tracking_interval"].reason


@pytest.mark.parametrize("answer", [b"", b"OKAY\r\n", b"ok\r\n", raw("idnt-answer"), raw("current-3"), b"+OK\r\n"])
def test_what_is_no_answer_proves_nothing_and_is_tried_again(answer: bytes) -> None:
    assert state(answer) == ("written", True)


def test_flipped_bits_of_an_answer_never_acknowledge() -> None:
    for bit in range(8 * 4):
        broken = bytearray(b"OK\r\n")
        broken[bit // 8] ^= 1 << bit % 8
        assert state(bytes(broken)) == ("written", True), bit


@pytest.mark.parametrize(
    ("faults", "expected", "true"),
    [
        (Faults(), "acknowledged", 60),
        (Faults(refuse=frozenset(ASKED)), "rejected", 300),
        (Faults(silent=True), "written", 300),
        (Faults(ignore=frozenset(ASKED)), "acknowledged", 300),
        (Faults(clamp={"tracking_interval": (90, 900)}), "acknowledged", 90),
    ],
)
def test_faults(faults: Faults, expected: str, true: int) -> None:
    """A unit that clamps or ignores is not found out: nothing reads back, so nothing is confirmed."""
    unit = FAMILY.emulator(ID, "navigator", settings={"tracking_interval": 300}, faults=faults)
    stream = FAMILY.stream()
    stream.feed(raw("current-3"))
    _, found = against_emulator(FAMILY.apply(target(), ASKED), unit, stream)
    assert found.fields["tracking_interval"].state.value == expected
    assert unit.settings == {"tracking_interval": true}
    assert found.reported == {}


def test_an_operators_own_commands_have_their_answers() -> None:
    (name,), (place,), (yes,) = heard(raw("idnt-answer")), heard(raw("current-3")), heard(b"OK\r\n")
    for text, expected in (("BB+IDNT", "010"), ("BB+RRCD", "001"), ("BB+RESET", "100")):
        match = FAMILY.raw(target(), text).match
        assert "".join("01"[match(each).value == "done"] for each in (yes, name, place)) == expected, text


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 86401, "tracking_angle": 30}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {"tracking_interval": Severity.REFUSE, "tracking_angle": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)
    for text in ("", "BBMD=60", "BB+BBMD=60*19", "BB+X~", "BB+BBMD=6\r\n"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


@pytest.mark.parametrize("name", POSITIONS)
def test_renaming_puts_the_checksum_right(name: str) -> None:
    old = str(CASES[name]["means"]["device_id"])
    (message,) = FAMILY.stream().feed(FAMILY.rename(raw(name), old, "258"))
    assert isinstance(message, Message)
    assert (message.device_id, message.checksum) == ("258", Checksum.OK)
    (receipt,) = FAMILY.server(FAMILY.rename(message.owed, "258", old))
    assert isinstance(receipt, Message)
    assert receipt.frame.hex() == CASES[name]["means"]["server_owes"]
