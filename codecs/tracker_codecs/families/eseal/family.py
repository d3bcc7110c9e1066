"""The Eseal family as the gateway sees it, and a believable device."""

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
from tracker_codecs.families.eseal import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"[ -\"$-~]{1,200}", re.ASCII)
_ID = re.compile(r"[0-9]{4,15}", re.ASCII)
#: What stands before a command, as a public server writes it: kind, customer and firmware are its own.
_HEAD = "##S,eSeal,{},256,3.0.8,"


class Eseal(SessionOnlyFamily):
    """eSeal locks over TCP; see `frame`."""

    name = "eseal"
    title = "eSeal electronic locks"
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the reports of eSeal's locks are public, what the places of their configuration mean is not"
    expects = "a frame of the type `<command> ACK`"
    sources = ("github.com/traccar/traccar: Eseal decoder, encoder and their tests (recorded frames)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.EsealStream()

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers and commands."""
        return wire.EsealStream(server=True).feed(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`RC-Unlock`: the type of a frame and what follows it."""
        line = text.strip()
        if not _COMMAND.fullmatch(line):
            raise LocalError("a command is 1 to 200 printable ASCII characters without #", parameter="command")
        if not _ID.fullmatch(target.device_id):
            raise LocalError("a lock is known by 4 to 15 digits", parameter="device_id")
        return f"{_HEAD.format(target.device_id)}{line}{wire.END}".encode("ascii")

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """The first cell comes back with ` ACK` behind it, as recorded for one command."""
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        return Match.DONE if not text or message.data == f"{text.strip().partition(',')[0]} ACK" else Match.NO

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
    """Reports as recorded, and acknowledges every command."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        place = "25.708828N 100.372870W,10,0,Close,0.71,0:0:3:0,3.8,-73"
        return [self._say(f"Normal,34,{now:%Y-%m-%d,%H:%M:%S},15,A,{place}")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`; commands come whole."""
        events = wire.EsealStream(server=True).feed(data)
        types = [wire.fields(event)["type"] for event in events if isinstance(event, Message)]
        return [self._say(f"{what} ACK,") for what in types if not what.endswith(" ACK")]

    def _say(self, body: str) -> Datum:
        return Datum(f"##S,eSeal,{self.device_id},256,3.0.6,{body}{wire.END}".encode("ascii"))


FAMILY = Eseal()
