"""The cGuard family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.cguard import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Cguard(SessionOnlyFamily):
    """cGuard units over TCP; see `frame`."""

    name = "cguard"
    title = "cGuard, Italon, Agent GPS"
    default_port = 5123
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "cGuard's reports are public, no server command of it is"
    sources = (
        "github.com/traccar/traccar: CguardProtocolDecoder and its test (recorded lines)",
        "flespi.com/protocols/cguard: which devices speak it",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.CguardStream()

    def recognise(self, first: bytes) -> bool | None:
        """The line that names the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a line."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """A server says nothing in this protocol."""
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
    """Names itself, reports and pings."""

    def connect(self) -> list[Datum]:
        """Its IMEI."""
        return [Datum(b"IDRO:%b\r\n" % self.device_id.encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A place and its state."""
        when = f"{now:%y%m%d %H%M%S}"
        lines = f"NV:{when}:55.776505:37.729000:0:10:0:0\r\nBC:{when}:CSQ1:64:NSQ1:0:NSQ2:1:BAT1:100\r\n"
        return [Datum(lines.encode("ascii"))]

    def heartbeat(self) -> list[Datum]:
        """A ping."""
        return [Datum(b"PING\r\n")]


FAMILY = Cguard()
