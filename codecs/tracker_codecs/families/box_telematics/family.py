"""The BOX Telematics family as the gateway sees it."""

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
    SerialForm,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.families.box_telematics import dialogue
from tracker_codecs.families.box_telematics import frame as wire
from tracker_codecs.families.box_telematics import settings as values
from tracker_codecs.families.box_telematics.emulator import BoxEmulator


class BoxTelematics(Family):
    """BOX-tracker units of BOX Telematics over TCP or a serial port; see the package's modules."""

    name = "box-telematics"
    title = "BOX Telematics BOX-tracker"
    transports = frozenset({Transport.TCP, Transport.SERIAL})
    default_port = 5065
    limits = Limits(max_frame=wire.MAX_LINE + 2, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    #: RS-232 and USB, without flow control.
    serial = SerialForm(baudrates=(115200,), eol=b"\r")
    acknowledgement_proves = (
        "OK follows the output of a command that was carried out; the text of a failure is not public"
    )
    sources = (
        "BOX-tracker Communication Protocol v1.5 (2009), manualshive.com box-tracker 2798112, pages 7 to 31",
        "manualslib.com manual 1794193: session example, fields of the header",
        "github.com/traccar/traccar Box protocol, decoder and tests (line end, confirmation, recorded lines)",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.BoxStream(wired=transport is Transport.SERIAL)

    def recognise(self, first: bytes) -> bool | None:
        """The header line."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a line of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: confirmations of batches, and commands."""
        return wire.BoxStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """List the settings, write, list them again."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The listing of CONFIG."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`: whether a BOX-tracker is there."""
        return dialogue.identify(target)

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
        return BoxEmulator(device_id, transport, settings or {}, faults, options or {})


FAMILY = BoxTelematics()
