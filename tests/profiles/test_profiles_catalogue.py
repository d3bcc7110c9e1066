"""The catalogue against the facts of the public document, and against rules that hold for every profile."""

from collections import Counter
from typing import Any

import jsonschema_rs
import pytest
from tracker_profiles import profiles
from tracker_profiles.profiles import FieldError, Profile

from tests.profiles.profile_facts import CONDITIONAL, CONTRADICTED, FACTS

TYPES = {
    "int": "integer",
    "float": "number",
    "boolean": "boolean",
    "enum": "string",
    "string": "string",
    "date/time": "string",
    "array": "array",
}
EVERY = profiles.names()


def example(profile: Profile) -> dict[str, Any]:
    return dict(profile.schema["examples"][0])


def parameters(errors: list[FieldError]) -> set[str]:
    return {error.parameter for error in errors}


def test_the_public_profiles_are_139_with_424_fields() -> None:
    public = {name for name in EVERY if profiles.get(name).origin == "public-api"}
    assert public == set(FACTS)
    assert len(public) == 139
    kinds = Counter(fact["type"] for facts in FACTS.values() for fact in facts["fields"].values())
    assert kinds == {"int": 363, "enum": 36, "string": 10, "boolean": 9, "float": 3, "date/time": 2, "array": 1}
    carried = Counter(info.type for name in public for info in profiles.get(name).fields.values())
    assert carried == {"integer": 363, "string": 48, "boolean": 9, "number": 3, "array": 1}


@pytest.mark.parametrize("name", FACTS)
def test_fields_are_those_of_the_document(name: str) -> None:
    profile = profiles.get(name)
    facts = FACTS[name]["fields"]
    assert list(profile.fields) == list(facts)
    for field, fact in facts.items():
        info = profile.fields[field]
        schema = profile.schema["properties"][field]
        assert info.type == TYPES[fact["type"]], field
        unbounded = info.enum is not None or info.type not in ("integer", "number")
        assert info.minimum == fact.get("min", None if unbounded else 0), field
        assert info.maximum == fact.get("max", None if unbounded else 2**31 - 1), field
        assert info.unit == fact.get("unit"), field
        assert info.default == fact.get("default"), field
        assert list(info.enum or []) == (fact.get("enum") or fact.get("allowed") or []), field
        assert dict(info.values) == fact.get("values", {}), field
        assert schema.get("minItems") == fact.get("min_items"), field
        assert schema.get("maxItems") == fact.get("max_items"), field
        assert ("pattern" in schema) or "pattern" not in fact, field
        conditional = field in CONDITIONAL.get(name, set())
        assert info.required == (not fact.get("optional", False) and not conditional), field


@pytest.mark.parametrize("name", FACTS)
def test_the_public_example_validates_unless_the_document_contradicts_it(name: str) -> None:
    profile = profiles.get(name)
    settings = FACTS[name]["example"]
    if name in CONTRADICTED:
        field = CONTRADICTED[name]
        minimum = FACTS[name]["fields"][field]["min"]
        errors = profile.validate(settings)
        assert parameters(errors) == {field}
        assert f"must be at least {minimum}" in errors[0].error
        assert "contradicts itself" in profile.description
        assert profile.validate({**settings, field: minimum}) == []
    else:
        assert profile.validate(settings) == []
        assert example(profile) == settings


@pytest.mark.parametrize("name", EVERY)
def test_every_profile_is_json_schema_2020_12(name: str) -> None:
    profile = profiles.get(name)
    jsonschema_rs.meta.validate(profile.schema)
    assert profile.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert profile.schema["$id"] == f"urn:tracker-gateway:profile:{name}"
    assert profile.schema["additionalProperties"] is False
    assert profile.title
    assert profile.description
    assert all(info.description for info in profile.fields.values())
    for settings in profile.schema["examples"]:
        assert profile.validate(settings) == []


@pytest.mark.parametrize("name", EVERY)
def test_an_unknown_field_is_refused(name: str) -> None:
    profile = profiles.get(name)
    errors = profile.validate({**example(profile), "zzzzz": 1})
    assert errors == [FieldError("zzzzz", f"is not a setting of profile {name}")]


@pytest.mark.parametrize("name", EVERY)
def test_bounds_hold_and_one_step_beyond_is_refused(name: str) -> None:
    profile = profiles.get(name)
    for field, info in profile.fields.items():
        step = 1 if info.type == "integer" else 0.01
        for bound, beyond, words in (
            (info.minimum, -step, "must be at least"),
            (info.maximum, step, "must be at most"),
        ):
            if bound is None:
                continue
            if info.enum is None:
                assert profile.validate({**example(profile), field: bound}) == [], field
            errors = profile.validate({**example(profile), field: bound + beyond})
            assert parameters(errors) == {field}
            assert len(errors) == 1
            assert (words in errors[0].error) == (info.enum is None), errors


@pytest.mark.parametrize("name", EVERY)
def test_no_number_without_bounds_reaches_a_command(name: str) -> None:
    """Where the public document names none: no negative time, distance or angle, and 32 bits at most."""
    profile = profiles.get(name)
    for field, info in profile.fields.items():
        if info.type not in ("integer", "number"):
            continue
        highest = max(2**31 - 1, info.maximum or 0)  # a documented bound may lie above
        for extreme in (-1, -(2**31) - 1, int(highest) + 1, 2**63, 10**40, -1e300, 1e300):
            assert field in parameters(profile.validate({**example(profile), field: extreme})), (field, extreme)


@pytest.mark.parametrize("name", EVERY)
def test_a_value_of_another_type_is_refused(name: str) -> None:
    profile = profiles.get(name)
    strange: dict[str, list[Any]] = {
        "integer": [True, "30", 1.5, None, [30], {}],
        "number": [True, "0.5", None, []],
        "boolean": [1, "true", None],
        "string": [1, True, None, "\n", "interval#", ""],
        "array": ["10:00:00", None, {}],
    }
    for field, info in profile.fields.items():
        for value in strange[info.type]:
            errors = profile.validate({**example(profile), field: value})
            assert field in parameters(errors), (field, value)


@pytest.mark.parametrize("name", EVERY)
def test_a_missing_required_field_is_named(name: str) -> None:
    profile = profiles.get(name)
    for field, info in profile.fields.items():
        if not info.required:
            continue
        settings = example(profile)
        settings.pop(field, None)
        assert field in parameters(profile.validate(settings)), field
    nothing = profile.validate({})
    assert {field for field, info in profile.fields.items() if info.required} <= parameters(nothing)


@pytest.mark.parametrize("name", EVERY)
def test_defaults_fit_their_fields(name: str) -> None:
    profile = profiles.get(name)
    for field, info in profile.fields.items():
        assert info.default == profile.schema["properties"][field].get("default")
        if info.default is not None:
            assert field not in parameters(profile.validate({field: info.default}))


@pytest.mark.parametrize("name", EVERY)
def test_a_text_setting_cannot_carry_control_characters_or_grow_without_bound(name: str) -> None:
    profile = profiles.get(name)
    for field, info in profile.fields.items():
        if info.type != "string":
            continue
        for value in ("a\r\nAT$RESET", "\x00", "12:00\n", "1" * 5000, "$" * 65):
            assert field in parameters(profile.validate({**example(profile), field: value})), (field, value)


def test_hand_picked_facts() -> None:
    """Facts read from the public document by eye, not through facts.yaml."""
    telfm = profiles.get("telfm")
    assert (telfm.fields["tracking_interval"].minimum, telfm.fields["tracking_interval"].maximum) == (30, 255)
    assert telfm.fields["stop_detection"].enum == ("ignition", "g_sensor", "gps")
    assert profiles.get("telfm5x").fields["sleep_timeout"].maximum == 2592000
    assert profiles.get("xirgo").fields["tracking_distance"].unit == "mile"
    assert profiles.get("tramigo").fields["tracking_interval"].unit == "min"
    assert profiles.get("tramigo").fields["tracking_distance"].unit == "km"
    assert profiles.get("tramigo").fields["tracking_distance"].minimum == 0.5
    assert profiles.get("tramigo_with_seconds").fields["tracking_interval"].unit == "s"
    assert profiles.get("tramigo_with_seconds").fields["on_stop_tracking_interval"].unit == "min"
    assert profiles.get("boxfinder").fields["shock_value"].type == "number"
    assert profiles.get("concox_gt700").fields["psm_interval"].enum == (1, 2, 3, 4, 6, 8, 12, 24)
    assert profiles.get("concox_gt700").fields["psm_interval"].unit == "h"
    assert profiles.get("concox_gt700").fields["tracking_interval"].unit == "min"
    assert profiles.get("box").fields["tracking_interval"].maximum == 4294968
    assert profiles.get("trackertech_msp350").fields["psm_interval"].maximum == 2147483647
    assert profiles.get("yatut_poisk").fields["wakeup_period"].enum == ("8", "12", "24")
    assert profiles.get("default").fields["tracking_interval"].minimum == 0
    assert profiles.get("jointech_gp").fields["psm_mode"].minimum == 1
