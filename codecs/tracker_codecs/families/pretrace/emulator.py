"""A believable Pretrace unit: reports its place, takes D221 without a word, for its answer is not public."""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.families.pretrace import frame as wire
from tracker_codecs.interval import FIELD, IntervalDevice

_TWICE = re.compile(rb"(\d{1,5}),\1,,", re.ASCII)


class PretraceEmulator(IntervalDevice):
    """One unit; see the module."""

    ears = wire.PretraceStream

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = "2238.1641N11401.9213E000196000000000406002990000000,&P195%,T1050"
        return [Datum(wire.build(self.device_id, f"U1110A{now:%y%m%d%H%M%S}{place}"))]

    def hear(self, message: Message) -> list[Datum]:
        """Takes D221 with the same interval twice."""
        sent = _TWICE.fullmatch(message.data[3]) if message.data[2] == b"D221" else None
        if sent and message.device_id == self.device_id:
            self.obey(FIELD, int(sent[1]))
        return []
