"""The Arnavi family as the gateway sees it, and believable units of both protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from struct import pack
from typing import Any

from tracker_codecs.contract import (
    Capability,
    Clock,
    Datum,
    Emulator,
    Event,
    Faults,
    Limits,
    Message,
    Settings,
    Stream,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.arnavi import frame as wire
from tracker_codecs.families.arnavi.messages import fields
from tracker_codecs.nmea import checksum
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily


class Arnavi(SessionOnlyFamily):
    """Arnavi units: variant `arnavi2` speaks text, `arnavi4` the binary INTERNAL protocol; see `frame`."""

    name = "arnavi"
    title = "Arnavi 2, 4, 5 and Integral"
    default_port = 5100
    limits = Limits(max_frame=wire.MAX_FRAME, idle=600.0, reply_timeout=30.0)
    reason = (
        "neither the frame that carries a command to an Arnavi unit over TCP nor the number of its track parameter is "
        "public; its reports and what is owed to them are"
    )
    expects = "5B FD, a byte, 5D: the result of a command; which byte means yes is not public"
    sources = (
        "github.com/traccar/traccar: ArnaviFrameDecoder, ArnaviBinaryProtocolDecoder, ArnaviTextProtocolDecoder, tests",
        "manualshive.com: Arnavi 5 user manual 1.4 (SETP grammar of SMS commands)",
    )
    variants: Mapping[str, Mapping[str, Capability]] = {"arnavi2": {}, "arnavi4": {}}

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `Family.stream`."""
        return wire.ArnaviStream(clock)

    def recognise(self, first: bytes) -> bool | None:
        """A header with an IMEI, or a text sentence."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a frame of either direction."""
        return fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Answers to headers and packages."""
        return wire.from_server(data)

    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """A unit of either protocol. Raises LocalError for an id that its header cannot carry."""
        if variant == "arnavi2":
            return TextEmulator(device_id, settings)
        if not (device_id.isascii() and device_id.isdigit() and 0 < int(device_id) < 10**15):
            raise LocalError("an id is an IMEI of 15 digits", parameter="device_id")
        return BinaryEmulator(device_id, settings)

    def normalise(self, frame: bytes) -> bytes:
        """See `Family.normalise`: the clock in the answer to a header."""
        return frame[:3] + bytes(5) + frame[8:] if frame[:3] == b"\x7b\x04\x00" and len(frame) == 9 else frame

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """See `Family.rename`; a number in headers, text in sentences. Raises LocalError for an id that is no IMEI."""
        if frame[:1] == b"$" and old.encode() in frame:
            return sentence(frame[1 : frame.rindex(b"*")].replace(old.encode(), new.encode()))
        if frame[:1] != b"\xff" or len(frame) < 10 or wire.imei_of(frame) != old:
            return frame
        if not (new.isascii() and new.isdigit() and 0 < int(new) < 10**15):
            raise LocalError("an id is an IMEI of 15 digits", parameter="device_id")
        return frame[:2] + pack("<Q", int(new)) + frame[10:]


def sentence(body: bytes) -> bytes:
    """A text sentence around this body."""
    return b"$%b*%02X\r\n" % (body, checksum(body))


class TextEmulator(SessionOnlyEmulator):
    """An Arnavi 2 that stands still, in the form of recorded sentences."""

    def connect(self) -> list[Datum]:
        """V3DI."""
        told = "20707,-1,19,0008C56A,000879AC,0C000002,863071013041618,89997077111301204297,"
        return [self._say(f"AV,V3DI,{self.device_id},{told}")]

    def report(self, now: datetime) -> list[Datum]:
        """V2, with a fix."""
        place = f"{now:%H%M%S},5950.6773N,03029.1043E,0.0,0.0,{now:%d%m%y}"
        return [self._say(f"AV,V2,{self.device_id},12487,2277,203,-1,0,0,193,0,0,1,13,{place},")]

    def _say(self, body: str) -> Datum:
        return Datum(sentence(body.encode("ascii")))


class BinaryEmulator(SessionOnlyEmulator):
    """A unit of the INTERNAL protocol that stands still. It does not repeat what is not acknowledged."""

    def __init__(self, device_id: str, settings: Settings) -> None:
        super().__init__(device_id, settings)
        self._number = 0

    def connect(self) -> list[Datum]:
        """A header of version 23, which wants the time."""
        self._number = 0
        return [Datum(b"\xff\x23" + pack("<Q", int(self.device_id)))]

    def heartbeat(self) -> list[Datum]:
        """A ping, of the unit's own start of time."""
        return [self._package(wire.PING, 0, b"")]

    def report(self, now: datetime) -> list[Datum]:
        """Latitude and longitude."""
        return [self._package(wire.TAGS, int(now.timestamp()), pack("<BfBf", 3, 55.6, 4, 37.2))]

    def _package(self, kind: int, time: int, data: bytes) -> Datum:
        self._number = self._number % 0xFC + 1
        body = (time & 0xFFFFFFFF).to_bytes(4, "little") + data
        record = bytes((kind,)) + len(data).to_bytes(2, "little") + body + bytes((sum(body) & 0xFF,))
        return Datum(b"\x5b%c%b\x5d" % (self._number, record))


FAMILY = Arnavi()
