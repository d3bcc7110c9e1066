"""The Topin family as the gateway sees it, and a believable device."""

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
    Match,
    Message,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.topin import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Topin(SessionOnlyFamily):
    """Topin units over TCP; see `frame`."""

    name = "topin"
    title = "Topin (78 78 without a checksum)"
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = "the interval in force shows in a Topin's status; the command that sets it is not public"
    expects = "a frame of the same type, where units do not send that unasked"
    sources = ("github.com/traccar/traccar: Topin decoder, encoder and their tests (recorded frames)",)

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.TopinStream(clock)

    def recognise(self, first: bytes) -> bool | None:
        """The beginning of a frame."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers and commands."""
        return wire.TopinStream(server=True).feed(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`41 31333533`: the type and the content in hexadecimal digits; the length counts both."""
        try:
            body = bytes.fromhex(text) if text.isascii() else b""
        except ValueError:
            body = b""
        if not 0 < len(body) <= 100 or wire.TAIL in body:
            raise LocalError("a command is a type and a content in hexadecimal digits", parameter="command")
        return wire.seal(len(body), body[0], body[1:])

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """The type comes back; what units send unasked is no answer."""
        kind = bytes.fromhex(text)[0] if text else wire.LOGIN
        same = kind not in wire.UNASKED and message.frame[3] == kind
        return Match.DONE if same and message.device_id == target.device_id else Match.NO

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

    def refuse(self, message: Message) -> bytes:
        """A login that is not ours is told 44."""
        return wire.seal(message.frame[2], wire.LOGIN, bytes((wire.REFUSED,))) if message.kind is Kind.LOGIN else b""

    def normalise(self, frame: bytes) -> bytes:
        """The time that is owed varies."""
        return wire.normalised(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The IMEI of a login."""
        return frame.replace(bytes.fromhex(f"0{old}"), bytes.fromhex(f"0{new}"))


class Unit(SessionOnlyEmulator):
    """Logs in, reports and tells its status as recorded."""

    def connect(self) -> list[Datum]:
        """The login."""
        return [Datum(wire.seal(13, wire.LOGIN, bytes.fromhex(f"0{self.device_id}4d")))]

    def heartbeat(self) -> list[Datum]:
        """A status."""
        return [Datum(bytes.fromhex("78780713514d0819640d0a"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        time = bytes((now.year - 2000, now.month, now.day, now.hour, now.minute, now.second))
        return [Datum(wire.seal(0x12, wire.GPS[0], time + bytes.fromhex("9c026b3f3e0c22ad651f3460")))]


FAMILY = Topin()
