"""Cells of text protocols: what stands between two commas."""

from __future__ import annotations

import re
from datetime import datetime

_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?", re.ASCII).fullmatch


def number(text: str) -> float | None:
    """A decimal number of up to nine digits and six places; None for a text that is none."""
    return float(text) if _NUMBER(text) else None


def moment(digits: str, form: str) -> str | None:
    """A time in ISO 8601, without a zone, of digits in a form of `strptime`; None for digits that are no time."""
    try:
        return datetime.strptime(digits, form).isoformat()
    except ValueError:
        return None
