"""The Enfora family as the gateway sees it."""

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
from tracker_codecs.families.enfora import console, dialogue
from tracker_codecs.families.enfora import frame as wire
from tracker_codecs.families.enfora import table as values
from tracker_codecs.families.enfora.emulator import EnforaEmulator


class Enfora(Family):
    """Enfora, Novatel and SkyPatrol units over TCP, UDP and a serial port; see the package's modules."""

    name = "enfora"
    title = "Enfora and Novatel MT, SkyPatrol TT87xx units (AT commands)"
    transports = frozenset({Transport.TCP, Transport.UDP, Transport.SERIAL})
    default_port = 5008
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    serial = SerialForm(baudrates=(115200,), eol=b"\r")
    acknowledgement_proves = "the unit ran the AT command; AT&W, sent last, keeps it over a restart"
    sources = (
        "Enabler II-G modem integration guide page 49 (office.manualsonline.com mlg0208pb001): AT commands by UDP",
        "GSM1308 AT command set reference pages 251 and 292: $APIOPT, $EVENT",
        "github.com/traccar/traccar: EnforaProtocolEncoder and -Decoder, SkypatrolProtocolDecoder, their tests",
        "public Delphi source of an Enfora initialiser; docs.plaspy.com (SkyPatrol): timers, categories, AT&W",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        if transport is Transport.SERIAL:
            return console.ConsoleStream()
        return wire.EnforaStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A report or a registration."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a message of either direction."""
        return console.fields(message) if console.is_line(message.frame) else wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: AT commands in frames; or a host: AT commands."""
        if data.startswith(b"AT"):
            return console.ConsoleStream(from_host=True).feed(data)
        return wire.from_server(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `table`."""
        return values.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Event table and timers, the changes, both again."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """What the event table and the timers tell."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`: the IMEI."""
        return dialogue.identify(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own AT command: text in a frame or as a line, bytes as they are."""
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
        return EnforaEmulator(device_id, transport, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Reports carry the time."""
        return wire.normalised(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a report."""
        return wire.renamed(frame, old, new)


FAMILY = Enfora()
