"""The Castel family as the gateway sees it."""

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
from tracker_codecs.families.castel import dialogue, messages
from tracker_codecs.families.castel import frame as wire
from tracker_codecs.families.castel import settings as values
from tracker_codecs.families.castel.emulator import CastelEmulator, CcUnit


class Castel(Family):
    """Sinocastel trackers over TCP and UDP; only the set SC (IDD-213 and its kin) takes settings.

    The variant `cc` is known by its session: PT-690, PT-718S and MPIP-620, old (`$$`) and new.
    """

    name = "castel"
    title = "Sinocastel OBD trackers"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5086
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the unit took the parameter: its tag stands in the answer"
    sources = (
        "github.com/traccar/traccar Castel decoder, encoder and tests (framing, answers, recorded frames)",
        "a public C# telematics server with Sinocastel commands (set message, tag 1102, its answer)",
        "OBD Smart PC Tool User Manual V100 and login notes (github.com/iadevmatth/hexstudy)",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.CastelStream(clock, datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """@@ or $$, a possible length, an id."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: answers that are owed, and commands."""
        return wire.CastelStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Learn the version byte, set the interval, query it."""
        if target.variant == values.CC:
            raise LocalError(values.CC_REASON, parameter=next(iter(settings), ""))
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """A query of the interval."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text is type and body in hex, bytes go as they are."""
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
        if variant == values.CC:
            return CcUnit(device_id, settings or {}, options or {})
        return CastelEmulator(device_id, settings or {}, faults, options or {}, transport is Transport.UDP)

    def normalise(self, frame: bytes) -> bytes:
        """Sequence, time and checksum zeroed."""
        return messages.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


FAMILY = Castel()
