"""The Arknav family as the gateway sees it, and a believable unit."""

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
from tracker_codecs.families.arknav import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"\d;[0-9A-Za-z]{1,8}(?:,[ -)+-~]{0,100})?", re.ASCII)
_SECURITY_ID = re.compile(r"[0-9A-Za-z]{1,16}", re.ASCII)


class Arknav(SessionOnlyFamily):
    """Arknav X8 units; see `frame`. The older Arknav text protocol is another one."""

    name = "arknav"
    title = "Arknav RX8, X8 and AX-8"
    default_port = 5119
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    reason = (
        "Arknav's parameter codes for interval, distance and angle are not public; its reports and the framing of "
        "commands are"
    )
    expects = "nothing: what answers a command is not public"
    sources = (
        "github.com/traccar/traccar: ArknavX8Protocol, ArknavX8ProtocolDecoder and its test",
        "scribd.com 650181869 (Arknav protocol, chapter 3) and 624412808 (AX-8 command appendix)",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `Family.stream`."""
        return wire.ArknavStream()

    def recognise(self, first: bytes) -> bool | None:
        """A header."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a message of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Commands."""
        return wire.from_server(data)

    def envelope(self, target: Target, text: str) -> bytes:
        """`<group>;<code>[,<value>]` behind the unit's security id (option `password`).

        Raises LocalError for a text that is none, and where the security id is missing: each unit has its own.
        """
        if not _COMMAND.fullmatch(text):
            raise LocalError(
                "a command is a group, a semicolon, a code and maybe a value: 3;0008,+1", parameter="command"
            )
        return f"#{_security_id(target)},{text}*".encode("ascii")

    def secrets(self, target: Target, text: str) -> tuple[bytes, ...]:
        """The security id; a command given in bytes may hold it, too, and needs none in the record."""
        known = text or target.options.get("password") not in (None, "")
        return (_security_id(target).encode("ascii"),) if known else ()

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """Nothing does: a requested report looks like any other, and the answers to a setting are not public."""
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
        """A unit that stands still."""
        return ArknavEmulator(device_id, settings)


def _security_id(target: Target) -> str:
    security_id = str(target.options.get("password", ""))
    if not _SECURITY_ID.fullmatch(security_id):
        raise LocalError("needs the unit's security id, 1 to 16 letters or digits", parameter="password")
    return security_id


class ArknavEmulator(SessionOnlyEmulator):
    """A unit that stands still, in the form of recorded messages."""

    def connect(self) -> list[Datum]:
        """The header of an RX8."""
        return [Datum(f"{self.device_id},240101;".encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position and a status."""
        position = f"1G,{now:%y%m%d%H%M%S},A,0347.0756N,09842.7435E,0.0,183,1.1,11008000;"
        status = f"2G,{now:%y%m%d%H%M%S},08,4084.0,00.04,04.01,000396255.0;"
        return [Datum(position.encode("ascii")), Datum(status.encode("ascii"))]


FAMILY = Arknav()
