"""The Noran family as the gateway sees it."""

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
    Outcome,
    Problem,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.noran import dialogue
from tracker_codecs.families.noran import frame as wire
from tracker_codecs.families.noran.emulator import NoranEmulator


class Noran(Family):
    """Noran units over UDP; see the package's modules."""

    name = "noran"
    title = "Noran vehicle trackers"
    transports = frozenset({Transport.UDP})
    default_port = 5053
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "that a command arrived: the answer is a position without a verdict"
    sources = (
        "github.com/traccar/traccar: NoranProtocolDecoder, NoranProtocolEncoder and their tests",
        "Noran NR100 manual p. 3 (manualshive.com 1700494): function 002, 15 to 64800 s, factory password",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.UDP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.NoranStream()

    def recognise(self, first: bytes) -> bool | None:
        """A datagram of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: commands, and the answer to the handshake."""
        return wire.from_server(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """One command."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """Asks nothing: no query is public."""
        yield from ()
        return Outcome({})

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in a datagram, bytes as they are."""
        return dialogue.raw(target, text)

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.UDP,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """A device of this variant."""
        guards.known(self, variant, transport)
        return NoranEmulator(device_id, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id, in its fixed place of ASCII."""
        if len(old) != len(new):
            raise LocalError("the new id must be as long as the old one", parameter="new")
        return super().rename(frame, old, new)


FAMILY = Noran()
