"""Which command forms a unit speaks, told by what it says itself and never by its model's name alone.

The same word takes other arguments on other firmware, and the wrong form is often answered `OK!`: `TIMER,60,300#` on a
unit without an ACC input makes it report by cell every 60 minutes. So the unit is asked (VERSION#, STATUS#, HBT#,
TIMER#, all of which only tell), and where the answers do not decide, nothing is written.

Sources, by platform: tracker firmware on GitHub, amitv87/2503D_MQTT @15f0ec65 track/cust/cust_src/Track_cust_cmd.c and
make/Option.mak (all with a name in brackets; another line of it, raspiduino/MT2503, for NT13V, NT17, NT55, EL100,
QB200, NF2319, JM10); adoggie/BlueEarth (recorded GT310, EV25 and GT03F); command lists of GT06D and JM-VL01;
tridge/windsurfer-tracker and HamedFazaely/zx909-gw (clones); bohdan-s/WanWay-Tech-S20 and the EV02 list (s20);
hssflavio-ux/jimi_webhook (cameras).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tracker_codecs.families.gt06.texts import Heartbeat, Shape, Timer


class Platform(StrEnum):
    """A set of command forms. See `forms` for what each takes."""

    ACC = "acc"  # vehicle units with an ACC input
    PORTABLE = "portable"  # TIMER: minutes by cell, seconds by GPS
    THREE = "three"  # TIMER of three numbers
    NT33 = "nt33"  # TIMER: seconds by GPS, seconds by cell
    GT300S = "gt300s"  # works by MODE; minutes in mode 1, seconds in mode 2
    GT370 = "gt370"  # works by MODE; seconds moving and resting in mode 1
    GT740 = "gt740"  # long standby; mode 1 ends by itself
    GT420D = "gt420d"  # long standby; minutes in mode 1, seconds in mode 2
    JM66 = "jm66"  # TIMER as on vehicle units, modes of its own
    CLONE = "clone"  # words ACC ON, ACC OFF
    S20 = "s20"  # one number, a semicolon behind every answer
    CAMERA = "camera"  # three forms of TIMER, each misread by the others


#: What stands first in the name that VERSION# tells, up to the end of it or an underscore.
NAMES: Mapping[str, Platform] = {
    **dict.fromkeys(
        (
            *("GT06B", "GT06D", "GT02F", "NT31", "NT32", "NT36", "NT37", "ET310", "ET320", "XCWS_D02", "NT15", "MT200"),
            *("NT51", "NFR505", "NT06L", "NT13V", "NT17", "NT55", "EL100", "QB200"),
        ),
        Platform.ACC,
    ),
    **dict.fromkeys(("NT61", "JM81", "HVT001", "GT02E", "GT02ES", "NF2319", "JM10"), Platform.PORTABLE),
    **dict.fromkeys(("GT03F", "GT03D", "GT300"), Platform.THREE),
    "GT300S": Platform.GT300S,
    **dict.fromkeys(("NT97", "NT34"), Platform.GT370),
    "NT33": Platform.NT33,
    **dict.fromkeys(("GT740", "GT741", "NT74", "NT76", "NT77"), Platform.GT740),
    **dict.fromkeys(("GT420D", "GT411", "JM_L120"), Platform.GT420D),
    "JM66": Platform.JM66,
    "Version:S20": Platform.S20,
    **dict.fromkeys(("KMC28", "C371", "C181", "C182"), Platform.CAMERA),
}
#: The GT310: its mode, whose arguments nobody has published, rules its rhythm; TIMER is at best stored.
GT310 = "NT61"
#: Platforms that have no TIMER at all: the word gets no answer.
WITHOUT_TIMER = frozenset({Platform.GT740, Platform.GT420D})
#: Platforms whose rhythm MODE rules.
BY_MODE = frozenset({Platform.GT300S, Platform.GT370, Platform.GT740, Platform.GT420D})
#: Platforms that tell themselves by the wording of their timer, and need not know VERSION#.
BY_WORDING = frozenset({Platform.CLONE, Platform.S20})


@dataclass(slots=True)
class Evidence:
    """What a unit has said. None: not asked, not answered, or not with a value."""

    version: str | None = None
    ignition: bool | None = None
    heartbeat: Heartbeat | None = None
    timer: Timer | None = None

    @property
    def named(self) -> Platform | None:
        """The platform of its version's name."""
        return named(self.version or "")


def named(version: str) -> Platform | None:
    """The platform of a version's name, by the longest known beginning; None for an unknown one.

    NT33 has an ACC input in its builds for foreign markets (`_WM`); its DDWL build has one number for both intervals.
    """
    fits = [name for name in NAMES if version == name or version.startswith(f"{name}_")]
    if not fits:
        return None
    found = NAMES[max(fits, key=len)]
    if found is Platform.NT33:
        parts = version.split("_")
        return None if "DDWL" in parts else Platform.ACC if "WM" in parts else found
    return found


def decided(found: Evidence) -> tuple[Platform | None, str]:
    """The platform that the evidence decides, else None and why nothing may be written."""
    timer, beat, name = found.timer, found.heartbeat, found.named
    shape = None if timer is None else timer.shape
    if shape is Shape.WORDS:
        return Platform.CLONE, ""
    if shape is Shape.CLOSED and (name is Platform.S20 or (beat is not None and beat.shape is Shape.CLOSED)):
        return Platform.S20, ""
    if shape is Shape.CLOSED or name is Platform.S20:
        return None, "its timer is worded as by no known firmware"
    if name is Platform.CAMERA:
        return None, "cameras take three forms of TIMER and misread each other's, and which it takes is not told"
    numbers = 0 if timer is None else len(timer.numbers)
    two_beats = beat is not None and len(beat.seconds) == 2
    has_input = found.ignition or (found.ignition is None and two_beats)
    no_input = found.ignition is False or (found.ignition is None and beat is not None and len(beat.seconds) == 1)
    if name is None:
        if numbers == 3 and no_input:
            return Platform.THREE, ""
        if numbers == 2 and found.ignition and two_beats:
            return Platform.ACC, ""
        return None, _undecided(numbers, no_input)
    if name in (Platform.ACC, Platform.JM66):
        fits = (has_input or two_beats) and numbers in (0, 2)
    elif name is Platform.THREE:
        fits = numbers == 3
    elif name in (Platform.PORTABLE, Platform.NT33):
        fits = no_input and numbers == 2
    else:
        fits = not (name in WITHOUT_TIMER and numbers)
    return (name, "") if fits else (None, f"its version is that of firmware {name}, but its other answers are not")


def _undecided(numbers: int, no_input: bool) -> str:
    if not numbers:
        return "it tells neither a version that is known nor its timer"
    if numbers == 1:
        return "its timer has one number, which is seconds on some firmware and minutes by cell on other"
    if no_input:
        return "it does not tell which of its numbers is the GPS interval"
    return "it tells neither a version that is known nor an ACC input, without which its numbers may be minutes by cell"
