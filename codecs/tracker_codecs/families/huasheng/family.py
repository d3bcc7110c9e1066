"""The Hua Sheng family as the gateway sees it."""

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
from tracker_codecs.families.huasheng import dialogue, messages
from tracker_codecs.families.huasheng import frame as wire
from tracker_codecs.families.huasheng import settings as values
from tracker_codecs.families.huasheng.emulator import HuashengEmulator


class Huasheng(Family):
    """Hua Sheng HS 3000G and its sisters over TCP; see the package's modules."""

    name = "huasheng"
    title = "Hua Sheng HS 3000G"
    default_port = 5111
    limits = Limits(max_frame=wire.MAX_BODY + 2, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "FF05 with the command's index: the parameter was taken; its content is not published"
    sources = (
        "github.com/traccar/traccar HuaSheng protocol: frame decoder, decoder, encoder, tests (recorded frames)",
        "github.com/cyoung/hs3000g: message table, parameters 0002, 0003 and 0042",
        "traccar.org forum replies 82192 and 82209: a recorded exchange, the vendor's reading of a login",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.HuashengStream()

    def recognise(self, first: bytes) -> bool | None:
        """C0, version, length, a type that a unit begins with."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a line of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers and commands."""
        return wire.HuashengStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write one parameter after the other."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """No public question tells the settings."""
        return dialogue.read()

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: parameters as `0002:003c`, bytes as they are."""
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
        return HuashengEmulator(device_id, settings or {}, faults, options or {})


FAMILY = Huasheng()
