"""The Cityeasy family as the gateway sees it: the location interval, which nothing answers.

The interval is a u16, 0 stops the reports. A public server puts seconds there, no vendor text tells the unit, and no
answer is public: experimental.
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
from tracker_codecs.families.cityeasy import frame as wire
from tracker_codecs.families.cityeasy.emulator import CityeasyEmulator
from tracker_codecs.interval_only import FIELD, IntervalOnlyFamily, unanswered

_TEXT = re.compile(r"([0-9A-Fa-f]{4})(?: ((?:[0-9A-Fa-f]{2}){1,200}))?", re.ASCII)


class Cityeasy(IntervalOnlyFamily):
    """Cityeasy units over TCP; see the module."""

    name = "cityeasy"
    title = "Cityeasy"
    default_port = 5088
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    acknowledgement_proves = "nothing: no answer to the interval is public; only that it was sent"
    sources = ("github.com/traccar/traccar: CityeasyProtocolDecoder, CityeasyProtocolEncoder and their tests",)
    variants: Mapping[str, Mapping[str, Capability]] = {
        "standard": {FIELD: Capability(Strength.WRITTEN, "no answer to it is public", experimental=True)}
    }
    reason = "no public command of these units carries it"
    low, high = 1, 65535

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.CityeasyStream()

    def recognise(self, first: bytes) -> bool | None:
        """A frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: commands."""
        return wire.CityeasyStream(server=True).feed(data)

    def command(self, target: Target, seconds: int) -> Command:
        """Type 0005 with the interval."""
        text = f"{wire.INTERVAL:04x} {seconds:04x}"
        return unanswered(self.envelope(target, text), text)

    def envelope(self, target: Target, text: str) -> bytes:
        """A frame of type and content in hexadecimal digits, as `0008 000168`. Raises LocalError for another text."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise LocalError("a command is a type of four hexadecimal digits, and its content", parameter="command")
        return wire.build(int(found[1], 16), bytes.fromhex(found[2] or ""), target.serial & 0xFFFFFFFF)

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
        return CityeasyEmulator(device_id, settings, faults)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The digits of a frame."""
        return wire.renamed(frame, old, new)


FAMILY = Cityeasy()
