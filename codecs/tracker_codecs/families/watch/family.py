"""The watch family as the gateway sees it."""

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
from tracker_codecs.families.watch import dialogue
from tracker_codecs.families.watch import frame as wire
from tracker_codecs.families.watch.emulator import WatchEmulator


class Watch(Family):
    """GPS watches over TCP; see the package's modules."""

    name = "watch"
    title = "GPS watches for children and elders ([3G*...])"
    default_port = 5093
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = (
        "the watch knows the command; its answer carries no value, and whether it outlives a restart is not told"
    )
    sources = (
        "4P-Touch server protocol (public text on GitHub), part II: UPLOAD (2) and TS (14) with their answers",
        "github.com/traccar/traccar: WatchFrameDecoder, WatchProtocolDecoder, WatchProtocolEncoder and their tests",
        "public watch simulator on GitHub: answer to TS of firmware G29_BASE_V1.00",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.WatchStream()

    def recognise(self, first: bytes) -> bool | None:
        """A frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: answers and commands."""
        return wire.WatchStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write, then ask."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """TS, which some firmware does not answer."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

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
        return WatchEmulator(device_id, settings or {}, faults, options or {})


FAMILY = Watch()
