"""Finds the families: by scanning `tracker_codecs.families`, and third-party ones by entry point. Imports lazily."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from tracker_codecs import contract, families
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family

ENTRY_POINT_GROUP = "tracker_gateway.codecs"


@cache
def _third_party() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


@cache
def _in_tree() -> dict[str, str]:
    """Family name -> the module that declares it: `NAME.py`, or `NAME/family.py`; the name with `_` for `-`."""
    return {
        module.name.replace("_", "-"): f"{families.__name__}.{module.name}{'.family' if module.ispkg else ''}"
        for module in pkgutil.iter_modules(families.__path__)
        if not module.name.startswith("_")
    }


_extra: dict[str, Family] = {}


def register(family: Family) -> None:
    """Add a family made at run time (a command template). Raises LocalError when its name is taken."""
    if family.name in names():
        raise LocalError(f"there is already a codec family {family.name!r}", parameter="family")
    _extra[family.name] = family


def names() -> list[str]:
    """All family names, sorted; imports none of them."""
    return sorted({*_in_tree(), *_third_party(), *_extra})


@cache
def _load(name: str) -> Family:
    package = _in_tree().get(name)
    try:
        found: object = importlib.import_module(package).FAMILY if package else _third_party()[name].load()
    except Exception as error:  # it may come from anybody: say whose fault it is
        raise LocalError(f"codec {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(found, Family | contract.Family) or found.name != name:
        raise LocalError(f"codec {name!r} does not offer a Family of that name")
    return found


def get(name: str) -> Family:
    """The family of this name. Raises LocalError, naming the known ones, when there is none."""
    if name in _extra:
        return _extra[name]
    if name not in _in_tree() and name not in _third_party():
        raise LocalError(f"no codec family {name!r}; known are {', '.join(names())}", parameter="codec")
    return _load(name)


def all_families() -> list[Family]:
    """Every family, imported."""
    return [get(name) for name in names()]
