"""A believable unit: login, positions, answers to TRACK.

Its position copies a recorded one (traccar/traccar tests); only index and time are its own. How a unit answers a
change is not public: this one tells TRACK again, and says ERROR where it refuses. Options: `answer_mode` (0),
`number` (1).
"""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Value
from tracker_codecs.device import Device
from tracker_codecs.families.neomatica_adm import frame as wire
from tracker_codecs.families.neomatica_adm.dialogue import ANGLE, DISTANCE
from tracker_codecs.families.neomatica_adm.track import EXAMPLE

#: Status to satellites, and what follows the time, of a recorded packet of type 80.
_PLACE = bytes.fromhex("002062a34c423dcf8e42a50b17000058011407")
_REST = bytes.fromhex("8f2534107d220000")
_CHANGE = re.compile(r"TRACK\s+([0-9]{1,3}(?:\s*,\s*[0-9]{1,7})+)", re.ASCII | re.IGNORECASE).fullmatch


class AdmEmulator(Device):
    """One unit; see the module."""

    line_end = b"\n"
    longest = 256

    def begin(self) -> None:
        """See `Device.begin`."""
        self.number = int(self.options.get("number", 1))
        self.mode = int(self.options.get("answer_mode", 0))
        angle = self.held.get(ANGLE)
        self.track = EXAMPLE._replace(
            distance=int(self.held.get(DISTANCE, EXAMPLE.distance)),
            angles=EXAMPLE.angles if angle is None else (int(angle),) * 3,
        )
        self._index = 0

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        told: dict[str, Value] = {DISTANCE: self.track.distance}
        if len(set(self.track.angles)) == 1:
            told[ANGLE] = self.track.angles[0]
        return told

    def login(self) -> list[Datum]:
        """The login."""
        return [Datum(wire.login_packet(self.number, self.device_id, mode=self.mode))]

    def report(self, now: datetime) -> list[Datum]:
        """One position with a mileage."""
        self._index = (self._index + 1) & 0xFFFF
        head = self.number.to_bytes(2, "little") + bytes((38, 0x80, 0x33)) + self._index.to_bytes(2, "little")
        time = int(now.timestamp()).to_bytes(4, "little")
        return [Datum(head + _PLACE + time + _REST)]

    def hear_line(self, line: bytes) -> list[Datum]:
        """The answer to a command line."""
        answer = self._obey(line.decode("latin-1").strip())
        return [Datum(wire.text_packet(self.number, answer))] if answer else []

    def _obey(self, text: str) -> str:
        if text.upper() == "TRACK":
            return str(self.track)
        found = _CHANGE(text)
        numbers = [int(part) for part in found[1].split(",")] if found else []
        if len(numbers) == 4 and numbers[0] == 255:
            if self.refuses(DISTANCE):
                return "ERROR"
            if DISTANCE not in self.faults.ignore:
                distance = int(self.clamped(DISTANCE, numbers[2]))
                self.track = self.track._replace(speed=numbers[1], distance=distance, acceleration=numbers[3])
        elif len(numbers) == 3 and numbers[0] < 3:
            if self.refuses(ANGLE):
                return "ERROR"
            if ANGLE not in self.faults.ignore:
                mode, angle, deflection = numbers[0], int(self.clamped(ANGLE, numbers[1])), numbers[2]
                angles, deflections = list(self.track.angles), list(self.track.deflections)
                angles[mode], deflections[mode] = angle, deflection
                self.track = self.track._replace(
                    angles=(angles[0], angles[1], angles[2]),
                    deflections=(deflections[0], deflections[1], deflections[2]),
                )
        else:
            return "ERROR" if text else ""
        return str(self.track)
