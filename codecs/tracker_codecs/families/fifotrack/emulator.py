"""A believable fifotrack unit: reports A03, takes S09, answers C04 and refuses what it does not know.

Option `retrieve` (true): C04 retrieves S09; otherwise it answers UNSUPPORT, because no visible page says that it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.fifotrack import dialogue
from tracker_codecs.families.fifotrack.frame import FifotrackStream, build, fields

_FACTORY: Mapping[str, Value] = {dialogue.MOVING: 60, dialogue.PARKED: 60}


class FifotrackEmulator(Device):
    """One unit; see the module."""

    factory = _FACTORY
    ears = FifotrackStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self._number = 0

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded A03."""
        self._number = self._number % 0xFFFF + 1
        body = f"A03,,{now:%y%m%d%H%M%S},460|0|25FC|104C,4.18,100,000F,0,A,2,9,22.643175,114.018150"
        return [Datum(build(self.device_id, self._number, body, start=b"$$"))]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command, under its number; answers to A03 need none."""
        number, word = message.data
        if message.device_id != self.device_id or word == "A03":
            return []
        answer = f"{word},{self._obey(word, fields(message).get('parameters', []))}"
        return [Datum(build(self.device_id, number, answer, start=b"$$"))]

    def _obey(self, word: str, cells: list[str]) -> str:
        if word == "C04" and cells == ["S09"] and self.options.get("retrieve"):
            return f"S09,{self.held[dialogue.MOVING]},{self.held[dialogue.PARKED]}"
        if word != "S09":
            return "UNSUPPORT"
        if not 1 <= len(cells) <= 2 or not all(cell.isdecimal() for cell in cells):
            return "FAILED"
        if self.refuses(*self.held):
            return "FAILED"
        for name, cell in zip((dialogue.MOVING, dialogue.PARKED), (cells[0], cells[-1]), strict=True):
            if name not in self.faults.ignore:
                low, high = self.faults.clamp.get(name, (0, 86400))
                self.held[name] = int(min(max(int(cell), low), high))
        return "OK"
