"""The Navtelecom family as the gateway sees it."""

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
from tracker_codecs.families.navtelecom import dialogue
from tracker_codecs.families.navtelecom import frame as wire
from tracker_codecs.families.navtelecom import settings as values
from tracker_codecs.families.navtelecom.emulator import NavtelecomEmulator


class Navtelecom(Family):
    """Navtelecom units over TCP; see the package's modules."""

    name = "navtelecom"
    title = "Navtelecom SIGNAL, SMART and START"
    default_port = 5019
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the unit has taken the command; the read-back tells the values that it stored"
    sources = (
        "github.com/traccar/traccar Navis frame decoder, decoder, encoder and tests (recorded packets)",
        "wiki.navtelecom.ru: developers/flex_examples, developers/configuration, devices/commands/standard_cmd",
        "public integration plan for NTCB and FLEX 6.2 (bit order, READ, EDIT and EDITS), checked with a unit",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.NavtelecomStream()

    def recognise(self, first: bytes) -> bool | None:
        """An NTCB packet opens a link."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a packet of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: answers that are owed, commands and queries."""
        return wire.NavtelecomStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Ask who is there; read and write each tag, read all back."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        able = self.capabilities(target).get(values.FIELD)
        carried = able is not None and able.best is not None and values.FIELD in settings
        wanted = values.parameters(settings[values.FIELD]) if carried else []
        return dialogue.apply(target, settings, problems, wanted)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The tags of the last update; nothing where there was none."""
        able = self.capabilities(target).get(values.FIELD)
        if able is None or able.best is None or values.FIELD not in wanted:
            return _nothing()
        return dialogue.read(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text as the body of a packet, bytes as they are."""
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
        return NavtelecomEmulator(device_id, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return wire.rename(frame, old, new)


def _nothing() -> Dialogue:
    yield from ()
    return Outcome({})


FAMILY = Navtelecom()
