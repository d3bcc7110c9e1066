"""The VJoy family as the gateway sees it."""

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
from tracker_codecs.families.vjoy import dialogue
from tracker_codecs.families.vjoy import frame as wire
from tracker_codecs.families.vjoy.emulator import VjoyEmulator


class Vjoy(Family):
    """Kingneed and VJoy units over TCP and UDP; see the package's modules."""

    name = "vjoy"
    title = "Kingneed and VJoy personal trackers"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5002
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the unit says in words what it has set; whether it outlives a restart is not public"
    sources = (
        "github.com/traccar/traccar: Tk103ProtocolDecoder, Tk103ProtocolEncoder and their tests (envelope, frames)",
        "github.com/garyvdm/trackers: tkstorage and its test (recorded frames, commands, notices)",
        "VJoyCar T903 manual p. 9, TK05 p. 5, Gainbridge GT3088 p. 12 (manualshive.com): sleep commands and a notice",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.VjoyStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: commands."""
        return wire.from_server(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """One command after the other; nothing can be read."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """Asks nothing: the status text tells none of the settings."""
        yield from ()
        return Outcome({})

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in the envelope, bytes as they are."""
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
        """A device of this variant."""
        guards.known(self, variant, transport)
        return VjoyEmulator(device_id, settings or {}, faults)


FAMILY = Vjoy()
