"""The Galileosky family as the gateway sees it."""

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
from tracker_codecs.families.galileosky import dialogue, messages
from tracker_codecs.families.galileosky import frame as wire
from tracker_codecs.families.galileosky import settings as values
from tracker_codecs.families.galileosky.emulator import GalileoskyEmulator


class Galileosky(Family):
    """Galileosky terminals over TCP; see the package's modules."""

    name = "galileosky"
    title = "Galileosky terminals"
    default_port = 5034
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the answer echoes the values in force"
    sources = (
        "github.com/traccar/traccar Galileo frame decoder, decoder, encoder and tests (recorded packets)",
        "manualshive.com: Galileosky GPS Lite page 49 and GLONASS page 92 (command packet, FMI packets)",
        "manualshive.com: GLONASS/GPS Satellite v4.0 pages 56 to 61 (WrPeriod, Turning, Status and their answers)",
        "manualshive.com: GLONASS v5.1 page 65, Lite page 51, Boxfinder pages 29 and 31",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.GalileoskyStream()

    def recognise(self, first: bytes) -> bool | None:
        """The head packet: 01, a possible length, one of the first tags."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a packet of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: confirmations of three bytes, and commands."""
        return wire.GalileoskyStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`: ranges are not public, so little is refused beforehand."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Read WrPeriod and Turning, write them with the other arguments kept, read them again."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """WrPeriod and Turning without arguments."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in a command packet, bytes as they are."""
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
        return GalileoskyEmulator(device_id, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Command number and checksum zeroed."""
        return messages.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


FAMILY = Galileosky()
