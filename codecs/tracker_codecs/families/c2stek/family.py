"""The C2STEK family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.c2stek import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class C2stek(SessionOnlyFamily):
    """C2STEK FL units over TCP; see `frame`."""

    name = "c2stek"
    title = "C2STEK FL10 and FL2000G"
    default_port = 5181
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the reports of C2STEK's units are public, no server command is"
    sources = (
        "github.com/traccar/traccar: C2stekFrameDecoder, C2stekProtocolDecoder and their tests (recorded frames)",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.C2stekStream()

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Heartbeats said back: the same frames."""
        return wire.C2stekStream().feed(data)

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
    """Reports and keeps alive; every frame names it."""

    def report(self, now: datetime) -> list[Datum]:
        """A position, dated as the public decoder reads it."""
        place = "1#22.537222#114.020948#0.00#0.0#42.1#4183#011#1#101"
        return [self._say(f"D#{now:%y%m%d#%H%M%S}#{place}")]

    def heartbeat(self) -> list[Datum]:
        """A heartbeat."""
        return [self._say("20")]

    def _say(self, body: str) -> Datum:
        return Datum(f"PA${self.device_id}${body}$AP".encode("ascii"))


FAMILY = C2stek()
