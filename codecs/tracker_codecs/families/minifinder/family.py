"""The MiniFinder family as the gateway sees it, and a believable unit."""

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
from tracker_codecs.families.minifinder import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

_COMMAND = re.compile(r"[A-Za-z][ -~]{0,100}", re.ASCII)
_PASSWORD = re.compile(r"\d{6}", re.ASCII)


class Minifinder(SessionOnlyFamily):
    """MiniFinder units over TCP; see `frame`."""

    name = "minifinder"
    title = "MiniFinder Pico, Gubloos GPS-T1 and S1, Defenstar GPS668 and DS008"
    default_port = 5062
    limits = Limits(max_frame=wire.MAX_FRAME)
    reason = (
        "the command that sets MiniFinder's interval is not public; its reports, its list of settings, and how a "
        "command begins and is answered are"
    )
    sources = (
        "github.com/traccar/traccar: MiniFinderProtocolDecoder, MiniFinderProtocolEncoder and their tests",
        "MiniFinder Pico protocol V1.27 (issuu.com/gpsr): answers, order of the list of settings",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.MinifinderStream()

    def recognise(self, first: bytes) -> bool | None:
        """The frame that opens a link."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Commands have neither start nor end, so none is cut."""
        return []

    def envelope(self, target: Target, text: str) -> bytes:
        """A word such as `L+01` behind the password: option `password`, 123456 from the factory. Raises LocalError."""
        if not _COMMAND.fullmatch(text):
            raise LocalError("a command is a word of printable ASCII without the password", parameter="command")
        return (_password(target) + text).encode("ascii")

    def secrets(self, target: Target, text: str) -> tuple[bytes, ...]:
        """The password."""
        return (_password(target).encode("ascii"),)

    def answers(self, target: Target, text: str, message: Message) -> Match:
        """`!3,error` refuses; any other `!3` or `!4` answers."""
        found = super().answers(target, text, message)
        return Match.REFUSED if found is Match.DONE and message.frame.startswith(b"!3,error") else found

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
    """Names itself, reports and tells its state."""

    def connect(self) -> list[Datum]:
        """Its IMEI, firmware and battery."""
        return [Datum(f"!1,{self.device_id},V07S.5701.1621,100;".encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = "47.083542,15.482373,0,0,100001,479.3,100,4,9,0"
        return [Datum(f"!D,{now:%d/%m/%y,%H:%M:%S},{place};".encode("ascii"))]

    def heartbeat(self) -> list[Datum]:
        """Its state."""
        return [Datum(b"!5,17,V,50;")]


def _password(target: Target) -> str:
    password = str(target.options.get("password", "123456"))
    if not _PASSWORD.fullmatch(password):
        raise LocalError("must be six digits", parameter="password")
    return password


FAMILY = Minifinder()
