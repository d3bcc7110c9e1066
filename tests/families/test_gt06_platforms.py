"""GT06: which forms of TIMER and MODE a unit takes is decided by what it says, and nothing is written that is not."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tracker_codecs.contract import Faults, FieldState, Message, Purpose
from tracker_codecs.families.gt06 import forms, texts
from tracker_codecs.families.gt06.family import FAMILY
from tracker_codecs.families.gt06.platforms import Evidence, Platform, decided, named
from tracker_codecs.families.gt06.texts import Heartbeat, Shape, Timer

from tests.families import gt06_facts
from tests.families.gt06_facts import ASKED, HARMLESS, PLATFORMS, applied, states, target

CASES = {case["id"]: case for case in PLATFORMS["cases"]}
#: What the numbers of a fixture's text mean on its platform, by the words of the fixture.
FRAME = (
    "message",
    "protocol",
    "server_flag",
    "text",
    "serial",
    "code",
    "language",
    "status",
    "subtype",
    "mode",
    "wakeup",
)
INTERVAL = ASKED["concox_interval"]
#: The commands that set 60 s, and those that only tell around them.
SENT = {
    "acc": ["STATUS#", "TIMER,60,300#", "TIMER#", "PARAM#"],
    "portable": ["STATUS#", "TIMER,,60#", "TIMER#", "PARAM#"],
    "three": ["TIMER,2,60,30#", "MODE#", "TIMER#", "PARAM#"],
    "nt33": ["STATUS#", "TIMER,60#", "TIMER#", "PARAM#"],
    "gt300s": ["MODE#", "MODE,2,60#", "MODE#"],
    "gt370": ["MODE#", "MODE,1,60,3600#", "MODE#"],
    "gt420d": ["MODE#", "MODE,1,1#", "MODE#"],
    "clone": ["TIMER,60,3600#", "TIMER#"],
    "s20": ["TIMER,60#", "TIMER#"],
}


# -- what is told ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES)
def test_answers_of_all_platforms_decode(case: str) -> None:
    means, data = CASES[case]["means"], bytes.fromhex(CASES[case]["data"])
    assert CASES[case]["provenance"]["source"]
    (message,) = FAMILY.stream().feed(data)
    assert isinstance(message, Message)
    found = FAMILY.fields(message)
    assert {key: found[key] for key in FRAME if key in means} == {key: means[key] for key in FRAME if key in means}
    text = means["text"]
    if "platform_prefix" in means:
        name = texts.version(text)
        assert name is not None
        assert name.startswith(means["platform_prefix"]) or name == f"Version:{text.split()[1]}"
        assert named(name) == means["platform"]
    for key in ("acc_item", "heartbeat_s", "heartbeat_acc_off_s", "heartbeat_values", "distance_m", "in_force"):
        if means.get(key) not in (None, "not told"):
            assert found[key.removesuffix("_m")] == means[key]


def test_the_numbers_mean_what_they_mean_on_their_platform() -> None:
    """Seconds by GPS (or of ACC on), by the words of the fixtures, which name them apart."""
    seconds = {
        **{key: 1 for key in ("timer_acc_on", "gps_interval_s", "timer_moving", "interval_s", "moving_interval_s")},
        "interval_min": 60,
    }
    seen = 0
    for case in CASES.values():
        means, text = case["means"], case["means"]["text"]
        wanted = [means[key] * scale for key, scale in seconds.items() if key in means]
        if not wanted or means["platform"] not in {each.value for each in Platform} or "MODE4" in text:
            continue
        platform = Platform(means["platform"])
        told = texts.parameters(text) or texts.report(text)
        timer = told.timer if told else texts.timer(text)
        mode = texts.mode_item(text) or texts.mode(text)
        if platform is Platform.GT420D and told:
            continue  # PARAM# tells no unit, and is not gone by
        assert forms.rhythm(platform, timer, mode).seconds == wanted[0], case["id"]
        seen += 1
    assert seen >= 16


@pytest.mark.parametrize(
    ("case", "wakeup", "hours"), [("pf-gt740-mode-2", "08:00", 24), ("pf-94-gt300s-mode-3", "08:00", 24)]
)
def test_sleeps(case: str, wakeup: str, hours: int) -> None:
    means = CASES[case]["means"]
    mode = texts.mode_item(means["text"]) or texts.mode(means["text"])
    found = forms.rhythm(Platform(means["platform"]), None, mode)
    assert (found.wakeup, found.hours, found.seconds) == (wakeup, hours, None)


@pytest.mark.parametrize(
    ("version", "platform"),
    [
        ("JM_L120_20_61DM2", "gt420d"),
        ("GT300S_20_61DM2", "gt300s"),
        ("GT300_20_61DM2", "three"),
        ("GT300X_20_61DM2", None),
        ("NT33_20_A1D_D23_R0_V08", "nt33"),
        ("NT33_20_A1D_D23_R0_V08_WM", "acc"),
        ("NT33_20_A1D_D23_R0_V08_DDWL", None),
        ("NT06L_GT06L_WAAG_V7.0_210112.0927", "acc"),
        ("XCWS_D02_20", "acc"),
        ("", None),
    ],
)
def test_names_of_versions(version: str, platform: str | None) -> None:
    assert named(version) == platform


# -- the decision table ----------------------------------------------------------------------------------------------
TWO, THREE, ONE = Timer((20, 300)), Timer((2, 20, 5)), Timer((5,))
BOTH, SINGLE = Heartbeat((180, 300)), Heartbeat((180,))


@pytest.mark.parametrize(
    ("evidence", "platform"),
    [
        (Evidence("NFR505_20", True, None, TWO), "acc"),
        (Evidence("NFR505_20", None, BOTH, TWO), "acc"),
        (Evidence("NFR505_20", True, None, None), "acc"),
        (Evidence("NFR505_20", False, None, TWO), None),
        (Evidence("NFR505_20", True, None, THREE), None),
        (Evidence("XY99_1", True, BOTH, TWO), "acc"),
        (Evidence("XY99_1", True, None, TWO), None),
        (Evidence(None, None, BOTH, TWO), None),
        (Evidence(None, None, None, Timer((20, 3600), Shape.WORDS)), "clone"),
        (Evidence(None, None, Heartbeat((180, 180), Shape.CLOSED), Timer((10, 10), Shape.CLOSED)), "s20"),
        (Evidence("Version:S20_4G", None, None, Timer((10, 10), Shape.CLOSED)), "s20"),
        (Evidence("Version:S20_4G", None, None, TWO), None),
        (Evidence(None, None, None, Timer((10, 10), Shape.CLOSED)), None),
        (Evidence("JM81_10", False, None, TWO), "portable"),
        (Evidence("JM81_10", None, SINGLE, TWO), "portable"),
        (Evidence("JM81_10", None, None, TWO), None),
        (Evidence("JM81_10", True, None, TWO), None),
        (Evidence("GT03F_20", None, None, THREE), "three"),
        (Evidence("GT03F_20", None, None, TWO), None),
        (Evidence("XY99_1", False, None, THREE), "three"),
        (Evidence("XY99_1", True, BOTH, THREE), None),
        (Evidence("NT33_20", False, None, TWO), "nt33"),
        (Evidence("NT33_20", True, BOTH, TWO), None),
        (Evidence("GT300S_20", None, None, ONE), "gt300s"),
        (Evidence("NT97_20", None, None, ONE), "gt370"),
        (Evidence("GT740_20", None, None, None), "gt740"),
        (Evidence("GT740_20", None, None, TWO), None),
        (Evidence("GT420D_20", None, None, None), "gt420d"),
        (Evidence("XY99_1", False, SINGLE, TWO), None),  # portable or nt33
        (Evidence("XY99_1", None, None, ONE), None),
        (Evidence("XY99_1", None, None, TWO), None),
        (Evidence("XY99_1", None, None, None), None),
        (Evidence("C182_20", True, BOTH, TWO), None),
    ],
)
def test_decision_table(evidence: Evidence, platform: str | None) -> None:
    found, why = decided(evidence)
    assert found == platform
    assert bool(why) is (platform is None)


# -- what is sent ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("platform", SENT)
def test_each_platform_gets_its_own_form_and_keeps_the_rest(platform: str) -> None:
    exchanges, outcome, unit = applied("concox_interval", INTERVAL, options={"platform": platform})
    first = ["TIMER#"] if platform == "clone" else ["TIMER#", "VERSION#"]
    assert gt06_facts.texts(exchanges) == [*first, *SENT[platform]]
    assert (states(outcome), unit.settings) == ({"tracking_interval": "confirmed"}, INTERVAL)
    assert outcome.known["platform"] == platform


@pytest.mark.parametrize(
    ("platform", "version", "why"),
    [
        ("portable", "", "which of its numbers"),  # TIMER,60,300# would set an hour by cell, and be answered OK
        ("nt33", "", "which of its numbers"),
        ("gt300s", "", "one number"),
        ("gt740", "", "neither a version that is known nor its timer"),
        ("acc", "GT03F_20", "firmware three"),
        ("portable", "NFR505_20", "firmware acc"),
        ("camera", "C182_20", "cameras"),
        ("gt740", "GT740_20", "ends by itself"),
        ("three", "NT33_20_A1D_D23_R0_V08_DDWL", "neither a version"),
    ],
)
def test_what_evidence_does_not_decide_is_not_written(
    platform: str, version: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"[VERSION]{version}" if version else "[VERSION]XY99_20_A1D"
    if platform == "three":
        monkeypatch.setattr("tracker_codecs.families.gt06.firmware.Firmware._timer", lambda *_: "Error!")
    monkeypatch.setattr("tracker_codecs.families.gt06.firmware.VERSIONS", {Platform(platform): said})
    exchanges, outcome, unit = applied("concox_interval", INTERVAL, options={"platform": platform})
    before = unit.settings
    assert set(gt06_facts.texts(exchanges)) <= HARMLESS
    assert outcome.fields["tracking_interval"].state is FieldState.REJECTED
    assert why in outcome.fields["tracking_interval"].reason
    assert unit.settings == before


def test_a_gt310_is_never_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mode rules its rhythm, and nobody has published what its modes mean."""
    versions = {Platform.PORTABLE: CASES["pf-gt310-version"]["means"]["text"]}
    monkeypatch.setattr("tracker_codecs.families.gt06.firmware.VERSIONS", versions)
    _, outcome, _ = applied("concox_interval", INTERVAL, options={"platform": "portable"})
    found = outcome.fields["tracking_interval"]
    assert (found.state, "mode rules" in found.reason) == (FieldState.ACKNOWLEDGED, True)
    assert set(outcome.stored) == {"tracking_interval"}


def test_three_numbers_count_in_mode_2_only() -> None:
    unit = FAMILY.emulator(gt06_facts.IMEI, "concox_interval", options={"platform": "three"})
    unit.firmware.table.mode = 1  # type: ignore[attr-defined]
    _, outcome = gt06_facts.against_emulator(FAMILY.apply(target("concox_interval"), INTERVAL), unit, FAMILY.stream())
    found = outcome.fields["tracking_interval"]
    assert (found.state, "mode 1" in found.reason) == (FieldState.ACKNOWLEDGED, True)
    assert unit.settings["tracking_interval"] == 1800


def test_an_interval_never_goes_into_minutes() -> None:
    """MODE,1 of a GT300S takes minutes, and says OK to seconds."""
    exchanges, outcome, unit = applied("concox_gt700", {"type": "interval", "tracking_interval": 10})
    assert "MODE,2,600#" in gt06_facts.texts(exchanges)
    assert unit.settings["tracking_interval"] == 10
    assert set(states(outcome).values()) == {"confirmed"}


def test_a_gt370_that_sleeps_does_not_tell_its_interval_at_rest() -> None:
    def asleep(options: dict[str, Any]) -> Any:
        unit = FAMILY.emulator(gt06_facts.IMEI, "concox_interval", options={"platform": "gt370"})
        unit.firmware.table.mode = 2  # type: ignore[attr-defined]
        dialogue = FAMILY.apply(target("concox_interval", options=options), INTERVAL)
        return gt06_facts.against_emulator(dialogue, unit, FAMILY.stream())

    _, outcome = asleep({})
    assert "resting_interval" in outcome.fields["tracking_interval"].reason
    exchanges, outcome = asleep({"resting_interval": 600})
    assert "MODE,1,60,600#" in gt06_facts.texts(exchanges)
    assert outcome.fields["tracking_interval"].state is FieldState.CONFIRMED


@pytest.mark.parametrize(
    ("platform", "asked", "sent", "told"),
    [
        ("nt33", {"gps_tracking_interval": 60, "lbs_tracking_interval": 120}, "TIMER,60,120#", {}),
        ("portable", {"gps_tracking_interval": 60, "lbs_tracking_interval": 120}, "TIMER,2,60#", {}),
        ("nt33", {"lbs_tracking_interval": 120}, "TIMER,10,120#", {}),
        ("acc", {"gps_tracking_interval": 60, "lbs_tracking_interval": 120}, "TIMER,60,300#", {"lbs": "rejected"}),
        ("portable", {"gps_tracking_interval": 60, "lbs_tracking_interval": 90}, "", {"both": "rejected"}),
    ],
)
def test_intervals_by_gps_and_by_cell(platform: str, asked: dict[str, Any], sent: str, told: dict[str, str]) -> None:
    exchanges, outcome, unit = applied("concox_qbit", asked, options={"platform": platform})
    assert [text for text in gt06_facts.texts(exchanges) if "," in text] == [sent] * bool(sent)
    for name, state in states(outcome).items():
        wanted = told.get("both") or (told.get("lbs") if name.startswith("lbs") else None) or "confirmed"
        assert state == wanted, name
        assert (unit.settings.get(name) == asked[name]) is (state == "confirmed")


def test_at_rest_a_gt420d_tells_another_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker_codecs.families.gt06.firmware.Firmware._mode_told", lambda _: "MODE:1,60(min)")
    _, outcome, _ = applied("concox_interval", INTERVAL, options={"platform": "gt420d"})
    found = outcome.fields["tracking_interval"]
    assert (found.state, "at rest" in found.reason) == (FieldState.ACKNOWLEDGED, True)


# -- any unit --------------------------------------------------------------------------------------------------------
@hypothesis_settings(max_examples=250, deadline=None)
@given(
    variant=st.sampled_from(sorted(ASKED)),
    platform=st.sampled_from([each.value for each in Platform if each is not Platform.JM66]),
    unknown=st.lists(st.sampled_from(sorted(word[:-1] for word in HARMLESS)), max_size=3, unique=True),
    answers=st.sampled_from([0x15, 0x21, 0x81]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    fault=st.sampled_from(["", "clamp", "ignore", "refuse"]),
    seed=st.integers(0, 2**16),
)
def test_what_is_confirmed_is_what_the_unit_does(
    variant: str, platform: str, unknown: list[str], answers: int, flags: Any, fault: str, seed: int
) -> None:
    """Units of any platform, that know few words, start in any state and keep other values than they say OK to."""
    chance = random.Random(seed)
    asked = {n: v for n, v in ASKED[variant].items() if n not in gt06_facts.problems(variant, ASKED[variant])}
    field = chance.choice(sorted(asked))
    faults = {
        "clamp": Faults(clamp={field: (7, 9)}) if isinstance(asked[field], int) else Faults(),
        "ignore": Faults(ignore=frozenset({field})),
        "refuse": Faults(refuse=frozenset({field})),
    }.get(fault, Faults())
    options = {"platform": platform, "unknown": unknown, "answer": answers}
    options |= dict(zip(("echo_flag", "zeroes", "inner_length"), flags, strict=True))
    unit: Any = FAMILY.emulator(gt06_facts.IMEI, variant, options=options, faults=faults)
    table = unit.firmware.table
    table.distance_on = chance.random() < 0.3
    table.time_on = not table.distance_on or chance.random() < 0.3
    table.angle_on = chance.random() < 0.5
    table.mode = chance.choice([1, 2] if platform != "gt740" else [2])
    exchanges, outcome = gt06_facts.against_emulator(FAMILY.apply(target(variant), asked), unit, FAMILY.stream())
    for name, found in outcome.fields.items():
        if found.state is FieldState.CONFIRMED:
            assert unit.settings[name] == asked[name], (name, gt06_facts.texts(exchanges))
    for each in exchanges:
        assert each.command.purpose is Purpose.WRITE or each.command.text in HARMLESS
