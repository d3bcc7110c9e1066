"""The Portman family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.portman import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"[ -~]{1,200}", re.ASCII)
_ID = re.compile(r"[0-9A-Za-z]{4,20}", re.ASCII)


class Portman(SessionOnlyFamily):
    """Portman units over TCP; see `frame`."""

    name = "portman"
    title = "Portman units"
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the reports of Portman's units are public, no command that sets the interval is"
    expects = "nothing: no answer to a command is public"
    sources = ("github.com/traccar/traccar: Portman decoder, encoder and their tests (recorded frames)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.PortmanStream()

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers and commands."""
        return wire.PortmanStream(server=True).feed(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`XA5`: the word of a command."""
        line = text.strip()
        if not _COMMAND.fullmatch(line):
            raise LocalError("a command is 1 to 200 printable ASCII characters", parameter="command")
        if not _ID.fullmatch(target.device_id):
            raise LocalError("a unit is known by 4 to 20 letters or digits", parameter="device_id")
        return f"&&{target.device_id},{line}\r\n".encode("ascii")

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """No answer is public."""
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
        """See `SessionOnlyFamily`."""
        return Unit(device_id, settings)


class Unit(SessionOnlyEmulator):
    """Reports as recorded."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        rest = "N2543.0681W10009.2974,0,190,NA,C9830000,NA,108,8,2.66,16,GNA"
        return [Datum(f"$PTMLA,{self.device_id},A,{now:%y%m%d%H%M%S},{rest}\r\n".encode("ascii"))]


FAMILY = Portman()
