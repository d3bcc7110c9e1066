"""The event table and the timers of a unit, as AT commands write them and tell them; what does not fit.

`AT$EVENT?` is answered by a line `$EVENT: ...` and one row a line: group and letter, type, category, two numbers.
Rows of type 3 are outputs of their group, all others its inputs. `AT$EVTIMn?` (1 to 4) is answered `$EVTIMn:
<seconds>`.

| field | place | the device's unit |
|---|---|---|
| tracking_interval | the timer whose input reports | seconds |
| tracking_distance | first number of the input of category 16 | metres |

Categories known from public scripts: inputs 12 and 13 are timers (which one belongs to which timer is told
differently), 16 is distance; outputs 40, 43, 52 and 60 report.
Sources: GSM1308 AT command set reference page 292; public Delphi source of an Enfora initialiser; docs.plaspy.com
device pages (SkyPatrol).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tracker_codecs.checks import is_whole
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target

INTERVAL, DISTANCE = "tracking_interval", "tracking_distance"
TIMERS = (1, 2, 3, 4)
_OUTPUT, _REPORT_OUTPUTS = 3, (40, 43, 52, 60)
_TIMER_INPUTS, _DISTANCE_INPUT = (12, 13), 16
#: Upper end of a distance row, as in the public script.
FAR = 1000000
_RANGES = {INTERVAL: (30, 18000, "s"), DISTANCE: (100, 10000, "m")}
_ROW = re.compile(r"(\d{1,2})([A-Z])\s+([0-3])\s+(\d{1,3})\s+([+-]?\d{1,10})\s+([+-]?\d{1,10})", re.ASCII)
_TIMER = re.compile(r"\$EVTIM([1-4])\s*:\s*(\d{1,7})", re.ASCII)
_LOST = re.compile(r"(\d{1,2}),([0-2]),(\d{1,10})", re.ASCII)
_READ = Capability(Strength.READ_BACK, "only where the unit's own event table reports by it")
_UNKNOWN = Capability(None, "the settings commands of this unit are not public")
VARIANTS: Mapping[str, Mapping[str, Capability]] = {
    "events": {INTERVAL: _READ, DISTANCE: _READ},
    "tt8750plus": dict.fromkeys((INTERVAL, DISTANCE, "psm_interval", "tracking_angle"), _UNKNOWN),
}


class Row(NamedTuple):
    """A row of the event table."""

    group: int
    letter: str
    type: int
    category: int
    first: int
    second: int

    @property
    def setting(self) -> str:
        """The command that makes it."""
        return f"AT$EVENT={self.group},{self.type},{self.category},{self.first},{self.second}"


def rows(text: str) -> Sequence[Row] | None:
    """The rows in an answer to `AT$EVENT?`; None where a line is neither a row nor what stands around them."""
    found: dict[tuple[int, str], Row] = {}
    for line in (each.strip() for each in re.split(r"[\r\n]+", text)):
        cells = _ROW.fullmatch(line)
        if cells is not None:
            row = Row(int(cells[1]), cells[2], *(int(each) for each in cells.groups()[2:]))
            if found.setdefault((row.group, row.letter), row) != row:
                return None
        elif line and line != "OK" and not line.startswith(("$EVENT:", "AT$EVENT?")):
            return None
    return list(found.values())


def timer(text: str, number: int) -> int | None:
    """Seconds of this timer in an answer; None where it does not tell them."""
    for line in re.split(r"[\r\n]+", text):
        found = _TIMER.fullmatch(line.strip())
        if found is not None and int(found[1]) == number:
            return int(found[2])
    return None


def _reporting(table: Iterable[Row]) -> set[int]:
    return {row.group for row in table if row.type == _OUTPUT and row.category in _REPORT_OUTPUTS}


def _inputs(table: Sequence[Row], categories: Sequence[int]) -> list[Row]:
    groups = _reporting(table)
    return [row for row in table if row.type != _OUTPUT and row.category in categories and row.group in groups]


def timer_of(table: Sequence[Row], timers: Mapping[int, int]) -> tuple[int | None, str]:
    """The number of the timer that reports, or why it is not clear."""
    running = [number for number, seconds in timers.items() if seconds]
    used = {row.category for row in _inputs(table, _TIMER_INPUTS)}
    if not used:
        return None, "no event of the unit reports on a timer: its event table must be extended"
    if len(running) == 1 and len(used) == 1:
        return running[0], ""
    names = ", ".join(str(each) for each in running) or "none"
    return None, f"timers that run: {names}; events on timers: {len(used)}: the option timer must name the one to set"


def distance_row(target: Target, table: Sequence[Row], lost: str) -> tuple[Row | None, str]:
    """The row that reports by distance (letter empty: it must be made), or why it is not clear. Option `group` decides.

    `lost` is a row that an earlier dialogue took out and did not put back: group, type, second number.
    """
    named = number(target, "group", 0, 99)
    found = [row for row in _inputs(table, (_DISTANCE_INPUT,)) if named in (None, row.group)]
    if len(found) == 1:
        return found[0], ""
    if found:
        return (
            None,
            "several events of the unit report by distance: the option group must name one with a single such row",
        )
    groups = _reporting(table)
    if named in groups:
        return Row(named or 0, "", 0, _DISTANCE_INPUT, 0, FAR), ""
    again = _LOST.fullmatch(lost)
    if again is not None and int(again[1]) in groups:
        return Row(int(again[1]), "", int(again[2]), _DISTANCE_INPUT, 0, int(again[3])), ""
    return None, "no event of the unit reports by distance: its event table must be extended"


def distances(table: Sequence[Row], like: Row) -> list[Row]:
    """Inputs for a distance in the group and of the type of this row, as long as the group reports."""
    found = _inputs(table, (_DISTANCE_INPUT,))
    return [row for row in found if (row.group, row.type) == (like.group, like.type)]


def as_lost(row: Row) -> str:
    """What must be remembered of a row to put it back."""
    return f"{row.group},{row.type},{row.second}"


def number(target: Target, option: str, low: int, high: int) -> int | None:
    """An option of the tracker as a number of this range; None where it is none."""
    value = target.options.get(option)
    if isinstance(value, str) and re.fullmatch(r"\d{1,3}", value, re.ASCII):
        value = int(value)
    return value if is_whole(value, low, high) else None


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    problems = []
    for name, value in wanted.items():
        low, high, unit = _RANGES[name]
        if not is_whole(value, low, high):
            problems.append(Problem(name, Severity.REFUSE, f"must be a whole number, {low} to {high} {unit}"))
    return problems
