"""The EGTS family as the gateway sees it, and a believable terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from tracker_codecs.contract import (
    Clock,
    Command,
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
from tracker_codecs.families.egts import frame as wire
from tracker_codecs.families.egts import messages
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Egts(SessionOnlyFamily):
    """Terminals of order 285 and the standards after it, over TCP; see the package's modules."""

    name = "egts"
    title = "EGTS (ERA-GLONASS telematics)"
    default_port = 5162
    limits = Limits(max_frame=wire.MAX_FRAME)
    expects = "a confirmation (COMCONF) of the command's id"
    reason = "EGTS has services for telemetry and commands, but no public list of commands has a tracking setting"
    sources = (
        "order 285 of the Russian ministry of transport (2012), GOST R 54619: the protocol",
        "github.com/rviprofile/egts_parser, github.com/nburunova/libegts: numbers of services, subrecords and commands",
        "github.com/traccar/traccar: EgtsFrameDecoder, EgtsProtocolDecoder and their tests (recorded packets)",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.EgtsStream()

    def recognise(self, first: bytes) -> bool | None:
        """A header whose checksum is right: version 1, 11 or 16 bytes."""
        if first[:1] not in (b"", b"\x01") or first[3:4] not in (b"", b"\x0b", b"\x10"):
            return False
        if len(first) < 4 or len(first) < first[3]:
            return None
        return wire.whole_header(first, 0)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a packet of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Packets of a server."""
        return wire.EgtsStream(server=True).feed(data)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """A packet in bytes. The confirmation (COMCONF) of a command in it answers, by the command's id.

        Any confirmation does where the bytes hold no command; one with another result than OK refuses.
        """
        command = super().raw(target, text)
        mine = wire.commands_of(command.payload)

        def match(message: Message) -> Match:
            if message.kind is not Kind.REPLY or message.device_id != target.device_id:
                return Match.NO
            told = [each for each in message.data if each.kind == wire.CONFIRMED]
            results = {each.result for each in told if not mine or each.number in mine}
            if results - {wire.DONE, wire.IN_PROGRESS}:
                return Match.REFUSED
            if wire.IN_PROGRESS in results:
                return Match.PART
            return Match.DONE if results else Match.NO

        return replace(command, match=match)

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
        return Terminal(device_id, settings)


class Terminal(SessionOnlyEmulator):
    """Says who it is and reports; a device id of 15 digits is its IMEI, a shorter one its terminal id."""

    def __init__(self, device_id: str, settings: Settings) -> None:
        super().__init__(device_id, settings)
        self._packets = 0

    def connect(self) -> list[Datum]:
        """Terminal identity."""
        self._packets = 0
        if len(self.device_id) == 15:
            said = b"\0\0\0\0\x02" + self.device_id.encode("ascii")
        else:
            said = int(self.device_id).to_bytes(4, "little") + b"\0"
        return [self._say(wire.AUTH, wire.subrecord(wire.IDENTITY, said))]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        return [self._say(wire.TELEDATA, wire.subrecord(wire.POSITION, messages.position(now, 54.9, 85.6)))]

    def _say(self, service: int, body: bytes) -> Datum:
        self._packets += 1
        number = self._packets & 0xFFFF
        return Datum(wire.build(wire.DATA, number, wire.record(number, service, body)))


FAMILY = Egts()
