"""The Meshtastic family as the gateway sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    Severity,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.meshtastic import dialogue, packets
from tracker_codecs.families.meshtastic import redaction as copies
from tracker_codecs.families.meshtastic import settings as values
from tracker_codecs.families.meshtastic.emulator import MeshtasticEmulator
from tracker_codecs.families.meshtastic.packets import Said
from tracker_codecs.families.meshtastic.stream import MAX_FRAME, MeshtasticStream


class Meshtastic(Family):
    """Nodes of a Meshtastic network, each over its own port; see the package's modules."""

    name = "meshtastic"
    title = "Meshtastic nodes (firmware 2.x) over serial or TCP"
    transports = frozenset({Transport.SERIAL, Transport.TCP})
    #: The node listens there; the gateway has to call it.
    default_port = 4403
    limits = Limits(max_frame=MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT)
    serial = SerialForm(baudrates=(115200,))
    acknowledgement_proves = (
        "handled by the admin module, not yet in use: the node stores on commit and restarts some seconds later. What "
        "it tells after that restart was stored for good"
    )
    sources = (
        "github.com/meshtastic/protobufs 2.7 (mesh, admin, config, portnums)",
        "github.com/meshtastic/python (stream_interface, node)",
        "github.com/meshtastic/firmware (AdminModule, PhoneAPI, StreamAPI)",
        "meshtastic.org: client API, position configuration",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.SERIAL, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`."""
        return MeshtasticStream()

    def recognise(self, first: bytes) -> bool | None:
        """A frame at once. Log text in front of it says nothing of its own."""
        if len(first) < 4:
            return None if packets.START.startswith(first[:2]) else False
        return first.startswith(packets.START) and first[2] << 8 | first[3] <= packets.MAX_PAYLOAD

    def fields(self, message: Message) -> dict[str, Any]:
        """See `Family.fields`."""
        if isinstance(message.data, Said):
            return packets.fields(message.data) | ({"text": message.text} if message.text else {})
        return {}

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Frames that a client sends."""
        return MeshtasticStream(from_client=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return values.check(settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`."""
        for problem in self.check(target, settings):
            if problem.severity is Severity.REFUSE:
                raise LocalError(problem.reason, parameter=problem.field)
        dialogue.node_of(target)  # refuses at once, not when the first command is asked for
        return dialogue.apply(target, settings)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        self.capabilities(target)
        dialogue.node_of(target)
        return dialogue.read(target, wanted)

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`."""
        return dialogue.identify(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`."""
        return dialogue.raw(target, text)

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.SERIAL,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """See `Family.emulator`."""
        target = Target(device_id, variant=variant)
        self.capabilities(target)
        dialogue.node_of(target)
        return MeshtasticEmulator(device_id, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Counts and numbers of frames and packets, and times of reception, blanked."""
        return copies.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The node number replaced, wherever a frame names it."""
        return copies.rename(frame, old, new)


FAMILY = Meshtastic()
