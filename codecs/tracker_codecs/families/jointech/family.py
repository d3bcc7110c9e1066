"""The Jointech family as the gateway sees it."""

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
from tracker_codecs.families.jointech import dialogue, messages
from tracker_codecs.families.jointech import frame as wire
from tracker_codecs.families.jointech import settings as values
from tracker_codecs.families.jointech.emulator import GpUnit, JointechEmulator


class Jointech(Family):
    """Jointech locks and trackers over TCP; see the package's modules. The variant `gp` is known by its session."""

    name = "jointech"
    title = "Jointech locks and container trackers"
    default_port = 5014
    limits = Limits(max_frame=wire.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the answer carries the values in force"
    sources = (
        "Jointech JT701D protocol manual V1.4 (github.com/CliffJr/jointech-tcp-parser)",
        "github.com/traccar/traccar Jt600 frame decoder, decoder, encoder and tests",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.JointechStream(clock=clock)

    def recognise(self, first: bytes) -> bool | None:
        """A text that opens with 10 digits, or a binary report."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: texts without an ID."""
        return wire.JointechStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Read P04, write it with the wake-up interval kept, read it again."""
        if target.variant == values.GP:
            raise LocalError(values.GP_REASON, parameter=next(iter(settings), ""))
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """P04, of the models that it is known for."""
        able = self.capabilities(target)
        return dialogue.read(
            target,
            [
                name
                for name in wanted
                if name in able and able[name].best is not None and (target.experimental or not able[name].experimental)
            ],
        )

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text such as `P04,0`, bytes as they are."""
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
        if variant == values.GP:
            return GpUnit(device_id, settings or {})
        return JointechEmulator(device_id, settings or {}, faults)

    def normalise(self, frame: bytes) -> bytes:
        """The time of a time answer zeroed."""
        return messages.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


FAMILY = Jointech()
