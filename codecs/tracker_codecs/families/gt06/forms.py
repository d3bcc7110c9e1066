"""What each platform takes for a rhythm, and what its own answers then mean. `platforms` says which platform a unit is.

Ranges are inclusive; an argument left empty keeps what is stored. Sources: tracker firmware on GitHub,
amitv87/2503D_MQTT @15f0ec65 track/cust/cust_src/Track_cust_cmd.c (TIMER, DISTANCE, MODE of all platforms with a name in
brackets); tridge/windsurfer-tracker and HamedFazaely/zx909-gw (clones); bohdan-s/WanWay-Tech-S20 (S20).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tracker_codecs.families.gt06.platforms import GT310, Platform
from tracker_codecs.families.gt06.texts import Mode, Timer

#: Seconds of TIMER where they are the seconds of GPS or of ACC on; 0 switches timed reports off.
TIMER_RANGE = (5, 18000)
#: Metres of DISTANCE, 0 is off; degrees of ANGLEREP; its detection time in seconds.
DISTANCE_RANGE = (50, 10000)
ANGLE_RANGE = (5, 180)
DETECTION_RANGE = (2, 5)
#: Hours between wake-ups that every platform with a sleep mode takes.
HOURS = frozenset({1, 2, 3, 4, 6, 8, 12, 24})
#: Minutes of the interval by cell of a portable unit.
CELL_MINUTES = (0, 60)
_WAKEUP = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)

#: Where the seconds of the GPS (or ACC on) interval stand in the numbers of the timer.
GPS_PLACE: Mapping[Platform, int] = {
    Platform.ACC: 0,
    Platform.JM66: 0,
    Platform.NT33: 0,
    Platform.CLONE: 0,
    Platform.S20: 0,
    Platform.PORTABLE: 1,
    Platform.THREE: 1,
}
#: Where the interval by cell stands, and how many seconds its unit has.
CELL_PLACE: Mapping[Platform, tuple[int, int]] = {Platform.NT33: (1, 1), Platform.PORTABLE: (0, 60)}
#: Platforms on which TIMER switches DISTANCE off and the reverse, neither touching the other's number: what TIMER# and
#: DISTANCE# tell is stored, and only PARAM# or REPORT# tells what is in force.
SWITCHED = frozenset({Platform.ACC, Platform.PORTABLE, Platform.THREE, Platform.NT33})
#: Platforms that take DISTANCE,<m># and ANGLEREP,ON,<deg>,<s>#.
WITH_DISTANCE = SWITCHED
WITH_ANGLE = frozenset({Platform.ACC})
#: Seconds, or None for a mode without an interval: mode number, and the seconds of one of its unit.
_MODE_SECONDS: Mapping[tuple[Platform, int], int] = {
    (Platform.GT300S, 1): 60,
    (Platform.GT300S, 2): 1,
    (Platform.GT370, 1): 1,
    (Platform.GT740, 1): 1,
    (Platform.GT420D, 1): 60,
    (Platform.GT420D, 2): 1,
}
#: The mode that sleeps and wakes at a time of day: MODE,<n>,HH:MM,<hours>#.
SLEEP_MODE: Mapping[Platform, int] = {Platform.GT300S: 3, Platform.GT370: 2, Platform.GT740: 2}


class Refused(Exception):
    """This unit cannot be given that, for this reason."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of the unit when a change is planned. `resting`: seconds, for one that does not tell them."""

    platform: Platform
    version: str = ""
    timer: Timer | None = None
    mode: Mode | None = None
    resting: int | None = None


def interval(unit: Unit, seconds: int, cell: int | None = None) -> str:
    """The command for an interval by GPS, and by cell on the platforms that have one, in seconds; without its `#`.

    Raises Refused where the unit has none, or where an argument that would be lost is not known.
    """
    platform, timer = unit.platform, unit.timer
    if platform in GPS_PLACE:
        return f"TIMER,{_timer(unit, seconds, cell)}"
    if platform is Platform.GT300S:
        return f"MODE,2,{_within(seconds, 10, 1800)}"
    if platform is Platform.GT370:
        return f"MODE,1,{_within(seconds, 10, 3600)},{_resting(unit)}"
    if platform is Platform.GT420D:
        return f"MODE,1,{seconds // 60}" if seconds % 60 == 0 else f"MODE,2,{_within(seconds, 10, 3600)}"
    assert timer is None or platform is Platform.GT740
    raise Refused("it has an interval only in a mode that ends by itself after some minutes")


def _timer(unit: Unit, seconds: int, cell: int | None) -> str:
    platform, timer = unit.platform, unit.timer
    if seconds:
        _within(seconds, *TIMER_RANGE)
    if platform in CELL_PLACE:
        if cell is None:
            return str(seconds) if platform is Platform.NT33 else f",{seconds}"
        _, scale = CELL_PLACE[platform]
        if cell % scale:
            raise Refused("its interval by cell is whole minutes")
        if platform is Platform.NT33:
            return f"{seconds},{_within(cell, *TIMER_RANGE) if cell else 0}"
        return f"{_within(cell // scale, *CELL_MINUTES, 'minutes by cell')},{seconds}"
    if platform is Platform.S20:
        return str(seconds)
    if platform is Platform.THREE:
        if timer is None:
            raise Refused("it does not tell its other two numbers, which would be lost")
        return f"{timer.numbers[0]},{seconds},{timer.numbers[2]}"
    # A time that is left out is kept; only firmware with a known name is without a timer here.
    return str(seconds) if timer is None else f"{seconds},{timer.numbers[1]}"


def _resting(unit: Unit) -> int:
    """Seconds between reports at rest, as the unit tells them in mode 1; in mode 2 it does not."""
    mode = unit.mode
    if mode is not None and mode.number == 1 and len(mode.values) == 2 and mode.values[1].isdigit():
        return int(mode.values[1])
    if unit.resting is None:
        raise Refused("it does not tell its interval at rest, which would be lost; option resting_interval gives one")
    return unit.resting


def _within(value: int, low: int, high: int, of: str = "seconds") -> int:
    if not low <= value <= high:
        raise Refused(f"it takes {low} to {high} {of}")
    return value


def agrees(platform: Platform, mode: Mode | None) -> bool:
    """Whether the answer to MODE# has the shape of this platform's, without which no MODE is written."""
    if mode is None:
        return False
    if platform is Platform.GT740:
        return not mode.unit
    if platform is Platform.GT420D and mode.number == 3:
        return not mode.values
    return rhythm(platform, None, mode) != Rhythm()


def sleep(unit: Unit, wakeup: str, hours: int) -> str:
    """The command for a sleep with a wake-up at a time of day and then every so many hours. Raises Refused."""
    number = SLEEP_MODE.get(unit.platform)
    if number is None:
        raise Refused("it has no sleep with a wake-up at a time of day")
    return f"MODE,{number},{wakeup},{hours}"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What a unit's answers mean: its interval by GPS in seconds (0: not by time), by cell, or its sleep."""

    seconds: int | None = None
    cell: int | None = None
    wakeup: str | None = None
    hours: int | None = None


def rhythm(platform: Platform, timer: Timer | None, mode: Mode | None) -> Rhythm:
    """Stored numbers in seconds; whether they are in force is another question on switched platforms."""
    if platform in GPS_PLACE:
        place = GPS_PLACE[platform]
        if timer is None or len(timer.numbers) <= place:
            return Rhythm()
        if platform not in CELL_PLACE:
            return Rhythm(timer.numbers[place])
        at, scale = CELL_PLACE[platform]
        return Rhythm(timer.numbers[place], timer.numbers[at] * scale if len(timer.numbers) > at else None)
    if mode is None or not mode.values:
        return Rhythm()
    if mode.number == SLEEP_MODE.get(platform):
        if len(mode.values) != 2 or mode.unit or not _WAKEUP.fullmatch(mode.values[0]) or not mode.values[1].isdigit():
            return Rhythm()
        return Rhythm(wakeup=mode.values[0], hours=int(mode.values[1]))
    scale_ = _MODE_SECONDS.get((platform, mode.number))
    wanted = 2 if platform in (Platform.GT370, Platform.GT740) else 1
    unit = {60: "min", 1: "s"}[scale_ or 1] if platform is Platform.GT420D else ""
    if scale_ is None or len(mode.values) != wanted or mode.unit != unit or not mode.values[0].isdigit():
        return Rhythm()
    return Rhythm(int(mode.values[0]) * scale_)


def kept(platform: Platform, before: Timer | None, after: Timer | None, *, cell: bool) -> bool:
    """Whether the numbers that were not to be changed are what they were."""
    if before is None or after is None or platform is Platform.S20 or platform not in GPS_PLACE:
        return True
    changed = {GPS_PLACE[platform]} | ({CELL_PLACE[platform][0]} if cell and platform in CELL_PLACE else set())
    others = [[n for at, n in enumerate(each.numbers) if at not in changed] for each in (before, after)]
    return others[0] == others[1]


def doubt(unit: Unit) -> str:
    """Why the numbers of this unit, read back, are still no proof that it keeps them; empty where they are."""
    if unit.version == GT310 or unit.version.startswith(f"{GT310}_"):
        return "stored; on this unit its mode rules the rhythm, and what its modes mean is not public"
    if unit.platform is Platform.JM66:
        return "stored; whether its mode lets it count is not public"
    if unit.platform is Platform.THREE and (unit.mode is None or unit.mode.number != 2 or unit.mode.values):
        mode = "a mode that it does not tell" if unit.mode is None else f"mode {unit.mode.number}"
        return f"stored; the unit works in {mode}, and this number counts in mode 2"
    return ""
