"""The CalAmp family as the gateway sees it."""

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
    Strength,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.calamp import dialogue, messages
from tracker_codecs.families.calamp import frame as wire
from tracker_codecs.families.calamp import settings as values
from tracker_codecs.families.calamp.console import ConsoleStream
from tracker_codecs.families.calamp.emulator import LmuEmulator


class CalAmp(Family):
    """CalAmp LMU, TTU and ATU: LM Direct over UDP, AT commands on the serial port; see the package's modules."""

    name = "calamp"
    title = "CalAmp LMU, TTU, ATU (LM Direct; settings by AT commands on the serial port)"
    transports = frozenset({Transport.UDP, Transport.SERIAL})
    default_port = 5082
    limits = Limits(max_frame=wire.MAX_DATAGRAM, idle=3600.0, reply_timeout=dialogue.TIMEOUT)
    #: The texts read do not give the rate of the host port: this one is the usual one.
    serial = SerialForm(baudrates=(115200, 9600), eol=b"\r")
    acknowledgement_proves = (
        "OK: the parameter was taken, as the reading shows; not that the PEG script of the unit starts a time-distance "
        "trigger on the index written, without which nothing changes"
    )
    sources = (
        "CalAmp LMU Users Guide 1.0.6 (manualshelf.com lmu-4200, pages 9, 25, 77, 89 to 91, 124 to 130)",
        "github.com/traccar/traccar CalAmpProtocolDecoder and its tests (options, acknowledgement, recorded frames)",
        "github.com/Thiyaram/calamp (options repeated in the acknowledgement, types of id)",
        "calamp-rs on docs.rs (message types 11 to 14)",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.UDP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a unit says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return ConsoleStream() if transport is Transport.SERIAL else wire.LmuStream()

    def recognise(self, first: bytes) -> bool | None:
        """Options with id and type of id, then a known message."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a message of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """A line of the host, or a datagram of the server."""
        if data.startswith(b"AT"):
            return ConsoleStream(from_host=True).feed(data)
        return wire.LmuStream(server=True).feed(data)

    def capabilities(self, target: Target) -> Mapping[str, Capability]:
        """Nothing over UDP; see `settings`."""
        return values.capabilities(target)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`. Raises LocalError for wrong options."""
        return values.check(target, settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        return dialogue.apply(target, settings, problems)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        able = self.capabilities(target)
        readable = {
            name
            for name, each in able.items()
            if each.best is Strength.READ_BACK and (target.experimental or not each.experimental)
        }
        return dialogue.read(target, [name for name in wanted if name in readable])

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`: the unit's ESN."""
        return dialogue.identify(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`."""
        return dialogue.raw(target, text)

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.UDP,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """A unit of this variant. Raises LocalError for a device id that is no number of up to 16 digits."""
        guards.over(self, transport)
        self.capabilities(Target(device_id, variant=variant))
        return LmuEmulator(device_id, transport, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Sequence numbers and times zeroed."""
        return frame if frame.lstrip(b"\r\n")[:2] == b"AT" else wire.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id replaced, in BCD and in text. Raises LocalError for ids of unequal length or of other than digits."""
        if len(old) != len(new) or not (old + new).isdigit():
            raise LocalError("ids must be digits, of equal length", parameter="device_id")
        return frame.replace(wire.bcd(old), wire.bcd(new)).replace(old.encode(), new.encode())


FAMILY = CalAmp()
