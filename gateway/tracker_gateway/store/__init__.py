"""What must survive a power cut: the register, the twins, the deliveries with their evidence, the keys."""

from __future__ import annotations

from pathlib import Path

from tracker_gateway.store.base import (
    Delivery,
    Exchange,
    NotStored,
    RawCommand,
    Reported,
    Store,
    StoreError,
    StoreUnavailable,
    Twin,
    secret_digest,
)

__all__ = [
    "Delivery",
    "Exchange",
    "NotStored",
    "RawCommand",
    "Reported",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "Twin",
    "open_store",
    "secret_digest",
]


async def open_store(where: str | Path, *, read_only: bool = False) -> Store:
    """The store at a path or `sqlite:` URL (`sqlite:///var/lib/gateway.db`), made and migrated where needed.

    Raises StoreError for a file that is corrupt, newer than this program or not a store, and where it cannot be
    written durably. `read_only`: the file must exist in the present version, and is not touched.
    """
    from tracker_gateway.store.sqlite import SqliteStore

    text = str(where)
    scheme, colon, rest = text.partition(":")
    if colon and len(scheme) > 1 and "/" not in scheme:  # one letter: a drive
        # Only the scheme is named: a URL may hold a password.
        if scheme != "sqlite" or (rest.startswith("//") and not rest.startswith("///")):
            raise StoreError(f"cannot open the store {scheme}:...: only a path or sqlite:PATH is known")
        text = "/" + rest.lstrip("/") if rest.startswith("///") else rest
    if not text:
        raise StoreError("cannot open the store: its path is empty")
    return await SqliteStore.open(Path(text), read_only=read_only)
