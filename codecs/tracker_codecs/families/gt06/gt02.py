"""GT02 and TR02 (68 68), known by their session: what no command of a server to them being public means, and a unit.

Source: traccar/traccar Gt02 decoder and its test (recorded heartbeat and position, which the emulated unit copies).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tracker_codecs.contract import Datum, Kind, Match, Message, Target
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.families.gt06 import frame as wire

#: The variant; units sold under the same name may speak plain GT06, too, and are understood on the same port.
VARIANT: Final = "concoxgt02"
REASON: Final = "speaks an older frame (68 68) for which no server-to-device command is public"
_PLACE = bytes.fromhex("00ade1c90b79ea3000011b00000000000005")


def _bytes_only(target: Target, text: str) -> bytes:
    raise LocalError(f"{REASON}; give bytes", parameter="command")


def _any_reply(target: Target, text: str, message: Message) -> Match:
    return Match.DONE if message.kind is Kind.REPLY else Match.NO


#: Bytes go as they are, to units of the newer frame too.
RAW = Envelope(wrap=_bytes_only, answers=_any_reply, expects="any answer to a command")


class Gt02Unit(Device):
    """One unit on one TCP link: heartbeats and positions, each with its IMEI; obeys nothing."""

    def begin(self) -> None:
        """See `Device.begin`."""
        if len(self.device_id) > 15 or not self.device_id.isdigit():
            raise LocalError("must be an IMEI", parameter="device_id")
        self._serial = 0

    def heartbeat(self) -> list[Datum]:
        """The recorded one."""
        return [self._say(0x1A, bytes.fromhex("040423261e29"), power=5, gsm=4, serial=0)]

    def report(self, now: datetime) -> list[Datum]:
        """A position, with the recorded place."""
        self._serial = self._serial % 0xFFFF + 1
        time = bytes((now.year % 100, now.month, now.day, now.hour, now.minute, now.second))
        return [self._say(0x10, time + _PLACE, power=0, gsm=0xA4, serial=self._serial)]

    def _say(self, kind: int, content: bytes, *, power: int, gsm: int, serial: int) -> Datum:
        imei = bytes.fromhex(self.device_id.zfill(16))
        head = {"power": power, "gsm": gsm, "imei": imei, "serial": serial}
        return Datum(wire.GT02_FRAME.build({**head, "type": kind, "content": content}))
