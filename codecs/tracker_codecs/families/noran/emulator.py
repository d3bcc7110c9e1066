"""A believable Noran unit: shakes hands, reports in the newer form, answers 002 with a position.

The newer form of the answer has one byte more than its parts; it is 00 here. A refusal is not public:
silence stands for it.
"""

from __future__ import annotations

import re
import struct
from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.device import Device
from tracker_codecs.families.noran.dialogue import HIGH, INTERVAL
from tracker_codecs.families.noran.frame import ANSWER, HANDSHAKE, POSITION, NoranStream, fields

_SET = re.compile(r"\*KW,000,002,(\d{6}),(\d{1,5})#", re.ASCII)
_PLACE = struct.Struct("<BBIfff12s18s")
_FACTORY = {INTERVAL: 30}


class NoranEmulator(Device):
    """One unit; see the module. Option: `password` (000000)."""

    factory = _FACTORY
    ears = NoranStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.password = str(self.options.get("password", "000000"))
        self._now = b"16-09-15 07:00:07"

    def login(self) -> list[Datum]:
        """The handshake."""
        return [_datagram(HANDSHAKE, self.device_id.encode("ascii") + b"\x00")]

    def report(self, now: datetime) -> list[Datum]:
        """A position in the newer form."""
        self._now = now.strftime("%y-%m-%d %H:%M:%S").encode()
        return [_datagram(POSITION, self._place())]

    def hear(self, message: Message) -> list[Datum]:
        """Obeys a command; the answer to the handshake needs none."""
        found = _SET.fullmatch(str(fields(message).get("text", "")))
        if not found or found[1] != self.password or not self.obey(INTERVAL, min(int(found[2]), HIGH)):
            return []
        return [_datagram(ANSWER, bytes(8) + self._place() + b"\x00")]

    def _place(self) -> bytes:
        name = self.device_id.encode("ascii")
        return _PLACE.pack(1, 11, 0, 191.0, -83.2768, 42.4716, name, self._now)


def _datagram(kind: int, content: bytes) -> Datum:
    return Datum(struct.pack("<HH", len(content) + 4, kind) + content)
