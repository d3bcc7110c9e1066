"""The Meitrack family as the gateway sees it."""

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
from tracker_codecs.errors import LocalError
from tracker_codecs.families.meitrack import dialogue, messages
from tracker_codecs.families.meitrack import frame as wire
from tracker_codecs.families.meitrack import settings as commands


class Meitrack(Family):
    """Meitrack trackers: `$$` and `@@` text frames over TCP or UDP. Settings are acknowledged; none can be read."""

    name = "meitrack"
    title = "Meitrack GPRS protocol"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5020
    #: A unit in deep sleep sends one heartbeat an hour by default.
    limits = Limits(max_frame=wire.MAX_FRAME, idle=3900.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the command was taken; whether it was stored or clipped cannot be read"
    sources = (
        "MEITRACK GPRS Protocol V1.6 (traccar.org/protocol/5020-meitrack), V1.7 (fdocuments.us), V1.21 (pdfslide.net)",
        "MEITRACK T622 GPRS Protocol V1.2 (manualshive.com/en/manual/meitrack/mobileye-t622/1766597)",
        "traccar/traccar: Meitrack frame decoder, protocol decoder, encoder, tests",
    )
    variants = commands.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.MeitrackStream(transport)

    def recognise(self, first: bytes) -> bool | None:
        """`$$`, an identifier, a length in decimal digits and an IMEI (the Meiligao frame has a binary length)."""
        return wire.opens(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return messages.fields(message.frame)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Commands, and answers to CCC and AAC."""
        return wire.MeitrackStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """Values that the wire's units do not carry exactly are refused."""
        return commands.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write one command after the other, sleep last."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        dropped = {problem.field for problem in problems}
        steps = commands.plan({name: value for name, value in settings.items() if name not in dropped})
        return dialogue.apply(target, settings, problems, steps)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """No public command tells the settings."""
        return dialogue.read()

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command, such as `A10`; the password of A21 is a secret."""
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
        from tracker_codecs.families.meitrack.emulator import MeitrackEmulator

        if variant not in self.variants:
            raise LocalError(f"codec {self.name} has no variant {variant!r}", parameter="variant")
        guards.over(self, transport)
        return MeitrackEmulator(device_id, variant, transport=transport, settings=settings or {}, faults=faults)

    def normalise(self, frame: bytes) -> bytes:
        """Data identifier and sum blanked."""
        return messages.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


FAMILY = Meitrack()
