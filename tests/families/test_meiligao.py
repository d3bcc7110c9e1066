"""Meiligao: documented and recorded packets, commands, conversations, and the traps of the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
    Faults,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Severity,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.meiligao.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "meiligao" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name, case in CASES.items() if case["direction"] == "server_to_device"]
IMEI = "359323100000002"  # the TopShine cases
ASKED = {"tracking_interval": 60, "tracking_distance": 300, "tracking_angle": 10}


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def crc(body: bytes) -> bytes:
    """CRC-16/CCITT-FALSE, bit by bit."""
    value = 0xFFFF
    for byte in body:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
    return value.to_bytes(2, "big")


def packet(command: int, data: bytes = b"", who: str = "35932310000000", start: bytes = b"$$") -> bytes:
    """A packet by the document's layout."""
    body = start + (17 + len(data)).to_bytes(2, "big") + bytes.fromhex(who.ljust(14, "f"))
    body += command.to_bytes(2, "big") + data
    return body + crc(body) + b"\r\n"


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message), event
    return event


def target(device_id: str = IMEI) -> Target:
    return Target(device_id, variant="vt")


def applied(asked: dict[str, Any] | None = None, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "vt", **unit)
    exchanges, outcome = against_emulator(FAMILY.apply(target(), asked or ASKED), device, FAMILY.stream())
    return exchanges, outcome, device


def states(outcome: Outcome) -> dict[str, str]:
    return {name.removeprefix("tracking_"): found.state.value for name, found in outcome.fields.items()}


def spoken(answers: list[bytes | None], asked: dict[str, Any]) -> tuple[list[bytes], Outcome]:
    """The commands of a dialogue that hears these packets in order (None: silence)."""
    dialogue = FAMILY.apply(target(), asked)
    said: list[bytes] = []
    try:
        command = next(dialogue)
        for each in answers:
            said.append(command.payload)
            command = dialogue.send(collect(command, [one(each)] if each else []))
    except StopIteration as stop:
        return said, stop.value
    raise AssertionError("more is asked than was answered")


# -- packets --
def test_every_case_is_tested_one_way() -> None:
    assert len(DEVICE) + len(SERVER) == len(CASES) == 29


@pytest.mark.parametrize("name", DEVICE)
def test_device_packet(name: str) -> None:
    means, data = CASES[name]["means"], raw(name)
    stream = FAMILY.stream()
    if data == b"\0":
        stream.feed(raw("login"))
    (message,) = stream.feed(data)
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    for key, value in means.items():
        assert found[key] == (pytest.approx(value, abs=1e-6) if isinstance(value, float) else value), key
    kinds = {"login": Kind.LOGIN, "data": Kind.REPORT, "heartbeat": Kind.HEARTBEAT}
    assert message.kind is kinds.get(means["type"], Kind.REPLY)
    assert message.checksum is (Checksum.NONE if data == b"\0" else Checksum.OK)
    if means["type"] != "login":
        assert message.owed == b""
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        assert not [event for event in FAMILY.stream().feed(bytes(broken)) if isinstance(event, Message)]


@pytest.mark.parametrize("name", SERVER)
def test_server_packet(name: str) -> None:
    data = raw(name)
    if by_rule := CASES[name].get("checksum_by_rule"):
        (error,) = FAMILY.server(data)
        assert isinstance(error, PeerError)
        data = data[:-4] + bytes.fromhex(by_rule) + b"\r\n"
    (message,) = FAMILY.server(data)
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    means = CASES[name]["means"]
    assert {key: found[key] for key in means} == means


def test_a_login_is_accepted_or_rejected_under_its_own_id() -> None:
    login = one(raw("login"))
    assert login.owed == raw("login-confirm")
    assert FAMILY.refuse(login) == packet(0x4000, b"\0", "123456", b"@@")
    assert FAMILY.refuse(one(raw("position"))) == b""


def test_an_id_of_14_digits_is_an_imei_without_its_check_digit() -> None:
    assert one(raw("topshine-login-composed")).device_id == IMEI
    assert one(packet(0x5000, who="49015420323751")).device_id == "490154203237518"  # a published example of an IMEI
    assert one(raw("login")).device_id == "123456"  # a shorter id is what somebody set
    assert one(packet(0x5000, who="f" * 14)).device_id is None
    assert one(packet(0x5000, who="12a45678901234")).device_id is None


def test_a_clone_s_heartbeat_packet_is_answered_and_a_zero_byte_is_not() -> None:
    assert one(packet(0x0001)).owed == packet(0x0001, b"\x01", start=b"@@")
    stream = FAMILY.stream()
    events = stream.feed(raw("login") + b"\0\0" + raw("position") + b"\0")
    assert [event.kind.value for event in events if isinstance(event, Message)] == [
        *("login", "heartbeat", "heartbeat", "report", "heartbeat")
    ]
    assert {event.device_id for event in events if isinstance(event, Message)} == {"123456"}
    assert [type(event) for event in FAMILY.stream().feed(b"\0\0\0")] == [PeerError]


def test_line_ends_and_starts_inside_a_packet_do_not_cut_it() -> None:
    data = packet(0x9016, b"\r\n$$\0\x11\r\n$$")
    assert one(data).frame == data


def test_length_zero_and_broken_packets_hide_nothing() -> None:
    login = raw("topshine-login-composed")
    for dirt in (b"$$\0\0" + login[4:], login[:9], login[:-1] + b"x", b"$$\x08\x01", b"$$$", b"GET / HTTP/1.1\r\n"):
        events = FAMILY.stream().feed(dirt + login * 130)
        assert isinstance(events[0], PeerError)
        assert sum(isinstance(event, PeerError) for event in events) == 1
        assert sum(isinstance(event, Message) for event in events) >= 1
        assert events[-1] == one(login)


def test_a_datagram_does_not_continue_in_the_next() -> None:
    stream = FAMILY.stream(Transport.UDP)
    login = raw("topshine-login-composed")
    assert [type(event) for event in stream.feed(login[:10])] == [PeerError]
    assert stream.buffered == 0
    assert [type(event) for event in stream.feed(login[10:])] == [PeerError]
    assert [type(event) for event in stream.feed(login + login)] == [Message, Message]


def test_meitrack_is_told_apart() -> None:
    assert FAMILY.recognise(b"$$A57,353358017784062,A10*EE\r\n") is False
    assert FAMILY.recognise(b"$$\0") is None
    assert FAMILY.recognise(raw("login")) is True


def test_alarms_and_places() -> None:
    text = raw("recorded-position")[13:-4]
    found = FAMILY.fields(one(packet(0x9999, b"\x52" + text)))
    assert (found["alarm"], found["valid"], round(found["latitude"], 3)) == ("0x52", True, 19.118)
    assert (found["speed_kmh"], found["course"], found["extra"]) == (18.705, 188.5, ["036488752"])
    assert FAMILY.fields(one(packet(0x9955, b"\xff|x|\x01")))["latitude"] is None


def test_an_id_is_replaced_with_its_checksum() -> None:
    assert FAMILY.rename(raw("topshine-interval-60s-composed"), IMEI, "123456789012347") == packet(
        0x4102, b"\0\x06", "12345678901234", b"@@"
    )
    assert FAMILY.rename(raw("position"), IMEI, "123456789012347") == raw("position")
    with pytest.raises(LocalError):
        FAMILY.rename(raw("position"), "123456", IMEI)


# -- commands --
def test_commands_are_those_of_the_document() -> None:
    def payloads(device_id: str, asked: dict[str, int]) -> list[bytes]:
        return [each.command.payload for each in against_nobody(FAMILY.apply(target(device_id), asked))[0]]

    assert payloads("123456", {"tracking_interval": 100}) == [raw("set-interval-100s"), raw("read-interval")]
    assert raw("distance-300m") in payloads("40205020814", {"tracking_distance": 300})
    # The printed checksum of this example is wrong.
    heading = raw("heading-10deg")[:-4] + bytes.fromhex(CASES["heading-10deg"]["checksum_by_rule"]) + b"\r\n"
    assert heading in payloads("123456", {"tracking_angle": 10})
    assert payloads(IMEI, {"tracking_interval": 60})[0] == raw("topshine-interval-60s-composed")


def test_an_operator_s_own_commands() -> None:
    command = FAMILY.raw(target("123456"), "4113 01")
    assert command.payload == raw("sleep-level-1")
    assert command.match(one(packet(0x4113, b"\x01", "123456"))) is Match.DONE
    assert command.match(one(packet(0x4113, b"\x01", "123457"))) is Match.NO
    assert command.match(one(packet(0x4126, b"\x01", "123456"))) is Match.NO
    assert FAMILY.raw(target(), b"$x").payload == b"$x"
    for bad in ("", "41", "4113 1", "interval", "4110", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), bad)


# -- conversations --
def test_the_interval_is_read_back_and_the_rest_is_acknowledged() -> None:
    exchanges, outcome, unit = applied()
    assert [each.command.text for each in exchanges] == ["interval 60 s", "distance 300", "angle 10", "interval?"]
    assert [each.command.purpose for each in exchanges] == [Purpose.WRITE] * 3 + [Purpose.READ_BACK]
    assert states(outcome) == {"interval": "confirmed", "distance": "acknowledged", "angle": "acknowledged"}
    assert unit.settings == ASKED
    assert exchanges[0].reply.messages[0].frame == raw("topshine-interval-done-composed")


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(clamp={"tracking_interval": (10, 50)}), "mismatched"),
        (Faults(ignore=frozenset(ASKED)), "mismatched"),
        (Faults(refuse=frozenset(ASKED)), "rejected"),
        (Faults(silent=True), "written"),
    ],
)
def test_faults(faults: Faults, expected: str) -> None:
    exchanges, outcome, unit = applied(faults=faults)
    found = outcome.fields["tracking_interval"]
    assert found.state.value == expected
    assert found.reported in (None, unit.settings["tracking_interval"])
    assert outcome.unanswered is faults.silent
    if faults.silent:  # nothing more is sent: a late answer must find no other command
        assert len(exchanges) == 1
        assert states(outcome) == {"interval": "written", "distance": "unknown", "angle": "unknown"}
    if faults.refuse:
        assert states(outcome) == dict.fromkeys(("interval", "distance", "angle"), "rejected")


def test_an_answer_with_another_interval_belongs_to_an_older_command() -> None:
    late = packet(0x5100, b"\x01\x00\x0a")
    said, outcome = spoken([late], ASKED)
    assert (len(said), states(outcome)["interval"], outcome.unanswered) == (1, "written", True)
    command = next(FAMILY.apply(target("123456"), {"tracking_interval": 100}))
    assert command.match(one(raw("derived-ack-interval-ok"))) is Match.DONE
    assert command.match(one(raw("derived-ack-interval-fail"))) is Match.REFUSED
    for other in ("read-interval-answer", "position", "login", "topshine-interval-done-composed"):
        assert command.match(one(raw(other))) is Match.NO
    for data in (b"\x01", b"\x02\x00\x0a", b"\x01\x00\x0a\x00", b""):
        assert command.match(one(packet(0x5100, data, "123456"))) is Match.NO


def test_without_an_interval_a_query_opens_the_change() -> None:
    told, yes = packet(0x9002, b"\0\x06"), packet(0x4136, b"\x01")
    said, outcome = spoken([told, yes], {"tracking_angle": 10})
    assert [each[11:13].hex() for each in said] == ["9002", "4136"]
    assert states(outcome) == {"angle": "acknowledged"}
    said, outcome = spoken([None], {"tracking_angle": 10})
    assert (states(outcome), outcome.unanswered) == ({"angle": "unknown"}, True)


def test_a_clone_that_cannot_be_asked_ends_as_acknowledged() -> None:
    _, outcome = spoken([packet(0x5100, b"\x01\0\x06"), None], {"tracking_interval": 60})
    assert (states(outcome), outcome.unanswered) == ({"interval": "acknowledged"}, False)


def test_no_flipped_bit_of_a_read_back_confirms() -> None:
    told = packet(0x9002, b"\0\x07")
    *_, last = applied({"tracking_interval": 60})[0]
    for bit in range(8 * len(told)):
        broken = bytearray(told)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in FAMILY.stream().feed(bytes(broken)) if isinstance(event, Message)]
        assert collect(last.command, heard).verdict is Verdict.TIMEOUT


def test_the_interval_is_read() -> None:
    unit = FAMILY.emulator("123456", "vt", settings={"tracking_interval": 100})
    exchanges, outcome = against_emulator(FAMILY.read(target("123456"), list(ASKED)), unit, FAMILY.stream())
    assert exchanges[0].command.payload == raw("read-interval")
    assert exchanges[0].reply.messages[0].frame == raw("read-interval-answer")
    assert outcome.reported == {"tracking_interval": 100}
    assert against_nobody(FAMILY.read(target(), ["tracking_angle"]))[0] == []


@pytest.mark.parametrize(
    ("field", "bad", "good"),
    [
        ("tracking_interval", [0, 5, 65, 655360, True, "60"], [10, 655350]),
        ("tracking_distance", [-1, 2**32, 1.5], [0, 65535]),
        ("tracking_angle", [-1, 360], [0, 359]),
    ],
)
def test_values_that_do_not_fit_are_refused(field: str, bad: list[Any], good: list[Any]) -> None:
    for value in bad:
        (problem,) = FAMILY.check(target(), {**ASKED, field: value})
        assert (problem.field, problem.severity) == (field, Severity.REFUSE)
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {**ASKED, field: value})
    for value in good:
        assert FAMILY.check(target(), {**ASKED, field: value}) == []
    (problem,) = FAMILY.check(target(), {**ASKED, "sleep_mode": 1})
    assert problem.severity is Severity.UNSUPPORTED


def test_an_emulated_unit_logs_in_like_the_documented_ones() -> None:
    unit = FAMILY.emulator(IMEI, "vt", transport=Transport.UDP)
    assert [datum.data for datum in unit.connect()] == [raw("topshine-login-composed")]
    (report,) = FAMILY.emulator("123456", "vt").report(datetime(2009, 8, 1, 3, 56, 44, tzinfo=UTC))
    assert report.data == raw("position")
    assert unit.receive(raw("read-interval")) == []  # another unit's
    with pytest.raises(LocalError):
        FAMILY.emulator("meiligao", "vt")
