"""Where the catalogue lies: the package's own data and directories that an operator adds.

A directory holds `catalog/<profile>.yaml` and `models/<any>.yaml`. Nothing is read before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracker_profiles import documents
from tracker_profiles.errors import CatalogError, UnknownName
from tracker_profiles.rules import check_profile

_OWN = Path(__file__).parent


class Roots:
    """The directories in use, and the files in them."""

    def __init__(self, *directories: Path) -> None:
        self.directories = list(directories)
        self.extra_models: list[Path] = []
        self._profiles: dict[str, Path] | None = None

    def profiles(self) -> dict[str, Path]:
        """Profile name -> file. Raises CatalogError when two directories have the same name."""
        if self._profiles is None:
            found: dict[str, Path] = {}
            for directory in self.directories:
                for path in sorted((directory / "catalog").glob("*.yaml")):
                    if path.stem in found:
                        raise CatalogError(path, "", f"there is already a profile {path.stem} in {found[path.stem]}")
                    found[path.stem] = path
            self._profiles = found
        return self._profiles

    def model_files(self) -> list[Path]:
        """Every file of models, in a fixed order."""
        return [path for directory in self.directories for path in sorted((directory / "models").glob("*.yaml"))]

    def profile(self, name: str) -> dict[str, Any]:
        """The checked document of a profile. Raises UnknownName or CatalogError."""
        path = self.profiles().get(name)
        if path is None:
            raise UnknownName("profile", name, self.profiles())
        document = documents.read(path)
        check_profile(path, document)
        return document


_roots = Roots(_OWN)
_when_changed: list[Callable[[], None]] = []


def roots() -> Roots:
    """The directories in use now."""
    return _roots


def on_change(forget: Callable[[], None]) -> None:
    """Have `forget` called whenever the directories in use change, so that nothing stale is kept."""
    _when_changed.append(forget)


def use(new: Roots) -> None:
    """Take other directories; everything read before is forgotten."""
    global _roots  # noqa: PLW0603  # one catalogue a process: it is named data, not state of a run
    _roots = new
    for forget in _when_changed:
        forget()
