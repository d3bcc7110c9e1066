"""Eview: recorded packets, what is owed, and key 44."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from fastcrc import crc16
from tracker_codecs.contract import Checksum, Faults, Kind, Message, Outcome, Severity, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.eview import frame as wire
from tracker_codecs.families.eview.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "eview" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
ID = "862311065495895"
ASKED = {"tracking_interval": 60, "on_stop_tracking_interval": 3600}
NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def packet(body: bytes, sequence: int = 0, properties: int = 0) -> bytes:
    """A packet, with its head worked out here."""
    head = len(body).to_bytes(2, "little") + crc16.xmodem(body).to_bytes(2, "little")
    return bytes((0xAB, properties)) + head + sequence.to_bytes(2, "little") + body


def configured(upload: int, lazy: int, sequence: int = 0, heartbeat: int = 0x8000010E) -> bytes:
    """The recorded configuration with other numbers in key 44."""
    recorded = raw("ev-config-answer")
    at = recorded.index(bytes.fromhex("0d440e010080"))
    numbers = b"".join(each.to_bytes(4, "little") for each in (heartbeat, upload, lazy))
    return packet(recorded[8 : at + 2] + numbers + recorded[at + 14 :], sequence)


def response(result: int, sequence: int = 0) -> bytes:
    return packet(bytes((0x7F, 1, result)), sequence)


def target(serial: int = 1) -> Target:
    return Target(ID, variant="ev07", serial=serial)


def spoken(asked: dict[str, int], *answers: bytes) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    stream = FAMILY.stream()
    stream.feed(raw("ev-config-answer"))
    dialogue = FAMILY.apply(target(), asked)
    payloads = []
    try:
        command = next(dialogue)
        for answer in [*answers, b"", b"", b""]:
            payloads.append(command.payload)
            heard = [event for event in stream.feed(answer) if isinstance(event, Message)]
            command = dialogue.send(collect(command, heard))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return payloads, outcome
    raise AssertionError("the dialogue does not end")


def states(outcome: Outcome) -> set[str]:
    return {found.state.value for found in outcome.fields.values()}


# -- packets --
@pytest.mark.parametrize("name", DEVICE)
def test_device_packets(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream(clock=lambda: NOW).feed(raw(name))
    assert isinstance(message, Message)
    fields = FAMILY.fields(message)
    assert (message.checksum, message.device_id) == (Checksum.OK, means.get("imei"))
    assert (fields["sequence"], fields["answer_wanted"]) == (means["sequence"], means.get("ack_wanted", False))
    kinds = {"data": Kind.REPORT, "configuration": Kind.REPLY, "response": Kind.REPLY, "services": Kind.OTHER}
    assert message.kind is kinds[fields["message"]]
    assert fields["message"] in means["message"]
    assert FAMILY.recognise(raw(name)) is (fields["message"] != "response")
    if "result" in means:
        assert fields["result"] == means["result"]
    if str(means.get("server_owes", "")).startswith("ab"):
        assert message.owed.hex() == means["server_owes"]
    for key in ("key_43", "key_44"):
        for what, value in means.get(key, {}).items():
            assert fields[what] == value


def test_a_link_may_open_with_stored_data() -> None:
    """Users of a public server report openings `ab18` (issue 8, B6): a recorded packet under these properties."""
    whole = b"\xab\x18" + raw("ev-data-2")[2:]
    assert [FAMILY.recognise(whole[:size]) for size in (1, 2, 8, 9, len(whole))] == [None, None, None, True, True]
    assert FAMILY.recognise(b"\xab\x28" + whole[2:]) is False
    (stored,) = FAMILY.stream().feed(whole)
    (live,) = FAMILY.stream().feed(raw("ev-data-2"))
    assert isinstance(stored, Message)
    assert isinstance(live, Message)
    assert (stored.kind, stored.device_id) == (live.kind, live.device_id)
    assert stored.owed


def test_the_time_is_owed_to_who_asks() -> None:
    (message,) = FAMILY.stream(clock=lambda: NOW).feed(raw("ev-data-2"))
    assert isinstance(message, Message)
    assert message.owed == packet(b"\x03\x05\x12" + int(NOW.timestamp()).to_bytes(4, "little"), 1)
    later = FAMILY.stream(clock=lambda: NOW.replace(hour=5)).feed(raw("ev-data-2"))[0]
    assert isinstance(later, Message)
    assert later.owed != message.owed
    assert FAMILY.normalise(later.owed) == FAMILY.normalise(message.owed)
    place = packet(raw("ev-data-2")[8:-2] + b"\x01\x11", 7, 0x10)
    (asked,) = FAMILY.stream().feed(place)
    assert isinstance(asked, Message)
    assert asked.owed == packet(b"\x03\x0a\x11" + bytes(9), 7)


def test_a_place_is_read() -> None:
    place = bytes.fromhex("f0b4f22300af0e0c4000b40012000a00e803000009")
    (message,) = FAMILY.stream().feed(packet(b"\x01\x10\x01" + ID.encode() + b"\x16\x20" + place))
    assert isinstance(message, Message)
    fields = FAMILY.fields(message)
    assert (fields["latitude"], fields["longitude"]) == (60.3108592, 20.2288896)
    assert [fields[name] for name in ("speed_kmh", "course", "altitude_m", "odometer_m")] == [64, 180, 18, 1000]


def test_accounts_are_not_shown() -> None:
    body = b"\x02\x05\x41user\x07\x42secret"
    (message,) = FAMILY.stream().feed(packet(body))
    assert isinstance(message, Message)
    assert "secret" not in str(FAMILY.fields(message))
    assert b"secret".hex() not in str(FAMILY.fields(message))


def test_an_item_beyond_the_end_is_told() -> None:
    (message,) = FAMILY.stream().feed(packet(b"\x01\x10\x01" + ID.encode() + b"\x09\x24"))
    assert isinstance(message, Message)
    assert message.device_id == ID
    with pytest.raises(PeerError):
        FAMILY.fields(message)


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(
        b"\x00\xab\x00\x00\x00junk" + raw("ev-data-1") + b"\xab\x10\xff\xff" + raw("ev-data-2")
    )
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("ev-data-1"), raw("ev-data-2")]
    stream = FAMILY.stream(Transport.UDP)
    assert [type(each) for each in stream.feed(raw("ev-data-1")[:-1])] == [PeerError]
    assert [type(each) for each in stream.feed(raw("ev-data-1"))] == [Message]


def test_renaming_puts_the_checksum_right() -> None:
    (message,) = FAMILY.stream().feed(FAMILY.rename(raw("ev-data-1"), "863921033865216", ID))
    assert isinstance(message, Message)
    assert (message.device_id, message.checksum) == (ID, Checksum.OK)


# -- conversations --
def test_the_bytes_of_a_change() -> None:
    answers = (raw("ev-config-answer"), raw("ev-response-ok"), configured(60, 3600))
    payloads, outcome = spoken({"tracking_interval": 60}, *answers)
    assert payloads == [raw("ev-read-built"), raw("ev-set-44-built"), packet(b"\x02\x01\xf0", 3)]
    assert states(outcome) == {"confirmed"}
    assert outcome.fields["tracking_interval"].reported == 60
    (command,) = FAMILY.server(payloads[1])
    assert isinstance(command, Message)
    told = FAMILY.fields(command)
    assert (told["heartbeat_raw"], told["upload_interval"], told["lazy_interval"]) == ("0x8000010E", 60, 3600)


def test_the_heartbeat_is_kept_as_it_was() -> None:
    payloads, _ = spoken(ASKED, configured(5, 5, heartbeat=77), response(0))
    assert payloads[1] == packet(b"\x02\x0d\x44" + bytes.fromhex("4d0000003c000000100e0000"), 2)


@pytest.mark.parametrize(
    ("answers", "state", "again"),
    [
        ((b"",), "unknown", True),
        ((response(0),), "unknown", True),
        ((configured(5, 5, sequence=9),), "unknown", True),
        ((packet(b"\x02\x05\x44\x3c\0\0\0"),), "unknown", True),
        ((response(4, 1),), "rejected", False),
        ((configured(5, 5), b"", b""), "written", True),
        ((configured(5, 5), response(0, 1), b""), "written", True),
        ((configured(5, 5), response(0, 2), b""), "acknowledged", True),
        ((configured(5, 5), response(0), configured(60, 3600, sequence=1)), "acknowledged", True),
        ((configured(5, 5, 1), response(0, 2), configured(60, 3600, 3)), "confirmed", False),
        ((configured(5, 5), b"", configured(60, 3600)), "confirmed", False),
        ((configured(5, 5), response(1), configured(6, 6)), "rejected", False),
        ((configured(5, 5), response(0), configured(6, 6)), "mismatched", False),
        ((configured(5, 5), response(0), configured(60 << 24, 3600 << 16)), "mismatched", False),
        ((configured(5, 5), response(0), configured(1 << 31 | 60, 1 << 31 | 3600)), "acknowledged", False),
    ],
)
def test_answers(answers: tuple[bytes, ...], state: str, again: bool) -> None:
    _, outcome = spoken(ASKED, *answers)
    assert (states(outcome), outcome.unanswered) == ({state}, again)


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={"tracking_interval": (90, 900), "on_stop_tracking_interval": (30, 900)}), "mismatched"),
        (Faults(ignore=frozenset(ASKED)), "mismatched"),
        (Faults(refuse=frozenset(ASKED)), "rejected"),
        (Faults(silent=True), "unknown"),
        (Faults(), "confirmed"),
    ],
)
def test_faults(faults: Faults, state: str, repeats: bool) -> None:
    before = {"tracking_interval": 300, "on_stop_tracking_interval": 7200}
    unit = FAMILY.emulator(ID, "ev07", settings=before, faults=faults, options={"repeats": repeats})
    _, outcome = against_emulator(FAMILY.apply(target(0xFFFF), ASKED), unit, FAMILY.stream())
    assert states(outcome) == {state}
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_flipped_bits_of_a_read_back_never_confirm() -> None:
    whole = packet(b"\x02\x10\x03" + ID.encode() + b"\x0d\x44" + bytes.fromhex("0e0100803c000000100e0000"))
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(ASKED, configured(5, 5), response(0), bytes(broken))
        if bit // 8 == 1:  # the properties stand outside the checksum and change nothing of what is told
            assert states(outcome) == {"confirmed"}
        elif bit // 8 in (6, 7):  # the sequence too: another number is another answer
            assert states(outcome) <= {"acknowledged", "confirmed"}
        else:
            assert states(outcome) == {"acknowledged"}, bit


def test_reading() -> None:
    unit = FAMILY.emulator(ID, "ev07", settings=ASKED)
    _, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())
    assert outcome.reported == ASKED
    assert against_nobody(FAMILY.read(target(), ["tracking_distance"]))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 0, "on_stop_tracking_interval": 1 << 31, "tracking_distance": 60}
    found = {problem.field: problem.severity for problem in FAMILY.check(target(), asked)}
    assert found == {**dict.fromkeys(ASKED, Severity.REFUSE), "tracking_distance": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), "02 01 F0")
    assert command.payload == raw("ev-read-built")
    stream = FAMILY.stream()
    answers = stream.feed(raw("ev-config-answer") + response(3, 1) + response(0, 2))
    assert [command.match(each).value for each in answers if isinstance(each, Message)] == ["done", "refused", "no"]
    for text in ("", "0", "zz", "ff01", "02" * 256, "02\xb2"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)


def test_the_account_of_the_access_point_leaves_no_stream() -> None:
    body = b"\x02" + wire.item(0x40, b"internet") + wire.item(0x41, b"me") + wire.item(0x42, b"s3same")
    (message,) = FAMILY.stream().feed(wire.seal(body, 7))
    assert isinstance(message, Message)
    hidden = b"\x02" + wire.item(0x40, b"internet") + wire.item(0x41, b"**") + wire.item(0x42, b"******")
    assert message.frame == wire.seal(hidden, 7)
