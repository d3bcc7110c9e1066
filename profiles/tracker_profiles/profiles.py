"""Tracking profiles: the settings a group of models accepts, each a JSON Schema 2020-12 document.

`names()` lists them without reading one; `get(name)` reads, checks and compiles one, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import jsonschema_rs

from tracker_profiles import explain, store
from tracker_profiles.errors import CatalogError, UnknownName

__all__ = ["CatalogError", "FieldError", "FieldInfo", "Profile", "UnknownName", "get", "names"]


class FieldError(NamedTuple):
    """One thing wrong with settings: `parameter` is the field's name, empty for the settings as a whole."""

    parameter: str
    error: str


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One setting of a profile, in the profile's own unit. `required` is true where no condition frees of it."""

    type: str  # integer, number, boolean, string or array
    unit: str | None
    minimum: float | None
    maximum: float | None
    enum: tuple[Any, ...] | None
    default: Any
    required: bool
    description: str
    values: Mapping[str, str]  # what the values mean, where the profile says so
    format: str | None  # of texts: HH:mm and the like


#: Bounds of a number for which a profile names none: no time, distance, angle or level is negative, and no tracker's
#: command takes more digits than a signed 32-bit number has.
LOWEST, HIGHEST = 0, 2**31 - 1


class Profile:
    """A tracking profile. `schema` is its document, each number bounded; `fields` are its settings in order."""

    __slots__ = ("_order", "_validator", "_whole_numbers", "fields", "name", "schema")

    def __init__(self, name: str, schema: dict[str, Any]) -> None:
        schema = {**schema, "properties": {field: _bounded(part) for field, part in schema["properties"].items()}}
        self.name = name
        self.schema: Mapping[str, Any] = schema
        required = schema.get("required", ())
        self.fields: Mapping[str, FieldInfo] = MappingProxyType(
            {field: _info(part, field in required) for field, part in schema["properties"].items()}
        )
        self._validator = jsonschema_rs.Draft202012Validator(schema)
        self._order = {field: index for index, field in enumerate(self.fields)}
        self._whole_numbers = frozenset(field for field, info in self.fields.items() if info.type == "integer")

    @property
    def title(self) -> str:
        """Its name for people."""
        return str(self.schema["title"])

    @property
    def description(self) -> str:
        """What it serves, and where its public document contradicts itself."""
        return str(self.schema["description"])

    @property
    def origin(self) -> str:
        """`public-api` for a profile of the public tracking API, `own` for one of ours."""
        return str(self.schema["x-origin"])

    def validate(self, settings: object) -> list[FieldError]:
        """What is wrong with these settings, in the order of the fields; empty when they fit the profile.

        `settings` is a JSON value as a parser gave it. Whole numbers must come without a fraction, even .0, because
        they end up as digits in a tracker's command; true and false are no numbers.
        """
        if isinstance(settings, Mapping):
            strange = [key for key in settings if not isinstance(key, str)]
            if strange:
                return [FieldError("", "the names of settings must be texts")]
            settings = dict(settings)
        try:
            if self._validator.is_valid(settings):
                errors: list[jsonschema_rs.ValidationError] = []
            else:
                errors = list(self._validator.iter_errors(settings))
        except ValueError:  # an object that JSON does not know, or half of a surrogate pair
            return [FieldError("", "the settings hold a value that JSON does not know")]
        found = dict.fromkeys(explain.findings(self.name, self.schema, settings, errors))
        if isinstance(settings, dict):
            for field, value in settings.items():
                if field in self._whole_numbers and isinstance(value, float) and value.is_integer():
                    found[field, "must be a whole number, written without a fraction"] = None
        last = len(self._order)
        return [FieldError(*pair) for pair in sorted(found, key=lambda pair: (self._order.get(pair[0], last), pair[0]))]

    def __repr__(self) -> str:
        return f"Profile({self.name})"


def names() -> list[str]:
    """All profile names, sorted. Reads no document."""
    return sorted(store.roots().profiles())


@cache
def get(name: str) -> Profile:
    """The profile of this name. Raises UnknownName with names that come close, CatalogError for a broken document."""
    return Profile(name, store.roots().profile(name))


def _bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A property, each of its numbers within bounds."""
    bounded = dict(schema)
    if schema.get("type") in ("integer", "number") and "enum" not in schema:
        bounded = {**schema, "minimum": schema.get("minimum", LOWEST), "maximum": schema.get("maximum", HIGHEST)}
    if "items" in schema:
        bounded["items"] = _bounded(schema["items"])
    return bounded


def _info(schema: Mapping[str, Any], required: bool) -> FieldInfo:
    return FieldInfo(
        type=schema["type"],
        unit=schema.get("x-unit"),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        enum=tuple(schema["enum"]) if "enum" in schema else None,
        default=schema.get("default"),
        required=required,
        description=schema["description"],
        values=MappingProxyType(dict(schema.get("x-values", {}))),
        format=schema.get("x-format"),
    )


store.on_change(get.cache_clear)
