"""WondeX: recorded frames, TRACK as public clients write it, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tracker_codecs.contract import Faults, Kind, Message, Outcome, Severity, Target, Transport
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.wondex.family import FAMILY

FIXTURE = Path(__file__).parents[2] / "firmware-fixtures" / "wondex" / "frames.yaml"
CASES = {case["id"]: case for case in yaml.safe_load(FIXTURE.read_text("utf-8"))["cases"]}
DEVICE = [name for name, case in CASES.items() if case["direction"] == "device_to_server"]
SERVER = [name for name in CASES if name not in DEVICE]
ID = "2000000108"
ASKED = {"tracking_interval": 60, "tracking_distance": 200, "tracking_angle": 30}
OK = b"$OK:TRACK\r\n"


def raw(name: str) -> bytes:
    text = str(CASES[name]["data"])
    return bytes.fromhex(text) if CASES[name]["encoding"] == "hex" else text.encode("ascii")


def target(**options: object) -> Target:
    return Target(ID, variant="track", options=options)


def told(values: str) -> bytes:
    return f"$OK:TRACK={values}\r\n".encode("ascii")


def spoken(at: Target, asked: dict[str, int], *answers: bytes) -> tuple[list[bytes], Outcome]:
    """The commands and the outcome of a dialogue with these answers in order; then silence."""
    stream = FAMILY.stream()
    stream.feed(raw("wx-pos-1"))
    dialogue = FAMILY.apply(at, asked)
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


# -- frames --
@pytest.mark.parametrize("name", DEVICE)
def test_device_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.stream().feed(raw(name))
    assert isinstance(message, Message)
    fields = FAMILY.fields(message)
    kinds = {"keep-alive": Kind.HEARTBEAT, "position": Kind.REPORT}
    assert message.kind is kinds.get(means["message"], Kind.REPLY)
    assert message.owed == (raw(name) if means["message"] == "keep-alive" else b"")
    assert message.device_id == means.get("unit_id")
    assert fields["message"] == {"query answer": "accepted"}.get(means["message"], means["message"].replace("-", "_"))
    for key in ("longitude", "latitude"):
        assert fields.get(key) == means.get(key)
    if "time" in means:
        assert fields["time_yyyymmddhhmmss"] == means["time"]
    if "code" in means:
        assert fields["text"] == means["code"]
    assert FAMILY.recognise(raw(name)) is (means["message"] == "keep-alive")


@pytest.mark.parametrize("name", SERVER)
def test_server_frames(name: str) -> None:
    means = CASES[name]["means"]
    (message,) = FAMILY.server(raw(name))
    assert isinstance(message, Message)
    fields = FAMILY.fields(message)
    assert fields["command"] == means["command"]
    if "query" in means:
        assert fields["arguments"] == ["?"]
    if "mode" in means:
        order = ("mode", "interval_s", "distance_m", "times", "basis", "comm", "heading_deg")
        assert fields["arguments"] == [str(means[key]) for key in order]


def test_a_keep_alive_names_the_unit_until_a_line_does() -> None:
    stream = FAMILY.stream()
    events = stream.feed(
        raw("wx-keepalive") + raw("wx-ok") + raw("wx-pos-long-id") + raw("wx-keepalive") + raw("wx-ok")
    )
    ids = [event.device_id for event in events if isinstance(event, Message)]
    assert ids == ["1000000001"] * 2 + ["123456789000001"] * 3
    renamed = FAMILY.rename(raw("wx-keepalive"), "1000000001", ID)
    assert [each.device_id for each in FAMILY.stream().feed(renamed) if isinstance(each, Message)] == [ID]


def test_garbage_costs_itself_only() -> None:
    events = FAMILY.stream().feed(b"\xd0\x00no line\r\n$\xff\r\n" + raw("wx-pos-1") + b"\x00" + raw("wx-ok"))
    assert [event.frame for event in events if isinstance(event, Message)] == [raw("wx-pos-1"), raw("wx-ok")]
    assert isinstance(events[0], PeerError)
    stream = FAMILY.stream(Transport.UDP)
    assert [type(each) for each in stream.feed(raw("wx-pos-1")[:-5])] == [PeerError]
    assert [type(each) for each in stream.feed(raw("wx-pos-1"))] == [Message]


# -- conversations --
def test_the_bytes_of_a_change() -> None:
    asked = {"tracking_interval": 60, "tracking_angle": 15}
    payloads, outcome = spoken(target(), asked, told("1,30,0,0,1,4,0"), OK, told("1,60,0,0,1,4,15"))
    assert payloads == [raw("wx-track-query"), raw("wx-track-time"), raw("wx-track-query")]
    assert states(outcome) == {"confirmed"}


def test_a_distance_is_not_written_in_the_mode_by_time() -> None:
    payloads, outcome = spoken(target(), ASKED, told("1,30,70,0,1,4,0"), OK, told("1,60,70,0,1,4,30"))
    assert payloads[1] == b"$WP+TRACK=0000,1,60,70,0,1,4,30\r\n"
    found = {name: each.state.value for name, each in outcome.fields.items()}
    expected = {"tracking_interval": "confirmed", "tracking_distance": "rejected", "tracking_angle": "confirmed"}
    assert found == expected
    payloads, outcome = spoken(target(), {"tracking_distance": 200}, told("1,30,70,0,1,4,0"))
    assert (len(payloads), states(outcome)) == (1, {"rejected"})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (told("1,15,0,0,0,3,4,10"), "seven numbers"),
        (told("9,15,0,0,0,3"), "seven numbers"),
        (told("9,15,0,0,0,3,x"), "seven numbers"),
        (told("0,15,0,0,0,4,10"), "tracking mode 0"),
        (b"$ERR:TRACK=1\r\n", "$ERR:TRACK=1"),
    ],
)
def test_nothing_is_written_over_what_is_not_understood(answer: bytes, words: str) -> None:
    payloads, outcome = spoken(target(), ASKED, answer)
    assert payloads == [raw("wx-track-query")]
    assert states(outcome) == {"rejected"}
    assert all(words in found.reason for found in outcome.fields.values())
    assert not outcome.unanswered


def test_the_operator_may_say_what_to_keep() -> None:
    at = target(track_keep="9,0,1,4", password="8888")
    payloads, outcome = spoken(at, ASKED, OK, b"$OK:TRACK\r\n")
    assert payloads[0] == b"$WP+TRACK=8888,9,60,200,0,1,4,30\r\n"
    assert (len(payloads), states(outcome)) == (2, {"acknowledged"})
    dry, _ = against_nobody(FAMILY.apply(at, ASKED))
    assert [exchange.command.payload for exchange in dry] == payloads
    assert all(b"=8888" in exchange.command.secrets and "8888" not in exchange.command.text for exchange in dry)
    alone = FAMILY.check(at, {"tracking_interval": 60})
    assert [each.severity for each in alone] == [Severity.UNSUPPORTED]
    wrong: list[dict[str, object]] = [
        {"track_keep": "2,0,1,4"},
        {"track_keep": "9"},
        {"password": 0},
        {"password": "1,2"},
    ]
    for options in wrong:
        with pytest.raises(LocalError):
            FAMILY.check(target(**options), ASKED)


@pytest.mark.parametrize(
    ("answers", "state", "again"),
    [
        ((b"",), "unknown", True),
        ((told("9,1,1,0,1,4,1"), OK, b""), "acknowledged", False),
        ((told("9,1,1,0,1,4,1"), b"", b""), "written", True),
        ((told("9,1,1,0,1,4,1"), b"$OK:SPD\r\n", b""), "written", True),
        ((told("9,1,1,0,1,4,1"), told("9,1,1,0,1,4,1"), b""), "written", True),  # late, to the query
        ((told("9,1,1,0,1,4,1"), told("9,60,200,0,1,4,30"), b""), "acknowledged", False),
        ((told("9,1,1,0,1,4,1"), b"$ERR:TRACK=3\r\n", told("9,1,1,0,1,4,1")), "rejected", False),
        ((told("9,1,1,0,1,4,1"), OK, told("9,1,1,0,1,4,1")), "mismatched", False),
        ((told("9,1,1,0,1,4,1"), b"", told("9,60,200,0,1,4,30")), "confirmed", False),
    ],
)
def test_answers(answers: tuple[bytes, ...], state: str, again: bool) -> None:
    _, outcome = spoken(target(), ASKED, *answers)
    assert (states(outcome), outcome.unanswered) == ({state}, again)


@pytest.mark.parametrize(
    ("faults", "options", "state"),
    [
        (Faults(clamp={name: (65, 70) if name != "tracking_angle" else (40, 50) for name in ASKED}), {}, "mismatched"),
        (Faults(ignore=frozenset(ASKED)), {}, "mismatched"),
        (Faults(refuse=frozenset(ASKED)), {}, "rejected"),
        (Faults(silent=True), {}, "unknown"),
        (Faults(), {"told": False}, "unknown"),
        (Faults(), {"mode": 3}, "confirmed"),
    ],
)
def test_faults(faults: Faults, options: dict[str, object], state: str) -> None:
    unit = FAMILY.emulator(ID, "track", faults=faults, options=options)
    _, outcome = against_emulator(FAMILY.apply(target(), ASKED), unit, FAMILY.stream())
    assert states(outcome) == {state}
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_flipped_bits_of_a_read_back_confirm_only_what_was_asked() -> None:
    """Nothing guards a line; a bit that makes another number is a mismatch, any other leaves the acknowledgement."""
    whole = told("9,60,200,0,1,4,30")
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        _, outcome = spoken(target(), ASKED, told("9,1,1,0,1,4,1"), OK, bytes(broken))
        for name, found in outcome.fields.items():
            assert found.state.value in ("acknowledged", "mismatched") or found.reported == ASKED[name]


def test_reading() -> None:
    unit = FAMILY.emulator(ID, "track", settings=ASKED)
    _, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())
    assert outcome.reported == ASKED
    assert against_nobody(FAMILY.read(target(), ["psm_mode"]))[0] == []


def test_what_does_not_fit_is_told_before_anything_is_sent() -> None:
    asked = {"tracking_interval": 0, "tracking_distance": 65536, "tracking_angle": 360, "psm_mode": 1}
    found = {each.field: each.severity for each in FAMILY.check(target(), asked)}
    assert found == {**dict.fromkeys(ASKED, Severity.REFUSE), "psm_mode": Severity.UNSUPPORTED}
    with pytest.raises(LocalError):
        FAMILY.apply(target(), asked)


def test_raw_commands() -> None:
    reboot = FAMILY.raw(target(), "$WP+REBOOT")
    assert (reboot.payload, reboot.text) == (b"$WP+REBOOT=0000\r\n", "$WP+REBOOT=***")
    stream = FAMILY.stream()
    heard = stream.feed(raw("wx-pos-1") + raw("wx-err") + raw("wx-ok"))
    assert [reboot.match(each).value for each in heard if isinstance(each, Message)] == ["no", "no", "done"]
    assert FAMILY.raw(target(), "TRACK=1,60,0,0,1,4,15").payload == raw("wx-track-time")
    way = FAMILY.raw(target(), "COMMTYPE=4,,,web,somebody,hunter2,192.0.2.1,5032,0,192.0.2.2")
    assert "hunter2" not in way.text
    assert "somebody" not in way.text
    for text in ("", "reboot", "REBOOT=\r\nx", "REBOOT=\xe9", "A" * 21, "TRACK=" + "1" * 200):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), text)
