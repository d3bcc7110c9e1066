"""What a profile document must hold beyond the JSON Schema 2020-12 metaschema.

Form generators, the API and the codecs rely on these rules: a flat object, closed to unknown fields, each field with
one plain type and a description, text bounded, units spelled one way, defaults and examples that validate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs

from tracker_profiles.errors import CatalogError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID_PREFIX = "urn:tracker-gateway:profile:"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
ORIGINS = ("public-api", "own")
#: Spelling of units: one word a unit, for every profile.
UNITS = frozenset({"ms", "s", "min", "h", "day", "m", "km", "mile", "degree", "km/h", "m/s", "g", "mg", "V", "mV", "%"})
TYPES = ("integer", "number", "boolean", "string", "array")

_TOP_NEEDED = ("$schema", "$id", "title", "description", "x-origin", "type", "additionalProperties", "properties")
_CONDITIONS = ("required", "dependentRequired", "minProperties", "if", "then", "else", "allOf", "anyOf", "oneOf", "not")
_TOP_KEYS = frozenset({*_TOP_NEEDED, *_CONDITIONS, "$comment", "examples"})
_NUMBER_KEYS = ("minimum", "maximum", "multipleOf")
_TEXT_KEYS = ("pattern", "minLength", "maxLength")
_LIST_KEYS = ("items", "minItems", "maxItems", "uniqueItems")
_OUR_KEYS = ("x-unit", "x-values", "x-format")
_FIELD_KEYS = frozenset(
    {"type", "enum", "const", "default", "description", *_NUMBER_KEYS, *_TEXT_KEYS, *_LIST_KEYS, *_OUR_KEYS}
)


def check_profile(path: Path, document: dict[str, Any]) -> None:
    """Raises CatalogError, naming file and key, unless this is a profile document of the name of its file."""
    name = path.stem
    _known_keys(path, "", document, _TOP_KEYS)
    for key in (*_TOP_NEEDED, "examples"):
        if key not in document:
            raise CatalogError(path, key, "is missing")
    if not NAME.fullmatch(name):
        raise CatalogError(path, "", "the file name must be lower case letters, digits and _, and end in .yaml")
    for key, wanted in (
        ("$schema", DIALECT),
        ("$id", ID_PREFIX + name),
        ("type", "object"),
        ("additionalProperties", False),
    ):
        if document[key] != wanted:
            raise CatalogError(path, key, f"must be {wanted}")
    for key in ("title", "description"):
        _text(path, key, document[key])
    if document["x-origin"] not in ORIGINS:
        raise CatalogError(path, "x-origin", f"must be one of {', '.join(ORIGINS)}")
    try:
        jsonschema_rs.meta.validate(document)
        validator = jsonschema_rs.Draft202012Validator(document)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        where = ".".join(str(part) for part in getattr(error, "instance_path", ()))
        problem = getattr(error, "message", str(error))
        raise CatalogError(path, where, f"is not JSON Schema 2020-12: {problem}") from error
    if not document["properties"]:
        raise CatalogError(path, "properties", "a profile needs at least one field")
    for field, schema in document["properties"].items():
        _check_field(path, field, schema)
    for where, field in _named_fields(document):
        if field not in document["properties"]:
            raise CatalogError(path, where, f"names {field!r}, which is not among the properties")
    if not document["examples"]:
        raise CatalogError(path, "examples", "give at least one")
    for index, example in enumerate(document["examples"]):
        for finding in validator.iter_errors(example):
            raise CatalogError(path, f"examples.{index}", f"does not fit the profile: {finding.message}")


def _check_field(path: Path, field: str, schema: Any) -> None:
    where = f"properties.{field}"
    if not NAME.fullmatch(field):
        raise CatalogError(path, where, "a field's name must be lower case letters, digits and _")
    if not isinstance(schema, dict):
        raise CatalogError(path, where, "must be a mapping")
    _known_keys(path, f"{where}.", schema, _FIELD_KEYS)
    if schema.get("type") not in TYPES:
        raise CatalogError(path, f"{where}.type", f"must be one of {', '.join(TYPES)}")
    _text(path, f"{where}.description", schema.get("description"))
    if "x-unit" in schema and schema["x-unit"] not in UNITS:
        raise CatalogError(path, f"{where}.x-unit", f"must be one of {', '.join(sorted(UNITS))}")
    kind = schema["type"]
    # Text from an API reaches a frame: it must be bounded, and its alphabet too where no enum says it all.
    if kind == "string" and not schema.keys() & {"enum", "const", "pattern", "maxLength"}:
        raise CatalogError(path, where, "a text field needs an enum, a pattern or a maxLength")
    if kind == "array" and not {"items", "maxItems"} <= schema.keys():
        raise CatalogError(path, where, "an array field needs items and maxItems")
    for key, value_type in (("x-values", dict), ("x-format", str)):
        if key in schema and not isinstance(schema[key], value_type):
            raise CatalogError(path, f"{where}.{key}", f"must be a {'mapping' if value_type is dict else 'text'}")
    if "default" in schema:
        for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(schema["default"]):
            raise CatalogError(path, f"{where}.default", f"does not fit the field: {error.message}")


def _known_keys(path: Path, prefix: str, mapping: dict[str, Any], known: frozenset[str]) -> None:
    for key in mapping:
        if key not in known:
            raise CatalogError(path, f"{prefix}{key}", f"is not a known key; known are {', '.join(sorted(known))}")


def _text(path: Path, key: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise CatalogError(path, key, "must be a text")


def _named_fields(schema: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every field that the document's `required`s and conditions speak of, with the place that names it."""
    if not isinstance(schema, dict):
        return
    for field in schema.get("required", ()):
        yield f"{where}required", field
    for field, others in schema.get("dependentRequired", {}).items():
        for name in (field, *others):
            yield f"{where}dependentRequired", name
    if where:
        for field in schema.get("properties", {}):
            yield f"{where}properties", field
    for key in ("if", "then", "else", "not"):
        yield from _named_fields(schema.get(key), f"{where}{key}.")
    for key in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(schema.get(key, ())):
            yield from _named_fields(part, f"{where}{key}.{index}.")
