"""The Xirgo family as the gateway sees it."""

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
from tracker_codecs.families.xirgo import dialogue
from tracker_codecs.families.xirgo import frame as wire
from tracker_codecs.families.xirgo import settings as values
from tracker_codecs.families.xirgo.emulator import XirgoEmulator


class Xirgo(Family):
    """Xirgo XT units over TCP and UDP; see the package's modules."""

    name = "xirgo"
    title = "Xirgo XT-2000, 2400, 4700 and 4800 units"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5081
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = (
        "the unit took the command and tells the values that it holds now; whether they outlive a restart is not public"
    )
    sources = (
        "github.com/traccar/traccar: XirgoProtocolDecoder, XirgoProtocolEncoder and their tests",
        "studylib.net 25255848 and the XT-2000 paper (G X081): list of codes; de.scribd.com 337719557 (XT-4860)",
        "public Go device server on GitHub (base.device.service/core): addressed commands, recorded answer of 3001",
        "public PHP fleet application on GitHub (page Tracker Configuration, Xirgo OBDII): 3050, units, refusals",
        "public Rails applications on GitHub (class Tracker; Xirgo controllers): names and order of 3001 to 3012",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.XirgoStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A message of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a message of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: commands, and acknowledgements of datagrams."""
        return wire.from_server(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Ask, write, ask again; of wired units only the echo is asked."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The answer to 3050, of OBD-II units."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

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
        """A device of this variant. Options: see the emulator."""
        guards.known(self, variant, transport)
        return XirgoEmulator(device_id, variant, settings or {}, faults, options or {})


FAMILY = Xirgo()
