"""The Eview family as the gateway sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs import guards
from tracker_codecs.contract import (
    NO_FAULTS,
    Clock,
    Command,
    Dialogue,
    Emulator,
    Event,
    Family,
    Faults,
    Limits,
    Message,
    Problem,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.families.eview import dialogue, messages
from tracker_codecs.families.eview import frame as wire
from tracker_codecs.families.eview.emulator import EviewEmulator


class Eview(Family):
    """Eview units over TCP and UDP; see the package's modules."""

    name = "eview"
    title = "Eview EV-07B and MiniFinder Nano"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5187
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = (
        "a response with success: the unit took the packet; what it stored only the read-back tells"
    )
    sources = (
        "github.com/traccar/traccar: Minifinder2 decoder, encoder and their tests (recorded packets)",
        "EV-07B protocol V1.2 2020 (pdfcoffee.com), Eview protocol V20200229 (scribd.com 754381147): overview pages",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.EviewStream(clock, datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A packet of data, services or configuration."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: answers, and commands."""
        return wire.EviewStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Read, write, read again."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """What the configuration tells."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: a body in hexadecimal digits, or bytes as they are."""
        return dialogue.raw(target, text)

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.TCP,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """A device of this variant. Options: see the emulator's module."""
        guards.known(self, variant, transport)
        return EviewEmulator(device_id, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Answers to services carry the time."""
        return wire.normalised(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The IMEI of a packet; its checksum is put right."""
        return wire.renamed(frame, old, new)


FAMILY = Eview()
