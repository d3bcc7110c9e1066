"""The fifotrack family as the gateway sees it."""

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
from tracker_codecs.families.fifotrack import dialogue
from tracker_codecs.families.fifotrack import frame as wire
from tracker_codecs.families.fifotrack.emulator import FifotrackEmulator


class Fifotrack(Family):
    """fifotrack units over TCP; see the package's modules."""

    name = "fifotrack"
    title = "fifotrack A, Q and S units"
    default_port = 5124
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "OK: the unit carried the command out; whether the setting outlives a restart is not told"
    sources = (
        "fifotrack Q3 command list V1.6 (manualslib 3159039, pages 6 and 25; easymanua.ls q3 1391044, pages 21 and 27)",
        "fifotrack Q2 command list V1.1 (manualslib 2557774), A500G command list V1.1 (manualslib 3618144)",
        "github.com/traccar/traccar: FifotrackFrameDecoder, FifotrackProtocolDecoder and their tests",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.FifotrackStream(clock)

    def recognise(self, first: bytes) -> bool | None:
        """A frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends: answers to A03, and commands."""
        return wire.FifotrackStream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write, then ask."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """C04,S09, which a unit may refuse."""
        able = self.capabilities(target)
        return dialogue.read(target, [name for name in wanted if name in able and able[name].best is not None])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in a frame, bytes as they are."""
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
        return FifotrackEmulator(device_id, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Answers to A03 carry the time."""
        return wire.normalised(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a frame; its checksum is put right."""
        return wire.renamed(frame, old, new)


FAMILY = Fifotrack()
