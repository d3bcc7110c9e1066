"""An emulated PMTK receiver: prints RMC, obeys PMTK220 and PMTK300, answers queries, acknowledges."""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs import nmea
from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.pmtk import settings as values
from tracker_codecs.families.pmtk.stream import NmeaStream

#: As the recorded module of gpsd's quectel-L70 log tells it.
RELEASE = "PMTK705,AXN_2.51_3339_19071200,0002,QUECTEL-L70,1.0"
_SET = re.compile(r"PMTK(220|300),(\d{1,6})(,0){0,4}", re.ASCII).fullmatch


class PmtkEmulator(Device):
    """One receiver on one port.

    Options: `query` (true) false knows no PMTK400; `separate` (false) true lets only PMTK300 move the fix period;
    `echo` (false) true sends back what it hears, as a port with local echo does.
    """

    def begin(self) -> None:
        """See `Device.begin`."""
        self._interval = int(self.held.get(values.FIELD, 1000))
        self._stream = NmeaStream(server=True)

    @property
    def settings(self) -> dict[str, Value]:
        """The period of fixes in ms."""
        return {values.FIELD: self._interval}

    @property
    def report_interval(self) -> float:
        """Seconds between fixes."""
        return self._interval / 1000

    def connect(self) -> list[Datum]:
        """The start-up message of the chip."""
        self._stream = NmeaStream(server=True)
        return [Datum(nmea.sentence("PMTK011,MTKGPS")), Datum(nmea.sentence("PMTK010,001"))]

    def report(self, now: datetime) -> list[Datum]:
        """An RMC sentence."""
        return [Datum(nmea.rmc(now, 51.4843717, 6.538185))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Obeys and acknowledges."""
        said = [Datum(data)] if self.options.get("echo") else []
        for event in self._stream.feed(data):
            if isinstance(event, Message) and not self.faults.silent:
                said += [Datum(nmea.sentence(answer)) for answer in self._obey(event.data.decode("ascii"))]
        return said

    def _obey(self, body: str) -> list[str]:
        if body == "PMTK400" and self.options.get("query", True):
            return [f"PMTK500,{self._interval},0,0,0.0,0.0"]
        if body == "PMTK605":
            return [RELEASE]
        found = _SET(body)
        if found:
            return [f"PMTK001,{found[1]},{self._set(found[1], int(found[2]))}"]
        return [f"PMTK001,{int(body[4:7])},1"] if re.match(r"PMTK\d{3}", body, re.ASCII) else []

    def _set(self, number: str, ms: int) -> int:
        """The flag of the acknowledgement."""
        name = values.FIELD
        if name in self.faults.refuse or not values.RANGE[0] <= ms <= values.RANGE[1]:
            return 2
        if name not in self.faults.ignore and not (number == "220" and self.options.get("separate")):
            low, high = self.faults.clamp.get(name, values.RANGE)
            self._interval = int(min(max(ms, low), high))
        return 3
