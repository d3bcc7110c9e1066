"""The IntelliTrac family as the gateway sees it."""

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
from tracker_codecs.families.intellitrac import dialogue
from tracker_codecs.families.intellitrac import frame as wire
from tracker_codecs.families.intellitrac import settings as values
from tracker_codecs.families.intellitrac.emulator import IntellitracEmulator


class Intellitrac(Family):
    """IntelliTrac and CAREU units over TCP and UDP; see the package's modules."""

    name = "intellitrac"
    title = "IntelliTrac X1, A1, S1 and CAREU units"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5037
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the unit took the command; what it holds then only the query tells"
    sources = (
        "github.com/traccar/traccar: IntellitracFrameDecoder, IntellitracProtocolDecoder and its tests",
        "public C++ fleet server on GitHub (namespace VisiPlug): modules intellitrac, intellix1 and nd",
        "files.elektroda.pl 635905, ja.scribd.com 187637885 (X series protocol 3.05): title pages",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.IntellitracStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A sync packet or a position."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a message of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: commands, and sync packets given back."""
        return wire.from_server(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Ask, write, ask again."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """What the unit tells of TRACKING."""
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
        """A device of this variant. Options: see the emulator."""
        guards.known(self, variant, transport)
        return IntellitracEmulator(device_id, variant, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Positions carry the time, sync packets a sequence."""
        return wire.normalised(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The unit id of a position or a sync packet."""
        return wire.renamed(frame, old, new)


FAMILY = Intellitrac()
