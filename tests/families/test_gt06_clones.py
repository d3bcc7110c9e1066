"""GT06 clones: old answers, flag 0, units that know only PARAM#, have no ACC line or stand in distance mode."""

from __future__ import annotations

from typing import Any

import pytest
from tracker_codecs.contract import Faults, FieldState, Match, Message, Verdict
from tracker_codecs.drive import against_emulator, collect
from tracker_codecs.families.gt06.family import FAMILY

from tests.families.gt06_facts import ASKED, IMEI, answer, applied, flag_in, states, target, texts


@pytest.mark.parametrize("options", [{"answer": 0x15}, {"echo_flag": False}, {"echo_flag": False, "answer": 0x15}])
def test_old_answers_and_flag_zero(options: dict[str, Any]) -> None:
    _, outcome, _ = applied("concox_distance_interval", ASKED["concox_distance_interval"], options=options)
    assert states(outcome)["tracking_interval"] == "confirmed"


def test_flag_zero_counts_only_where_it_fits_and_never_from_a_unit_that_echoes() -> None:
    dialogue = FAMILY.apply(target("concox_interval"), ASKED["concox_interval"])
    ask = next(dialogue)
    assert ask.match(answer("OK", 0)) is Match.NO
    assert ask.match(answer("Timer:20,300;", 0)) is Match.DONE
    write = dialogue.send(collect(ask, [answer("Timer:20,300;", flag_in(ask.payload))]))
    assert write.match(answer("OK", 0)) is Match.NO  # it echoed the flag of the reading
    dialogue.close()
    dialogue = FAMILY.apply(target("concox_interval"), ASKED["concox_interval"])
    write = dialogue.send(collect(next(dialogue), [answer("Timer:20,300;", 0)]))
    assert write.match(answer("Timer:60,300;", 0)) is Match.NO  # a late reading is no answer to a write
    assert write.match(answer("OK", 0)) is Match.DONE
    dialogue.close()


def test_a_unit_that_knows_only_param() -> None:
    asked = ASKED["concox_distance_interval"]
    at = target("concox_distance_interval")
    exchanges, outcome, unit = applied("concox_distance_interval", asked, at, options={"queries": False})
    assert texts(exchanges) == ["TIMER#", "PARAM#", "TIMER,60,300#", "PARAM#"]
    assert states(outcome)["tracking_interval"] == "confirmed"
    assert outcome.known["read"] == "param"
    unit.parameters.distance = 200
    at = target("concox_distance_interval", known=outcome.known)
    exchanges, outcome = against_emulator(FAMILY.read(at, list(asked)), unit, FAMILY.stream())
    assert texts(exchanges) == ["PARAM#"]
    assert outcome.reported == {"tracking_interval": 0, "tracking_distance": 200}


def test_a_unit_left_in_distance_mode_is_no_confirmation() -> None:
    ignore = Faults(ignore=frozenset({"tracking_interval"}))
    for variant, queries in (("concox_interval", False), ("concox_distance_interval", True)):
        unit = FAMILY.emulator(IMEI, variant, faults=ignore, options={"queries": queries})
        unit.parameters.distance = 200  # type: ignore[attr-defined]
        _, outcome = against_emulator(FAMILY.apply(target(variant), ASKED[variant]), unit, FAMILY.stream())
        assert outcome.fields["tracking_interval"].state is FieldState.MISMATCHED
        assert outcome.fields["tracking_interval"].reported == 0


def test_a_unit_without_acc_line_takes_one_time() -> None:
    exchanges, outcome, _ = applied("concox_interval", ASKED["concox_interval"], options={"acc": False})
    assert texts(exchanges) == ["TIMER#", "TIMER,60#", "TIMER#"]
    assert states(outcome) == {"tracking_interval": "confirmed"}


def test_a_raw_command_is_answered() -> None:
    unit, stream = FAMILY.emulator(IMEI, "concoxgt06"), FAMILY.stream()
    asked = FAMILY.raw(target("concoxgt06"), "PARAM#")
    heard = [e for d in unit.receive(asked.payload) for e in stream.feed(d.data) if isinstance(e, Message)]
    reply = collect(asked, heard)
    assert reply.verdict is Verdict.ANSWERED
    assert "TIMER:20,300; SENDS:5" in reply.text
    nonsense = FAMILY.raw(target("concoxgt06"), "NONSENSE#")
    heard = [e for d in unit.receive(nonsense.payload) for e in stream.feed(d.data) if isinstance(e, Message)]
    assert collect(nonsense, heard).verdict is Verdict.REFUSED
