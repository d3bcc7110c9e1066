"""TRACK: what it tells, and the commands that change it.

`TRACK` alone is answered with `TRACK X, Y, Z; (0):A,B; (1):A,B; (2):A,B`: least speed, distance (m), acceleration
(km/h per second), and for slow, medium and fast movement the angle (degrees) and deflection. `TRACK 255,X,Y,Z` sets
the first three, `TRACK M,A,B` one mode. One angle for all speeds is written to all three modes, each with the
deflection that it has.
Source: manualshive.com, neomatica/adm007/719123, page 14 (manual 1.3 of 2019-09-13).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_N = r"\s*([0-9]{1,7})\s*"
_MODE = rf";\s*\(%d\)\s*:?{_N},{_N}"
_ANSWER = re.compile(
    rf"\s*TRACK\s{_N},{_N},{_N}" + "".join(_MODE % mode for mode in range(3)) + r";?\s*", re.ASCII | re.IGNORECASE
).fullmatch


class Track(NamedTuple):
    """What TRACK tells."""

    speed: int
    distance: int
    acceleration: int
    angles: tuple[int, int, int]
    deflections: tuple[int, int, int]

    def __str__(self) -> str:
        """As the unit words it."""
        modes = [
            f"({mode}):{angle},{deflection}"
            for mode, (angle, deflection) in enumerate(zip(self.angles, self.deflections, strict=True))
        ]
        return "; ".join([f"TRACK {self.speed}, {self.distance}, {self.acceleration}", *modes])

    def distance_command(self, distance: int) -> str:
        """The command that sets this distance and keeps the rest."""
        return f"TRACK 255,{self.speed},{distance},{self.acceleration}"

    def angle_command(self, mode: int, angle: int) -> str:
        """The command that sets this angle of a mode and keeps its deflection."""
        return f"TRACK {mode},{angle},{self.deflections[mode]}"


#: What the manual prints: dry runs show it where nothing is known of the unit.
EXAMPLE = Track(4, 1000, 15, (5, 10, 20), (6, 6, 6))


def parse(text: str) -> Track | None:
    """What an answer to TRACK says; None for any other text."""
    found = _ANSWER(text)
    if found is None:
        return None
    speed, distance, acceleration, a0, b0, a1, b1, a2, b2 = map(int, found.groups())
    return Track(speed, distance, acceleration, (a0, a1, a2), (b0, b1, b2))
