"""Cleaning of text that came from a peer, before it is logged, stored or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_TEXT = 300


def clean(text: str | bytes, limit: int = MAX_TEXT) -> str:
    """Printable form of peer text: control and non-ASCII characters become escapes, cut at `limit` characters."""
    if isinstance(text, bytes):
        text = text[: limit + 1].decode("latin-1")
    if len(text) <= limit and text.isascii() and text.isprintable():  # the usual case, at a tenth of the price
        return text
    shown = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode("ascii") for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def starred(text: str, secrets: Iterable[bytes]) -> str:
    """The text with every secret starred out, as it is or in hexadecimal digits. Digits inside a number are none."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            plain = re.escape(secret.decode("latin-1"))
            text = re.sub(rf"(?<!\d){plain}(?!\d)" if secret.isdigit() else plain, "***", text)
            text = text.replace(secret.hex(), "***")
    return text
