"""The TLT-2H family as the gateway sees it, and a believable unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import xor
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
from tracker_codecs.families.tlt2h import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Tlt2h(SessionOnlyFamily):
    """TLT-2H units over TCP; see `frame`."""

    name = "tlt2h"
    title = "E-Track TLT-2H, MicTrack MP90"
    default_port = 5030
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = (
        "the reports of TLT-2H units are public; whether they take a command over the link, and in which form, is not"
    )
    sources = (
        "github.com/traccar/traccar: Tlt2hFrameDecoder, Tlt2hProtocolDecoder and their tests",
        "V-Sun TLT-2F and TLT-2K manuals (manualshive.com): sister models take text messages only",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.Tlt2hStream()

    def recognise(self, first: bytes) -> bool | None:
        """The head of a report."""
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
    """Each report is a head, a position and an end."""

    def report(self, now: datetime) -> list[Datum]:
        """A head, a position, and the end of a report."""
        place = f"GPRMC,{now:%H%M%S}.00,A,5333.2920,N,11334.3857,W,0.03,,{now:%d%m%y},,,A"
        line = f"#02201be0000${place}*{reduce(xor, place.encode()):02X}"
        lines = f"#{self.device_id}#MP90_4G#0000#AUTOLOW#1\r\n{line}\r\n##\r\n"
        return [Datum(lines.encode("ascii"))]


FAMILY = Tlt2h()
