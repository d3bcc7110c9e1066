"""The Syrus family as the gateway sees it."""

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
from tracker_codecs.families.syrus import dialogue, messages
from tracker_codecs.families.syrus import frame as wire
from tracker_codecs.families.syrus import settings as values
from tracker_codecs.families.syrus.emulator import SyrusEmulator


class Syrus(Family):
    """DCT Syrus units over TCP, UDP and a serial port; see the package's modules."""

    name = "syrus"
    title = "DCT Syrus units (TAIP)"
    transports = frozenset({Transport.TCP, Transport.UDP, Transport.SERIAL})
    default_port = 5031
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    #: The maker names these rates, and the first as the usual one; a message ends with its bracket.
    serial = SerialForm(baudrates=(115200, 57600, 38400, 19200, 9600), eol=b"")
    acknowledgement_proves = (
        "the unit understood the message that it repeats; whether it keeps the values the query tells"
    )
    sources = (
        "github.com/traccar/traccar: TaipProtocol, TaipProtocolDecoder and its tests",
        "easymanua.ls dct/syrus page 41, manuals.online dct/gps/syrus: message TD",
        "manualshive.com antares-sb/517455 pages 182 and 237: TD, XAGH and the signal J00",
        "university.digitalcomtech.com glossary: event definition, TAIP, Syrus, qualifier (QVR)",
        "digitalcomtech guide to third party accessories (rates of the port), Antares pages on serial port devices",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        if transport is Transport.SERIAL:
            return wire.ConsoleStream()
        return wire.SyrusStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A report or an answer."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a message of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: sets, queries, acknowledgements."""
        return wire.from_server(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Event table, counter, set, counter again; the heading by its echo."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The counter that reports."""
        return dialogue.read(target, wanted)

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`: the version, and the id beside it."""
        return dialogue.identify(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own message: text gets its brackets, bytes go as they are."""
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
        """A device of this variant. Options: see the emulator."""
        guards.known(self, variant, transport)
        return SyrusEmulator(device_id, transport, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Reports carry the time."""
        return wire.normalised(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a message; its checksum, if it has one, is put right."""
        return wire.renamed(frame, old, new)


FAMILY = Syrus()
