"""The Carscop family as the gateway sees it, and a believable unit."""

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
    Limits,
    Message,
    Settings,
    Stream,
    Transport,
    Value,
)
from tracker_codecs.families.carscop import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Carscop(SessionOnlyFamily):
    """Carscop units over TCP; see `frame`."""

    name = "carscop"
    title = "Carscop and Toptracking CCTR units"
    default_port = 5040
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "Carscop's reports are public, no command over its link is; sister models take text messages of their own"
    sources = ("github.com/traccar/traccar: CarscopProtocol, CarscopProtocolDecoder and its test",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.CarscopStream()

    def recognise(self, first: bytes) -> bool | None:
        """A frame's first 17 characters."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame."""
        return wire.fields(message)

    def decode_server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """A server says nothing that is public."""
        return []

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
        return Unit(device_id, settings)


class Unit(SessionOnlyEmulator):
    """Names itself with each position, and shakes hands."""

    def report(self, now: datetime) -> list[Datum]:
        """A position with its name, in the form of a recorded one."""
        place = f"{now:%H%M%S}A2106.8799S14910.2583E000.0{now:%y%m%d}158.3511111111L000000"
        return [Datum(f"*{now:%y%m%d%H%M%S}UB05{self.device_id}{place}^".encode("ascii"))]

    def heartbeat(self) -> list[Datum]:
        """A handshake, which does not name the unit."""
        return [Datum(b"*170821223045UB00HSO^")]


FAMILY = Carscop()
