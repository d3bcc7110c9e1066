"""The DSF22 family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.dsf22 import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Dsf22(SessionOnlyFamily):
    """DigitalSystems DSF22 over TCP; see `frame`."""

    name = "dsf22"
    title = "DigitalSystems DSF22"
    default_port = 5236
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the reports of the DSF22 are public, no server command is"
    sources = (
        "github.com/traccar/traccar: Dsf22FrameDecoder, Dsf22ProtocolDecoder and their tests (a recorded frame)",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.Dsf22Stream()

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame, or of the answer to one."""
        return {"message": "ack"} if message.frame == wire.OWED else wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers to frames."""
        return [Message(Kind.OTHER, wire.OWED) for each in data if each == wire.OWED[0]]

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
        if not device_id.isdecimal() or int(device_id) >= 1 << 16:
            raise LocalError("a unit is known by a number of 16 bits", parameter="device_id")
        return Unit(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a frame."""
        return wire.renamed(frame, old, new)


class Unit(SessionOnlyEmulator):
    """Reports, and needs no login: every frame names it."""

    def report(self, now: datetime) -> list[Datum]:
        """One record."""
        return [Datum(wire.report(int(self.device_id), now))]


FAMILY = Dsf22()
