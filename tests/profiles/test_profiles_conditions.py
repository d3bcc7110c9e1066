"""Conditions between fields, forms of texts, and what the errors say."""

from typing import Any

import pytest
from tracker_profiles import profiles
from tracker_profiles.profiles import FieldError

from tests.profiles.profile_facts import FACTS


def errors(name: str, change: dict[str, Any], drop: tuple[str, ...] = ()) -> list[FieldError]:
    settings = {**FACTS[name]["example"], **change}
    for field in drop:
        del settings[field]
    return profiles.get(name).validate(settings)


def required(field: str, because: str) -> FieldError:
    return FieldError(field, f"is required because {because}")


@pytest.mark.parametrize(
    ("name", "change", "drop", "expected"),
    [
        # cguard_asset: wakeup_day and wakeup_time are for SCHEDULED, wakeup_period for PERIODICAL, moving_detection
        # for ASSET.
        ("cguard_asset", {}, ("wakeup_day", "wakeup_time"), []),
        ("cguard_asset", {}, ("wakeup_period",), [required("wakeup_period", "wakeup_type is PERIODICAL")]),
        ("cguard_asset", {"wakeup_type": "SCHEDULED"}, ("wakeup_period",), []),
        (
            "cguard_asset",
            {"wakeup_type": "SCHEDULED"},
            ("wakeup_day", "wakeup_time"),
            [
                required("wakeup_day", "wakeup_type is SCHEDULED"),
                required("wakeup_time", "wakeup_type is SCHEDULED"),
            ],
        ),
        ("cguard_asset", {}, ("moving_detection",), [required("moving_detection", "mode is ASSET")]),
        ("cguard_asset", {"mode": "TRACKER"}, ("moving_detection",), []),
        # yatut_poisk: the hour of waking belongs to mode DAILY.
        ("yatut_poisk", {}, ("main_wakeup_time",), [required("main_wakeup_time", "mode is DAILY")]),
        ("yatut_poisk", {"mode": "TEST"}, ("main_wakeup_time",), []),
        ("yatut_poisk", {"mode": "SEARCH"}, ("main_wakeup_time",), []),
        # piccolo_plus: two groups of fields, by sleep_mode.
        ("piccolo_plus", {}, ("asset_moving_interval", "asset_stopped_interval"), []),
        *(
            ("piccolo_plus", {"sleep_mode": mode}, (field,), [required(field, f"sleep_mode is {mode}")])
            for mode in ("disabled", "engine", "hybrid")
            for field in ("track_by", "tracking_interval", "tracking_distance", "track_by_angle", "tracking_angle")
        ),
        *(
            ("piccolo_plus", {"sleep_mode": mode}, (field,), [required(field, f"sleep_mode is {mode}")])
            for mode in ("asset", "hybrid")
            for field in ("asset_moving_interval", "asset_stopped_interval")
        ),
        (
            "piccolo_plus",
            {"sleep_mode": "asset"},
            ("track_by", "tracking_interval", "tracking_distance", "track_by_angle", "tracking_angle"),
            [],
        ),
        # atrack: the interval at rest needs control_mode acc, and belongs to it.
        (
            "atrack",
            {},
            ("on_stop_tracking_interval",),
            [required("on_stop_tracking_interval", "control_mode is acc")],
        ),
        ("atrack", {}, ("control_mode",), [required("control_mode", "on_stop_tracking_interval is given")]),
        (
            "atrack",
            {"control_mode": "engine_status"},
            (),
            [FieldError("control_mode", "must be acc because on_stop_tracking_interval is given")],
        ),
        ("atrack", {"control_mode": "engine_status"}, ("on_stop_tracking_interval",), []),
        ("atrack", {}, ("control_mode", "on_stop_tracking_interval"), []),
        # jointech_jt703: timers, or a time asleep, or both.
        ("jointech_jt703", {}, ("wakeup_timers",), []),
        ("jointech_jt703", {}, ("sleep_time_in_minutes",), []),
        ("jointech_jt703", {"sleep_mode": "disabled"}, ("wakeup_timers", "sleep_time_in_minutes"), []),
        ("jointech_jt703", {"wakeup_timers": ["00:00:00"] * 48}, (), []),
        (
            "jointech_jt703",
            {"wakeup_timers": ["00:00:00"] * 49},
            (),
            [FieldError("wakeup_timers", "must hold at most 48 items")],
        ),
        ("jointech_jt703", {"wakeup_timers": []}, (), [FieldError("wakeup_timers", "must hold at least 1 item")]),
        (
            "jointech_jt703",
            {"wakeup_timers": ["23:59:59", "24:00:00"]},
            (),
            [FieldError("wakeup_timers", "item 2 must have the form HH:mm:ss")],
        ),
        (
            "jointech_jt703",
            {"wakeup_timers": [100000]},
            (),
            [FieldError("wakeup_timers", "item 1 must be a text")],
        ),
        # Hour steps, and power_save where the document lists it in its example only.
        (
            "concox_gt700",
            {"psm_interval": 5},
            (),
            [FieldError("psm_interval", "must be one of 1, 2, 3, 4, 6, 8, 12, 24")],
        ),
        ("concox_gt700", {"psm_interval": 24}, (), []),
        ("gl500", {"psm_interval": 7}, (), [FieldError("psm_interval", "must be one of 1, 2, 3, 4, 6, 8, 12, 24")]),
        ("gl500", {"type": "power_save"}, (), []),
        ("gl500", {"type": "power save"}, (), [FieldError("type", "must be one of interval, power_save")]),
        ("default_powersave", {"type": "distance"}, (), []),
        ("tt1", {"psm_interval": 600, "bat_voltage": "3.65"}, (), []),
        (
            "tt1",
            {"psm_interval": 600, "bat_voltage": "low"},
            (),
            [FieldError("bat_voltage", "must have the form decimal number")],
        ),
        ("yatut_poisk", {"wakeup_period": 24}, (), [FieldError("wakeup_period", "must be a text")]),
        ("boxfinder", {"shock_value": 2}, (), []),
        ("boxfinder", {"shock_value": 4.01}, (), [FieldError("shock_value", "must be at most 4 g")]),
        ("xirgo", {"tracking_distance": 101}, (), [FieldError("tracking_distance", "must be at most 100 mile")]),
    ],
)
def test_condition(name: str, change: dict[str, Any], drop: tuple[str, ...], expected: list[FieldError]) -> None:
    assert errors(name, change, drop) == expected


@pytest.mark.parametrize(
    ("name", "field", "good", "bad"),
    [
        (
            "gl500",
            "wakeup_time",
            ["00:00", "23:59"],
            ["24:00", "9:00", "12:60", "1200", "12:00:00", "12:00\n", "１2:00"],
        ),
        ("gt300", "start_time", ["0000", "2359"], ["2400", "12:00", "960", "1260", "", "00000"]),
        (
            "autofon",
            "timer1_time",
            ["2020-09-16 03:17:26", "2024-02-29 23:59:59"],
            ["2020-13-01 00:00:00", "2020-02-30 00:00:00", "2020-04-31 00:00:00", "2020-09-16T03:17:26", "2020-09-16"],
        ),
    ],
)
def test_form_of_texts(name: str, field: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert errors(name, {field: value}) == []
    for value in bad:
        assert [error.parameter for error in errors(name, {field: value})] == [field], value


def test_every_finding_is_told_in_the_order_of_the_fields() -> None:
    found = profiles.get("telfm").validate({"sleep_mode": "off", "tracking_interval": 29, "trackin_angle": 30, "zz": 1})
    assert found == [
        FieldError("tracking_angle", "is required"),
        FieldError("tracking_distance", "is required"),
        FieldError("tracking_interval", "must be at least 30 s"),
        FieldError("on_stop_tracking_interval", "is required"),
        FieldError("sleep_mode", "must be one of disabled, soft_sleep"),
        FieldError("stop_detection", "is required"),
        FieldError("trackin_angle", "is not a setting of profile telfm; did you mean tracking_angle?"),
        FieldError("zz", "is not a setting of profile telfm"),
    ]


@pytest.mark.parametrize("settings", [None, [], "text", 5, True, [{"tracking_interval": 30}]])
def test_settings_that_are_no_object(settings: object) -> None:
    assert profiles.get("interval").validate(settings) == [
        FieldError("", "the settings must be an object of field names and values")
    ]


@pytest.mark.parametrize("value", [30.0, float("nan"), float("inf"), 10**400, -(10**400), 30.5])
def test_numbers_that_are_no_plain_whole_numbers(value: object) -> None:
    found = profiles.get("eelink").validate({"tracking_interval": value})
    assert [error.parameter for error in found] == ["tracking_interval"]


def test_values_that_json_does_not_know() -> None:
    profile = profiles.get("default")
    for settings in ({"type": object()}, {"type": b"interval"}, {"type": "\ud800"}, {1: 2}):
        assert [error.parameter for error in profile.validate(settings)] == [""]


def test_unknown_profile_names_its_neighbours() -> None:
    with pytest.raises(profiles.UnknownName, match="did you mean telfm"):
        profiles.get("telfmm")
    with pytest.raises(LookupError, match="there is no profile"):
        profiles.get("x" * 100_000)
