"""UBX: recorded and documented frames, traps of the wire, dialogues with emulated receivers."""

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
    Faults,
    FieldState,
    Kind,
    Match,
    Message,
    Outcome,
    Severity,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import Exchange, against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.ubx.emulator import UbxEmulator
from tracker_codecs.families.ubx.family import FAMILY

FIXTURE = yaml.safe_load(
    (Path(__file__).parents[2] / "firmware-fixtures" / "ubx" / "frames.yaml").read_text(encoding="utf-8")
)
CASES = {case["id"]: case for case in FIXTURE["cases"]}
GOOD = [name for name, case in CASES.items() if case["checksum_verified"]]
FIELD = "tracking_interval_ms"
RMC = b"$GPRMC,102127.000,A,5129.0623,N,00632.2911,E,0.33,30.68,210211,,,A*51\r\n"


def raw(case: str) -> bytes:
    return bytes.fromhex(CASES[case]["data"])


def target(variant: str = "auto", **more: Any) -> Target:
    return Target("bench", variant=variant, transport=Transport.SERIAL, **more)


def applied(
    variant: str, ms: int, at: Target | None = None, **emulator: Any
) -> tuple[list[Exchange], Outcome, UbxEmulator]:
    unit = FAMILY.emulator("9b51e98f2b54", variant, **emulator)
    assert isinstance(unit, UbxEmulator)
    exchanges, outcome = against_emulator(FAMILY.apply(at or target(variant), {FIELD: ms}), unit, FAMILY.stream())
    return exchanges, outcome, unit


def one(data: bytes) -> Message:
    (event,) = FAMILY.stream().feed(data)
    assert isinstance(event, Message)
    return event


@pytest.mark.parametrize("case", GOOD)
def test_frame(case: str) -> None:
    found = CASES[case]
    read = FAMILY.server if found["direction"] == "server_to_device" else FAMILY.stream().feed
    (message,) = read(raw(case))
    assert isinstance(message, Message)
    assert message.checksum is Checksum.OK
    told = FAMILY.fields(message)
    for key, value in found["means"].items():
        if key != "note":
            assert told[key] == value, key
    assert message.device_id == found["means"].get("unique_id")


@pytest.mark.parametrize("case", GOOD)
def test_every_flipped_bit_is_noticed(case: str) -> None:
    frame = raw(case)
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        assert not [e for e in FAMILY.stream().feed(bytes(broken)) if isinstance(e, Message) and e.frame != RMC]


def test_a_wrong_checksum_is_told() -> None:
    events = FAMILY.stream().feed(raw("ubx-ack-bad-checksum"))
    assert isinstance(events[0], PeerError)
    assert "checksum" in events[0].reason


def _seen(events: Any) -> list[Any]:
    return [e if isinstance(e, Message) else (e.reason, e.discarded, e.fatal) for e in events]


PIECES = [*map(raw, CASES), RMC, RMC[:20], b"\xb5", b"\xb5\x62", b"$", b"\r\n", b"garbage", b"\xb5\x62\x06\x08\xff\xff"]


@hypothesis_settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=6))
def test_any_mixture_is_bounded_and_split_anywhere_alike(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, single = FAMILY.stream(), FAMILY.stream()
    events = [event for at in range(len(data)) for event in single.feed(data[at : at + 1])]
    assert _seen(whole.feed(data)) == _seen(events)
    assert whole.buffered == single.buffered <= FAMILY.limits.max_frame


def test_frames_are_found_again_behind_garbage_cut_frames_and_sentences() -> None:
    data = raw("ubx-nav-pvt")[:40] + RMC + b"\xb5\x62\x05\x01\xff\x20" + raw("ubx-ack-cfg-rate") + RMC
    found = [e for e in FAMILY.stream().feed(data + bytes(100)) if isinstance(e, Message)]
    assert [e.frame for e in found] == [RMC, raw("ubx-ack-cfg-rate"), RMC]
    assert [e.kind for e in found] == [Kind.REPORT, Kind.REPLY, Kind.REPORT]


def test_a_length_beyond_the_maximum_is_refused_at_the_header() -> None:
    stream = FAMILY.stream()
    stream.feed(b"\xb5\x62\x01\x07\x01\x20" + b"z" * 60)
    assert stream.buffered <= 32
    assert FAMILY.recognise(b"\xb5\x62\x01\x07\x01\x20") is False


def test_recognition() -> None:
    for yes in (raw("ubx-ack-cfg-rate"), RMC, b"\r\n" + RMC):
        assert FAMILY.recognise(yes) is True
    for open_ in (b"", b"\xb5", b"$", b"$GPR"):
        assert FAMILY.recognise(open_) is None
    for no in (b"GET / HTTP/1.1", b"\x16\x03\x01\x02\x00\x01", b"\xb5\x00", b"$PMTK001,220,3*30\r\n", b"\x94\xc3\0\6"):
        assert FAMILY.recognise(no) is False


# -- dialogues -------------------------------------------------------------------------------------------------------
def test_writes_are_the_documented_bytes() -> None:
    (_, write, _), outcome, _ = applied("keys", 5000)
    assert write.command.payload == raw("ubx-valset-all-5000")
    assert outcome.fields[FIELD].reason == "kept in RAM, battery-backed RAM, flash"
    (_, write, _), outcome, _ = applied("keys", 1000, target("keys", options={"layers": 1}))
    assert write.command.payload == raw("ubx-valset-ram-1000")
    assert "lost at power-off" in outcome.fields[FIELD].reason
    (read, write, again), outcome, _ = applied("rate", 200)
    assert (read.command.payload, write.command.payload) == (raw("ubx-rate-poll"), raw("ubx-rate-set-200"))
    assert again.command.payload == read.command.payload
    assert "lost at power-off" in outcome.fields[FIELD].reason
    assert outcome.fields[FIELD].state is FieldState.CONFIRMED


@pytest.mark.parametrize("variant", ["auto", "keys", "rate"])
def test_a_dry_run_shows_what_is_sent(variant: str) -> None:
    exchanges, outcome, unit = applied(variant, 500)
    assert outcome.fields[FIELD].state is FieldState.CONFIRMED
    assert unit.settings == {FIELD: 500}
    dry, assumed = against_nobody(FAMILY.apply(target(variant), {FIELD: 500}))
    assert [x.command.payload for x in dry] == [x.command.payload for x in exchanges]
    assert assumed.fields[FIELD].state is FieldState.WRITTEN


def test_the_older_dialect_is_found_by_refusal_and_remembered() -> None:
    exchanges, outcome, _ = applied("rate", 500, target("auto"))
    assert [x.reply.verdict for x in exchanges] == [Verdict.REFUSED, *[Verdict.ANSWERED] * 3]
    assert outcome.fields[FIELD].state is FieldState.CONFIRMED
    assert outcome.known == {"dialect": "rate"}
    assert len(applied("rate", 500, target("auto", known=outcome.known))[0]) == 3


@pytest.mark.parametrize("variant", ["keys", "rate"])
def test_other_arguments_survive(variant: str) -> None:
    exchanges, outcome, unit = applied(variant, 1000, options={"cycles": 2, "reference": 0})
    assert outcome.fields[FIELD].state is FieldState.CONFIRMED
    assert (unit.period, unit.cycles, unit.reference) == (500, 2, 0)
    exchanges, outcome, unit = applied(variant, 1001, options={"cycles": 2})
    assert outcome.fields[FIELD].state is FieldState.REJECTED
    assert len(exchanges) == 1
    assert unit.settings == {FIELD: 1000}


def test_without_flash_the_other_layers_are_tried_and_an_option_stands() -> None:
    exchanges, outcome, unit = applied("keys", 500, options={"flash": False})
    assert [x.reply.verdict for x in exchanges[1:3]] == [Verdict.REFUSED, Verdict.ANSWERED]
    assert outcome.known["layers"] == "3"
    assert len(applied("keys", 500, target("keys", known=outcome.known), options={"flash": False})[0]) == 3
    unit.power_cycle()
    assert unit.settings == {FIELD: 500}
    _, outcome, unit = applied("keys", 500, target("keys", options={"layers": 7}), options={"flash": False})
    assert outcome.fields[FIELD].state is FieldState.REJECTED
    assert unit.settings == {FIELD: 1000}
    for bad in (0, 2, 6, 8, True, "ram"):
        with pytest.raises(LocalError, match="layers"):
            FAMILY.apply(target("keys", options={"layers": bad}), {FIELD: 500})


def test_ram_alone_is_forgotten() -> None:
    _, _, unit = applied("keys", 500, target("keys", options={"layers": 1}))
    unit.power_cycle()
    assert unit.settings == {FIELD: 1000}


@pytest.mark.parametrize("variant", ["auto", "keys", "rate"])
@pytest.mark.parametrize("echo", [False, True])
def test_faults(variant: str, echo: bool) -> None:
    more = {"options": {"echo": echo}}
    _, outcome, _ = applied(variant, 200, faults=Faults(clamp={FIELD: (250, 5000)}), **more)
    assert (outcome.fields[FIELD].state, outcome.fields[FIELD].reported) == (FieldState.MISMATCHED, 250)
    _, outcome, _ = applied(variant, 200, faults=Faults(ignore=frozenset({FIELD})), **more)
    assert (outcome.fields[FIELD].state, outcome.fields[FIELD].reported) == (FieldState.MISMATCHED, 1000)
    _, outcome, _ = applied(variant, 200, faults=Faults(refuse=frozenset({FIELD})), **more)
    assert outcome.fields[FIELD].state is FieldState.REJECTED
    assert "ACK-NAK" in outcome.fields[FIELD].reason
    exchanges, outcome, _ = applied(variant, 200, faults=Faults(silent=True), **more)
    assert outcome.unanswered
    assert outcome.fields[FIELD].state is FieldState.UNKNOWN
    assert all(x.command.purpose.value == "read" for x in exchanges)


def test_answers_match_exactly() -> None:
    dialogue = FAMILY.apply(target("rate"), {FIELD: 1000})
    poll = next(dialogue)
    ack, answer = one(raw("ubx-ack-cfg-rate")), one(raw("ubx-rate-answer"))
    assert poll.match(one(raw("ubx-ack-cfg-msg"))) is Match.NO
    assert poll.match(ack) is Match.NO  # that of an earlier command: no data came before it
    assert poll.match(one(raw("ubx-nak-cfg-rate"))) is Match.REFUSED
    assert poll.match(answer) is Match.PART
    assert poll.match(ack) is Match.DONE
    write = dialogue.send(collect(poll, [answer, ack]))
    assert write.match(answer) is Match.NO  # an echo of our own bytes looks just like this
    assert write.match(ack) is Match.DONE
    dialogue.close()


def test_only_whole_answers_of_the_right_layer_tell_keys() -> None:
    from tracker_codecs.families.ubx.dialogue import keys_of
    from tracker_codecs.families.ubx.frame import payload_of

    body = bytes.fromhex("0100000001002130e803020021300100")
    found = keys_of(body)
    assert found
    assert (found.period, found.cycles) == (1000, 1)
    for bad in (
        body[:-1],
        body + b"\0",
        b"\0" + body[1:],
        body[:1] + b"\1" + body[2:],
        body[:10] + body[4:10],
        payload_of(raw("ubx-valget-short-tail")),
        payload_of(raw("ubx-valget-answer")),
    ):
        assert keys_of(bad) is None


def test_damaged_read_back_confirms_nothing() -> None:
    exchanges, _, _ = applied("keys", 500)
    whole = b"".join(message.frame for message in exchanges[2].reply.messages)
    for bit in range(8 * len(whole)):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        dialogue = FAMILY.apply(target("keys"), {FIELD: 500})
        next(dialogue)
        dialogue.send(exchanges[0].reply)
        command = dialogue.send(exchanges[1].reply)
        heard = [e for e in FAMILY.stream().feed(bytes(broken)) if isinstance(e, Message)]
        with pytest.raises(StopIteration) as stop:
            dialogue.send(collect(command, heard))
        found = stop.value.value.fields[FIELD]
        # The data may be whole and only the ACK behind it broken; then the true value was read.
        assert found.reported in (None, 500)
        assert (found.state is FieldState.CONFIRMED) == (bit >= 8 * 24)


def test_identification() -> None:
    unit = FAMILY.emulator("9b51e98f2b54", "keys")
    _, outcome = against_emulator(FAMILY.identify(Target("")), unit, FAMILY.stream())
    assert outcome.known == {
        "device_id": "9b51e98f2b54",
        "model": "ublox_9",
        "hardware": "ZED-F9P 00190000",
        "firmware": "HPG 1.51",
        "protocol": "27.50",
    }
    dialogue = FAMILY.identify(Target(""))
    poll = next(dialogue)
    assert poll.payload == raw("ubx-mon-ver-poll")
    ask = dialogue.send(collect(poll, [one(raw("ubx-mon-ver-zed-f9p-150"))]))
    assert ask.payload == raw("ubx-uniqid-poll")
    with pytest.raises(StopIteration) as stop:
        dialogue.send(collect(ask, [one(raw("ubx-uniqid-m10-b"))]))
    assert stop.value.value.known["firmware"] == "HPG 1.50"
    assert stop.value.value.known["device_id"] == "ffcef10f3354"
    _, outcome = against_emulator(
        FAMILY.identify(Target("")), FAMILY.emulator("x", "rate", faults=Faults(silent=True)), FAMILY.stream()
    )
    assert outcome.unanswered


def test_reading_and_checks() -> None:
    for variant in ("keys", "rate"):
        unit = FAMILY.emulator("9b51e98f2b54", variant, settings={FIELD: 2500})
        _, outcome = against_emulator(FAMILY.read(target("auto"), [FIELD]), unit, FAMILY.stream())
        assert outcome.reported == {FIELD: 2500}
    for bad in (0, 65536, True, 1.5, "1000"):
        (problem,) = FAMILY.check(target(), {FIELD: bad})
        assert problem.severity is Severity.REFUSE
        with pytest.raises(LocalError):
            FAMILY.apply(target(), {FIELD: bad})
    assert [p.severity for p in FAMILY.check(target(), {FIELD: 1000, "sleep": 1})] == [Severity.UNSUPPORTED]


def test_raw_commands() -> None:
    command = FAMILY.raw(target(), "06 08")
    assert command.payload == raw("ubx-rate-poll")
    heard = [one(raw("ubx-rate-answer")), one(raw("ubx-ack-cfg-rate"))]
    assert collect(command, heard).verdict is Verdict.ANSWERED
    assert FAMILY.raw(target(), raw("ubx-rate-poll")).payload == raw("ubx-rate-poll")
    for bad in ("", "06", "hello", "06 0"):
        with pytest.raises(LocalError):
            FAMILY.raw(target(), bad)


def test_reports_renaming_and_comparison() -> None:
    now = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    (datum,) = FAMILY.emulator("9b51e98f2b54", "keys").report(now)
    told = FAMILY.fields(one(datum.data))
    assert (told["time"], told["valid"]) == ("2026-05-01T12:30:00Z", True)
    renamed = FAMILY.rename(raw("ubx-uniqid-m10"), "9b51e98f2b54", "ffcef10f3354")
    assert renamed == raw("ubx-uniqid-m10-b")
    assert FAMILY.rename(RMC, "9b51e98f2b54", "ffcef10f3354") == RMC
    with pytest.raises(LocalError):
        FAMILY.rename(raw("ubx-uniqid-m10"), "9b51e98f2b54", "x" * 12)
    assert FAMILY.normalise(RMC) == FAMILY.normalise(RMC.replace(b"102127", b"102128"))
