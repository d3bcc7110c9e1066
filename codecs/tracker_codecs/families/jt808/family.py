"""The JT/T 808 family as the gateway sees it."""

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
    Settings,
    Severity,
    Stream,
    Strength,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.jt808 import bsj, dialogue, messages
from tracker_codecs.families.jt808 import frame as wire


class Jt808(Family):
    """Chinese national-standard terminals, editions 2011, 2013 and 2019, over TCP or UDP."""

    name = "jt808"
    title = "JT/T 808 (Huabao, BSJ and others)"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5015
    limits = Limits(max_frame=wire.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = (
        "the parameters were accepted, and may have been clipped; of a text (BSJ) only that it was received"
    )
    sources = (
        "JT/T 808-2011, -2013, -2019 (github.com/yezhihao/jt808-server)",
        "github.com/SmallChi/JT808 and github.com/yezhihao/jt808-server: test frames, some recorded",
        "traccar/traccar: Jt808 decoder, encoder, frame decoder, tests",
        "CanTrack G10LS protocol (github.com/AIPorto/GPS-Tracker-SDK)",
        "public script BSJ-EG01 Command Packet Generator: <SPBSJ*P:BSJGPS*C:30>",
    )
    variants: Mapping[str, Mapping[str, Capability]] = {
        "huabao": {dialogue.FIELD: Capability(Strength.READ_BACK)},
        bsj.VARIANT: bsj.CAPABILITIES,
    }

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a terminal says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.Jt808Stream(transport, clock)

    def recognise(self, first: bytes) -> bool | None:
        """A whole sound frame between two `7E`."""
        return wire.opens(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return messages.fields(message.frame)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Frames of a platform."""
        return wire.Jt808Stream(server=True).feed(data)

    def refuse(self, message: Message) -> bytes:
        """A registration is answered with result 4, terminal unknown."""
        try:
            found = wire.parse(message.frame)
        except PeerError:
            return b""
        if found.id != wire.REGISTER:
            return b""
        body = wire.registered(found.serial, None, 4)
        return wire.build(found._replace(id=wire.REGISTER_ANSWER, serial=0, body=body, total=0, number=0))

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """The interval is a whole number of seconds above 0; see `bsj` for its variant."""
        if target.variant == bsj.VARIANT:
            return bsj.check(target, settings)
        dialogue.Talk(target)  # raises for an id or options that make no frame
        problems = []
        for name, value in settings.items():
            if name not in self.capabilities(target):
                problems.append(Problem(name, Severity.UNSUPPORTED, "no profile field of this variant carries it"))
            elif not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 32:
                problems.append(Problem(name, Severity.REFUSE, "must be a whole number of seconds above 0"))
        return problems

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Read, write, read back."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        way = bsj.apply if target.variant == bsj.VARIANT else dialogue.apply
        return way(target, settings, problems)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """By 0x8106, or 0x8104 on terminals that do not know it."""
        return bsj.read(target, wanted) if target.variant == bsj.VARIANT else dialogue.read(target, wanted)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text as message 0x8300, bytes as they are."""
        way = bsj.raw if target.variant == bsj.VARIANT else dialogue.raw
        return way(target, text)

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
        """A terminal. Options: see `emulator`."""
        from tracker_codecs.families.jt808.emulator import Jt808Emulator

        if variant not in self.variants:
            raise LocalError(f"codec {self.name} has no variant {variant!r}", parameter="variant")
        guards.over(self, transport)
        kind = bsj.BsjEmulator if variant == bsj.VARIANT else Jt808Emulator
        return kind(device_id, transport=transport, settings=settings or {}, faults=faults, options=options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Serial, check byte and the time of a time answer zeroed or put right."""
        return messages.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`."""
        return messages.rename(frame, old, new)


FAMILY = Jt808()
