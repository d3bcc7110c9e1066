"""The Tramigo family as the gateway sees it."""

from __future__ import annotations

import re
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
from tracker_codecs.errors import PeerError
from tracker_codecs.families.tramigo import dialogue
from tracker_codecs.families.tramigo import frame as wire
from tracker_codecs.families.tramigo.emulator import TramigoEmulator

_TEXTS = re.compile(rb"gprs,ack,\d{1,5}|[A-Za-z](?:(?!gprs,ack)[ -~])*", re.ASCII)


class Tramigo(Family):
    """Tramigo units over TCP; see the package's modules. Option `report`: see `dialogue`."""

    name = "tramigo"
    title = "Tramigo T22 and T23"
    default_port = 5073
    limits = Limits(max_frame=wire.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the unit turned the report on; it does not repeat the values in this answer"
    sources = (
        "github.com/traccar/traccar: TramigoFrameDecoder, TramigoProtocolDecoder and their tests",
        "Tramigo T23 manual (manualshive 1148737, pages 16, 18, 19, 30, 34); T23 commands (manualzilla 5672567)",
        "public driver script on GitHub (FOGNETX, 2026): answer to protocol 04",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.TramigoStream()

    def recognise(self, first: bytes) -> bool | None:
        """A frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of the unit, or of a text to it."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: receipts and commands, texts without an end; a binary receipt is told as it is."""
        if data[:3] == b"\x04\x18\0":
            return [Message(Kind.OTHER, data)]
        texts = [Message(Kind.OTHER, found[0]) for found in _TEXTS.finditer(data)]
        return texts if b"".join(each.frame for each in texts) == data else [PeerError("no text", discarded=data[:64])]

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write, then ask."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """STATUS, of units that take commands, with the experimental switch."""
        able = self.capabilities(target) if len(target.device_id) != 15 and target.experimental else {}
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command, as it is."""
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
        """A device of protocol 80. Option `report`: `find` or `status`, the report that it keeps."""
        guards.known(self, variant, transport)
        return TramigoEmulator(device_id, settings or {}, faults, options or {})

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a frame of protocol 80; its check is left as it is, since nobody knows the right one."""
        if frame[:1] == b"\x80" and max(len(old), len(new)) < 11:
            return frame[:12] + frame[12:16].replace(int(old).to_bytes(4), int(new).to_bytes(4)) + frame[16:]
        return frame


FAMILY = Tramigo()
