"""A believable VJoy unit: reports DW30, answers commands with notices, keeps silent where it refuses.

The notice of `*sleep*` is not published; that of `*sleepv*` stands for both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Value
from tracker_codecs.device import Device
from tracker_codecs.families.vjoy import dialogue
from tracker_codecs.families.vjoy.dialogue import CONTINUOUS, MODE, MOTION, WAKE

_COMMAND = re.compile(rb"\[begin\]sms2,\*([a-z]+)(?:\*(\d{1,4}))?\*,\[end\]")
_MOST = 512
_FACTORY: Mapping[str, Value] = {CONTINUOUS: 60, MOTION: 60, MODE: 0, WAKE: 24}


class VjoyEmulator(Device):
    """One unit; see the module."""

    factory = _FACTORY

    @property
    def report_interval(self) -> float:
        """Seconds between uploads while tracking."""
        return float(self.held[CONTINUOUS])

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded DW30."""
        return [
            self._say(f"DW30,{now:%d%m%y},A,5135.82713N,00001.17918E,0.089,{now:%H%M%S},000.0,43.40,12"),
        ]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Obeys commands; of a silent unit only the notices do not come."""
        buffer = self._partial + data
        notices, at = [], 0
        for found in _COMMAND.finditer(buffer):
            at = found.end()
            notices.append(self._obey(found[1].decode(), int(found[2] or 0)))
        self._partial = buffer[at:][-_MOST:]
        if self.faults.silent:
            return []
        return [self._say(f"ZC03,191117,234207,${notice}$") for notice in notices if notice]

    def _say(self, body: str) -> Datum:
        return Datum(f"({self.device_id},{body})".encode("ascii"))

    def _obey(self, word: str, number: int) -> str:
        if word == "status":
            return "1 .Sensor sensitivity: 1\r\n2 .Alert status: Off\r\n3 . Power: 95%"
        if word in ("rsampling", "rupload") and not self.refuses(CONTINUOUS):
            value = self._kept(CONTINUOUS, number)
            if word == "rsampling":
                return f"Notice: Track sampling interval is {value} second(s)."
            self._store(CONTINUOUS, value)
            return f"Notice: Upload time interval is set to {value} second(s)"
        if word == "sleepoff" and not self.refuses(MODE):
            self._store(MODE, 0)
            return "Notice: System has ended all sleep functions."
        if word in ("sleep", "sleepv") and not self.refuses(MODE, WAKE):
            hours = self._kept(WAKE, number)
            self._store(MODE, 1)
            self._store(WAKE, hours)
            return f"Notice: System has enabled deep sleep with motion call alert function for {hours} hours."
        return ""

    def _kept(self, name: str, value: int) -> int:
        low, high = self.faults.clamp.get(name, dialogue.RANGES[name])
        return int(min(max(value, low), high))

    def _store(self, name: str, value: int) -> None:
        if name not in self.faults.ignore:
            self.held[name] = value
