"""The Wialon IPS family as the gateway sees it, and a believable device."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tracker_codecs.contract import (
    Capability,
    Clock,
    Datum,
    Emulator,
    Event,
    Faults,
    Kind,
    Limits,
    Message,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
)
from tracker_codecs.errors import LocalError
from tracker_codecs.families.wialon_ips import frame as wire
from tracker_codecs.session_only import SessionOnlyEmulator, SessionOnlyFamily

#: Variant -> version of its lines.
VERSIONS = {"v2": "2.0", "v1": "1.1"}
_SERVER = re.compile(rb"[^\r\n]{1,4000}\r\n")


class WialonIps(SessionOnlyFamily):
    """Devices and apps of Gurtam's open protocol over TCP and UDP."""

    name = "wialon-ips"
    title = "Wialon IPS 1.1 and 2.x"
    transports = frozenset({Transport.TCP, Transport.UDP})
    default_port = 5039
    limits = Limits(max_frame=wire.MAX_FRAME)
    variants: Mapping[str, Mapping[str, Capability]] = {name: {} for name in VERSIONS}
    reason = "Wialon IPS carries reports and messages; it defines no tracking settings"
    expects = "a message of the device; the protocol does not tell which command it answers"
    sources = (
        "Gurtam, Wialon IPS 2.0 and 2.1 (scribd documents 412508943, 452701619, 748616406)",
        "github.com/traccar/traccar: WialonProtocolDecoder, WialonProtocolEncoder and their tests (recorded lines)",
    )

    def decoder(self, transport: Transport, clock: Clock) -> Stream:
        """See `SessionOnlyFamily`."""
        return wire.WialonStream(datagrams=transport is Transport.UDP)

    def recognise(self, first: bytes) -> bool | None:
        """A login."""
        return wire.recognise(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """Everything known of a line of either direction."""
        if message.data is None:
            return {"text": message.text}
        return wire.fields(message)

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Whole lines of a server: answers, messages and the bare commands that some firmware takes."""
        lines = [found[0] for found in _SERVER.finditer(data)]
        return [Message(Kind.OTHER, each, text=each[:-2].decode("utf-8", "backslashreplace")) for each in lines]

    def refuse(self, message: Message) -> bytes:
        """A login is refused in the protocol's words."""
        return b"#AL#0\r\n" if message.kind is Kind.LOGIN else b""

    def envelope(self, target: Target, text: str) -> bytes:
        """A message to the driver, which is what carries commands to devices that take them."""
        if len(text) > 1000 or not text.isprintable():
            raise LocalError("a message is one line of at most 1000 printable characters", parameter="command")
        self.capabilities(target)
        return wire.line("M", text, version=VERSIONS[target.variant])

    def unit(
        self,
        device_id: str,
        variant: str,
        transport: Transport,
        settings: Settings,
        faults: Faults,
        options: Mapping[str, Value],
    ) -> Emulator:
        """See `SessionOnlyFamily`."""
        return Device(device_id, VERSIONS[variant], transport is Transport.UDP, settings, faults)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The id of a login or of a datagram; the CRC is put right."""
        return wire.renamed(frame, old, new)


class Device(SessionOnlyEmulator):
    """Logs in, reports, pings, and says each message back."""

    def __init__(self, device_id: str, version: str, datagrams: bool, settings: Settings, faults: Faults) -> None:
        super().__init__(device_id, settings)
        self._version = version
        self._faults = faults
        told = device_id if version == "1.1" else f"{version};{device_id}"
        self._login = f"{told};NA"
        self._before = told.encode("ascii") if datagrams else b""
        self._kept = b""

    def connect(self) -> list[Datum]:
        """The login; a datagram names the device itself."""
        self._kept = b""
        return [] if self._before else [self._say("L", self._login)]

    def heartbeat(self) -> list[Datum]:
        """A ping."""
        return [Datum(self._before + b"#P#\r\n")]

    def report(self, now: datetime) -> list[Datum]:
        """A short position."""
        return [self._say("SD", f"{now:%d%m%y;%H%M%S};5544.6025;N;03739.6834;E;1;2;3;4")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Messages whose CRC is right."""
        *lines, rest = (self._kept + data).split(b"\r\n")
        self._kept = rest[-4096:]
        said = []
        for each in lines:
            body = each[3:]
            if not each.startswith(b"#M#") or self._faults.silent:
                continue
            if self._version != "1.1":
                if len(body) < 5 or wire.crc(body[:-4]) != body[-4:]:
                    continue
                body = body[:-5]
            said.append(self._say("M", body.decode("utf-8", "backslashreplace")))
        return said

    def _say(self, kind: str, body: str) -> Datum:
        return Datum(self._before + wire.line(kind, body, version=self._version))


FAMILY = WialonIps()
