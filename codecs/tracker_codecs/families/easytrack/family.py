"""The EasyTrack family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.easytrack import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"[0-9A-Z]{2}(?:,[ -\"$-~]{0,200})?", re.ASCII)
_ID = re.compile(r"[0-9]{15}", re.ASCII)


class Easytrack(SessionOnlyFamily):
    """EasyTrack units over TCP; see `frame`."""

    name = "easytrack"
    title = "EasyTrack units"
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the frames of EasyTrack's units are public, no command that sets the interval is"
    expects = "nothing: no answer to a command is public"
    sources = ("github.com/traccar/traccar: EasyTrack decoder, encoder and their tests (recorded frames)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.EasytrackStream()

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers and commands."""
        return wire.EasytrackStream(server=True).feed(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`FD,Y1`: a command of two characters and its arguments."""
        line = text.strip()
        if not _COMMAND.fullmatch(line):
            raise LocalError("a command is two digits or capitals and its arguments, without #", parameter="command")
        if not _ID.fullmatch(target.device_id):
            raise LocalError("a unit is known by its IMEI", parameter="device_id")
        return f"*ET,{target.device_id},{line}#".encode("ascii")

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
        when = (
            bytes((now.year - 2000, now.month, now.day)).hex() + "," + bytes((now.hour, now.minute, now.second)).hex()
        )
        rest = "803a0b51,03d507c9,0017,0000,00400000,07,100,0000,1435,63"
        return [Datum(f"*ET,{self.device_id},HB,A,{when},{rest}#".encode("ascii"))]


FAMILY = Easytrack()
