"""Eelink: texts and conversations."""

from __future__ import annotations

from typing import Any

import pytest
from tracker_codecs.contract import (
    Faults,
    Match,
    Message,
    Severity,
    Target,
    Transport,
    Verdict,
)
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.errors import LocalError
from tracker_codecs.families.eelink import settings as texts
from tracker_codecs.families.eelink.family import FAMILY
from tracker_codecs.families.eelink.frame import envelope

from tests.families.eelink_facts import (
    ASKED,
    CASES,
    COLLECT,
    IMEI,
    answer,
    applied,
    one,
    raw,
    sent,
    spoken,
    states,
    target,
)


# -- texts --
def test_texts() -> None:
    assert texts.said(CASES["text-set-timer-ok"]["data"]) is texts.Said.YES
    assert texts.said("SET TIMER OK, ERROR 3") is texts.Said.NO
    assert texts.said("broken") is texts.Said.UNCLEAR
    assert texts.collect("COLLECT:120, 200,40,30,1#") == (120, 200, 40, 30, 1)
    assert texts.gps("GPS,0") == (0,)
    assert texts.gps(CASES["text-gps-short"]["means"]["equals"]) == (1, 120, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "COLLECT", "COLLECT,120,200,40,30", "COLLECT,120,200,40,30,1,7", "COLLECT,120,200,40,30,1.5"),
        *("COLLECT,-120,200,40,30,1", "120,200,40,30,1", "COLLECT interval 120 distance 200 angle 40 moving 30 q 1"),
    ],
)
def test_other_texts_tell_nothing(text: str) -> None:
    assert texts.collect(text) is None
    assert texts.gps(text) is None


# -- conversations --
def test_version_1_is_acknowledged_and_cannot_be_asked() -> None:
    exchanges, outcome, unit = applied({"tracking_interval": 60}, target("v1"))
    assert sent(exchanges) == ["TIMER,60#"]
    assert exchanges[0].reply.text == CASES["text-set-timer-ok"]["data"]
    assert (states(outcome), unit.settings) == ({"acknowledged"}, {"tracking_interval": 60})
    assert against_nobody(FAMILY.read(target("v1"), ["tracking_interval"]))[0] == []
    for text, state in (("TIMER ERROR", "rejected"), ("what?", "written"), (None, "written")):
        _, outcome = spoken([text], {"tracking_interval": 60}, target("v1"))
        assert (states(outcome), outcome.unanswered) == ({state}, text is None)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
def test_version_2_keeps_what_is_no_setting_and_reads_back(transport: Transport) -> None:
    device = FAMILY.emulator(IMEI, "v2", transport=transport)
    device.stored = {"COLLECT": [9, 9, 9, 9, 5], "GPS": [1, 60, 5, 1, 60, 2], "GSM": [1]}  # type: ignore[attr-defined]
    at = target(experimental=True, transport=transport)
    exchanges, outcome = against_emulator(FAMILY.apply(at, ASKED), device, FAMILY.stream(transport))
    assert sent(exchanges) == [
        *("COLLECT?", "COLLECT,120,200,40,30,5#", "COLLECT?", "GPS?", "GPS,1,60,5,1,60,2#", "GPS?", "GSM,0#")
    ]
    assert {name: found.state.value for name, found in outcome.fields.items()} == {
        **dict.fromkeys(ASKED, "confirmed"),
        "gsm_working_mode": "acknowledged",
    }
    assert outcome.known == {"collect": "120,200,40,30,5", "gps": "1,60,5,1,60,2"}
    assert device.settings == ASKED


def test_always_on_needs_no_times_and_switching_back_takes_the_documented_ones() -> None:
    exchanges, outcome, unit = applied({"gps_working_mode": "always_on"})
    assert sent(exchanges) == ["GPS?", "GPS,0#", "GPS?"]
    assert (states(outcome), unit.stored["GPS"][0]) == ({"confirmed"}, 0)
    said, outcome = spoken(["GPS,0", "OK", "GPS,1,120,0,0,0,0"], {"gps_working_mode": "auto"})
    assert (said[1], states(outcome)) == ("GPS,1#", {"confirmed"})
    _, outcome = spoken(["GPS,0", "OK", "GPS,3"], {"gps_working_mode": "auto"})
    assert (states(outcome), outcome.reported) == ({"mismatched"}, {"gps_working_mode": "mode 3"})


def test_where_the_unit_does_not_tell_the_rest_an_option_must() -> None:
    at = target(experimental=True)
    exchanges, outcome, _ = applied(at=at, options={"readable": False})
    assert sent(exchanges) == ["COLLECT?", "GPS?", "GSM,0#"]
    for name, found in outcome.fields.items():
        assert found.state.value == ("acknowledged" if name == "gsm_working_mode" else "rejected")
    assert "upload_quantity" in outcome.fields["tracking_interval"].reason
    at = target(options={"upload_quantity": 1, "gps_defaults": True})
    exchanges, outcome, _ = applied({**COLLECT, "gps_working_mode": "auto"}, at, options={"readable": False})
    assert sent(exchanges) == ["COLLECT?", "COLLECT,120,200,40,30,1#", "GPS?", "GPS,1#"]
    assert states(outcome) == {"acknowledged"}  # nothing was read
    for options in ({"upload_quantity": 0}, {"upload_quantity": "1"}, {"gps_defaults": 1}):
        with pytest.raises(LocalError):
            FAMILY.check(target(options=options), COLLECT)


def test_gsm_needs_the_experimental_switch() -> None:
    (problem,) = FAMILY.check(target(), ASKED)
    assert (problem.field, problem.severity) == ("gsm_working_mode", Severity.UNSUPPORTED)
    exchanges, outcome, _ = applied(at=target())
    assert not any(text.startswith("GSM") for text in sent(exchanges))
    assert outcome.fields["gsm_working_mode"].state.value == "unsupported"


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        (Faults(clamp={name: (1, 20) for name in COLLECT}), "mismatched"),
        (Faults(ignore=frozenset(COLLECT)), "mismatched"),
        (Faults(refuse=frozenset(COLLECT)), "rejected"),
        (Faults(silent=True), "unknown"),
    ],
)
def test_faults(faults: Faults, state: str) -> None:
    told = {"tracking_interval": 21, "tracking_distance": 22, "tracking_angle": 23, "active_tracking_interval": 24}
    exchanges, outcome, unit = applied(COLLECT, faults=faults, settings=told)
    assert states(outcome) == {state}
    assert outcome.unanswered is faults.silent
    assert len(exchanges) == (1 if faults.silent else 3)
    for name, found in outcome.fields.items():
        assert found.reported in (None, unit.settings[name])


def test_silence_ends_the_conversation() -> None:
    asked = {**COLLECT, "gps_working_mode": "auto"}
    told = "COLLECT,1,2,3,4,1"
    said, outcome = spoken([told, None], asked)
    assert (said[-1], outcome.unanswered) == ("COLLECT,120,200,40,30,1#", True)
    assert outcome.fields["tracking_angle"].state.value == "written"
    said, outcome = spoken([told, "OK", None], asked)
    assert (len(said), outcome.unanswered) == (3, True)
    assert outcome.fields["tracking_angle"].state.value == "acknowledged"


def test_a_late_answer_to_an_older_revision_matches_nothing() -> None:
    first = next(FAMILY.apply(target(), COLLECT))
    (now,) = FAMILY.server(first.payload)
    (older,) = FAMILY.server(next(FAMILY.apply(Target(IMEI, variant="v2", serial=0x1000), COLLECT)).payload)
    assert isinstance(now, Message)
    assert isinstance(older, Message)
    text = "COLLECT,120,200,40,30,1"
    assert first.match(answer(now.data.uid, text)) is Match.DONE
    assert first.match(answer(older.data.uid, text)) is Match.NO
    assert first.match(answer(now.data.uid, text, "352544071750518")) is Match.NO
    assert first.match(one(raw("rep-where"))) is Match.NO
    assert len({each.command.payload for each in applied()[0]}) == 7


def test_no_flipped_bit_of_a_read_back_confirms() -> None:
    """Nothing but TCP's own checksum guards a package: a flipped digit is another value, and told as that."""
    last = applied(COLLECT)[0][-1]
    (asked,) = FAMILY.server(last.command.payload)
    assert isinstance(asked, Message)
    frame = answer(asked.data.uid, "COLLECT,777,888,99,666,1").frame
    login = raw("login-v1")
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        heard = [e for e in FAMILY.stream().feed(login + bytes(broken) + raw("hb") * 40) if isinstance(e, Message)]
        reply = collect(last.command, heard)
        told = texts.collect(reply.messages[-1].data.text) if reply.messages else None
        assert not set(told or ()) & set(COLLECT.values())
        guarded = envelope(IMEI, frame)
        broken = bytearray(guarded)
        broken[bit // 8] ^= 1 << bit % 8
        datagrams = [e for e in FAMILY.stream(Transport.UDP).feed(bytes(broken)) if isinstance(e, Message)]
        assert collect(last.command, datagrams).verdict is Verdict.TIMEOUT


def test_a_dry_run_shows_what_is_known_of_the_unit() -> None:
    known = {"collect": "1,2,3,4,6", "gps": "1,60,5,1,60,2"}
    texts_of = sent(
        against_nobody(FAMILY.apply(target(known=known), {"tracking_angle": 10, "gps_working_mode": "auto"}))[0]
    )
    assert texts_of == ["COLLECT?", "COLLECT,1,2,10,4,6#", "COLLECT?", "GPS?", "GPS,1,60,5,1,60,2#", "GPS?"]
    bare = sent(against_nobody(FAMILY.apply(target(), {**COLLECT, "gps_working_mode": "auto"}))[0])
    assert (bare[1], bare[4]) == ("COLLECT,120,200,40,30,1#", "GPS,1#")


def test_what_is_in_force_is_read() -> None:
    unit = FAMILY.emulator(IMEI, "v2", settings={**COLLECT, "gps_working_mode": "always_on"})
    exchanges, outcome = against_emulator(FAMILY.read(target(), list(ASKED)), unit, FAMILY.stream())
    assert sent(exchanges) == ["COLLECT?", "GPS?"]
    assert outcome.reported == {**COLLECT, "gps_working_mode": "always_on"}


@pytest.mark.parametrize(
    ("variant", "field", "bad", "good"),
    [
        ("v1", "tracking_interval", [0, 65536, True, "60", 1.5], [1, 18000]),
        ("v2", "tracking_interval", [-1, 65536], [0, 65535]),
        ("v2", "active_tracking_interval", [0, 65536], [1]),
        ("v2", "tracking_angle", [-1, 360], [0, 180]),
        ("v2", "gps_working_mode", ["off", 0, "3#"], ["auto", "always_on"]),
    ],
)
def test_values_that_do_not_fit_are_refused(variant: str, field: str, bad: list[Any], good: list[Any]) -> None:
    for value in bad:
        (problem,) = FAMILY.check(target(variant), {field: value})
        assert (problem.field, problem.severity) == (field, Severity.REFUSE)
        with pytest.raises(LocalError):
            FAMILY.apply(target(variant), {field: value})
    for value in good:
        assert FAMILY.check(target(variant), {field: value}) == []
    (problem,) = FAMILY.check(target(variant), {"sleep_mode": 1})
    assert problem.severity is Severity.UNSUPPORTED
