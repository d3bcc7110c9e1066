"""The Neomatica ADM family as the gateway sees it."""

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
from tracker_codecs.families.neomatica_adm import dialogue
from tracker_codecs.families.neomatica_adm import frame as wire
from tracker_codecs.families.neomatica_adm.emulator import AdmEmulator


class NeomaticaAdm(Family):
    """Neomatica ADM units over TCP; see the package's modules."""

    name = "neomatica-adm"
    title = "Neomatica ADM"
    default_port = 5092
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the unit has read the line and says something; only the reading of TRACK tells the values"
    sources = (
        "github.com/traccar/traccar Adm frame decoder, decoder, encoder and tests (recorded packets)",
        "manualshive.com: neomatica/adm007/719123 page 14 (TRACK and its answer)",
        "manualshive.com: neomatica/adm50/719127 page 8, adm700-3g/719128 page 16 (the same command lines)",
        "a public server for these units, tracker_receiver/src/protocols/ADM (answer mode of the login, ***N*)",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.AdmStream()

    def recognise(self, first: bytes) -> bool | None:
        """A login, or an IMEI and a position."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a packet or a command line."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: command lines, and answers to positions."""
        return wire.server(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """Ranges are not public, so little is refused beforehand."""
        return dialogue.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Read TRACK, write with the rest kept, read it again."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """TRACK alone."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text as a line, bytes as they are."""
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
        return AdmEmulator(device_id, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return wire.rename(frame, old, new)


FAMILY = NeomaticaAdm()
