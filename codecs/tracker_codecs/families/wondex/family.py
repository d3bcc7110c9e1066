"""The WondeX family as the gateway sees it."""

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
from tracker_codecs.families.wondex import dialogue
from tracker_codecs.families.wondex import frame as wire
from tracker_codecs.families.wondex.emulator import WondexEmulator


class Wondex(Family):
    """WondeX units over TCP and UDP; see the package's modules."""

    name = "wondex"
    title = "WondeX VT10, VT200 and VT300"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5032
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "$OK: the unit took the command; whether it outlives a restart is not told"
    sources = (
        "github.com/traccar/traccar: Wondex frame decoder, decoder, encoder and their tests",
        "public code on GitHub with the literal $WP+TRACK: a legend of its arguments, six settings and the query",
        "WondeX protocol papers (scribd.com 367038432 VT300, 435099323 VT10, 342835843 VT200): titles only",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.WondexStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A keep-alive."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: keep-alives that go back, and commands."""
        return wire.WondexStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Ask, write, ask again."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """What the query of TRACK tells."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text as a line with the password, bytes as they are."""
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
        return WondexEmulator(device_id, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a position or a keep-alive."""
        if frame[:2] == wire.KEEP_ALIVE and frame[4:] == int(old).to_bytes(8, "little")[:4]:
            return frame[:4] + int(new).to_bytes(8, "little")[:4]
        return frame.replace(old.encode("ascii"), new.encode("ascii"))


FAMILY = Wondex()
