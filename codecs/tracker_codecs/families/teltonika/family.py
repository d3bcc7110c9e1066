"""The family object: what `tracker_codecs.contract.Family` asks, gathered from the other modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs.contract import (
    NO_FAULTS,
    Capability,
    Clock,
    Command,
    Dialogue,
    Emulator,
    Event,
    Family,
    Faults,
    Kind,
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
from tracker_codecs.families.teltonika import dialogue, frame, messages, talk
from tracker_codecs.families.teltonika import settings as params


class Teltonika(Family):
    """Teltonika over TCP and UDP; commands over TCP only. See the package's modules."""

    name = "teltonika"
    title = "Teltonika FM, FMA, FMB, FMC, FMM and kin"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5027
    limits = Limits(max_frame=frame.MAX_FRAME, idle=1800.0, reply_timeout=talk.TIMEOUT)
    acknowledgement_proves = "the command text was parsed; whether the value is in force only the read-back shows"
    sources = (
        "Teltonika wiki: Data Sending Protocols; Help with Server FAQ; Codec 12",
        "Teltonika wiki: FMB_setparam, FMB_getparam; SMS/GPRS command - setparam, - getparam",
        "Teltonika wiki parameter lists: data acquisition, FMB, FMC, FMC640, FMA2, FM36, FM6320/FM6300, FMB630",
        "Teltonika wiki Test_parameters (movement source 138 as a bit mask)",
        "Teltonika manuals: FM5500 (getver), FM6320, FMA110, FM1000, FMB630",
        "github.com/traccar/traccar Teltonika decoders, encoder and tests",
        "public test suite with texts captured from an FTC887; public Android client for FM1000/FMA120 units",
    )
    variants = params.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        self._carried(transport)
        return frame.TeltonikaStream(transport)

    def _carried(self, transport: Transport) -> None:
        if transport not in self.transports:
            raise LocalError(f"{self.name} does not speak over {transport.value}", parameter="transport")

    def recognise(self, first: bytes) -> bool | None:
        """See `Family.recognise`."""
        return frame.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """See `Family.fields`."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """See `Family.server`."""
        return messages.server_events(data)

    def refuse(self, message: Message) -> bytes:
        """Login reply 00; nothing to anything else."""
        return frame.LOGIN_NO if message.kind is Kind.LOGIN else b""

    def capabilities(self, target: Target) -> Mapping[str, Capability]:
        """See `Family.capabilities`; over UDP nothing can be set."""
        super().capabilities(target)
        return params.capabilities(target)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return params.check(target, settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`."""
        self.capabilities(target)
        dialogue.accepted(target, settings)  # refuses at once, not when the first command is asked for
        return dialogue.apply(target, settings)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        self.capabilities(target)
        return dialogue.read(target, wanted)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`."""
        self.capabilities(target)
        return talk.raw(target, text)

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
        """See `Family.emulator`; options are those of `TeltonikaEmulator`."""
        from tracker_codecs.families.teltonika.emulator import TeltonikaEmulator

        self.capabilities(Target(device_id, variant=variant))
        self._carried(transport)
        return TeltonikaEmulator(device_id, variant, transport, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Record times, packet ids of datagrams and checksums are zeroed."""
        return messages.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


FAMILY = Teltonika()
