"""What stands in the two messages that rule reporting: a time-and-distance counter, and a row of the event table.

Counter: `TD` index (0..9) BBBB [CCCC DDDD EEEE], decimal digits: least seconds between signals, four digits without
meaning, distance in 100 m, most seconds between signals (only with a distance; 0: no limit). BBBB alone is a timer,
and 0 there switches the counter off, whatever else is set.
Event: `ED` number, routing letter, message letter, destination, `;` trigger in postfix form, sign, and actions; or
`U`. A unit of the first generation has 70 events, of the second 100.
Sources: easymanua.ls dct/syrus page 41; manualshive.com 517455 (Antares SB) pages 182 and 237;
university.digitalcomtech.com glossary, event-definition.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_COUNTER = re.compile(r"TD(\d)(\d{4})(?:\d{4}(\d{4})(\d{4}))?", re.ASCII)
_EVENT = re.compile(r"ED(\d\d)(?:U|([A-Za-z])([A-Z])(\d);([^;]+[+-])((?:;.*)?))", re.ASCII)
_HEADING = re.compile(r"XAGH001(\d{3})", re.ASCII)


class Counter(NamedTuple):
    """A time-and-distance counter: its number, least seconds, distance in 100 m, most seconds."""

    number: int
    least: int = 0
    distance: int = 0
    most: int = 0

    @property
    def text(self) -> str:
        """As it is written, without bracket and qualifier."""
        return f"TD{self.number}{self.least:04d}0000{self.distance:04d}{self.most:04d}"

    @property
    def interval(self) -> int:
        """Seconds after which it reports at the latest; 0: never by time."""
        if not self.least or not self.distance:
            return self.least
        return max(self.least, self.most) if self.most else 0

    @property
    def metres(self) -> int:
        """Distance after which it reports, in m; 0: never by distance."""
        return self.distance * 100 if self.least else 0


def counter(text: str) -> Counter | None:
    """The counter in `TD...`; None where the text is none."""
    found = _COUNTER.fullmatch(text)
    return Counter(*(int(each or 0) for each in found.groups())) if found else None


class Row(NamedTuple):
    """A row of the event table; one that is not defined has empty texts."""

    number: int
    routing: str
    letter: str
    destination: str
    trigger: str
    actions: str

    @property
    def reports(self) -> bool:
        """Whether it tells the server: N is the usual routing, s is silent, and letter X stays on the serial port."""
        return self.routing == "N" and self.letter != "X"

    @property
    def counters(self) -> tuple[int, ...]:
        """Counters whose signal the trigger names."""
        return tuple(int(each) for each in re.findall(r"TD(\d)(?!\d)", self.trigger, re.ASCII))

    @property
    def on_heading(self) -> bool:
        """Whether the trigger names the signal of the heading generator."""
        return re.search(r"J00(?!\d)", self.trigger, re.ASCII) is not None


def row(text: str) -> Row | None:
    """The event in `ED...`; None where the text is none."""
    found = _EVENT.fullmatch(text)
    return Row(int(found[1]), *(each or "" for each in found.groups()[1:])) if found else None


def heading(text: str) -> int | None:
    """Degrees in `XAGH001ddd`; None where the text is something else."""
    found = _HEADING.fullmatch(text)
    return int(found[1]) if found else None
