"""The NEO-S family as the gateway sees it, and a believable device."""

from __future__ import annotations

import re
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
from tracker_codecs.families.neos import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Neos(SessionOnlyFamily):
    """AVLSAT NEO-S units over UDP; see `frame`."""

    name = "neos"
    title = "AVLSAT NEO-S"
    transports = frozenset({Transport.UDP})
    default_port = 5183
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the reports of the NEO-S are public, no server command is"
    sources = ("github.com/traccar/traccar: NeosProtocolDecoder and its test (one recorded message)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.NeosStream()

    def recognise(self, first: bytes) -> bool | None:
        """A whole message."""
        return any(isinstance(event, Message) for event in wire.NeosStream().feed(first))

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a message, or of the answer to one."""
        return {"message": "ack"} if message.frame == wire.OWED else wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """The answer to a message."""
        return [Message(Kind.OTHER, data)] if data == wire.OWED else []

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
        if not re.fullmatch(r"[0-9]{8}", device_id, re.ASCII):
            raise LocalError("a unit is known by 8 digits", parameter="device_id")
        return Unit(device_id, settings)


class Unit(SessionOnlyEmulator):
    """Reports the recorded place; the two digits at the end are the recorded ones, for nobody can compute them."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        place = "W05829.2613,S3435.2313,,00,034,25,00,126-000,0,3,11111111*2d!"
        return [Datum(f">{self.device_id},1,1,{now:%y%m%d,%H%M%S},{place}".encode("ascii"))]


FAMILY = Neos()
