"""Texts with places: `(<id>BP05{*})` is matched against what a device says, and filled in for what is sent to it.

Places: `{id}` the device id, `{*}` anything, `{name}` the value of a setting. `{{` and `}}` stand for braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from tracker_codecs.errors import LocalError

_PLACE = re.compile(r"\{(\{|\*|[a-z][a-z0-9_]*)\}|\}\}|\{\{")
#: Characters of a value that a device may say.
_VALUE = r"[-+.0-9A-Za-z:]{1,32}"
_ID = r"[0-9A-Za-z]{1,64}"


class Piece(NamedTuple):
    """Literal text, or the name of a place."""

    literal: str
    place: str = ""


class Pattern:
    """A text with places. Raises ValueError for a text with braces that make no place."""

    def __init__(self, text: str, *, end: str = "", device_id: str = _ID) -> None:
        self.text = text
        self.pieces = _pieces(text)
        self.places = tuple(piece.place for piece in self.pieces if piece.place not in ("", "*"))
        anything = f"[^{re.escape(end)}]*?" if end else ".*?"
        parts = []
        for piece in self.pieces:
            if not piece.place:
                parts.append(re.escape(piece.literal))
            elif piece.place == "*":
                parts.append(anything)
            else:
                parts.append(f"(?P<{piece.place}>{device_id if piece.place == 'id' else _VALUE})")
        self._match = re.compile("".join(parts), re.DOTALL | re.ASCII)
        self._id = re.compile(device_id, re.ASCII)
        self._id_so_far = re.compile(re.sub(r"\{\d+,", "{0,", device_id), re.ASCII)

    def match(self, text: str) -> Mapping[str, str] | None:
        """The values of the places where the whole text fits, else None."""
        found = self._match.fullmatch(text)
        return None if found is None else found.groupdict()

    def may_begin(self, text: str) -> bool:
        """Whether a text that fits could begin like this; told from its literals and the device id."""
        for piece in self.pieces:
            if piece.place == "id":
                if self._id_so_far.fullmatch(text):
                    return True
                found = self._id.match(text)
                if found is None:
                    return False
                text = text[found.end() :]
            elif piece.place:
                return True
            elif text.startswith(piece.literal):
                text = text[len(piece.literal) :]
            else:
                return piece.literal.startswith(text)
        return not text

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its places filled; `{*}` becomes nothing. Raises LocalError for a value that is missing."""
        out = ""
        for piece in self.pieces:
            if not piece.place:
                out += piece.literal
            elif piece.place != "*":
                if piece.place not in values:
                    raise LocalError(f"nothing is known for {{{piece.place}}}", parameter=piece.place)
                out += values[piece.place]
        return out


def _pieces(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    for found in _PLACE.finditer(text):
        if found.start() > at:
            pieces.append(Piece(text[at : found.start()]))
        if found[1] is None:
            pieces.append(Piece(found[0][0]))
        else:
            pieces.append(Piece("", found[1]))
        at = found.end()
    pieces.append(Piece(text[at:]))
    if set(_PLACE.sub("", text)) & set("{}"):
        raise ValueError(f"a brace that makes no place in {text!r}; write {{{{ or }}}} for a brace itself")
    places = [piece.place for piece in pieces if piece.place not in ("", "*")]
    if len(set(places)) != len(places):
        raise ValueError(f"a place stands twice in {text!r}")
    return [piece for piece in pieces if piece.literal or piece.place]
