"""The two ways in which this package says no."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class UnknownName(LookupError):
    """There is no profile or model of this name. `close` are the names it may have been meant to be."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.close = get_close_matches(name[:64], list(known), n=3)
        hint = f"; did you mean {' or '.join(self.close)}?" if self.close else ""
        super().__init__(f"there is no {kind} {name[:64]!r}{hint}")


class CatalogError(ValueError):
    """A document of the catalogue is wrong. Names the file and, where there is one, the key."""

    def __init__(self, path: Path, key: str, problem: str) -> None:
        self.path = path
        self.key = key
        self.problem = problem
        super().__init__(f"{path}: {key}: {problem}" if key else f"{path}: {problem}")
