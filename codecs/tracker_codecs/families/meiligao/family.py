"""The Meiligao family as the gateway sees it."""

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
from tracker_codecs.families.meiligao import dialogue, messages
from tracker_codecs.families.meiligao import frame as wire
from tracker_codecs.families.meiligao import settings as values
from tracker_codecs.families.meiligao.emulator import MeiligaoEmulator


class Meiligao(Family):
    """Meiligao, GoTop, RedView, TopTen and TopShine over TCP and UDP; see the package's modules."""

    name = "meiligao"
    title = "Meiligao, GoTop, RedView, TopTen, TopShine"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5009
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "flag 01: the unit says that it carried the command out"
    sources = (
        "Meiligao GPRS Communication Protocol V2.1 (github.com/alvassin/nodejs-meiligao, docs/specs.pdf)",
        "Meiligao GPRS Communication Protocol V2.2 for GT30i, GT60, VT300, VT310, VT400 (traccar.org)",
        "github.com/traccar/traccar Meiligao frame decoder, decoder, encoder and tests",
        "github.com/plaspy-dev/docs, TopShine page (SMS dialect, ID of 14 digits, units of 10 s)",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.MeiligaoStream(datagram=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """`$$` and a possible length."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a packet of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: login answers and commands."""
        return wire.MeiligaoStream(server=True).feed(data)

    def refuse(self, message: Message) -> bytes:
        """A login that is not ours is answered with 00, rejected."""
        return wire.build(message.frame[4:11], wire.LOGIN_REPLY, b"\0") if message.kind is Kind.LOGIN else b""

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """Intervals that are no whole tens of seconds, and values beyond the document's ranges, are refused."""
        return values.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write the interval, distance and angle; read the interval."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The interval; nothing else can be asked for."""
        return dialogue.read(target, [name for name in wanted if name in self.capabilities(target)])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text is a command and its data in hex; bytes go as they are."""
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
        return MeiligaoEmulator(device_id, settings or {}, faults, transport)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


FAMILY = Meiligao()
