"""GT06: dialogues with emulated units: exact command bytes, what is confirmed, what survives, what does not match."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tracker_codecs.contract import Faults, FieldState, Kind, Match, Message, Outcome, Purpose, Strength
from tracker_codecs.drive import against_emulator, against_nobody, collect
from tracker_codecs.families.gt06.family import FAMILY
from tracker_codecs.families.gt06.talk import answers

from tests.families.gt06_facts import (
    ASKED,
    GT06,
    GT700,
    HARMLESS,
    IMEI,
    SERIAL,
    answer,
    applied,
    command,
    flag_in,
    problems,
    raw,
    states,
    target,
    texts,
)

#: Variants whose interval TIMER carries, on the vehicle units that are emulated for them.
BY_TIMER = [name for name in ASKED if name not in ("concox_gt700", "concox_qbit")]
#: What is asked first of a unit that nobody knows: who it is, and what must be kept.
FIRST = ["TIMER#", "VERSION#", "STATUS#"]


# -- what is sent ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("variant", "asked", "sent"),
    [
        ("concox_interval", {}, [*FIRST, "TIMER,60,300#", "TIMER#", "PARAM#"]),
        ("concox_distance_interval", {}, [*FIRST, "TIMER,60,300#", "TIMER#", "PARAM#"]),
        ("concox_gt350", {}, [*FIRST, "TIMER,60,300#", "TIMER#", "PARAM#"]),
        ("concox_qbit", {}, [*FIRST, "TIMER,60,60#", "TIMER#", "PARAM#"]),
        ("concox_gt700", {}, ["TIMER#", "VERSION#", "MODE#", "MODE,3,10:20,6#", "MODE#"]),
        ("concox_gt700", {"type": "interval"}, ["TIMER#", "VERSION#", "MODE#", "MODE,2,300#", "MODE#"]),
        (
            "concoxgt06",
            {},
            [*FIRST, "ANGLEREP#", "ANGLEREP,ON,30,2#", "TIMER,60,300#", "TIMER#", "PARAM#", "ANGLEREP#"],
        ),
        (
            "concoxgt06",
            {"type": "distance"},
            [*FIRST, "ANGLEREP#", "ANGLEREP,OFF#", "DISTANCE,250#", "TIMER#", "PARAM#", "ANGLEREP#"],
        ),
    ],
)
def test_exact_bytes(variant: str, asked: dict[str, Any], sent: list[str]) -> None:
    """Texts of the public command lists in frames of v1.8.1; the emulated unit has ACC-off time 300 s, angle off."""
    unit = FAMILY.emulator(IMEI, variant)
    unit.firmware.table.detection = 2  # type: ignore[attr-defined]
    exchanges, _ = against_emulator(FAMILY.apply(target(variant), ASKED[variant] | asked), unit, FAMILY.stream())
    wanted = [command(text, 0x01000040 + (step << 16), SERIAL + step) for step, text in enumerate(sent)]
    assert [exchange.command.payload for exchange in exchanges] == wanted
    assert [exchange.command.text for exchange in exchanges] == sent


@pytest.mark.parametrize("hours", [1, 2, 3, 4, 6, 8, 12, 24])
def test_hour_steps(hours: int) -> None:
    exchanges, _, unit = applied("concox_gt700", {**GT700, "psm_interval": hours})
    assert exchanges[3].command.payload == command(f"MODE,3,10:20,{hours}#", 0x01030040, SERIAL + 3)
    assert unit.settings["psm_interval"] == hours


@pytest.mark.parametrize("variant", ASKED)
def test_dry_run_shows_the_bytes_that_are_sent(variant: str) -> None:
    unit = FAMILY.emulator(IMEI, variant)
    exchanges, outcome = against_emulator(FAMILY.apply(target(variant), ASKED[variant]), unit, FAMILY.stream())
    dry, assumed = against_nobody(FAMILY.apply(target(variant), ASKED[variant]))
    assert len(dry) == len(exchanges) <= 16  # command numbers of one revision
    for shown, sent in zip(dry, exchanges, strict=True):
        assert shown.command.payload == sent.command.payload or sent.command.depends_on_read
    assert FieldState.CONFIRMED not in {found.state for found in assumed.fields.values()}
    # Once the unit was read, the kept arguments are known and nothing differs.
    at = target(variant, known=outcome.known)
    exchanges, _ = against_emulator(FAMILY.apply(at, ASKED[variant]), unit, FAMILY.stream())
    dry, _ = against_nobody(FAMILY.apply(at, ASKED[variant]))
    assert [x.command.payload for x in dry] == [x.command.payload for x in exchanges]


# -- what is confirmed -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ASKED)
def test_confirmed_by_reading_back(variant: str) -> None:
    _, outcome, unit = applied(variant, ASKED[variant])
    told = set(problems(variant, ASKED[variant]))
    for name, found in outcome.fields.items():
        assert found.state is (FieldState.UNSUPPORTED if name in told else FieldState.CONFIRMED), name
        if name not in told:
            assert unit.settings[name] == found.reported == ASKED[variant][name]
            assert found.strength is Strength.READ_BACK


@pytest.mark.parametrize("kind", ["interval", "distance", "interval_angle"])
def test_every_type_is_reached_from_every_other(kind: str) -> None:
    for before in ("interval", "distance", "interval_angle"):
        unit = FAMILY.emulator(IMEI, "concoxgt06", settings={**GT06, "type": before})
        asked = {**GT06, "type": kind}
        _, outcome = against_emulator(FAMILY.apply(target("concoxgt06"), asked), unit, FAMILY.stream())
        assert set(states(outcome).values()) <= {"confirmed", "unsupported"}, before
        assert unit.settings["type"] == kind


# -- what survives ---------------------------------------------------------------------------------------------------
def test_arguments_that_are_no_settings_survive() -> None:
    for variant in ("concoxgt06", "concox_interval", "concox_distance_interval"):
        unit = FAMILY.emulator(IMEI, variant, settings={**ASKED[variant], "tracking_angle": 90})
        table = unit.firmware.table  # type: ignore[attr-defined]
        table.timer[1], table.detection = 7200, 5
        against_emulator(FAMILY.apply(target(variant), ASKED[variant]), unit, FAMILY.stream())
        assert (table.timer, table.detection, table.sends, table.distance) == ([60, 7200], 5, 5, 300)


def test_what_cannot_be_read_is_not_guessed() -> None:
    """A unit that does not tell its detection time keeps it, unless the operator says what to write for it."""
    blind = {"unknown": ["ANGLEREP"]}
    exchanges, outcome, _ = applied("concoxgt06", GT06, options=blind)
    assert not [text for text in texts(exchanges) if text.startswith("ANGLEREP,")]
    assert states(outcome)["tracking_angle"] == "unknown"
    dialogue = FAMILY.apply(target("concoxgt06"), GT06)
    heard = {"ANGLEREP#": "ANGLEREP:ON"}
    assert "angle_detection_time" in told(dialogue, heard).fields["tracking_angle"].reason
    given = FAMILY.apply(target("concoxgt06", options={"angle_detection_time": 4}), GT06)
    assert told(given, heard | {"ANGLEREP,ON,30,4#": "OK!"}).fields["tracking_angle"].state is FieldState.ACKNOWLEDGED


#: What a vehicle unit says, of which a test changes one thing.
SAID = {
    "VERSION#": "[VERSION]NFR505_20_R5A1_SC1_R0_V03",
    "TIMER#": "TIMER:20,300",
    "STATUS#": "Battery:4.1V,NORMAL; GPRS:Link Up; GPS:Successful positioning; ACC:ON; Defense:OFF;",
    "TIMER,60,300#": "OK!",
}


def told(dialogue: Any, heard: dict[str, str]) -> Outcome:
    """The outcome where the unit says these things, and nothing to anything else."""
    asked = next(dialogue)
    while True:
        text = {**SAID, **heard}.get(asked.text)
        try:
            asked = dialogue.send(collect(asked, [] if text is None else [answer(text, flag_in(asked.payload))]))
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


# -- what goes wrong -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("variant", BY_TIMER)
def test_clamped_ignored_refused_silent(variant: str) -> None:
    name = "tracking_interval"
    only = frozenset({name})
    _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(clamp={name: (120, 900)}))
    assert (outcome.fields[name].state, outcome.fields[name].reported) == (FieldState.MISMATCHED, 120)
    _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(ignore=only))
    assert (outcome.fields[name].state, outcome.fields[name].reported) == (FieldState.MISMATCHED, 20)
    _, outcome, _ = applied(variant, ASKED[variant], faults=Faults(refuse=only))
    assert outcome.fields[name].state is FieldState.REJECTED
    assert "Command error!" in outcome.fields[name].reason
    exchanges, outcome, _ = applied(variant, ASKED[variant], faults=Faults(silent=True))
    assert outcome.unanswered
    assert all(exchange.command.purpose is Purpose.READ for exchange in exchanges)
    assert set(states(outcome).values()) <= {"unknown", "unsupported"}


@pytest.mark.parametrize(
    ("variant", "asked", "name"),
    [
        ("concox_gt700", GT700, "wakeup_time"),
        ("concox_gt700", GT700, "psm_interval"),
        ("concox_gt700", GT700, "type"),
        ("concoxgt06", GT06, "tracking_angle"),
        ("concoxgt06", {**GT06, "type": "distance"}, "tracking_distance"),
    ],
)
def test_faults_of_single_fields(variant: str, asked: dict[str, Any], name: str) -> None:
    before = {**asked, "type": "interval"}
    before |= {"wakeup_time": "01:00", "psm_interval": 12} if variant == "concox_gt700" else {}
    ignored = Faults(ignore=frozenset({name}))
    _, outcome, unit = applied(variant, asked, settings=before, faults=ignored)
    assert outcome.fields[name].state is FieldState.MISMATCHED
    assert outcome.fields[name].reported == unit.settings[name] != asked[name]
    refused = Faults(refuse=frozenset({name}))
    _, outcome, _ = applied(variant, asked, settings=before, faults=refused)
    assert outcome.fields[name].state is FieldState.REJECTED
    _, outcome, _ = applied(variant, asked, settings=before, faults=Faults(silent=True))
    assert outcome.unanswered
    assert outcome.fields[name].state in (FieldState.UNKNOWN, FieldState.WRITTEN)


def test_silence_to_anglerep_does_not_hold_up_the_interval() -> None:
    exchanges, outcome, _ = applied("concoxgt06", GT06, options={"unknown": ["ANGLEREP"]})
    assert "TIMER,60,300#" in texts(exchanges)
    assert not [text for text in texts(exchanges) if text.startswith("ANGLEREP,")]
    assert outcome.unanswered
    assert (states(outcome)["tracking_angle"], states(outcome)["tracking_interval"]) == ("unknown", "confirmed")


# -- what answers what -----------------------------------------------------------------------------------------------
def test_recorded_answers_match_their_recorded_commands() -> None:
    """Appendix B of v1.8.1: command and answer carry the same flag."""
    stream = FAMILY.stream()
    _, ok, already, where = stream.feed(raw("login-doc") + raw("rep-dyd-ok") + raw("rep-dyd-already") + raw("rep-dwxx"))
    assert isinstance(ok, Message)
    assert isinstance(already, Message)
    assert isinstance(where, Message)
    at = target("concoxgt06")
    for case, message, match in (
        ("cmd-dyd", ok, Match.DONE),
        ("cmd-dwxx", where, Match.DONE),
        ("cmd-hfyd", ok, Match.NO),
        ("cmd-dyd", where, Match.NO),
    ):
        assert answers(message, at, flag_in(raw(case)), lambda _: False) is match
    assert answers(already, at, 0x0001A961, lambda _: False) is Match.REFUSED


def test_late_answers_never_match() -> None:
    asked = ASKED["concox_interval"]
    flags = set[int]()
    number = 0
    for serial in (0, 32, 64, 0xFFE0):
        for dialogue in (
            FAMILY.apply(target("concox_interval", serial=serial), asked),
            FAMILY.read(target("concox_interval", serial=serial), list(asked)),
        ):
            for exchange in against_nobody(dialogue)[0]:
                flags.add(flag_in(exchange.command.payload))
                number += 1
        flags.add(flag_in(FAMILY.raw(target("concox_interval", serial=serial), "TIMER#").payload))
        number += 1
    assert len(flags) == number
    assert 0 not in flags
    old = against_nobody(FAMILY.apply(target("concox_interval", serial=32), asked))[0][0].command
    new = next(FAMILY.apply(target("concox_interval", serial=64), asked))
    assert old.text == new.text
    late = answer("TIMER:60,300", flag_in(old.payload))
    assert (old.match(late), new.match(late)) == (Match.DONE, Match.NO)


def test_answers_of_others_do_not_match() -> None:
    ask = next(FAMILY.apply(target("concox_interval"), ASKED["concox_interval"]))
    mine = answer("TIMER:20,300", flag_in(ask.payload))
    assert ask.match(mine) is Match.DONE
    mine.device_id = "123456789012346"
    assert ask.match(mine) is Match.NO
    for case in ("loc-22", "hb-13-b", "status-sync-94", "gt02-reply-ok", "rep-dyd-ok"):
        (message,) = FAMILY.stream().feed(raw(case))
        assert isinstance(message, Message)
        assert ask.match(message) is Match.NO


@pytest.mark.parametrize("variant", ["concox_interval", "concox_gt700"])
def test_no_flipped_bit_of_a_read_back_confirms_anything(variant: str) -> None:
    """Every single flipped bit of the last answer: nothing of it may count, since the checksum shows it."""
    asked = ASKED[variant]
    exchanges, outcome, _ = applied(variant, asked)
    assert set(states(outcome).values()) <= {"confirmed", "unsupported"}
    (last,) = exchanges[-1].reply.messages
    for bit in range(8 * len(last.frame)):
        broken = bytearray(last.frame)
        broken[bit // 8] ^= 1 << bit % 8
        dialogue = FAMILY.apply(target(variant), asked)
        asks = next(dialogue)
        for exchange in exchanges[:-1]:
            asks = dialogue.send(exchange.reply)
        stream = FAMILY.stream()
        heard = [e for e in stream.feed(raw("login-doc") + bytes(broken)) if isinstance(e, Message)]
        reply = collect(asks, heard[1:])
        assert not reply.messages
        assert asks.text == exchanges[-1].command.text
        try:
            asks = dialogue.send(reply)
            assert asks.text == "REPORT#"  # the other word for the same
            with pytest.raises(StopIteration) as stop:
                dialogue.send(collect(asks, []))
        except StopIteration as stop_:
            outcome = stop_.value
        else:
            outcome = stop.value.value
        assert "confirmed" not in states(outcome).values()


# -- reading, reports ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ASKED)
def test_reading(variant: str) -> None:
    unit = FAMILY.emulator(IMEI, variant, settings=ASKED[variant])
    exchanges, outcome = against_emulator(FAMILY.read(target(variant), list(ASKED[variant])), unit, FAMILY.stream())
    assert outcome.reported.items() <= unit.settings.items()
    wanted = {n for n, c in FAMILY.capabilities(target(variant)).items() if c.best is not None and n in ASKED[variant]}
    assert set(outcome.reported) >= wanted - set(problems(variant, ASKED[variant]))
    assert set(texts(exchanges)) <= HARMLESS
    assert not outcome.fields
    assert flag_in(exchanges[0].command.payload) == 0x02000040


def test_an_emulated_unit_is_understood_and_answered() -> None:
    unit, stream = FAMILY.emulator(IMEI, "concoxgt06"), FAMILY.stream()
    said = [*unit.connect(), *unit.heartbeat(), *unit.report(datetime(2026, 5, 1, 8, 30, tzinfo=UTC))]
    login, beat, report = [event for datum in said for event in stream.feed(datum.data)]
    assert isinstance(login, Message)
    assert isinstance(beat, Message)
    assert isinstance(report, Message)
    assert [m.kind for m in (login, beat, report)] == [Kind.LOGIN, Kind.HEARTBEAT, Kind.REPORT]
    assert said[0].data == raw("login-doc")
    assert login.owed == raw("login-doc-reply")
    assert FAMILY.fields(report)["time"] == "2026-05-01 08:30:00"
    assert unit.receive(login.owed + beat.owed) == []
