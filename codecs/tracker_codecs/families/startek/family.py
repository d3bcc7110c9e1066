"""The iStartek family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.startek import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"[0-9A-Z]{3}(?:,[ -~]{0,400})?", re.ASCII)
_ID = re.compile(r"[0-9]{15}", re.ASCII)


class Startek(SessionOnlyFamily):
    """iStartek VT units over TCP; see `frame`. Units of the protocol V2.0 speak that of `meiligao` instead."""

    name = "startek"
    title = "iStartek VT units"
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the frames of iStartek's units are public, the number of the command that sets the interval is not"
    expects = "a frame with the letter and the command of this one"
    sources = ("github.com/traccar/traccar: Startek decoder, encoder and their tests (recorded frames)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.StartekStream()

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Commands."""
        return wire.StartekStream(server=True).feed(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`900,1,1`: a command of three characters and its arguments."""
        line = text.strip()
        if not _COMMAND.fullmatch(line):
            raise LocalError("a command is three digits or capitals and its arguments", parameter="command")
        if not _ID.fullmatch(target.device_id):
            raise LocalError("a unit is known by its IMEI", parameter="device_id")
        return wire.seal("$$", wire.LETTER, target.device_id, line)

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """The letter and the command word come back."""
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        if text and message.data[:2] != (wire.LETTER, text.strip()[:3]):
            return Match.NO
        return Match.DONE

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

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The IMEI of a frame; its sum is put right."""
        return wire.renamed(frame, old, new)


class Unit(SessionOnlyEmulator):
    """Reports as recorded, and says OK to every command."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        rest = "16,1.1,0,271,76,109075,460|0|249F|000010C5,19,0000003E,00,00,0A57|0168|0000|0000,1,010000"
        text = f"000,0,,{now:%y%m%d%H%M%S},A,22.679003,114.045085,{rest}"
        return [Datum(wire.seal("&&", "W", self.device_id, text))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`; commands come whole."""
        said = []
        for event in wire.StartekStream(server=True).feed(data):
            if isinstance(event, Message) and event.device_id == self.device_id:
                letter, word, _ = event.data
                said.append(Datum(wire.seal("&&", letter, self.device_id, f"{word},OK")))
        return said


FAMILY = Startek()
