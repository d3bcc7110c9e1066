"""How the demo looks: 100 columns, colours on a terminal only, ASCII where the output takes no more."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

WIDTH = 100
#: Lines of hexadecimal bytes shown of one frame.
HEX_LINES = 3
_STYLES = {"title": "1;36", "dim": "2", "good": "32", "bad": "1;31", "warn": "33", "strong": "1", "": ""}
_ASCII = str.maketrans({"→": ">", "←": "<", "✓": "+", "✗": "x", "─": "-", "…": "~", "·": "-"})
#: What a state or verdict is coloured like.
MOODS = {"confirmed": "good", "mismatched": "warn", "unsupported": "dim", "rejected": "bad", "failed": "bad"}


class Screen:
    """Writes to a text stream."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colours = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._unicode = (out.encoding or "ascii").lower().replace("-", "").startswith("utf")

    def line(self, text: str = "", style: str = "") -> None:
        """One line; a longer one is cut."""
        if len(text) > WIDTH:
            text = text[: WIDTH - 1] + "…"
        if not self._unicode:
            text = text.translate(_ASCII).encode("ascii", "replace").decode()
        if self._colours and style:
            text = f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
        print(text, file=self._out, flush=True)

    def paragraph(self, text: str, style: str = "", indent: str = "") -> None:
        """Text, wrapped."""
        for each in textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent):
            self.line(each, style)

    def title(self, text: str) -> None:
        """The head of a scene."""
        self.line()
        self.line(f"── {text} ".ljust(WIDTH, "─"), "title")

    def verdict(self, text: str, held: bool) -> None:
        """An expectation and whether it held."""
        lines = textwrap.wrap(text, WIDTH - 12)
        for each in lines[:-1]:
            self.line(f"  {each}")
        mark = "✓ ok" if held else "✗ FAILED"
        self.line(f"  {lines[-1]} ".ljust(WIDTH - 9, "·") + f" {mark}", "good" if held else "bad")

    def call(self, url: str, body: Mapping[str, Any]) -> None:
        """The curl command that makes the same call."""
        self.line(f"  $ curl -s {url} \\", "strong")
        self.line('      -H "Authorization: NVX $HASH" \\', "strong")
        for each in textwrap.wrap(
            f"-d '{json.dumps(body)}'", WIDTH - 6, break_long_words=False, break_on_hyphens=False
        ):
            self.line(f"      {each}", "strong")

    def exchange(self, entry: Mapping[str, Any]) -> None:
        """A command and its answer, in bytes and in words."""
        what = str(entry["purpose"]).replace("_", " ")
        self.line(f"  → {what:<10}{entry['text']}")
        self._hex(str(entry["hex"]))
        if "reply_hex" in entry:
            self.line(f"  ← {entry['verdict']!s:<10}{entry.get('reply') or '-'}")
            self._hex(str(entry["reply_hex"]))

    def _hex(self, digits: str) -> None:
        pairs = textwrap.wrap(digits, 2)
        room = (WIDTH - 14) // 3
        rows = [" ".join(pairs[at : at + room]) for at in range(0, len(pairs), room)]
        for row in rows[:HEX_LINES]:
            self.line(f"              {row}", "dim")
        if len(rows) > HEX_LINES:
            self.line(f"              … {len(pairs) - room * HEX_LINES} bytes more", "dim")

    def table(self, rows: Sequence[Sequence[str]], moods: Sequence[str]) -> None:
        """Aligned rows, the first one the heads; a mood each for the others."""
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
        for row, mood in zip(rows, ("strong", *moods), strict=True):
            self.line(
                "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip(), mood
            )
