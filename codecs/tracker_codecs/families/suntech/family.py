"""Suntech text protocol, ST200 to ST650 and ST9xx, over TCP, UDP or a serial port; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, SerialForm, Transport
from tracker_codecs.families.suntech import dialogue, frame, messages, settings
from tracker_codecs.families.suntech.emulator import SuntechEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="suntech",
    title="Suntech text protocol (ST200 to ST650, ST940)",
    sources=(
        "Suntech ST310U operation manual 1.08 (manualshive.com st310u 1400858, pages 12, 13, 53)",
        "Suntech ST300/340 manual LATAM 1.41 (manualshive.com st300-series 1400856, pages 27, 30, 95, 103, 104)",
        "Suntech ST940 user manual 1.19 (manualshive.com st940 1400890, pages 20, 22; easymanua.ls)",
        "github.com/traccar/traccar Suntech protocol, decoders and tests (line end, zip reports, recorded lines)",
        "github.com/plaspy-dev/docs Suntech pages (device id, RPT and PresetA)",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP, Transport.SERIAL}),
    default_port=5011,
    # RS-232 without flow control; no page that could be read gives its rate, these are the usual ones.
    serial=SerialForm(baudrates=(115200, 19200, 9600), eol=b"\r"),
    # A parked unit often reports once an hour.
    limits=Limits(max_frame=frame.MAX_LINE + 2, idle=3900.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the answer repeats the values in force, as the unit stored them",
    variants=settings.VARIANTS,
    stream=frame.SuntechStream,
    server=frame.SuntechStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    capabilities=settings.capabilities,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.raw,
    emulator=SuntechEmulator,
)
