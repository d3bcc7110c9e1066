"""The Mobilogix family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.mobilogix import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"[ -\\^-~]{1,200}", re.ASCII)


class Mobilogix(SessionOnlyFamily):
    """Mobilogix units over TCP; see `frame`."""

    name = "mobilogix"
    title = "Mobilogix units"
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the frames of Mobilogix's units are public, no command that sets the interval is"
    expects = "nothing: no answer to a command is public"
    sources = ("github.com/traccar/traccar: Mobilogix decoder, encoder and their tests (recorded frames)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.MobilogixStream()

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers and commands."""
        return wire.MobilogixStream(server=True).feed(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`RELAY=1`: the text goes out as S6 under the present time."""
        line = text.strip()
        if not _COMMAND.fullmatch(line):
            raise LocalError("a command is 1 to 200 printable ASCII characters without ]", parameter="command")
        return f"[{target.now():%Y-%m-%d %H:%M:%S},S6,{line}]".encode("ascii")

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

    def normalise(self, frame: bytes) -> bytes:
        """Commands carry the time."""
        return wire.normalised(frame)


class Unit(SessionOnlyEmulator):
    """Opens with T1 and reports T3, as recorded."""

    def connect(self) -> list[Datum]:
        """T1; the clock is not yet set."""
        return [
            self._say(f"2020-12-01 14:00:22,T1,1,V1.1.1,{self.device_id},,,12345678,724108005415815,359366080211420")
        ]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        place = "3B,12.99,022,-23.563410,-46.588055,0,0"
        return [self._say(f"{now:%Y-%m-%d %H:%M:%S},T3,1,V1.1.1,{self.device_id},{place}")]

    @staticmethod
    def _say(body: str) -> Datum:
        return Datum(f"[{body}]".encode("ascii"))


FAMILY = Mobilogix()
