"""Neomatica ADM: recorded packets, the printed answer, the conversations, and a wire without checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tracker_codecs.contract import (
    Checksum,
    Event,
    Faults,
    Kind,
    Match,
    Message,
    Outcome,
    Severity,
    Strength,
    Target,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.neomatica_adm import track
from tracker_codecs.families.neomatica_adm.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "neomatica-adm" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
PACKETS = [name for name, case in CASES.items() if case["layer"] == "frame"]
IMEI = "861311002694882"
ASKED = {"tracking_distance": 300, "tracking_angle": 15}
PRINTED = CASES["answer-track"]["data"]
SET = "TRACK 4, 300, 15; (0):15,6; (1):15,6; (2):15,6"


def raw(name: str) -> bytes:
    return bytes.fromhex(CASES[name]["data"])


def events(*parts: bytes) -> list[Event]:
    stream = FAMILY.stream()
    return [event for part in parts for event in stream.feed(part)]


def said(text: str) -> Message:
    """A text packet made here, on the link of the recorded login."""
    frame = b"\x01\x00\x84" + text.encode("latin-1") + bytes(129 - len(text))
    event = events(raw("login"), frame)[-1]
    assert isinstance(event, Message)
    return event


def target(**more: Any) -> Target:
    return Target(IMEI, variant="track", **more)


def applied(asked: dict[str, Any] | None = None, **unit: Any) -> tuple[list[Exchange], Outcome, Any]:
    device = FAMILY.emulator(IMEI, "track", **unit)
    exchanges, outcome = against_emulator(FAMILY.apply(target(), asked or ASKED), device, FAMILY.stream())
    return exchanges, outcome, device


def sent(exchanges: list[Exchange]) -> list[str]:
    return [exchange.command.text for exchange in exchanges]


def states(outcome: Outcome) -> list[str]:
    return [found.state.value for found in outcome.fields.values()]


def spoken(answers: list[str | None], asked: dict[str, Any] | None = None) -> Outcome:
    """The dialogue with these answer texts in order (None: silence)."""
    dialogue = FAMILY.apply(target(), asked or ASKED)
    command = next(dialogue)
    try:
        for text in [*answers, *[None] * 8]:
            command = dialogue.send(collect(command, [] if text is None else [said(text)]))
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
    raise AssertionError("the dialogue does not end")


# -- packets --
@pytest.mark.parametrize("name", PACKETS)
def test_a_recorded_packet_says_what_it_means(name: str) -> None:
    means = dict(CASES[name]["means"])
    found = events(raw(name))
    messages = [event for event in found if isinstance(event, Message)]
    assert len(messages) == len(found)
    told = FAMILY.fields(messages[-1 if name == "position-01" else 0])
    assert len(messages) == means.pop("count", 2 if name == "position-01" else 1)
    assert {key: told[key] for key in means} == means
    assert messages[0].checksum is (Checksum.OK if name.startswith("login") else Checksum.NONE)


def test_an_imei_in_front_of_the_first_packet_names_the_unit() -> None:
    first, second = events(raw("position-01"))
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.kind, first.device_id, second.device_id) == (Kind.LOGIN, "869153042523784", "869153042523784")
    assert FAMILY.fields(second)["latitude"] == pytest.approx(55.77858)
    # only there: later, digits are no packet
    late = events(raw("login-02"), b"869153042523784" + raw("positions-01"))
    assert [type(event) for event in late] == [Message, PeerError, Message, Message, Message]


def test_a_position_is_owed_an_answer_in_the_mode_that_asks_for_one() -> None:
    login = bytearray(raw("login"))
    assert login[20] == 1
    for mode, owed in ((0, b""), (1, b""), (2, b"***1*")):
        login[65] ^= login[20] ^ mode
        login[20] = mode
        message = events(bytes(login), raw("position-02"))[-1]
        assert isinstance(message, Message)
        assert (message.owed, message.device_id) == (owed, IMEI)


def test_what_is_no_packet_is_given_up_once() -> None:
    login = bytearray(raw("login"))
    login[10] ^= 1  # its XOR is wrong
    wrong_size = b"\x01\x00\x23" + raw("position-03")[3:]
    other_number = b"\x02" + raw("position-03")[1:]
    for before, broken in ((b"", bytes(login)), (raw("login"), wrong_size), (raw("login"), other_number)):
        found = events(before, broken + raw("position-02"))
        assert [type(event) for event in found[-2:]] == [PeerError, Message]
        assert sum(isinstance(event, PeerError) for event in found) == 1
    holed = b"\x01\x00\x84TRACK\x00 4" + bytes(121)
    assert isinstance(events(raw("login"), holed)[1], PeerError)


def test_what_opens_a_link() -> None:
    for name in ("login", "login-02", "position-01"):
        assert FAMILY.recognise(raw(name)) is True
        assert all(FAMILY.recognise(raw(name)[:at]) is None for at in range(19))
    for other in (
        raw("position-02"),
        b"351856040005407;2401011;",
        b"\x01\x00\x42\x04",
        b"\x01\x00\x42\x0386131100269488x",
    ):
        assert FAMILY.recognise(other) is False


# -- texts --
def test_the_printed_answer() -> None:
    told, means = track.parse(PRINTED), CASES["answer-track"]["means"]
    assert told is not None
    assert (told.speed, told.distance, told.acceleration) == (
        means["min_speed"],
        means["distance_m"],
        means["acceleration"],
    )
    assert [str(angle) for angle in told.angles] == [str(angle) for angle in means["angles"].values()]
    assert list(told.deflections) == list(means["deflections"].values())
    assert str(told) == PRINTED
    assert track.parse("TRACK 4,1000,15; (0) 5,6; (1) 10,6; (2) 20,6") == told  # as the manual's form has it
    for other in (
        PRINTED[:-2],
        PRINTED + "; (3):1,1",
        PRINTED.replace("(1)", "(2)"),
        PRINTED.replace("4", "-4"),
        "TRACK",
    ):
        assert track.parse(other) is None, other


def test_commands_are_the_printed_lines() -> None:
    told = track.parse(PRINTED)
    assert told is not None
    assert FAMILY.raw(target(), told.angle_command(1, 10)).payload == CASES["cmd-angle"]["data"].encode()
    assert FAMILY.raw(target(), "STATUS").payload == CASES["cmd-status"]["data"].encode()
    assert next(FAMILY.apply(target(), ASKED)).payload == CASES["cmd-query"]["data"].encode()
    assert FAMILY.raw(target(), b"\x01").payload == b"\x01"
    assert FAMILY.raw(target(), "STATUS").match(said(CASES["text-answer"]["means"]["text"])) is Match.DONE
    for text in ("", "x" * 129, "A\r\nB", "\u00e9", b""):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
    heard = FAMILY.server(b"TRACK 1,10,6\r\n***1*STATUS\r\n")
    assert [FAMILY.fields(event)["message"] for event in heard if isinstance(event, Message)] == [
        "command",
        "server_ack",
        "command",
    ]


# -- conversations --
def test_the_rest_is_kept_and_all_is_read_back() -> None:
    exchanges, outcome, unit = applied()
    assert sent(exchanges) == [
        "TRACK",
        "TRACK 255,4,300,15",
        "TRACK 0,15,6",
        "TRACK 1,15,6",
        "TRACK 2,15,6",
        "TRACK",
    ]
    assert states(outcome) == ["confirmed", "confirmed"]
    assert outcome.fields["tracking_angle"].strength is Strength.READ_BACK
    assert (unit.settings, outcome.known) == (ASKED, {"track": SET})


def test_one_setting_alone_leaves_the_other() -> None:
    exchanges, _, unit = applied({"tracking_distance": 50})
    assert sent(exchanges) == ["TRACK", "TRACK 255,4,50,15", "TRACK"]
    assert unit.track.angles == (5, 10, 20)


@pytest.mark.parametrize(
    ("answers", "expected", "unanswered"),
    [
        ([PRINTED, "OK", "OK", "OK", "OK", SET], ["confirmed", "confirmed"], False),
        ([PRINTED, *[SET] * 4, SET.replace("(2):15", "(2):20")], ["confirmed", "mismatched"], False),
        ([PRINTED, *[SET] * 4, SET.replace("300", "301")], ["mismatched", "confirmed"], False),
        ([PRINTED, *[SET] * 4, PRINTED], ["mismatched", "mismatched"], False),
        ([PRINTED, *[SET] * 4, None], ["acknowledged", "acknowledged"], True),
        ([PRINTED, "OK", *[SET] * 3, "what?"], ["written", "acknowledged"], True),
        ([PRINTED, SET, None], ["written", "written"], True),
        ([PRINTED, "TRACK ERROR", *[SET] * 3, None], ["written", "acknowledged"], True),
        ([PRINTED, PRINTED, *[SET] * 3, None], ["written", "acknowledged"], True),  # 1000 m stay
        ([PRINTED, "TRACK 255,4,300,15 OK", "TRACK 0,15,6", *[SET] * 2, None], ["acknowledged", "acknowledged"], True),
        ([PRINTED, SET, SET, PRINTED, SET, None], ["acknowledged", "written"], True),
        (["unknown command"], ["rejected", "rejected"], False),
        ([None], ["unknown", "unknown"], True),
    ],
)
def test_ends(answers: list[str | None], expected: list[str], unanswered: bool) -> None:
    outcome = spoken(answers)
    assert (states(outcome), outcome.unanswered) == (expected, unanswered)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(clamp={"tracking_distance": (500, 900)}), ["mismatched", "confirmed"]),
        (Faults(ignore=frozenset({"tracking_angle"})), ["confirmed", "mismatched"]),
        (Faults(refuse=frozenset({"tracking_distance"})), ["mismatched", "confirmed"]),
        (Faults(silent=True), ["unknown", "unknown"]),
    ],
)
def test_faults(faults: Faults, expected: list[str]) -> None:
    _, outcome, unit = applied(faults=faults)
    assert states(outcome) == expected
    distance = outcome.fields["tracking_distance"]
    assert distance.reported in (None, unit.settings["tracking_distance"])


def test_a_flipped_bit_of_a_read_back_confirms_nothing_that_was_not_said() -> None:
    """The wire has no checksum: a flip can change a digit, but none makes 888 of 300 or 77 of 15."""
    last = applied()[0][-1].command
    text = SET.replace("300", "888").replace("15,6", "77,6").encode()
    frame = b"\x01\x00\x84" + text + bytes(129 - len(text))
    understood = 0
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [event for event in events(raw("login"), bytes(broken)) if isinstance(event, Message)][1:]
        reply = collect(last, heard)
        if reply.verdict is not Verdict.ANSWERED:
            continue
        understood += 1
        told = track.parse(reply.text)
        assert told is not None
        assert told.distance != 300
        assert told.angles != (15, 15, 15)
    assert understood  # digits do flip


def test_reading() -> None:
    unit = FAMILY.emulator(IMEI, "track", settings={"tracking_distance": 70})
    _, outcome = against_emulator(FAMILY.read(target(), ["tracking_distance", "tracking_angle"]), unit, FAMILY.stream())
    assert outcome.reported == {"tracking_distance": 70}  # 5, 10 and 20 degrees are no one angle
    unit = FAMILY.emulator(IMEI, "track", settings=ASKED)
    _, outcome = against_emulator(FAMILY.read(target(), ["tracking_angle"]), unit, FAMILY.stream())
    assert outcome.reported == ASKED
    assert against_nobody(FAMILY.read(target(), ["tracking_interval"]))[0] == []


def test_a_dry_run_shows_what_is_known_of_the_unit() -> None:
    known = target(known={"track": PRINTED.replace("TRACK 4, 1000, 15", "TRACK 9, 1000, 8")})
    exchanges, outcome = against_nobody(FAMILY.apply(known, {"tracking_distance": 20}))
    assert sent(exchanges)[1] == "TRACK 255,9,20,8"
    assert states(outcome) == ["written"]  # nobody acknowledged anything


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    found = {
        each.field: each.severity
        for each in FAMILY.check(
            target(), {"tracking_distance": 0, "tracking_angle": 360, "tracking_interval": 60, "x": True}
        )
    }
    assert found == {
        "tracking_distance": Severity.REFUSE,
        "tracking_angle": Severity.REFUSE,
        "tracking_interval": Severity.UNSUPPORTED,
        "x": Severity.UNSUPPORTED,
    }
    for value in (True, 1.5, "15"):
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {"tracking_angle": value})


def test_renaming_keeps_the_login_right() -> None:
    (message,) = events(FAMILY.rename(raw("login"), IMEI, "123456789012345"))
    assert isinstance(message, Message)
    assert message.device_id == "123456789012345"
    assert FAMILY.rename(raw("position-02"), IMEI, "123456789012345") == raw("position-02")
