"""Reads YAML documents: with the C parser where PyYAML has it, and with doubled keys refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tracker_profiles.errors import CatalogError

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Plain YAML would let the later of two equal keys win in silence: a model could vanish unnoticed."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            seen: set[Any] = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node)
                if key in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark
                    )
                seen.add(key)
        return mapping


def read(path: Path) -> dict[str, Any]:
    """The document as a mapping with text keys. Raises CatalogError when it is not one, or cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(path, "", f"cannot be read: {error}") from error
    try:
        document = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise CatalogError(path, "", f"is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise CatalogError(path, "", "must be a mapping of keys to values")
    for key in document:
        if not isinstance(key, str):
            raise CatalogError(path, repr(key), "a key must be a text")
    return document
