"""The family object: what `tracker_codecs.contract.Family` asks, gathered from the other modules."""

from __future__ import annotations

import re
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
from tracker_codecs.families.queclink import dialogue, frame, legacy, messages, renaming, talk
from tracker_codecs.families.queclink import settings as registers
from tracker_codecs.families.queclink.emulator import QueclinkEmulator

_SERIAL = re.compile(rb"(AT\+GT(?!TRI|SFR|HBD)[A-Z0-9]{3}=[^$\0]*,)[0-9A-Fa-f]{4}(?=\$)")
_TIMED = re.compile(rb"(AT\+GT(?:TRI|SFR)=[^$\0]*,)[0-9]{14}")
_TAIL = re.compile(rb"(\+(?:RESP|BUFF|ACK|NACK):GT[^$\0]*,)[0-9]{14},[0-9A-Fa-f]{4}(?=[$\0])")


class Queclink(Family):
    """Queclink @Track in its ASCII form; HEX format and new binary frames are recognised; see the package's modules."""

    name = "queclink"
    title = "Queclink @Track (GL200, GL300, GL500, GT300, GV500, GV55 and relatives)"
    transports = frozenset({Transport.TCP, Transport.UDP, Transport.SERIAL})
    default_port = 5004
    #: Heartbeats come at a configured interval of minutes; units without one are silent between reports.
    limits = Limits(max_frame=frame.MAX_FRAME, idle=1800.0, reply_timeout=talk.TIMEOUT)
    #: 8N1. 115200 in public sketches; AT+GTURT sets a unit to the others as well.
    serial = SerialForm(baudrates=(115200, 57600, 38400))
    acknowledgement_proves = (
        "stored: +ACK comes after the parameters were taken, but older units drop a value out of range silently; "
        "only the read-back shows it"
    )
    sources = (
        "GL300 @Tracker Air Interface Protocol R1.02 (TRACGL300AN001), easymanua.ls and manualshive.com",
        "GV200 @Track protocol pages 22, 109-110, 209, manualshelf.com",
        "GL100 @Track protocol (TRACGL100AN002), manualshive.com",
        "TRACGV500MAPAN001 R1.00 as quoted by a public GV500MAP parser",
        "traccar/traccar Gl200 and Gl100 decoders and their tests",
        "jaayesta/queclink-parser; denself/queclink_handler; mtrevisan/Boxon (Queclink codecs)",
        "GL300/GV300 manuals (easymanua.ls, manymanuals, manualshive): AT+GTURT, the rates of the serial port",
        "Cumulocity tracker agent (Queclink classes and tests)",
    )
    variants = registers.VARIANTS

    def stream(self, transport: Transport = Transport.TCP, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`."""
        return frame.QueclinkStream(transport)

    def recognise(self, first: bytes) -> bool | None:
        """See `Family.recognise`."""
        return frame.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """See `Family.fields`."""
        return messages.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """See `Family.server`."""
        return messages.server_events(data)

    def capabilities(self, target: Target) -> Mapping[str, Capability]:
        """See `Family.capabilities`; the option `sfr_keep` opens GTSFR of the old dialect."""
        super().capabilities(target)
        return registers.capabilities(target)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return registers.check(target, settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`."""
        self.capabilities(target)
        dialogue.accepted(target, settings)  # refuses at once, not when the first command is asked for
        talk.password_of(target)
        return legacy.apply(target, settings) if target.variant == "gt300" else dialogue.apply(target, settings)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        self.capabilities(target)
        return dialogue.read(target, wanted)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`."""
        self.capabilities(target)
        if target.variant == "gt300" and isinstance(text, str):
            return legacy.raw(target, text)
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
        """See `Family.emulator`."""
        self.capabilities(Target(device_id, variant=variant))
        return QueclinkEmulator(device_id, variant, transport, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Serial numbers of commands, send times and counts of device frames are blanked."""
        frame = _SERIAL.sub(rb"\g<1>****", frame)
        frame = _TIMED.sub(rb"\g<1>" + b"*" * 14, frame)
        return _TAIL.sub(rb"\g<1>" + b"*" * 14 + b",****", frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`: in texts, and in the id field of HEX and new binary frames."""
        return renaming.rename(frame, old, new)


FAMILY = Queclink()
