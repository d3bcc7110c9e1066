"""The Bofan PT502 family as the gateway sees it."""

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
    Outcome,
    Problem,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import PeerError
from tracker_codecs.families.pt502 import dialogue, messages
from tracker_codecs.families.pt502 import frame as wire
from tracker_codecs.families.pt502.emulator import BofanEmulator


class Pt502(Family):
    """Bofan PT300X, PT502, PT510, PT521, PT600 over TCP; see the package's modules."""

    name = "pt502"
    title = "Bofan PT502, PT521 ($POS lines, # commands)"
    default_port = 5017
    limits = Limits(max_frame=wire.MAX_FRAME, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "nothing: no reply of this family is public; a command was sent, no more"
    sources = (
        "github.com/traccar/traccar Pt502FrameDecoder, Pt502ProtocolDecoder, Pt502ProtocolEncoder and their tests",
        "Bofan PT502 manual (easymanua.ls bofan pt502, pages 15 and 17; manualslib.com 961526, page 14): command words",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a unit says."""
        return wire.BofanStream()

    def recognise(self, first: bytes) -> bool | None:
        """A report or a firmware line."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a line of either direction."""
        return messages.fields(message)

    def decode_server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Commands."""
        return [
            Message(Kind.OTHER, line) if line[:1] == b"#" else PeerError("no command", discarded=line[:32])
            for line in data.splitlines(keepends=True)
        ]

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        return dialogue.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """One command, which nothing answers."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        return dialogue.apply(settings, problems)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """No query is public: an empty outcome at once."""
        yield from ()
        return Outcome({})

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command, with or without its `#`."""
        return dialogue.raw(text)

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
        """A unit of this variant."""
        self.capabilities(Target(device_id, variant=variant))
        return BofanEmulator(device_id, settings or {}, faults)


FAMILY = Pt502()
