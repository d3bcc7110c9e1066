"""The Ruptela family as the gateway sees it."""

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
from tracker_codecs.families.ruptela import dialogue, messages
from tracker_codecs.families.ruptela import frame as wire
from tracker_codecs.families.ruptela import settings as values
from tracker_codecs.families.ruptela.emulator import RuptelaEmulator


class Ruptela(Family):
    """Ruptela units over TCP; see the package's modules."""

    name = "ruptela"
    title = "Ruptela FM, Eco, Pro, Plug, HCV, LCV and Trace"
    default_port = 5046
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the unit has put the values into a slot; the read-back tells them"
    sources = (
        "github.com/traccar/traccar Ruptela decoder, encoder and tests (recorded packets)",
        "easymanua.ls: Ruptela FM Pro pages 22 to 24; manualshive.com: FM Eco pages 9, 22, 23 and 26 (SMS commands)",
        "flespi.com/protocols/ruptela (of two servers only the first is obeyed)",
        "scribd 450648561 and 438512642 (setcfg: contents list only)",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.RuptelaStream()

    def recognise(self, first: bytes) -> bool | None:
        """A possible length, an IMEI as a number, a known command."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a packet of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: confirmations and commands."""
        return wire.RuptelaStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `settings`."""
        return values.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Set every element, read every element back."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        able = self.capabilities(target).get(values.FIELD)
        carried = able is not None and able.best is not None and values.FIELD in settings
        wanted = values.elements(settings[values.FIELD]) if carried else []
        return dialogue.apply(target, settings, problems, wanted)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The elements of the last update; nothing where there was none."""
        able = self.capabilities(target).get(values.FIELD)
        if able is None or able.best is None or values.FIELD not in wanted:
            return _nothing()
        return dialogue.read(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text behind the password in a command 108, bytes as they are."""
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
        return RuptelaEmulator(device_id, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


def _nothing() -> Dialogue:
    yield from ()
    return Outcome({})


FAMILY = Ruptela()
