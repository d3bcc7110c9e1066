"""Puts what the JSON Schema validator found into words for the person who sent the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import jsonschema_rs

_TYPE_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "a text",
    "array": "a list",
    "object": "an object",
}
#: What an `enum` finding on the same value makes superfluous; a `type` finding makes that superfluous too.
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "pattern")


def findings(
    profile: str, schema: Mapping[str, Any], settings: Any, errors: Sequence[jsonschema_rs.ValidationError]
) -> Iterator[tuple[str, str]]:
    """(parameter, text) for every finding; parameter is a field's name, or empty for the settings as a whole."""
    at = {name: {tuple(e.instance_path) for e in errors if e.kind.name == name} for name in ("enum", "type")}
    for error in errors:
        kind = error.kind.name
        place = tuple(error.instance_path)
        if (kind in _BOUNDS and place in at["enum"]) or (kind in (*_BOUNDS, "enum") and place in at["type"]):
            continue
        if not place:
            yield from _whole(profile, schema, settings, error)
            continue
        item = f"item {place[1] + 1} " if len(place) > 1 and isinstance(place[1], int) else ""
        yield str(place[0]), f"{item}{_value(schema, place, error)}{_because(schema, settings, error)}"


def _whole(
    profile: str, schema: Mapping[str, Any], settings: Any, error: jsonschema_rs.ValidationError
) -> Iterator[tuple[str, str]]:
    kind = error.kind
    if kind.name == "additionalProperties" and isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        for name in kind.unexpected:
            close = get_close_matches(name[:64], schema["properties"], n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            yield name, f"is not a setting of profile {profile}{hint}"
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        yield str(kind.property), f"is required{_because(schema, settings, error, str(kind.property))}"
    elif kind.name == "type":
        yield "", "the settings must be an object of field names and values"
    else:
        yield "", error.message


def _value(schema: Mapping[str, Any], place: tuple[Any, ...], error: jsonschema_rs.ValidationError) -> str:
    kind: Any = error.kind
    field = schema["properties"].get(place[0], {})
    match kind.name:
        case "minimum":
            return f"must be at least {kind.limit}{_unit(field)}"
        case "maximum":
            return f"must be at most {kind.limit}{_unit(field)}"
        case "exclusiveMinimum":
            return f"must be more than {kind.limit}{_unit(field)}"
        case "exclusiveMaximum":
            return f"must be less than {kind.limit}{_unit(field)}"
        case "multipleOf":
            return f"must be a multiple of {kind.multiple_of}{_unit(field)}"
        case "enum":
            return f"must be one of {', '.join(map(str, kind.options))}"
        case "const":
            return f"must be {kind.expected_value}"
        case "type":
            words = [_TYPE_WORDS.get(name, name) for name in kind.types]
            return f"must be {' or '.join(words)}"
        case "pattern":
            form = field.get("x-format")
            return f"must have the form {form}" if form else f"must match the pattern {kind.pattern}"
        case "minItems":
            return f"must hold at least {kind.limit} item{'s' if kind.limit != 1 else ''}"
        case "maxItems":
            return f"must hold at most {kind.limit} item{'s' if kind.limit != 1 else ''}"
        case "minLength":
            return f"must have at least {kind.limit} characters"
        case "maxLength":
            return f"must have at most {kind.limit} characters"
        case "uniqueItems":
            return "must not hold the same item twice"
        case "falseSchema":
            return "must not be given"
        case _:
            return error.message


def _unit(field: Mapping[str, Any]) -> str:
    unit = field.get("x-unit")
    return f" {unit}" if unit else ""


def _because(
    schema: Mapping[str, Any], settings: Any, error: jsonschema_rs.ValidationError, missing: str | None = None
) -> str:
    """The condition that a finding hangs on, as " because ...", or nothing when it holds always."""
    path = list(error.schema_path)
    if "dependentRequired" in path and missing is not None and isinstance(settings, dict):
        rules: Mapping[str, Sequence[str]] = _walk(schema, path[: path.index("dependentRequired") + 1])
        triggers = [name for name, needs in rules.items() if missing in needs and name in settings]
        return f" because {' and '.join(triggers)} is given" if triggers else ""
    if "then" in path:
        words = _condition(_walk(schema, path[: path.index("then")]).get("if", {}), settings)
        return f" because {words}" if words else ""
    if "else" in path:
        words = _condition(_walk(schema, path[: path.index("else")]).get("if", {}), {})
        return f" unless {words}" if words else ""
    return ""


def _walk(schema: Any, path: Sequence[Any]) -> Any:
    for part in path:
        schema = schema[part]
    return schema


def _condition(condition: Mapping[str, Any], settings: Any) -> str:
    """What a condition asks for; where the settings hold the field, the value it has there."""
    given = settings if isinstance(settings, dict) else {}
    checked: Mapping[str, Any] = condition.get("properties", {})
    words = []
    for name, rule in checked.items():
        allowed = [rule["const"]] if "const" in rule else rule.get("enum", ["as the condition says"])
        words.append(f"{name} is {given[name] if name in given else ' or '.join(map(str, allowed))}")
    words += [f"{name} is given" for name in condition.get("required", ()) if name not in checked]
    return " and ".join(words)
