"""The Oigo family as the gateway sees it, and a believable device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tracker_codecs.contract import (
    Clock,
    Datum,
    Emulator,
    Event,
    Faults,
    Kind,
    Limits,
    Message,
    Settings,
    Stream,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.oigo import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Oigo(SessionOnlyFamily):
    """Oigo units over UDP; see `frame`."""

    name = "oigo"
    title = "Oigo AR-2GM, AR-3HU and the MG line"
    transports = frozenset({Transport.UDP})
    default_port = 5121
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "Oigo's reports are public, no server command is"
    sources = ("github.com/traccar/traccar: OigoProtocolDecoder and its test (recorded datagrams)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.OigoStream()

    def recognise(self, first: bytes) -> bool | None:
        """A whole datagram that names its device."""
        stream = wire.OigoStream()
        return any(isinstance(event, Message) for event in stream.feed(first)) and stream.device_id is not None

    def fields(self, message: Message) -> dict[str, Any]:
        """What is read of a datagram, or of the answer to one."""
        frame = message.frame  # an MG datagram may begin with E0, too, but is longer
        return {"message": "ack", "index": frame[1]} if len(frame) == wire.OWED_SIZE else wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """The answer to an MG datagram."""
        return [Message(Kind.OTHER, data)] if len(data) == wire.OWED_SIZE and data[0] == 0xE0 else []

    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """See `SessionOnlyFamily`."""
        if len(device_id) != 15 or not device_id.isdecimal():
            raise LocalError("a unit is known by its IMEI", parameter="device_id")
        return Unit(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The IMEI of a datagram; the nibble before it stays."""
        at = 5 if frame[:1] == b"\x7e" else 1
        told = frame[at : at + 8].hex()
        if len(new) != 15 or not new.isdecimal() or told[1:] != old:
            return frame
        return frame[:at] + bytes.fromhex(told[0] + new) + frame[at + 8 :]


class Unit(SessionOnlyEmulator):
    """Reports."""

    _index = 0

    def report(self, now: datetime) -> list[Datum]:
        """An AR location."""
        self._index += 1
        return [Datum(wire.report(self.device_id, self._index, now))]


FAMILY = Oigo()
