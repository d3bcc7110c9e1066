"""A believable Xexun unit: reports positions, takes `tracking_send`, answers under the command's index.

What a unit's answer holds is not public: `ok` and `error` are this emulator's own words.
"""

from __future__ import annotations

import re
import struct
from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.families.xexun2 import frame as wire
from tracker_codecs.interval import FIELD, IntervalDevice

_SEND = re.compile(rb"tracking_send=(\d{1,5}),\1", re.ASCII)


class Xexun2Emulator(IntervalDevice):
    """One unit; see the module. It has no login: every frame carries the IMEI."""

    ears = wire.Xexun2Stream

    def begin(self) -> None:
        """See `Device.begin`."""
        self._index = 0

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one: 22.643175 N, 114.018150 E, with speed and course."""
        self._index = self._index % 0xFFFF + 1
        place = struct.pack(">BBffHH", 0x21, 9, 11401.089, 2238.5905, 0, 0)
        record = struct.pack(">BIBHB", 0, int(now.timestamp()), 30, 96, 2) + place
        payload = struct.pack(">BH", 1, len(record)) + record
        return [Datum(wire.build(wire.POSITION, self._index, wire.bcd(self.device_id), payload))]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command, under its index; a receipt needs none."""
        kind, index, payload = message.data
        if message.device_id != self.device_id or kind != wire.COMMAND:
            return []
        sent = _SEND.fullmatch(payload)
        answer = b"ok" if sent and self.obey(FIELD, int(sent[1])) else b"error"
        return [Datum(wire.build(kind, index, wire.bcd(self.device_id), answer))]
