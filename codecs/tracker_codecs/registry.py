"""Finds the families: by scanning `tracker_codecs.families`, and third-party ones by entry point. Imports lazily.

In `families` a family is a module `NAME.py`, a package with a `family.py`, or a template `NAME.yaml`.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from tracker_codecs import families
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family

ENTRY_POINT_GROUP = "tracker_gateway.codecs"


@cache
def _third_party() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


@cache
def _in_tree() -> dict[str, Path]:
    """Family name -> what declares it: a file, or a package's folder; its name has `_` for `-`."""
    return {
        path.stem.replace("_", "-"): path
        for folder in families.__path__
        for path in Path(folder).iterdir()
        if not path.name.startswith(("_", ".")) and (path.suffix in (".py", ".yaml") or (path / "family.py").exists())
    }


_extra: dict[str, Family] = {}


def register(family: Family) -> None:
    """Add a family made at run time (a command template). Raises LocalError when its name is taken."""
    if family.name in names():
        raise LocalError(f"there is already a codec family {family.name!r}", parameter="family")
    _extra[family.name] = family


def add_templates(folder: Path) -> list[Family]:
    """Registers every template of a folder (`*.yaml`, `*.toml`). Raises TemplateError; LocalError for a taken name."""
    from tracker_codecs import template

    found = []
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.toml")]):
        family = template.load(path)
        known = get(family.name) if family.name in names() else None
        if known is not None and known.made_of == family.made_of:
            continue
        register(family)
        found.append(family)
    return found


def names() -> list[str]:
    """All family names, sorted; imports none of them."""
    return sorted({*_in_tree(), *_third_party(), *_extra})


def _offered(name: str) -> object:
    path = _in_tree().get(name)
    if path is None:
        return _third_party()[name].load()
    if path.suffix == ".yaml":
        from tracker_codecs import template

        return template.load(path)
    inner = "" if path.suffix else ".family"
    return importlib.import_module(f"{families.__name__}.{path.stem}{inner}").FAMILY


@cache
def _load(name: str) -> Family:
    try:
        found = _offered(name)
    except Exception as error:  # it may come from anybody: say whose fault it is
        raise LocalError(f"codec {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(found, Family) or found.name != name:
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
