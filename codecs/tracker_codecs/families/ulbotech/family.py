"""The Ulbotech family as the gateway sees it, and a believable unit."""

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
from tracker_codecs.families.ulbotech import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"([A-Z][A-Z0-9]{1,15})(?:;[ !\"$-)+-~]{0,200})?", re.ASCII)


class Ulbotech(SessionOnlyFamily):
    """Ulbotech T3xx: binary reports and a text dialogue; see `frame`."""

    name = "ulbotech"
    title = "Ulbotech T361, T381 and IMTSA TR2-OBD"
    default_port = 5072
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    reason = (
        "the names of Ulbotech's commands for interval, distance and angle are not public; its reports and the framing "
        "of commands are"
    )
    expects = "`*TS01,<IMEI>,<time>,<command>:<value>#` with the command's name"
    sources = (
        "github.com/traccar/traccar: UlbotechFrameDecoder, UlbotechProtocolDecoder, UlbotechProtocolEncoder, tests",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `Family.stream`."""
        return wire.UlbotechStream()

    def recognise(self, first: bytes) -> bool | None:
        """An IMEI in text, or in a binary data frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Acknowledgements and commands."""
        return wire.UlbotechStream(server=True).feed(data[: 64 * wire.MAX_FRAME])

    def envelope(self, target: Target, text: str) -> bytes:
        """A name with its arguments (`UNO;13912345678`) as a text frame. Raises LocalError for anything else."""
        if not _COMMAND.fullmatch(text):
            raise LocalError("a command is a name in capitals, then arguments after a semicolon", parameter="command")
        return wire.text(text.encode("ascii"))

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """An answer begins with the command's name; to a command given in bytes any answer will do."""
        if message.kind is not Kind.REPLY or message.device_id != target.device_id:
            return Match.NO
        name = text.partition(";")[0]
        return Match.DONE if not name or message.text.startswith(f"{name}:") else Match.NO

    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """A unit that greets in text and reports in binary."""
        return UlbotechEmulator(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`; ids are 15 digits, as BCD in binary frames. Raises LocalError for other ids."""
        if frame[:1] == b"*":
            return frame.replace(old.encode(), new.encode())
        if not re.fullmatch(r"\d{15}", old) or not re.fullmatch(r"\d{15}", new):
            raise LocalError("an id is an IMEI of 15 digits", parameter="device_id")
        body = wire.plain(frame)[:-2]
        if body[2:10] != bytes.fromhex(f"0{old}"):
            return frame
        return wire.build(body[:2] + bytes.fromhex(f"0{new}") + body[10:])


class UlbotechEmulator(SessionOnlyEmulator):
    """A unit that stands still."""

    def connect(self) -> list[Datum]:
        """Its IMEI in text."""
        return [Datum(wire.text(self.device_id.encode("ascii")))]

    def report(self, now: datetime) -> list[Datum]:
        """Place, status, odometer and event."""
        seconds = int((now.replace(tzinfo=None) - wire.EPOCH).total_seconds())
        head = b"\x01\x01" + bytes.fromhex(f"0{self.device_id}") + seconds.to_bytes(4, "big")
        place = bytes.fromhex("010e03b52df8ff99fde500000000270f")
        return [Datum(wire.build(head + place + bytes.fromhex("0304020000000404 00000000 100101")))]


FAMILY = Ulbotech()
