"""The Svias family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.svias import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"[ -)+-~]{1,200}\*?", re.ASCII)


class Svias(SessionOnlyFamily):
    """Svias units over TCP; see `frame`."""

    name = "svias"
    title = "Svias units"
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the reports of Svias' units are public, no command that sets the interval is"
    expects = "nothing: no answer to a command is public"
    sources = ("github.com/traccar/traccar: Svias decoder, encoder and their tests (recorded frames)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.SviasStream()

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers and commands."""
        return wire.SviasStream(server=True).feed(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`AT+STR=1`: the command as it stands; its end, `*`, is added where it lacks."""
        line = text.strip()
        if not _COMMAND.fullmatch(line):
            raise LocalError("a command is 1 to 200 printable ASCII characters and a * at its end", parameter="command")
        return f"{line.removesuffix('*')}*".encode("ascii")

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
        """A position; days, months and hours have no leading zero."""
        day, time = int(f"{now:%d%m%y}"), int(f"{now:%H%M%S}")
        rest = "-93155840,-371754060,0,20469,0,16,1,0,0,11323,100,9,,32,4695"
        return [Datum(f"[7061,3041,57,{self.device_id},710,{day},{time},{rest}]".encode("ascii"))]


FAMILY = Svias()
