"""The SAT-LITE family as the gateway sees it, and a believable device."""

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
from tracker_codecs.errors import LocalError
from tracker_codecs.families.satsol import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Satsol(SessionOnlyFamily):
    """SAT-LITE units over TCP; see `frame`."""

    name = "satsol"
    title = "Satsol SAT-LITE, Sat Pro, Super Lite"
    default_port = 5184
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the reports of Satsol's units are public, no server command is"
    sources = (
        "github.com/traccar/traccar: SatsolFrameDecoder, SatsolProtocolDecoder and its test (a recorded packet)",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.SatsolStream()

    def recognise(self, first: bytes) -> bool | None:
        """A packet with a record."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """The header of a packet and its records."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers to packets."""
        return wire.SatsolStream(server=True).feed(data)

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
        if not device_id.isdecimal() or int(device_id) >= 1 << 32:
            raise LocalError("a unit is known by a number of 32 bits", parameter="device_id")
        return Unit(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a packet; its checksum is put right."""
        if not old.isdecimal() or not new.isdecimal() or max(int(old), int(new)) >= 1 << 32:
            return frame
        if len(frame) < 10 or frame[4:8] != int(old).to_bytes(4, "little"):
            return frame
        return wire.build(int(new), frame[10:])


class Unit(SessionOnlyEmulator):
    """Reports, and needs no login: every packet names it."""

    def report(self, now: datetime) -> list[Datum]:
        """One record."""
        return [Datum(wire.report(int(self.device_id), now))]


FAMILY = Satsol()
