"""The GlobalSat family as the gateway sees it."""

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
from tracker_codecs.families.globalsat import dialogue
from tracker_codecs.families.globalsat import frame as wire
from tracker_codecs.families.globalsat.emulator import GlobalsatEmulator


class Globalsat(Family):
    """GlobalSat units over TCP and UDP; see the package's modules."""

    name = "globalsat"
    title = "GlobalSat TR and GTR units"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5043
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "ACK: the command was received, not that it was obeyed"
    sources = (
        "TR-206 papers: easymanua.ls/globalsat/tr-206, pages 20, 31, 36, 71 and 80; azmanual.top 27048, pages 6 to 49",
        "TR-203A manual: manualsdir.com/manuals/27328, pages 10, 30 and 85; TR-203 Development Document V2.5",
        "github.com/traccar/traccar: GlobalSat protocol, decoder, encoder and their tests",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.GlobalsatStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A report or an answer of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: ACK, and commands."""
        return wire.GlobalsatStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write, then read back."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """What L1 tells."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in a frame, bytes as they are."""
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
        return GlobalsatEmulator(device_id, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a frame; its check digits are put right."""
        return wire.renamed(frame, old, new)


FAMILY = Globalsat()
