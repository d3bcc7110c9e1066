"""The PMTK family as the gateway sees it."""

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
from tracker_codecs.families.pmtk import dialogue
from tracker_codecs.families.pmtk import settings as values
from tracker_codecs.families.pmtk.emulator import PmtkEmulator
from tracker_codecs.families.pmtk.stream import MAX_JUNK, NmeaStream


class Pmtk(Family):
    """MediaTek GNSS receivers on a serial port; see the package's modules."""

    name = "pmtk"
    title = "MediaTek PMTK GNSS receivers (MT3329, MT3339, Quectel L70/L80/L86 and kin)"
    transports = frozenset({Transport.SERIAL})
    limits = Limits(max_frame=nmea.MAX_LINE + MAX_JUNK, idle=60.0, reply_timeout=dialogue.TIMEOUT)
    serial = SerialForm(baudrates=(9600, 115200, 38400, 57600))
    acknowledgement_proves = (
        "applied until power-off: flag 3 of PMTK001 says that the command was carried out; without backup power "
        "nothing is stored, so the interval has to be written after every start"
    )
    sources = (
        "github.com/ntpsec/gpsd: drivers/driver_nmea0183.c, test/daemon/quectel-L70.log, test/daemon/mtk-3329.log",
        "public GPS drivers that send PMTK220, PMTK300 and PMTK314; a public Go parser's tests for the Quectel L80",
    )
    variants = values.VARIANTS

    def stream(self, transport: Transport = Transport.SERIAL, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`."""
        return NmeaStream()

    def recognise(self, first: bytes) -> bool | None:
        """A receiver's sentence; every NMEA receiver begins like that, only PMTK605 tells whose it is."""
        return nmea.begins(first.lstrip(b"\r\n"))

    def fields(self, message: Message) -> dict[str, Any]:
        """See `Family.fields`."""
        return values.fields(nmea.body_of(message.frame))

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """Sentences that a host sends."""
        return NmeaStream(from_host=True).feed(data)

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return values.check(settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`."""
        for problem in self.check(target, settings):
            if problem.severity is Severity.REFUSE:
                raise LocalError(problem.reason, parameter=problem.field)
        return dialogue.apply(target, settings)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        self.capabilities(target)
        return dialogue.read(wanted)

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
        """See `Family.emulator`."""
        self.capabilities(Target(device_id, variant=variant))
        return PmtkEmulator(device_id, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Positions and times blanked."""
        return nmea.normalise(frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """As it is: no sentence holds an id."""
        return frame


FAMILY = Pmtk()
