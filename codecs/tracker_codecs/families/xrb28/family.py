"""The Omni family as the gateway sees it: `D1,<seconds>`, which nothing answers.

D1 is known from traccar/traccar's encoder and from flespi.com's example of an OGB1 (60 for 60 seconds). Its answer, its
range and whether it outlives a restart are not public, so all of it is experimental.
Options: `header` (SCOS; HBCS for horseshoe locks) and `vendor` (OM), the words of the lines that go to the unit. Where
nothing is given they are those of the unit's own lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs.contract import (
    Capability,
    Clock,
    Command,
    Emulator,
    Event,
    Faults,
    Limits,
    Message,
    Settings,
    Stream,
    Strength,
    Target,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.xrb28 import frame as wire
from tracker_codecs.families.xrb28.emulator import Xrb28Emulator
from tracker_codecs.interval_only import FIELD, IntervalOnlyFamily, unanswered

_TEXT = re.compile(r"[A-Z]\d(?:,[ -\"$-)+-~]{0,200})?", re.ASCII)
_VENDOR = re.compile(r"[0-9A-Z]{2}", re.ASCII)


class Xrb28(IntervalOnlyFamily):
    """Omni scooters, bicycles and locks over TCP; see the module."""

    name = "xrb28"
    title = "Omni scooters, bicycles and locks"
    default_port = 5180
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    acknowledgement_proves = "nothing: no answer to D1 is public; only that it was sent"
    sources = (
        "github.com/traccar/traccar: Xrb28ProtocolDecoder, Xrb28ProtocolEncoder and their tests",
        "flespi.com: devices omni-ot303bl and omni-ogb1-e-bike, protocol omni",
        "fleets.levyelectric.com/help/integrations/omni-iot: session",
    )
    variants: Mapping[str, Mapping[str, Capability]] = {
        "iot": {FIELD: Capability(Strength.WRITTEN, "no answer to D1 is public", experimental=True)}
    }
    reason = "no public command of these units carries it"
    #: No range is public; a day is ours.
    low, high = 1, 86400

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.Xrb28Stream()

    def recognise(self, first: bytes) -> bool | None:
        """A line of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a line of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: answers and commands."""
        return wire.from_server(data)

    def command(self, target: Target, seconds: int) -> Command:
        """`D1,<seconds>`."""
        text = f"D1,{seconds}"
        return unanswered(self.envelope(target, text), text)

    def envelope(self, target: Target, text: str) -> bytes:
        """A line to the unit. Raises LocalError for a text that is no type with parameters, and for wrong options."""
        if not _TEXT.fullmatch(text):
            raise LocalError("a command is a letter, a digit and parameters, without * and #", parameter="command")
        told = {"header": "SCOS", "vendor": "OM", **target.known, **target.options}
        header, vendor = str(told["header"]), str(told["vendor"])
        if header not in ("SCOS", "HBCS"):
            raise LocalError("is SCOS or HBCS", parameter="header")
        if not _VENDOR.fullmatch(vendor):
            raise LocalError("is two capital letters or digits", parameter="vendor")
        if not re.fullmatch(r"\d{15}", target.device_id, re.ASCII):
            raise LocalError("must be an IMEI of 15 digits", parameter="device_id")
        return wire.build(header, vendor, target.device_id, text)

    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """See the emulator."""
        return Xrb28Emulator(device_id, settings, faults, options)


FAMILY = Xrb28()
