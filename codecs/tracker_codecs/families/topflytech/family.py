"""The TopFlyTech family as the gateway sees it."""

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
from tracker_codecs.families.topflytech import dialogue, messages
from tracker_codecs.families.topflytech import frame as wire
from tracker_codecs.families.topflytech import settings as values
from tracker_codecs.families.topflytech.emulator import TopflyEmulator


class Topflytech(Family):
    """TopFlyTech vehicle trackers over TCP or UDP; see the package's modules."""

    name = "topflytech"
    title = "TopFlyTech T86 and T88"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5094
    #: Heartbeats come every five minutes by default.
    limits = Limits(max_frame=wire.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "SET TIMER OK: the command was taken; every position then tells what is stored"
    sources = (
        "github.com/TOPFLYtech/TOPFLYtechCodec (vendor): codecs, ConfigMsgDoc.md",
        "github.com/traccar/traccar T800x protocol: decoder, encoder, tests (recorded frames)",
        "TopFlyTech T8808 user manual p.17 (manualshive.com topflytech t8808 1129194): PIN, answers",
        "Plaspy TopFlyTech configuration pages: TIMER",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.TopflyStream(transport)

    def recognise(self, first: bytes) -> bool | None:
        """Header, type, length, IMEI in BCD."""
        return wire.opens(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a line of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers and commands."""
        return wire.TopflyStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write TIMER, then wait for a position."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The next position."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text as `VERSION`, bytes as they are."""
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
        return TopflyEmulator(device_id, settings or {}, faults, options or {})


FAMILY = Topflytech()
