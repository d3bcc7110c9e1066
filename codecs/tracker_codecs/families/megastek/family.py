"""The Megastek family as the gateway sees it, and a believable unit."""

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
    Match,
    Message,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.megastek import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Megastek(SessionOnlyFamily):
    """Megastek GVT and MT units; see `frame`."""

    name = "megastek"
    title = "Megastek GVT-430, GVT-900, MT-90, MT-100, MT-300"
    default_port = 5024
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    reason = "nothing that a server says to Megastek units is public; their reports are"
    expects = "nothing: what answers a command is not public"
    sources = ("github.com/traccar/traccar: MegastekFrameDecoder, MegastekProtocolDecoder and their tests",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `Family.stream`."""
        return wire.MegastekStream()

    def recognise(self, first: bytes) -> bool | None:
        """A report of any form."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a report."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Nothing is known of this direction."""
        return [PeerError("what a server says to these units is not public", discarded=data[:64])] if data else []

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """Nothing does: units are known to send reports only."""
        return Match.NO

    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """A unit that sends `$MGV002`."""
        return MegastekEmulator(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`. Raises LocalError for the forms whose checksum is not public."""
        if old.encode() not in frame:
            return frame
        body = wire.content(frame)
        renamed = body.replace(old.encode(), new.encode())
        if not body.startswith((b"$", b"STX,")):
            raise LocalError("the checksum of this form is not public")
        if body.startswith(b"S"):
            renamed = renamed[:-2] + b"%02X" % wire.total(renamed)
        return frame.replace(body, renamed)


class MegastekEmulator(SessionOnlyEmulator):
    """A unit that stands still, in the form of a recorded message with its length."""

    def report(self, now: datetime) -> list[Datum]:
        """A timed position."""
        place = "A,2238.20471,N,11401.97967,E,00,03,00,1.20,0.462,356.23,137.9,1.5"
        rest = "460,07,262C,0F54,25,0000,0000,0,0,0,28.5,28.3,,,100,Timer;"
        text = f"$MGV002,{self.device_id},DeviceName,R,{now:%d%m%y,%H%M%S},{place},{rest}"
        return [Datum(f"{len(text):04d}{text}".encode("ascii"))]


FAMILY = Megastek()
