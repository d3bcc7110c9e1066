"""MediaTek GNSS receivers on a serial port; see the package's modules."""

from __future__ import annotations

from tracker_codecs import nmea
from tracker_codecs.contract import (
    Limits,
    SerialForm,
    Transport,
)
from tracker_codecs.families.pmtk import dialogue, settings, stream
from tracker_codecs.families.pmtk.emulator import PmtkEmulator
from tracker_codecs.families.pmtk.stream import NmeaStream
from tracker_codecs.family import Family
from tracker_codecs.junk import MAX_JUNK

FAMILY = Family(
    name="pmtk",
    title="MediaTek PMTK GNSS receivers (MT3329, MT3339, Quectel L70/L80/L86 and kin)",
    sources=(
        "github.com/ntpsec/gpsd: drivers/driver_nmea0183.c, test/daemon/quectel-L70.log, test/daemon/mtk-3329.log",
        "public GPS drivers that send PMTK220, PMTK300 and PMTK314; a public Go parser's tests for the Quectel L80",
    ),
    transports=frozenset({Transport.SERIAL}),
    serial=SerialForm(baudrates=(9600, 115200, 38400, 57600)),
    limits=Limits(max_frame=nmea.MAX_LINE + MAX_JUNK, idle=60.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "applied until power-off: flag 3 of PMTK001 says that the command was carried out; without backup power "
        "nothing is stored, so the interval has to be written after every start"
    ),
    variants=settings.VARIANTS,
    unsupported="this family does not know the field",
    stream=NmeaStream,
    server=NmeaStream.from_server,
    recognise=stream.recognise,
    fields=stream.fields,
    normalise=nmea.normalise,
    rename=stream.renamed,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.raw,
    emulator=PmtkEmulator,
)
