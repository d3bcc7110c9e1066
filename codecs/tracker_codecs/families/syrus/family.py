"""DCT Syrus units over TCP, UDP and a serial port; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, SerialForm, Transport
from tracker_codecs.families.syrus import dialogue, frame, messages, settings
from tracker_codecs.families.syrus.emulator import SyrusEmulator
from tracker_codecs.family import Family
from tracker_codecs.lines import wired

FAMILY = Family(
    name="syrus",
    title="DCT Syrus units (TAIP)",
    sources=(
        "github.com/traccar/traccar: TaipProtocol, TaipProtocolDecoder and its tests",
        "easymanua.ls dct/syrus page 41, manuals.online dct/gps/syrus: message TD",
        "manualshive.com antares-sb/517455 pages 182 and 237: TD, XAGH and the signal J00",
        "university.digitalcomtech.com glossary: event definition, TAIP, Syrus, qualifier (QVR)",
        "digitalcomtech guide to third party accessories (rates of the port), Antares pages on serial port devices",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP, Transport.SERIAL}),
    default_port=5031,
    # The maker names these rates, and the first as the usual one; a message ends with its bracket.
    serial=SerialForm(baudrates=(115200, 57600, 38400, 19200, 9600), eol=b""),
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "the unit understood the message that it repeats; whether it keeps the values the query tells"
    ),
    variants=settings.VARIANTS,
    stream=wired(frame.ConsoleStream, frame.SyrusStream),
    server=frame.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=frame.normalised,
    rename=frame.renamed,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.raw,
    emulator=SyrusEmulator,
)
