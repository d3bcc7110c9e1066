"""A believable Tramigo T23: pings and reports in protocol 80, takes FIND and STATUS, answers in the manual's words.

That it takes them on its TCP link is the assumption that makes this family experimental. To a report that it refuses it
says nothing, as a unit does to a sender without authority. The check of its frames is 0.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tracker_codecs.contract import Datum
from tracker_codecs.device import Device
from tracker_codecs.families.tramigo.dialogue import RANGES
from tracker_codecs.families.tramigo.frame import text_frame

_RECEIPT = re.compile(rb"gprs,ack,\d{1,5}", re.ASCII)
_SET = re.compile(r"(FIND|STATUS),(\d{1,5}),([\d.]{1,7}),(\d{1,5}),(\d{1,3})", re.ASCII)
_THEN = datetime(2016, 5, 29, 15, 50, tzinfo=UTC)
#: A time as texts tell it: hour and minute, month, day.
_CLOCK = "%H:%M %b %-d"
_FACTORY = dict(zip(RANGES, (10, 1, 120, 30), strict=True))
_STATUS = "Tramigo: Status, GPS: 91%, GSM: 77%, GPRS: Connected, battery: 100%, reports: Ignition (off)"


class TramigoEmulator(Device):
    """One unit; see the module. `held` are the values of its report, `word` is its name."""

    factory = _FACTORY

    def begin(self) -> None:
        """See `Device.begin`."""
        self.word = str(self.options.get("report", "find")).capitalize()
        self._index = 0

    @property
    def report_interval(self) -> float:
        """Seconds between reports: the unit counts minutes."""
        return float(self.held["tracking_interval"]) * 60

    def _say(self, text: str, now: datetime = _THEN) -> list[Datum]:
        self._index = self._index % 0xFFFF + 1
        return [Datum(text_frame(self.device_id, self._index, text, int(now.timestamp())))]

    def login(self) -> list[Datum]:
        """A ping: there is no login."""
        return self.heartbeat()

    def heartbeat(self) -> list[Datum]:
        """A ping."""
        return self._say("ping")

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = "Moving, 0.12 km E of Larut Tin Islamic Primary School, Taiping, Perak, MY, 4.83149, 100.73085"
        return self._say(f"Tramigo: {place}, NW with speed 10 km/h, {now:{_CLOCK}}", now)

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Answers a command that comes in one piece; receipts stand before it or alone."""
        text = _RECEIPT.sub(b"", data).decode("latin-1").upper()
        if self.faults.silent or not text:
            return []
        if text == "STATUS":
            values = ",".join(f"{self.held[name]:g}" for name in RANGES)
            place = f"6.49298, 3.34865, {_THEN:{_CLOCK}}"
            return self._say(f"{_STATUS}, {self.word} ({values}), {place}")
        found = _SET.fullmatch(text)
        if found is None or self.refuses(*RANGES) or found[1] != self.word.upper():
            return []
        for name, told in zip(RANGES, found.groups()[1:], strict=True):
            if name in self.faults.ignore or not told.replace(".", "", 1).isdigit():
                continue
            value = float(told) if "." in told else int(told)
            low, high = self.faults.clamp.get(name, (value, value))
            self.held[name] = min(max(value, low), high)
        return self._say(f"Tramigo: {self.word}, reporting is turned on, {_THEN:{_CLOCK}}")
