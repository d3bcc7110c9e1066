"""GT06 clones and old units: other answer frames, flag 0, values for yes, words they do not know, distance mode."""

from __future__ import annotations

from typing import Any

import pytest
from tracker_codecs.contract import Faults, FieldState, Match, Message, Verdict
from tracker_codecs.drive import against_emulator, collect
from tracker_codecs.families.gt06.family import FAMILY

from tests.families.gt06_facts import ASKED, IMEI, answer, applied, flag_in, states, target, texts

INTERVAL = ASKED["concox_interval"]


@pytest.mark.parametrize("number", [0x15, 0x21, 0x81])
@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_answer_frames_of_all_kinds(number: int, echo: bool, inner: bool) -> None:
    options = {"answer": number, "echo_flag": echo, "inner_length": inner}
    _, outcome, _ = applied("concox_distance_interval", ASKED["concox_distance_interval"], options=options)
    assert states(outcome)["tracking_interval"] == "confirmed"


def test_flag_zero_counts_only_where_it_fits_and_never_from_a_unit_that_echoes() -> None:
    known = {"platform": "clone"}
    dialogue = FAMILY.apply(target("concox_interval", known=known), INTERVAL)
    ask = next(dialogue)
    assert ask.match(answer("OK", 0)) is Match.NO
    assert ask.match(answer("TIMER ACC ON:20s,ACC OFF:300s", 0)) is Match.DONE
    write = dialogue.send(collect(ask, [answer("TIMER ACC ON:20s,ACC OFF:300s", flag_in(ask.payload))]))
    assert write.text == "TIMER,60,300#"
    assert write.match(answer("OK", 0)) is Match.NO  # it echoed the flag of the reading
    dialogue.close()
    dialogue = FAMILY.apply(target("concox_interval", known=known), INTERVAL)
    write = dialogue.send(collect(next(dialogue), [answer("TIMER ACC ON:20s,ACC OFF:300s", 0)]))
    assert write.match(answer("TIMER ACC ON:20s,ACC OFF:300s", 0)) is Match.NO  # a late reading is no answer
    assert write.match(answer("TIMER ACC ON:60s,ACC OFF:300s", 0)) is Match.DONE  # the value for yes
    assert write.match(answer("OK", 0)) is Match.DONE
    dialogue.close()


@pytest.mark.parametrize("options", [{"echo_flag": False, "answer": 0x15}, {"unknown": ["VERSION", "STATUS", "PARAM"]}])
def test_a_clone_is_told_by_its_words_and_then_asked_no_more(options: dict[str, Any]) -> None:
    options = {"platform": "clone", **options}
    exchanges, outcome, unit = applied("concox_interval", INTERVAL, options=options)
    assert texts(exchanges) == ["TIMER#", "TIMER,60,3600#", "TIMER#"]
    assert (states(outcome), unit.settings) == ({"tracking_interval": "confirmed"}, INTERVAL)
    at = target("concox_interval", known=outcome.known)
    exchanges, outcome = against_emulator(FAMILY.apply(at, {"tracking_interval": 90}), unit, FAMILY.stream())
    assert texts(exchanges) == ["TIMER#", "TIMER,90,3600#", "TIMER#"]
    assert outcome.fields["tracking_interval"].state is FieldState.CONFIRMED


def test_a_known_unit_is_asked_for_its_version_only() -> None:
    _, outcome, unit = applied("concox_interval", INTERVAL)
    at = target("concox_interval", known=outcome.known)
    exchanges, _ = against_emulator(FAMILY.apply(at, INTERVAL), unit, FAMILY.stream())
    assert texts(exchanges) == ["VERSION#", "TIMER#", "TIMER,60,300#", "TIMER#", "PARAM#"]
    other = FAMILY.emulator(IMEI, "concox_interval", options={"platform": "portable"})
    exchanges, outcome = against_emulator(FAMILY.apply(at, INTERVAL), other, FAMILY.stream())
    assert texts(exchanges)[:4] == ["VERSION#", "TIMER#", "STATUS#", "TIMER,,60#"]
    assert outcome.known["platform"] == "portable"


def test_what_is_in_force_is_told_by_param_or_report() -> None:
    exchanges, outcome, _ = applied("concox_interval", INTERVAL, options={"unknown": ["PARAM"]})
    assert texts(exchanges)[-2:] == ["PARAM#", "REPORT#"]
    assert states(outcome) == {"tracking_interval": "confirmed"}
    _, outcome, _ = applied("concox_interval", INTERVAL, options={"unknown": ["PARAM", "REPORT"]})
    found = outcome.fields["tracking_interval"]
    assert (found.state, "stored" in found.reason) == (FieldState.ACKNOWLEDGED, True)
    assert set(outcome.stored) == {"tracking_interval"}


@pytest.mark.parametrize("zeroes", [True, False])
def test_a_distance_that_stays_stored_is_no_mismatch(zeroes: bool) -> None:
    """X1, X3, GV20, VT05: DISTANCE# goes on telling its number beside a timer that is in force."""
    unit = FAMILY.emulator(IMEI, "concoxgt06", options={"zeroes": zeroes})
    unit.firmware.table.distance_on = True  # type: ignore[attr-defined]
    asked = {"type": "interval", "tracking_interval": 60}
    _, outcome = against_emulator(FAMILY.apply(target("concoxgt06"), asked), unit, FAMILY.stream())
    assert states(outcome) == {"type": "confirmed", "tracking_interval": "confirmed"}
    assert outcome.reported["tracking_distance"] == 0


def test_a_unit_left_in_distance_mode_is_no_confirmation() -> None:
    for unknown in ([], ["PARAM"]):
        ignore = Faults(ignore=frozenset({"tracking_interval"}))
        unit = FAMILY.emulator(IMEI, "concox_interval", faults=ignore, options={"unknown": unknown})
        table = unit.firmware.table  # type: ignore[attr-defined]
        table.timer, table.time_on, table.distance_on = [60, 300], False, True
        _, outcome = against_emulator(FAMILY.apply(target("concox_interval"), INTERVAL), unit, FAMILY.stream())
        assert outcome.fields["tracking_interval"].state is FieldState.MISMATCHED
        assert outcome.fields["tracking_interval"].reported == 0


def test_a_raw_command_is_answered() -> None:
    unit, stream = FAMILY.emulator(IMEI, "concoxgt06", options={"platform": "clone"}), FAMILY.stream()
    asked = FAMILY.raw(target("concoxgt06"), "PARAM#")
    heard = [e for d in unit.receive(asked.payload) for e in stream.feed(d.data) if isinstance(e, Message)]
    reply = collect(asked, heard)
    assert reply.verdict is Verdict.ANSWERED
    assert "TIMER:20,3600; SENDS:5" in reply.text
    nonsense = FAMILY.raw(target("concoxgt06"), "NONSENSE#")
    heard = [e for d in unit.receive(nonsense.payload) for e in stream.feed(d.data) if isinstance(e, Message)]
    assert collect(nonsense, heard).verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    "text",
    [
        *("Not support!", "instruction error!", "Time Out!", "<SPEED#>Command was not recognized!", "Device busy"),
        *("Error: Not authorized!", "ERROR:The domain name or IP is locked,not allowed to modify.", "Fehler", "FAIL"),
    ],
)
def test_refusals_in_words(text: str) -> None:
    asked = FAMILY.raw(target("concoxgt06"), "SPEED#")
    assert collect(asked, [answer(text, flag_in(asked.payload))]).verdict is Verdict.REFUSED
