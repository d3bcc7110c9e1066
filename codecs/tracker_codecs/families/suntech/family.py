"""The Suntech family as the gateway sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs import guards
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
    Limits,
    Message,
    Problem,
    SerialForm,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.families.suntech import dialogue, messages
from tracker_codecs.families.suntech import frame as wire
from tracker_codecs.families.suntech import settings as values
from tracker_codecs.families.suntech.emulator import SuntechEmulator


class Suntech(Family):
    """Suntech text protocol, ST200 to ST650 and ST9xx, over TCP, UDP or a serial port; see the package's modules."""

    name = "suntech"
    title = "Suntech text protocol (ST200 to ST650, ST940)"
    transports = frozenset({Transport.TCP, Transport.UDP, Transport.SERIAL})
    default_port = 5011
    #: A parked unit often reports once an hour.
    limits = Limits(max_frame=wire.MAX_LINE + 2, idle=3900.0, reply_timeout=dialogue.TIMEOUT)
    #: RS-232 without flow control; no page that could be read gives its rate, these are the usual ones.
    serial = SerialForm(baudrates=(115200, 19200, 9600), eol=b"\r")
    acknowledgement_proves = "the answer repeats the values in force, as the unit stored them"
    sources = (
        "Suntech ST310U operation manual 1.08 (manualshive.com st310u 1400858, pages 12, 13, 53)",
        "Suntech ST300/340 manual LATAM 1.41 (manualshive.com st300-series 1400856, pages 27, 30, 95, 103, 104)",
        "Suntech ST940 user manual 1.19 (manualshive.com st940 1400890, pages 20, 22; easymanua.ls)",
        "github.com/traccar/traccar Suntech protocol, decoders and tests (line end, zip reports, recorded lines)",
        "github.com/plaspy-dev/docs Suntech pages (device id, RPT and PresetA)",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.SuntechStream(transport)

    def recognise(self, first: bytes) -> bool | None:
        """Generation, type, semicolon."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a line of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Commands and acknowledgements."""
        return wire.SuntechStream(server=True).feed(data)

    def capabilities(self, target: Target) -> Mapping[str, Capability]:
        """See `Family.capabilities`; on a serial port ST9xx takes nothing."""
        found = super().capabilities(target)
        if target.transport is Transport.SERIAL and target.variant == "st910":
            return dict.fromkeys(found, values.NO_PORT)
        return found

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Read the preset, write the report group, read again."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The preset."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best])

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`: the unit answers to its id only."""
        return dialogue.identify(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: a line, `GROUP;values`, or a word such as Reset; bytes as they are."""
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
        return SuntechEmulator(device_id, variant, transport, settings or {}, faults, options or {})


FAMILY = Suntech()
