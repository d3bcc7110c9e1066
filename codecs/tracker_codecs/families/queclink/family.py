"""Queclink @Track in its ASCII form; HEX format and new binary frames are recognised; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, SerialForm, Transport
from tracker_codecs.families.queclink import dialogue, frame, legacy, messages, renaming, settings, talk
from tracker_codecs.families.queclink.emulator import QueclinkEmulator
from tracker_codecs.family import Family
from tracker_codecs.variants import by_variant

FAMILY = Family(
    name="queclink",
    title="Queclink @Track (GL200, GL300, GL500, GT300, GV500, GV55 and relatives)",
    sources=(
        "GL300 @Tracker Air Interface Protocol R1.02 (TRACGL300AN001), easymanua.ls and manualshive.com",
        "GV200 @Track protocol pages 22, 109-110, 209, manualshelf.com",
        "GL100 @Track protocol (TRACGL100AN002), manualshive.com",
        "TRACGV500MAPAN001 R1.00 as quoted by a public GV500MAP parser",
        "traccar/traccar Gl200 and Gl100 decoders and their tests",
        "jaayesta/queclink-parser; denself/queclink_handler; mtrevisan/Boxon (Queclink codecs)",
        "GL300/GV300 manuals (easymanua.ls, manymanuals, manualshive): AT+GTURT, the rates of the serial port",
        "Cumulocity tracker agent (Queclink classes and tests)",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP, Transport.SERIAL}),
    default_port=5004,
    # 8N1. 115200 in public sketches; AT+GTURT sets a unit to the others as well.
    serial=SerialForm(baudrates=(115200, 57600, 38400)),
    # Heartbeats come at a configured interval of minutes; units without one are silent between reports.
    limits=Limits(max_frame=frame.MAX_FRAME, idle=1800.0, reply_timeout=talk.TIMEOUT),
    acknowledgement_proves=(
        "stored: +ACK comes after the parameters were taken, but older units drop a value out of range silently; "
        "only the read-back shows it"
    ),
    variants=settings.VARIANTS,
    unsupported="this family does not know the field",
    stream=frame.QueclinkStream,
    server=messages.server_events,
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=renaming.normalised,
    rename=renaming.rename,
    options=talk.password_of,
    capabilities=settings.capabilities,
    check=settings.check,
    apply=by_variant(dialogue.apply, {"gt300": legacy.apply}),
    read=dialogue.read,
    raw=by_variant(dialogue.raw, {"gt300": legacy.raw}),
    emulator=QueclinkEmulator,
)
