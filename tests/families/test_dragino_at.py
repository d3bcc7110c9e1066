"""Dragino AT: documented and recorded lines, traps of the wire, dialogues with emulated consoles."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import Emulator, Faults, FieldState, Message, Outcome, Severity, Target, Transport, Verdict
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.dragino_at.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "dragino-at" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
EUI = "a840414f1188076c"
ASKED = {
    "tracking_interval": 300,
    "motion_tracking_interval": 180,
    "alarm_tracking_interval": 30,
    "motion_wake": True,
}


def raw(case: str) -> bytes:
    return str(CASES[case]["data"]).encode("ascii")


def target(variant: str = "trackerd", **more: Any) -> Target:
    return Target(EUI, variant=variant, transport=Transport.SERIAL, **more)


def lines(data: bytes) -> list[Message]:
    return [event for event in FAMILY.stream().feed(data) if isinstance(event, Message)]


def applied(
    asked: dict[str, Any], at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, Emulator]:
    at = at or target()
    unit = FAMILY.emulator(EUI, at.variant, **emulator)
    exchanges, outcome = against_emulator(FAMILY.apply(at, asked), unit, FAMILY.stream())
    return exchanges, outcome, unit


def states(outcome: Outcome) -> dict[str, str]:
    return {name: found.state.value for name, found in outcome.fields.items()}


@pytest.mark.parametrize("case", CASES)
def test_line(case: str) -> None:
    found = CASES[case]
    host = found["direction"] == "server_to_device"
    (message,) = FAMILY.server(raw(case)) if host else FAMILY.stream().feed(raw(case))
    assert isinstance(message, Message)
    told = FAMILY.fields(message)
    for key, value in found["means"].items():
        assert told[key] == value, key


def _seen(events: Any) -> list[Any]:
    return [e if isinstance(e, Message) else (e.reason, e.discarded, e.fatal) for e in events]


PIECES = [*map(raw, CASES), b"\r\n", b"300000\r\n", b"\xff\xfe\r\n", b"x" * 300, b"AT+TDC"]


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=6))
def test_any_mixture_is_bounded_and_split_anywhere_alike(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, single = FAMILY.stream(), FAMILY.stream()
    events = [event for at in range(len(data)) for event in single.feed(data[at : at + 1])]
    assert _seen(whole.feed(data)) == _seen(events)
    assert whole.buffered == single.buffered <= FAMILY.limits.max_frame


def test_keys_are_blanked() -> None:
    key = b"2b 7e 15 16 28 ae d2 a6 ab f7 15 88 09 cf 4f 3c "
    for line in (key, b"AT+APPKEY=" + key, b"AT+NWKSKEY=2b7e151628aed2a6abf7158809cf4f3c"):
        (message,) = lines(line + b"\r\n")
        assert b"2b" not in message.frame
        assert "2b" not in message.text
    command = FAMILY.raw(target(), "AT+APPKEY=2b7e151628aed2a6abf7158809cf4f3c")
    assert command.secrets == (b"2b7e151628aed2a6abf7158809cf4f3c",)
    assert "2b7e" not in command.text


def test_recognition() -> None:
    assert FAMILY.recognise(b"\r\nTrackerD ,v1.4.6\r\n") is True
    assert FAMILY.recognise(b"") is None
    assert FAMILY.recognise(b"\r\nTrack") is None
    for no in (b"GET / HTTP/1.1", b"$GPRMC,1", b"\xb5\x62\x05\x01\x02\0\6\1", b"OK\r\nOK\r\n"):
        assert FAMILY.recognise(no) is False


# -- dialogues -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, {"echo": True}, {"prefix": True}, {"echo": True, "prefix": True}])
def test_confirmed_with_the_documented_bytes_and_the_same_in_a_dry_run(options: dict[str, Any]) -> None:
    exchanges, outcome, unit = applied(ASKED, options=options)
    assert set(states(outcome).values()) == {"confirmed"}
    assert unit.settings == ASKED
    sent = [x.command.payload for x in exchanges]
    assert sent[0] == raw("dragino-at-tdc")
    assert sent[1] == raw("dragino-mtdc-180000")
    assert sent[3:5] == [b"AT+INTWK=1\r\n", raw("dragino-at-tdc-read")]
    dry, assumed = against_nobody(FAMILY.apply(target(), ASKED))
    assert [x.command.payload for x in dry] == sent
    assert set(states(assumed).values()) == {"written"}


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("name", ["tracking_interval", "motion_tracking_interval", "alarm_tracking_interval"])
def test_faults(name: str, echo: bool) -> None:
    more = {"options": {"echo": echo}}
    _, outcome, _ = applied(ASKED, faults=Faults(clamp={name: (600, 900)}), **more)
    assert (outcome.fields[name].state, outcome.fields[name].reported) == (FieldState.MISMATCHED, 600)
    _, outcome, _ = applied(ASKED, faults=Faults(ignore=frozenset({name})), **more)
    assert outcome.fields[name].state is FieldState.MISMATCHED
    _, outcome, _ = applied(ASKED, faults=Faults(refuse=frozenset({name})), **more)
    assert outcome.fields[name].state is FieldState.REJECTED
    assert "AT_PARAM_ERROR" in outcome.fields[name].reason
    assert [s for n, s in states(outcome).items() if n != name] == ["confirmed"] * 3
    exchanges, outcome, _ = applied(ASKED, faults=Faults(silent=True), **more)
    assert outcome.unanswered
    assert len(exchanges) == 1
    assert set(states(outcome).values()) == {"written", "unknown"}


def test_log_lines_of_digits_make_no_value() -> None:
    dialogue = FAMILY.read(target(), ["tracking_interval"])
    ask = next(dialogue)
    reply = collect(ask, lines(b"AT+TDC=?\r\n42\r\n300000\r\n\r\nOK\r\n"))
    with pytest.raises(StopIteration) as stop:
        dialogue.send(reply)
    assert stop.value.value.reported == {}
    ask = next(FAMILY.read(target(), ["tracking_interval"]))
    assert collect(ask, lines(b"AT+MTDC=300000\r\nOK\r\n")).verdict is Verdict.TIMEOUT
    ask = next(FAMILY.read(target(), ["tracking_interval"]))
    assert collect(ask, lines(b"\r\nOK\r\n300000\r\n")).verdict is Verdict.TIMEOUT  # OK of an earlier command


def test_an_older_firmware_without_a_command_says_so() -> None:
    at = target(experimental=True)
    unit = FAMILY.emulator(EUI, "lgt92")  # knows AT+TDC alone
    _, outcome = against_emulator(FAMILY.apply(at, ASKED), unit, FAMILY.stream())
    assert states(outcome)["tracking_interval"] == "confirmed"
    assert "does not know the command" in outcome.fields["motion_wake"].reason


def test_lgt92_needs_the_experimental_switch() -> None:
    asked = {"tracking_interval": 300}
    assert [p.severity for p in FAMILY.check(target("lgt92"), asked)] == [Severity.UNSUPPORTED]
    assert states(applied(asked, target("lgt92", experimental=True))[1]) == {"tracking_interval": "confirmed"}
    assert [p.field for p in FAMILY.check(target("lgt92", experimental=True), ASKED)] == list(ASKED)[1:]


def test_checks() -> None:
    for name, bad in (
        ("tracking_interval", 5),
        ("tracking_interval", 2147484),
        ("motion_wake", 1),
        ("tracking_interval", True),
    ):
        (problem,) = FAMILY.check(target(), {name: bad})
        assert problem.severity is Severity.REFUSE
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {name: bad})
    found = FAMILY.check(target(), {**ASKED, "motion_wake": False})
    assert [(p.field, p.severity) for p in found] == [("motion_tracking_interval", Severity.UNSUPPORTED)]


def test_reading_and_identification() -> None:
    unit = FAMILY.emulator(EUI, "trackerd", settings=ASKED)
    _, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())
    assert outcome.reported == ASKED
    _, outcome = against_emulator(FAMILY.identify(Target("")), unit, FAMILY.stream())
    assert outcome.known == {
        "device_id": EUI,
        "model": "dragino_trackerd_serial",
        "hardware": "TrackerD",
        "firmware": "v1.4.6",
    }
    silent = FAMILY.emulator(EUI, "trackerd", faults=Faults(silent=True))
    assert against_emulator(FAMILY.identify(Target("")), silent, FAMILY.stream())[1].unanswered


def test_damaged_read_back_confirms_nothing_wrong() -> None:
    whole = b"300000\r\n\r\nOK\r\n"
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        dialogue = FAMILY.apply(target(), {"tracking_interval": 300})
        write = next(dialogue)
        ask = dialogue.send(collect(write, lines(b"\r\nOK\r\n")))
        with pytest.raises(StopIteration) as stop:
            dialogue.send(collect(ask, lines(bytes(broken))))
        found = stop.value.value.fields["tracking_interval"]
        if found.state is FieldState.CONFIRMED:
            assert bytes(broken).split()[0] == b"300000"


def test_raw_commands() -> None:
    assert FAMILY.raw(target(), "AT+TDC=?").payload == raw("dragino-at-tdc-read")
    heard = lines(b"AT+TDC=?\r\n300000\r\n\r\nOK\r\n")
    reply = collect(FAMILY.raw(target(), "AT+TDC=?"), heard)
    assert [message.text for message in reply.messages] == ["300000", "OK"]
    for bad in ("", "hello", "AT+TDC=1\r\nAT+FDR", "AT+\u00e9"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), bad)


def test_console_text_of_the_emulator_is_understood_and_renamed() -> None:
    unit, stream = FAMILY.emulator(EUI, "trackerd"), FAMILY.stream()
    said = [*unit.connect(), *unit.report(datetime(2026, 5, 1, tzinfo=UTC)), *unit.receive(b"AT+DEUI=?\r\n")]
    events = [event for datum in said for event in stream.feed(datum.data)]
    assert not any(isinstance(event, PeerError) for event in events)
    (eui,) = [e.frame for e in events if isinstance(e, Message) and b"a8 40" in e.frame]
    assert FAMILY.rename(eui, EUI, "0000000000000001").startswith(b"00 00 00 00 00 00 00 01")
