"""The ATrack family as the gateway sees it."""

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
from tracker_codecs.families.atrack import dialogue, messages
from tracker_codecs.families.atrack import frame as wire
from tracker_codecs.families.atrack import settings as values
from tracker_codecs.families.atrack.emulator import AtrackEmulator


class Atrack(Family):
    """ATrack units over TCP and UDP; see the package's modules."""

    name = "atrack"
    title = "ATrack AK, AL, AS, AT, AU, AX and AY units"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5044
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = (
        "$OK: the unit took the command that was under way; it names no command and no value, and whether the setting "
        "outlives a restart is not public"
    )
    sources = (
        "github.com/traccar/traccar: AtrackFrameDecoder, AtrackProtocolDecoder, AtrackProtocolEncoder and their tests",
        "github.com/plaspy-dev/docs: devices/atrack, configuration pages of ten models (AT$TRAC=1,60,,,,,2, AT$INFO=?)",
        "public Android application that sets up an AX7 (class AutoConnectService): arguments of AT$TRAC, $OK",
        "public Wialon API sample with stored user commands of an ATrack unit (AT$TRAC with 40 and 90 s)",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.AtrackStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A keep-alive or a report."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a packet of either direction."""
        return messages.fields(message)

    def decode_server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: acknowledgements and command lines."""
        return wire.AtrackStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Ask, write, ask again where that is of use."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """AT$TRAC=?, which a unit may or may not answer."""
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
        return AtrackEmulator(device_id, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The unit id in keep-alives, reports and answers; checksums put right."""
        return wire.renamed(frame, old, new)


FAMILY = Atrack()
