"""The Totem family as the gateway sees it, and a believable unit."""

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
from tracker_codecs.families.totem import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"\d{3}(?:,[ -#%-~]{0,200})?", re.ASCII)
_PASSWORD = re.compile(r"[0-9A-Za-z]{1,16}", re.ASCII)


class Totem(SessionOnlyFamily):
    """TotemTech AT units of both generations; see `frame`."""

    name = "totem"
    title = "TotemTech AT05, AT07 and AT09"
    default_port = 5007
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    reason = "TotemTech's commands for intervals, distance and angle are not public; its reports and the envelope are"
    expects = "nothing: what answers a command is not public"
    sources = (
        "github.com/traccar/traccar: TotemFrameDecoder, TotemProtocolDecoder, TotemProtocolEncoder and their tests",
        "github.com/plaspy-dev/docs: pages on Totemtech AT05, AT07-3G and AT21-4G (codes in their SMS form)",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `Family.stream`."""
        return wire.TotemStream()

    def recognise(self, first: bytes) -> bool | None:
        """A frame of either generation."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Acknowledgements and commands."""
        return wire.from_server(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`CF`, the password, a code of three digits with its arguments (`006`, `025,C,1`); new generation only.

        Raises LocalError for a text that is no such command and for a password that is none.
        """
        if not _COMMAND.fullmatch(text):
            raise LocalError("a command is a code of three digits, then arguments after a comma", parameter="command")
        return wire.build(b"CF", f"{_password(target)},{text}".encode("ascii"))

    def secrets(self, target: Target, text: str) -> tuple[bytes, ...]:
        """The password; a command given in bytes may hold it, too."""
        return (_password(target).encode("ascii"),)

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """Nothing does: answers are not public."""
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
        """A unit of the new generation."""
        return TotemEmulator(device_id, settings)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`; the old generation's checksum cannot be put right. Raises LocalError there."""
        if old.encode() not in frame:
            return frame
        if frame[2:3] != b"0":
            raise LocalError("the checksum of the old generation is not public")
        body = frame[:-2].replace(old.encode(), new.encode())
        return body + b"%02X" % wire.xor(body)


def _password(target: Target) -> str:
    password = str(target.options.get("password", "000000"))
    if not _PASSWORD.fullmatch(password):
        raise LocalError("a password is 1 to 16 letters or digits", parameter="password")
    return password


class TotemEmulator(SessionOnlyEmulator):
    """A unit of the new generation: positions in the shortest recorded form, heartbeats."""

    def __init__(self, device_id: str, settings: Settings) -> None:
        super().__init__(device_id, settings)
        self._serial = 0

    def heartbeat(self) -> list[Datum]:
        """BB."""
        return [Datum(wire.build(b"BB", self.device_id.encode("ascii")))]

    def report(self, now: datetime) -> list[Datum]:
        """AA, with a fix."""
        self._serial = self._serial % 9999 + 1
        place = f"0304.7772N10134.8238E{self._serial:04d}"
        text = f"{self.device_id}|50044000{now:%y%m%d%H%M%S}4112000028A058AE121010604000.60000032{place}"
        return [Datum(wire.build(b"AA", text.encode("ascii")))]


FAMILY = Totem()
