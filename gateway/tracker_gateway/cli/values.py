"""Settings and options as they are written on a command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
import orjson


def parse_settings(text: str) -> dict[str, Any]:
    """A JSON object of settings. Raises a usage error that says where the text is wrong."""
    try:
        settings = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"the settings are not JSON: {error}") from None
    if not isinstance(settings, dict):
        raise click.UsageError("the settings must be a JSON object")
    return settings


def parse_options(pairs: Iterable[str]) -> dict[str, Any]:
    """Codec options from NAME=VALUE; a value that is a JSON number, true or false is one, anything else is text.

    A number with a leading zero stays text: it is a password.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.UsageError(f"an option is written NAME=VALUE, not {pair!r}")
        options[name] = loosely(value)
    return options


def loosely(text: str) -> Any:
    """A JSON value where the text is one, else the text itself."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def parse_pairs(pairs: Iterable[str], types: dict[str, str]) -> dict[str, Any]:
    """Settings from NAME=VALUE, each read by the type its profile gives it (JSON Schema's name).

    A value that does not fit its type, and a name the profile does not have, pass on as they stand: the gateway says
    what is wrong with them in the same words as to everybody.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.UsageError(f"a setting is written NAME=VALUE, not {pair!r}")
        if name in settings:
            raise click.UsageError(f"{name} is given twice")
        kind = types.get(name)
        if kind == "string":
            settings[name] = value
        elif kind == "array" and not value.startswith("["):
            settings[name] = value.split(",") if value else []
        elif kind == "boolean" and value.lower() in ("yes", "no", "on", "off"):
            settings[name] = value.lower() in ("yes", "on")
        else:
            settings[name] = loosely(value)
    return settings
