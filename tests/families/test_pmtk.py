"""PMTK: recorded and documented sentences, traps of the wire, dialogues with emulated receivers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import (
    Checksum,
    Emulator,
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Severity,
    Strength,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.pmtk.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "pmtk" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
GOOD = [name for name, case in CASES.items() if case["checksum_verified"]]
FIELD = "tracking_interval_ms"
AT = Target("bench", variant="pmtk", transport=Transport.SERIAL)


def raw(case: str) -> bytes:
    return str(CASES[case]["data"]).encode("ascii")


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


def applied(ms: int, **emulator: Any) -> tuple[list[Exchange], Outcome, Emulator]:
    unit = FAMILY.emulator("bench", "pmtk", **emulator)
    exchanges, outcome = against_emulator(FAMILY.apply(AT, {FIELD: ms}), unit, FAMILY.stream())
    return exchanges, outcome, unit


@pytest.mark.parametrize("case", GOOD)
def test_sentence(case: str) -> None:
    found = CASES[case]
    host = found["direction"] == "server_to_device"
    (message,) = FAMILY.server(raw(case)) if host else FAMILY.stream().feed(raw(case))
    assert isinstance(message, Message)
    assert (message.checksum, message.device_id) == (Checksum.OK, None)
    told = FAMILY.fields(message)
    for key, value in found["means"].items():
        assert told[key] == value, key
    wanted = Kind.OTHER if host else Kind.REPORT if case == "rmc" else Kind.REPLY
    assert message.kind is wanted


@pytest.mark.parametrize("case", GOOD)
def test_no_flipped_bit_changes_what_is_said(case: str) -> None:
    whole = one(raw(case))
    for bit in range(8 * len(raw(case))):
        broken = bytearray(raw(case))
        broken[bit // 8] ^= 1 << bit % 8
        for event in FAMILY.stream().feed(bytes(broken)):
            # A digit of the checksum in lower case, or a line end without CR, says the same.
            assert isinstance(event, PeerError) or event.data == whole.data


def test_a_wrong_checksum_is_dropped() -> None:
    (event,) = FAMILY.stream().feed(raw("pmtk-bad-checksum"))
    assert isinstance(event, PeerError)
    assert "checksum" in event.reason


def _seen(events: Any) -> list[Any]:
    return [e if isinstance(e, Message) else (e.reason, e.discarded, e.fatal) for e in events]


PIECES = [*map(raw, CASES), b"$", b"\r\n", b"$PMTK001,22", b"garbage", b"$" + b"A" * 300, b"\xff" * 40]


@hypothesis_settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=6))
def test_any_mixture_is_bounded_and_split_anywhere_alike(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, single = FAMILY.stream(), FAMILY.stream()
    events = [event for at in range(len(data)) for event in single.feed(data[at : at + 1])]
    assert _seen(whole.feed(data)) == _seen(events)
    assert whole.buffered == single.buffered <= FAMILY.limits.max_frame


def test_a_cut_sentence_and_a_flood_do_not_swallow_the_next_one() -> None:
    events = FAMILY.stream().feed(b"$PMTK001,2" + raw("rmc") + b"$" + b"A" * 9000 + raw("pmtk500"))
    found = [event.frame for event in events if isinstance(event, Message)]
    assert found == [raw("rmc"), raw("pmtk500")]
    assert len(events) == 4


def test_recognition() -> None:
    assert FAMILY.recognise(raw("rmc")) is True
    assert FAMILY.recognise(raw("pmtk705-l70")) is True
    for open_ in (b"", b"$", b"$P", b"$GPRM"):
        assert FAMILY.recognise(open_) is None
    for no in (b"GET / HTTP/1.1", b"\xb5\x62\x05\x01\x02\0\6\1", b"$OK!0000000", b"$PUBX,00,1", b"\r\n\r\n"):
        assert not FAMILY.recognise(no)


# -- dialogues -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("echo", [False, True])
def test_confirmed_with_the_documented_bytes_and_the_same_in_a_dry_run(echo: bool) -> None:
    exchanges, outcome, unit = applied(5000, options={"echo": echo})
    assert [x.command.payload for x in exchanges] == [raw("pmtk220-5000"), raw("pmtk400")]
    assert outcome.fields[FIELD].state is FieldState.CONFIRMED
    assert outcome.fields[FIELD].strength is Strength.READ_BACK
    assert unit.settings == {FIELD: 5000}
    dry, assumed = against_nobody(FAMILY.apply(AT, {FIELD: 5000}))
    assert [x.command.payload for x in dry] == [x.command.payload for x in exchanges]
    assert assumed.fields[FIELD].state is FieldState.WRITTEN


def test_firmware_with_a_fix_period_of_its_own() -> None:
    exchanges, outcome, unit = applied(1000, settings={FIELD: 200}, options={"separate": True})
    assert exchanges[2].command.payload == raw("pmtk300-1000")
    assert outcome.fields[FIELD].state is FieldState.CONFIRMED
    assert unit.settings == {FIELD: 1000}


def test_without_a_query_it_stays_acknowledged() -> None:
    exchanges, outcome, _ = applied(200, options={"query": False})
    assert outcome.fields[FIELD].state is FieldState.ACKNOWLEDGED
    assert outcome.known == {"read_back": "no"}
    assert len(exchanges) == 2


@pytest.mark.parametrize("echo", [False, True])
def test_faults(echo: bool) -> None:
    more = {"options": {"echo": echo}}
    _, outcome, _ = applied(200, faults=Faults(clamp={FIELD: (500, 10000)}), **more)
    assert (outcome.fields[FIELD].state, outcome.fields[FIELD].reported) == (FieldState.MISMATCHED, 500)
    _, outcome, _ = applied(200, faults=Faults(ignore=frozenset({FIELD})), **more)
    assert (outcome.fields[FIELD].state, outcome.fields[FIELD].reported) == (FieldState.MISMATCHED, 1000)
    _, outcome, _ = applied(200, faults=Faults(refuse=frozenset({FIELD})), **more)
    assert outcome.fields[FIELD].state is FieldState.REJECTED
    assert "it failed" in outcome.fields[FIELD].reason
    exchanges, outcome, _ = applied(200, faults=Faults(silent=True), **more)
    assert outcome.unanswered
    assert outcome.fields[FIELD].state is FieldState.WRITTEN
    assert len(exchanges) == 1


def test_answers_match_by_command_and_flag() -> None:
    dialogue = FAMILY.apply(AT, {FIELD: 1000})
    write = next(dialogue)
    assert write.match(one(raw("pmtk001-320-failed"))) is Match.NO
    assert write.match(one(raw("pmtk001-300-ok"))) is Match.NO
    assert write.match(one(raw("pmtk001-220-unsupported"))) is Match.REFUSED
    assert write.match(one(raw("pmtk220-1000"))) is Match.NO
    assert write.match(one(raw("pmtk001-220-ok"))) is Match.DONE
    ask = dialogue.send(collect(write, [one(raw("pmtk001-220-ok"))]))
    assert ask.match(one(raw("pmtk001-220-ok"))) is Match.NO
    assert ask.match(one(raw("pmtk500-decimals"))) is Match.DONE
    dialogue.close()


def test_identification_of_a_recorded_receiver() -> None:
    dialogue = FAMILY.identify(Target(""))
    ask = next(dialogue)
    assert ask.payload == raw("pmtk605")
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(ask, [one(raw("rmc")), one(raw("pmtk705-l70"))]))
    assert stop.value.value.known == {
        "firmware": "AXN_2.51_3339_19071200",
        "hardware": "QUECTEL-L70",
        "model": "quectel_l70",
    }
    unit = FAMILY.emulator("bench", "pmtk", faults=Faults(silent=True))
    assert against_emulator(FAMILY.identify(Target("")), unit, FAMILY.stream())[1].unanswered


def test_reading_and_checks() -> None:
    unit = FAMILY.emulator("bench", "pmtk", settings={FIELD: 2500})
    assert against_emulator(FAMILY.read(AT, [FIELD]), unit, FAMILY.stream())[1].reported == {FIELD: 2500}
    for bad in (99, 10001, True, 1.5, "1000"):
        (problem,) = FAMILY.check(AT, {FIELD: bad})
        assert problem.severity is Severity.REFUSE
        with pytest.raises(LocalError):
            FAMILY.apply(AT, {FIELD: bad})
    assert [p.severity for p in FAMILY.check(AT, {FIELD: 1000, "x": 1})] == [Severity.UNSUPPORTED]


def test_raw_commands() -> None:
    assert FAMILY.raw(AT, "PMTK605").payload == raw("pmtk605")
    assert FAMILY.raw(AT, raw("pmtk400").decode()).payload == raw("pmtk400")
    heard = [one(raw("rmc")), one(raw("pmtk705-l70"))]
    assert collect(FAMILY.raw(AT, "PMTK605"), heard).verdict is Verdict.ANSWERED
    for bad in (
        "",
        "hello",
        "PMTK220,1000\r\n$PMTK101",
        "PMTK220,1*2",
        raw("pmtk-bad-checksum").decode(),
        "PMTK2\u00e9",
    ):
        with pytest.raises(LocalError):
            FAMILY.raw(AT, bad)


def test_emulated_reports_are_understood() -> None:
    unit = FAMILY.emulator("bench", "pmtk")
    now = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    (datum,) = unit.report(now)
    told = FAMILY.fields(one(datum.data))
    assert (told["latitude"], told["longitude"]) == (51.4843717, 6.538185)
    assert told["time"] == "2026-05-01T12:30:00Z"
    assert unit.report_interval == 1.0
    assert FAMILY.normalise(raw("rmc")) == FAMILY.normalise(datum.data)


def test_a_confirmation_says_that_it_is_volatile() -> None:
    outcome = applied(200)[1]
    (found,) = outcome.fields.values()
    assert (found.state, found.reason.split(":")[0]) == (FieldState.CONFIRMED, "volatile")
    (said,) = FAMILY.variants["pmtk"].values()
    assert said.reason == found.reason
