"""Teltonika over TCP and UDP; commands over TCP only. See the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.teltonika import dialogue, frame, messages, settings, talk
from tracker_codecs.families.teltonika.emulator import TeltonikaEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="teltonika",
    title="Teltonika FM, FMA, FMB, FMC, FMM and kin",
    sources=(
        "Teltonika wiki: Data Sending Protocols; Help with Server FAQ; Codec 12",
        "Teltonika wiki: FMB_setparam, FMB_getparam; SMS/GPRS command - setparam, - getparam",
        "Teltonika wiki parameter lists: data acquisition, FMB, FMC, FMC640, FMA2, FM36, FM6320/FM6300, FMB630",
        "Teltonika wiki Test_parameters (movement source 138 as a bit mask)",
        "Teltonika manuals: FM5500 (getver), FM6320, FMA110, FM1000, FMB630",
        "github.com/traccar/traccar Teltonika decoders, encoder and tests",
        "public test suite with texts captured from an FTC887; public Android client for FM1000/FMA120 units",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5027,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=1800.0, reply_timeout=talk.TIMEOUT),
    acknowledgement_proves="the command text was parsed; whether the value is in force only the read-back shows",
    variants=settings.VARIANTS,
    unsupported="no parameter of these models carries it",
    stream=frame.TeltonikaStream,
    server=messages.server_events,
    recognise=frame.recognise,
    fields=messages.fields,
    refuse=frame.refuse,
    normalise=messages.normalise,
    rename=messages.rename,
    options=settings.options,
    capabilities=settings.capabilities,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=talk.RAW,
    emulator=TeltonikaEmulator,
)
