"""Models: which hardware takes which tracking profile, through which codec. Data in `models/<family>.yaml`.

A file holds `models` (code -> entry) and, beside it, defaults for its entries. The keys are the fields of `Model`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tracker_profiles import documents, store
from tracker_profiles.errors import CatalogError, UnknownName

__all__ = ["CatalogError", "Model", "UnknownName", "all_models", "codes", "get"]

_CODE = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
_CODEC = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
#: `imei`: 15 digits. `meid`: 14 hexadecimal digits. `id,n`: n digits. `id,n,m`: n to m digits. `string,n,m`: n to m
#: printable characters.
_ID_TYPE = re.compile(r"imei|meid|id,[1-9]\d?(,[1-9]\d?)?|hex,[1-9]\d?|string,[1-9]\d?,[1-9]\d{0,2}|user/device")
_ENTRY_KEYS = (
    *("name", "vendor", "profile", "codec", "variant"),
    *("id_type", "experimental", "options", "session_only", "reason"),
)
_FILE_KEYS = ("models", *_ENTRY_KEYS[1:])


@dataclass(frozen=True, slots=True)
class Model:
    """One hardware model.

    `variant` is the codec's. `id_type` says what a device id looks like: `imei`, `meid`, `id,n` (n digits), `id,n,m`
    (n to m digits), `hex,n` (n hexadecimal digits in lower case), `string,n,m`, `user/device`. `experimental`: facts of
    low confidence are in use. `options` are the codec's, such as the factory `password`; a tracker's own record
    overrides them. `session_only`: the codec knows the model's frames (who it is, what is owed, raw commands), but no
    command that sets a field of its profile. `reason` says why nothing can be pushed: where `codec` or `profile` is
    None, or the codec knows the session only.
    """

    code: str
    vendor: str
    name: str
    profile: str | None
    codec: str | None
    variant: str = ""
    id_type: str = "imei"
    experimental: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    session_only: bool = False
    reason: str = ""

    @property
    def track_control(self) -> str:
        """The profile's name, or `none`."""
        return self.profile or "none"

    @property
    def settable(self) -> bool:
        """Whether there is a profile and a codec that can push some of it."""
        return self.profile is not None and self.codec is not None and not self.session_only


def all_models() -> Mapping[str, Model]:
    """Code -> model, in order of the codes. Read once."""
    return _loaded()


def codes() -> list[str]:
    """All codes, sorted."""
    return list(_loaded())


def get(code: str) -> Model:
    """The model of this code. Raises UnknownName with codes that come close."""
    try:
        return _loaded()[code]
    except KeyError:
        raise UnknownName("model", code, _loaded()) from None


@cache
def _loaded() -> Mapping[str, Model]:
    return load(store.roots())


def load(roots: store.Roots) -> Mapping[str, Model]:
    """Every model of these directories. Raises CatalogError, naming file and key, for anything wrong."""
    profiles = roots.profiles()
    found: dict[str, Model] = {}
    where: dict[str, Path] = {}
    for path in roots.model_files():
        document = documents.read(path)
        for key in document:
            if key not in _FILE_KEYS:
                raise CatalogError(path, key, f"is not a known key; known are {', '.join(_FILE_KEYS)}")
        entries = document.pop("models", None)
        if not isinstance(entries, dict):
            raise CatalogError(path, "models", "must be a mapping of codes to models")
        for code, entry in entries.items():
            key = f"models.{code}"
            if not isinstance(code, str) or not _CODE.fullmatch(code):
                raise CatalogError(path, key, "a code must be lower case letters, digits and _")
            if code in found:
                raise CatalogError(path, key, f"the code is taken by {where[code]}")
            found[code] = _model(path, key, code, document, entry, profiles)
            where[code] = path
    return MappingProxyType(dict(sorted(found.items())))


def _model(
    path: Path, key: str, code: str, defaults: Mapping[str, Any], entry: Any, profiles: Mapping[str, Path]
) -> Model:
    if not isinstance(entry, dict):
        raise CatalogError(path, key, "must be a mapping")
    for name in entry:
        if name not in _ENTRY_KEYS:
            raise CatalogError(path, f"{key}.{name}", f"is not a known key; known are {', '.join(_ENTRY_KEYS)}")
    merged = {**defaults, **entry}

    def text(name: str, default: str | None = None) -> str:
        value = merged.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise CatalogError(path, f"{key}.{name}", "must be a text")
        return value

    profile, codec = merged.get("profile"), merged.get("codec")
    if profile is not None and profile not in profiles:
        raise CatalogError(path, f"{key}.profile", f"there is no profile {profile!r}")
    if codec is not None and not (isinstance(codec, str) and _CODEC.fullmatch(codec)):
        raise CatalogError(path, f"{key}.codec", "must be the name of a codec family, or null")
    experimental, options = merged.get("experimental", False), merged.get("options", {})
    if not isinstance(experimental, bool):
        raise CatalogError(path, f"{key}.experimental", "must be true or false")
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise CatalogError(path, f"{key}.options", "must be a mapping of names to values")
    id_type = text("id_type", "imei")
    if not _ID_TYPE.fullmatch(id_type):
        raise CatalogError(
            path, f"{key}.id_type", "must be imei, meid, user/device, id,n or id,n,m, hex,n or string,n,m"
        )
    session_only = merged.get("session_only", False)
    if not isinstance(session_only, bool):
        raise CatalogError(path, f"{key}.session_only", "must be true or false")
    if session_only and codec is None:
        raise CatalogError(path, f"{key}.session_only", "needs a codec: without one there is no session")
    reason = text("reason", "")
    if codec is None or profile is None or session_only:
        if not reason.strip():
            why = "the codec knows the session only" if session_only else "there is no codec or no profile"
            raise CatalogError(path, f"{key}.reason", f"say why nothing can be pushed: {why}")
    elif "reason" in entry:
        raise CatalogError(path, f"{key}.reason", "belongs to models without codec or profile, or with `session_only`")
    else:
        reason = ""  # a file's reason is for those of its models that have no codec
    return Model(
        code=code,
        vendor=text("vendor"),
        name=text("name"),
        profile=profile,
        codec=codec,
        variant=text("variant", ""),
        id_type=id_type,
        experimental=experimental,
        options=MappingProxyType(dict(options)),
        session_only=session_only,
        reason=reason,
    )


store.on_change(_loaded.cache_clear)
