"""The Eelink family as the gateway sees it."""

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
from tracker_codecs.families.eelink import dialogue, messages
from tracker_codecs.families.eelink import frame as wire
from tracker_codecs.families.eelink import settings as values
from tracker_codecs.families.eelink.emulator import EelinkEmulator


class Eelink(Family):
    """Eelink trackers over TCP and UDP; see the package's modules."""

    name = "eelink"
    title = "Eelink trackers, protocols 1 and 2"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5064
    limits = Limits(max_frame=wire.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the answer with the command's UID says OK: parsed; what is in force only a query tells"
    sources = (
        "github.com/traccar/traccar Eelink decoder, encoder and tests (recorded packages)",
        "EELINK DEVICE PROTOCOL V2.0, V2.1, V2.3 (public listings): package ids, login answer, COLLECT",
        "MiCODUS ML208G manual page 12 (manualshive.com): COLLECT, GPS and their queries",
        "github.com/gcy346447065/eelink_server: version 1 and the answer SET TIMER OK",
        "Plaspy GPT18 page: TIMER",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.EelinkStream(datagram=transport is Transport.UDP, clock=clock)

    def recognise(self, first: bytes) -> bool | None:
        """`67 67` and a known package, or the envelope of a datagram."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a package of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: answers and commands, in a datagram or not."""
        return wire.EelinkStream(server=True, datagram=data[:2] == wire.ENVELOPE).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`: ranges are not public, so little is refused beforehand."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `dialogue`."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """COLLECT? and GPS?; nothing can be asked of v1."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in a command package, bytes as they are."""
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
        return EelinkEmulator(device_id, variant, settings or {}, faults, options or {}, transport)

    def normalise(self, frame: bytes) -> bytes:
        """See `messages.normalise`."""
        return messages.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


FAMILY = Eelink()
