"""The Maxtrack family as the gateway sees it, and a believable device."""

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
    Match,
    Message,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.maxtrack import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

#: Descriptor of every recorded frame.
DESCRIPTOR = 0xA6
#: The payload of a recorded position.
_PAYLOAD = bytes.fromhex("08643ad2f456fb2d49747cfe4cbe0ffd0020088000000001000fd43d3f1403000000ff300000f4276000110445a8")


class Maxtrack(SessionOnlyFamily):
    """Maxtrack MXT units over TCP; see `frame`."""

    name = "maxtrack"
    title = "Maxtrack MXT-14x"
    default_port = 5087
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "Maxtrack's reports are public; its configuration messages are in a document that could not be read"
    expects = "a frame of type 02 (taken) or 03 (not taken)"
    sources = (
        "github.com/traccar/traccar: MxtFrameDecoder, MxtProtocolDecoder and their tests (recorded frames)",
        "MXT-1XX Protocol Standard (scribd 544846733): named only, its body could not be read",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.MaxtrackStream()

    def recognise(self, first: bytes) -> bool | None:
        """A whole frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """What is public of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers to positions, and whatever else is framed alike."""
        return wire.MaxtrackStream(server=True).feed(data)

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """Taken or not taken, by the target."""
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        return Match.REFUSED if message.text == "nak" else Match.DONE

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
        """The id of a frame; its checksum is put right."""
        data = wire.content(frame)
        if not old.isdecimal() or not new.isdecimal() or max(int(old), int(new)) >= 1 << 32 or len(data) < 8:
            return frame
        if data[2:6] != int(old).to_bytes(4, "little"):
            return frame
        return wire.build(data[0], data[1], int(new), data[6:-2])


class Unit(SessionOnlyEmulator):
    """Reports a recorded position, and needs no login: every frame names it."""

    def report(self, now: datetime) -> list[Datum]:
        """Where a unit was once."""
        return [Datum(wire.build(DESCRIPTOR, wire.POSITION, int(self.device_id), _PAYLOAD))]


FAMILY = Maxtrack()
