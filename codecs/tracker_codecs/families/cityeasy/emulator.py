"""A believable Cityeasy unit: asks for an address, reports its place, takes a location interval without a word.

What a unit says to commands is not public, so it says nothing to them. The check of its frames is 0.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.families.cityeasy import frame as wire
from tracker_codecs.interval import FIELD, IntervalDevice


class CityeasyEmulator(IntervalDevice):
    """One unit; see the module."""

    ears = wire.CityeasyStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self._serial = 0

    def _say(self, kind: int, content: bytes) -> list[Datum]:
        self._serial += 1
        return [Datum(wire.build_device(self.device_id, kind, content, self._serial))]

    def login(self) -> list[Datum]:
        """The request for an address."""
        return self._say(1, b"")

    def heartbeat(self) -> list[Datum]:
        """The recorded status."""
        return self._say(2, bytes.fromhex("52070410"))

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = f"{now:%Y%m%d%H%M%S},A,4,N,22.537228,E,114.022774,0.1,1.9,50.6;460,0,10173,4652,41"
        return self._say(3, place.encode("ascii"))

    def hear(self, message: Message) -> list[Datum]:
        """Takes the location interval; 0 stops the reports."""
        kind, content, _ = message.data
        if kind == wire.INTERVAL and len(content) == 2:
            self.obey(FIELD, int.from_bytes(content))
        return []
