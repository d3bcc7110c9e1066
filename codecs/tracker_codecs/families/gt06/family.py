"""The GT06 family as the gateway sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    Kind,
    Limits,
    Message,
    Problem,
    SerialForm,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.gt06 import console, dialogue, gt02, messages, talk
from tracker_codecs.families.gt06 import frame as wire
from tracker_codecs.families.gt06 import settings as commands


class Gt06(Family):
    """Concox / Jimi GT06 and its clones, over TCP or a serial port; GT02 (68 68) is answered, but takes no settings."""

    name = "gt06"
    title = "Concox / Jimi GT06 and clones"
    transports = frozenset({Transport.TCP, Transport.SERIAL})
    default_port = 5023
    #: The status packet confirms the link about every three minutes.
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=talk.TIMEOUT)
    #: TTL adapter or USB port, as factory test programs open it.
    serial = SerialForm(baudrates=(115200,))
    acknowledgement_proves = "the command text was parsed; values out of range may have been clipped"
    sources = (
        "Concox GPS Tracker Communication Protocol v1.8.1 (github.com/vanceb/gps_owntracks)",
        "Jimi VL03/VL103M protocol (github.com/fcode09/jimi-vl103m)",
        "github.com/traccar/traccar Gt06 and Gt02 decoders, encoder, tests",
        "GT06D command list; X3 command list V1.7; EV02 command list; NT06/GT06L command guides",
        "Plaspy device pages (Concox GT350, Qbit M, GT710); Seeworld S119 manual",
        "factory test programs for GT02F and kin, firmware sources of GT300S on GitHub (AT^GT_CM=, 115200 8N1)",
    )
    variants = commands.VARIANTS
    #: A unit whose login stays unanswered reboots every 10 to 20 minutes, for ever.
    hold_unregistered = True

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """A decoder for what a device says. Raises LocalError for a transport the family does not use."""
        if transport not in self.transports:
            raise LocalError(f"{self.name} does not speak over {transport.value}", parameter="transport")
        return console.ConsoleStream() if transport is Transport.SERIAL else wire.Gt06Stream(clock)

    def recognise(self, first: bytes) -> bool | None:
        """78 78 or 79 79 with a possible length, or 68 68 with one."""
        if not first:
            return None
        start = first[:2]
        if not any(known.startswith(start) for known in (wire.SHORT, wire.LONG, wire.GT02)):
            return False
        if len(first) < 4:
            return None
        if start == wire.SHORT:
            size = first[2]
            if size < 5 or not b"\r\n".startswith(first[3 + size : 5 + size]):
                return False  # Topin's frames open alike and end elsewhere
            if first[2:4] != b"\x0d\x01":
                return True
            return None if len(first) < 15 else first[13:15] != b"\r\n"
        if start == wire.LONG:
            return first[2] << 8 | first[3] >= 5
        return first[2] >= 13

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame, or a line of a serial port, of either direction."""
        if console.is_line(message.frame):
            return console.fields(message)
        return messages.fields(message.frame)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """What a server sends (commands; answers to logins, heartbeats, alarms, time requests), or lines of a host."""
        if data.startswith(b"AT"):
            return console.ConsoleStream(from_host=True).feed(data)
        return wire.Gt06Stream(server=True).feed(data)

    def refuse(self, message: Message) -> bytes:
        """The owed answer: see `hold_unregistered`."""
        return message.owed if message.kind in (Kind.LOGIN, Kind.HEARTBEAT) else b""

    def capabilities(self, target: Target) -> Mapping[str, Capability]:
        """The variant's fields, as the tracker's options leave them."""
        if target.variant not in self.variants:
            raise LocalError(f"codec {self.name} has no variant {target.variant!r}", parameter="variant")
        return commands.capabilities(target)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """Problems known before sending; fields that the chosen `type` does not use are unsupported beside it."""
        return commands.check(target, self.capabilities(target), settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """Read what must be kept (ACC-off time, detection time), write, read back."""
        if target.variant == gt02.VARIANT:
            raise LocalError(gt02.REASON, parameter=next(iter(settings), ""))
        plan = commands.plan(target, settings, self.check(target, settings))
        return dialogue.apply(target, settings, plan)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """Bare queries, or PARAM# on units that do not know those."""
        usable = {
            name: capability
            for name, capability in self.capabilities(target).items()
            if target.experimental or not capability.experimental
        }
        return dialogue.read(target, wanted, usable)

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`: the IMEI, on a serial port."""
        return console.identify(target)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """An operator's own command: text as command 0x80 or as a line of a serial port, bytes as they are."""
        if target.variant == gt02.VARIANT and isinstance(text, str):
            raise LocalError(f"{gt02.REASON}; give bytes", parameter="command")
        return talk.raw(target, text)

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
        """A device of this variant. Options: see `Gt06Emulator`."""
        from tracker_codecs.families.gt06.emulator import Gt06Emulator

        if variant not in self.variants:
            raise LocalError(f"codec {self.name} has no variant {variant!r}", parameter="variant")
        if transport not in self.transports:
            raise LocalError(f"{self.name} does not speak over {transport.value}", parameter="transport")
        if variant == gt02.VARIANT:
            return gt02.Gt02Unit(device_id, settings or {})
        return Gt06Emulator(
            device_id, variant, transport=transport, settings=settings or {}, faults=faults, options=options or {}
        )

    def normalise(self, frame: bytes) -> bytes:
        """Serial, checksum and the time of a time answer zeroed."""
        return frame if console.is_line(frame) else messages.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """In logins and GT02 frames (BCD), and in texts, also UTF-16; the checksum is put right."""
        if console.is_line(frame):
            return super().rename(frame, old, new)
        return messages.rename(frame, old, new)


FAMILY = Gt06()
