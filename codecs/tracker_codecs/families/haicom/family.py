"""The Haicom family as the gateway sees it, and a believable unit."""

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
from tracker_codecs.families.haicom import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Haicom(SessionOnlyFamily):
    """Haicom units over TCP; see `frame`."""

    name = "haicom"
    title = "Haicom HI-602 and HI-603X"
    default_port = 5063
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "Haicom's reports are public, no server command of it is"
    sources = ("github.com/traccar/traccar: HaicomProtocolDecoder and its test",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.HaicomStream()

    def recognise(self, first: bytes) -> bool | None:
        """`$GPRS` and an IMEI."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
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
    """Reports; every frame names the unit."""

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = f"{now:%y%m%d},{now:%H%M%S},5402267400332464,0004,2014,000001,,,1,00#V040"
        return [Datum(f"$GPRS{self.device_id},T100001,{place}*".encode("ascii"))]


FAMILY = Haicom()
