"""The Naviset family as the gateway sees it, and a believable device."""

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
    Kind,
    Limits,
    Message,
    Settings,
    Stream,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.naviset import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Naviset(SessionOnlyFamily):
    """Naviset GT units over TCP; see `frame`."""

    name = "naviset"
    title = "Naviset GT-10 and GT-20"
    default_port = 5194
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "Naviset units are set by SMS (COM22 to COM24); how a server sends a command over TCP is not public"
    sources = (
        "github.com/traccar/traccar: NavisetFrameDecoder, NavisetProtocolDecoder and their tests (recorded packets)",
        "Naviset GT-20 Lite manual (manualshive.com 712650, page 14): SMS commands and their answers",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.NavisetStream()

    def recognise(self, first: bytes) -> bool | None:
        """A header."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """What is public of a packet or of its answer."""
        return {"echoed_crc": message.text} if message.kind is Kind.OTHER else wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers: 01 and the two bytes of a CRC."""
        answers = [data[at : at + 3] for at in range(0, len(data) - 2, 3)]
        return [Message(Kind.OTHER, each, text=each[1:].hex()) for each in answers if each[0] == 1]

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
        if len(device_id) != 15 or not device_id.isdecimal():
            raise LocalError("a unit is known by its IMEI", parameter="device_id")
        return Unit(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The IMEI of a header; its checksum is put right."""
        if len(frame) < 21 or frame[4:19] != old.encode() or len(new) != 15:
            return frame
        return wire.build(wire.HEADER, frame[2:4] + new.encode() + frame[19:-2])


class Unit(SessionOnlyEmulator):
    """Says its header and reports."""

    _records = 0

    def connect(self) -> list[Datum]:
        """The header, its last two bytes as recorded."""
        return [Datum(wire.build(wire.HEADER, b"\xe4\x07%b\x2a\x06" % self.device_id.encode("ascii")))]

    def report(self, now: datetime) -> list[Datum]:
        """One record."""
        self._records = self._records + 1 & 0xFFFF
        return [Datum(wire.report(0x07E4, self._records, now))]


FAMILY = Naviset()
