"""A believable Granit unit: reports +RRCB, takes BB+BBMD and answers OK, or ERROR to what it refuses.

That it takes BB+BBMD over TCP is the assumption that makes this family's setting experimental.
"""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.families.granit import frame as wire
from tracker_codecs.interval import FIELD, IntervalDevice

_INTERVAL = re.compile(r"BB\+BBMD=(\d{1,5})", re.ASCII)
#: The record of a recorded frame.
_RECORD = bytes.fromhex("b842283997e30002000000005e000000000d0000")
_NAME = b"+IDNT: Navigator.04x  Firmware version  0712GLN "


class GranitEmulator(IntervalDevice):
    """One unit; see the module."""

    ears = wire.GranitStream

    def report(self, now: datetime) -> list[Datum]:
        """A position with a recorded record."""
        body = int(self.device_id).to_bytes(2, "little") + int(now.timestamp()).to_bytes(4, "little") + _RECORD
        return [Datum(wire.binary(wire.NOW, body))]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command; a receipt needs none."""
        return [Datum(self._answer(message.text))] if message.data is None else []

    def _answer(self, text: str) -> bytes:
        if text == "BB+IDNT":
            return wire.sealed(_NAME)
        sent = _INTERVAL.fullmatch(text)
        return b"OK\r\n" if sent and self.obey(FIELD, int(sent[1])) else b"ERROR\r\n"
