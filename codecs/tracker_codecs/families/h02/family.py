"""The H02 family as the gateway sees it."""

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
from tracker_codecs.families.h02 import dialogue, messages
from tracker_codecs.families.h02 import frame as wire
from tracker_codecs.families.h02.emulator import H02Emulator

_TIMED = re.compile(rb"(\*[A-Za-z]{2},\d+,V4,(?:V1|NBR),)\d{14}#", re.ASCII)


class H02(Family):
    """H02 units (SinoTrack, CanTrack and many others) over TCP and UDP; see the package's modules."""

    name = "h02"
    title = "H02: SinoTrack ST-90x, CanTrack and their like (*HQ,...#)"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5013
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = "the unit took the command and its arguments; whether it outlives a restart is not public"
    sources = (
        "github.com/traccar/traccar: H02FrameDecoder, H02ProtocolDecoder, H02ProtocolEncoder and their tests",
        "SinoTrack TQ GPRS transport protocol (github.com/eusonlito/GPS-Tracker/files/14089965)",
        "H02 vendor text (scribd.com/document/470158848): form of commands and V4, the maker letters are compared",
        "traccar.org forum, set interval time SinoTrack ST-901 (the manual: 805, range); traccar issue 3084 (809)",
        "CanTrack G20LS protocol 2023 and G10LS manual (github.com/AIPorto/GPS-Tracker-SDK)",
    )
    variants = dialogue.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        guards.over(self, transport)
        return wire.H02Stream(clock, datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A frame of the device."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends in frames: answers and commands."""
        return wire.H02Stream(server=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `dialogue`."""
        return dialogue.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Write; of CanTrack units, ask afterwards."""
        problems = self.check(target, settings)
        guards.none_refused(problems)
        carried = guards.carried(settings, problems)
        return dialogue.apply(target, settings, problems, carried)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """The answer to `check`, of CanTrack units with the experimental switch."""
        able = self.capabilities(target)
        known = [name for name in wanted if name in able and able[name].best is not None]
        return dialogue.read(target, [name for name in known if target.experimental or not able[name].experimental])

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text in a frame (CanTrack: as it is), bytes as they are."""
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
        return H02Emulator(device_id, variant, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Answers to V1 and NBR carry the time."""
        return _TIMED.sub(rb"\1time#", frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a text or a binary frame."""
        if frame[:1] in (b"$", b"X") and re.fullmatch(r"\d{10} \d{10}", f"{old} {new}", re.ASCII):
            mine = bytes.fromhex(old)
            return frame[:1] + bytes.fromhex(new) + frame[6:] if frame[1:6] == mine else frame
        return super().rename(frame, old, new)


FAMILY = H02()
