"""The AutoFon family as the gateway sees it, and a believable beacon."""

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
from tracker_codecs.families.autofon import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

#: A recorded location of model 4.5.
_LOCATION = bytes.fromhex("02080000251848470afa010262daa690013aa4046da83745f8812560df010001126a")


class Autofon(SessionOnlyFamily):
    """AutoFon Mayak beacons over TCP; see `frame`."""

    name = "autofon"
    title = "AutoFon Mayak beacons"
    default_port = 5077
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "AutoFon beacons tell their timers in a form that is not public, and no server command of theirs is public"
    sources = (
        "github.com/traccar/traccar: AutoFonFrameDecoder, AutoFonProtocolDecoder and its test (recorded frames)",
        "AutoFon manuals (mcgrp.ru 157998, manualmachine.com 19667597): commands go by SMS with a password",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.AutofonStream()

    def recognise(self, first: bytes) -> bool | None:
        """A login."""
        if not first:
            return None
        size = wire.login(first, 0)
        return None if size < 0 else size > 0

    def fields(self, message: Message) -> dict[str, Any]:
        """What is public of a frame."""
        return {"text": message.text} if message.kind is Kind.OTHER else wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers to logins."""
        return [Message(Kind.OTHER, data, text=data.hex())] if data else []

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
            raise LocalError("a beacon is known by its IMEI", parameter="device_id")
        return Beacon(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The identity of a login."""
        return wire.renamed(frame, old, new)


class Beacon(SessionOnlyEmulator):
    """Logs in and sends a recorded location; the checksum of its login is made up, for nobody can compute it."""

    def connect(self) -> list[Datum]:
        """The login of the older models."""
        return [Datum(b"\x10\x55\x61%b\x00" % bytes.fromhex("0" + self.device_id))]

    def report(self, now: datetime) -> list[Datum]:
        """Where a beacon was once."""
        return [Datum(_LOCATION)]


FAMILY = Autofon()
