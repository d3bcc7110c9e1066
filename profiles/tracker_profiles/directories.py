"""Directories of one's own, added to the catalogue."""

from __future__ import annotations

from pathlib import Path

from tracker_profiles import models, store
from tracker_profiles.errors import CatalogError


def add_directory(directory: str | Path) -> None:
    """Add a directory with `catalog/` and `models/` of one's own to the catalogue, after reading all of it.

    Raises CatalogError, naming file and key, for anything wrong in it: no such directory, unknown keys, a document that
    is no profile, a model whose profile does not exist, a code or a profile name that is taken. Then nothing is added.
    """
    path = Path(directory)
    if not (path / "catalog").is_dir() and not (path / "models").is_dir():
        raise CatalogError(path, "", "holds neither a folder catalog nor a folder models")
    if path.resolve() in (known.resolve() for known in store.roots().directories):
        return
    new = store.Roots(*store.roots().directories, path)
    for name, file in new.profiles().items():
        if file.is_relative_to(path / "catalog"):
            new.profile(name)
    models.load(new)
    store.use(new)
