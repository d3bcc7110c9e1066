"""CalAmp LMU, TTU and ATU: LM Direct over UDP, AT commands on the serial port; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, SerialForm, Transport
from tracker_codecs.families.calamp import dialogue, frame, messages, settings
from tracker_codecs.families.calamp.console import ConsoleStream
from tracker_codecs.families.calamp.emulator import LmuEmulator
from tracker_codecs.family import Family
from tracker_codecs.lines import typed, wired

FAMILY = Family(
    name="calamp",
    title="CalAmp LMU, TTU, ATU (LM Direct; settings by AT commands on the serial port)",
    sources=(
        "CalAmp LMU Users Guide 1.0.6 (manualshelf.com lmu-4200, pages 9, 25, 77, 89 to 91, 124 to 130)",
        "github.com/traccar/traccar CalAmpProtocolDecoder and its tests (options, acknowledgement, recorded frames)",
        "github.com/Thiyaram/calamp (options repeated in the acknowledgement, types of id)",
        "calamp-rs on docs.rs (message types 11 to 14)",
    ),
    transports=frozenset({Transport.UDP, Transport.SERIAL}),
    default_port=5082,
    # The texts read do not give the rate of the host port: this one is the usual one.
    serial=SerialForm(baudrates=(115200, 9600), eol=b"\r"),
    limits=Limits(max_frame=frame.MAX_DATAGRAM, idle=3600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "OK: the parameter was taken, as the reading shows; not that the PEG script of the unit starts a time-"
        "distance trigger on the index written, without which nothing changes"
    ),
    variants=settings.VARIANTS,
    unsupported="the unit has no parameter for this field",
    stream=wired(ConsoleStream, frame.LmuStream),
    server=typed(ConsoleStream, frame.LmuStream.from_server),
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=frame.normalised,
    rename=frame.renamed,
    capabilities=settings.capabilities,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.raw,
    emulator=LmuEmulator,
)
