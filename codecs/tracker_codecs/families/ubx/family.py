"""The UBX family as the gateway sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs import nmea
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
from tracker_codecs.families.ubx import dialogue, payload
from tracker_codecs.families.ubx import frame as wire
from tracker_codecs.families.ubx import settings as values
from tracker_codecs.families.ubx.emulator import UbxEmulator


class Ubx(Family):
    """u-blox GNSS receivers on a serial port; see the package's modules."""

    name = "ubx"
    title = "u-blox UBX GNSS receivers (generation 5 to 10)"
    transports = frozenset({Transport.SERIAL})
    limits = Limits(max_frame=wire.MAX_FRAME, idle=60.0, reply_timeout=dialogue.TIMEOUT)
    #: Factory rates: 9600 up to generation 8, 38400 from 9 on. Native USB ports take any.
    serial = SerialForm(baudrates=(9600, 38400, 115200))
    acknowledgement_proves = (
        "applied: ACK-ACK follows the change, of whole messages only. It lasts as long as the layers written: "
        "RAM alone (always so with CFG-RATE, generation 5 to 8) is lost at power-off"
    )
    sources = (
        "github.com/semuconsulting/pyubx2: message tables, configuration keys, tests, ucenter-ZEDF9P-configdebug.log",
        "github.com/semuconsulting/pygpsclient tests and the satpulse documentation: recorded MON-VER answers",
        "public AssistNow clients: recorded SEC-UNIQID answers; a public parser's tests: a recorded NAV-PVT",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.SERIAL, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`."""
        return wire.UbxStream()

    def recognise(self, first: bytes) -> bool | None:
        """A UBX frame; or an NMEA sentence of a receiver, whose vendor only MON-VER tells."""
        if first.startswith(wire.SYNC[:1]):
            if len(first) < 6:
                return None if wire.SYNC.startswith(first[:2]) else False
            return first[1] == wire.SYNC[1] and first[4] | first[5] << 8 <= wire.MAX_PAYLOAD
        first = first.lstrip(b"\r\n")
        return False if first.startswith(b"$P") else nmea.begins(first)

    def fields(self, message: Message) -> dict[str, Any]:
        """See `Family.fields`."""
        if wire.kind_of(message.frame):
            return payload.fields(message.frame)
        return nmea.fields(nmea.body_of(message.frame))

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Frames that a host sends."""
        return wire.UbxStream(from_host=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return values.check(settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`."""
        for problem in self.check(target, settings):
            if problem.severity is Severity.REFUSE:
                raise LocalError(problem.reason, parameter=problem.field)
        values.layers_of(target)  # refuses at once, not when the first command is asked for
        return dialogue.apply(target, settings)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        self.capabilities(target)
        return dialogue.read(target, wanted)

    def identify(self, target: Target) -> Dialogue:
        """See `Family.identify`."""
        return dialogue.identify()

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`."""
        return dialogue.raw(text)

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
        """See `Family.emulator`; `auto` is a receiver with configuration keys."""
        self.capabilities(Target(device_id, variant=variant))
        return UbxEmulator(device_id, variant, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Positions and times blanked."""
        if wire.kind_of(frame) in (wire.NAV_PVT, wire.NAV_POSLLH):
            return frame[:6] + b"****"
        return nmea.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """The unique id of a SEC-UNIQID answer replaced; nothing else holds it."""
        if wire.kind_of(frame) != wire.SEC_UNIQID or wire.unique_id(wire.payload_of(frame)) != old:
            return frame
        try:
            data = bytes.fromhex(new)
        except ValueError:
            data = b""
        if len(new) != len(old) or len(data) != len(old) // 2:
            raise LocalError("must be hex digits, as many as before", parameter="device_id")
        return wire.build(wire.SEC_UNIQID, wire.payload_of(frame)[:4] + data)


FAMILY = Ubx()
