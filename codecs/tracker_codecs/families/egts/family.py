"""Terminals of order 285 and the standards after it, over TCP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.families.egts import frame, messages
from tracker_codecs.family import Family

FAMILY = Family(
    name="egts",
    title="EGTS (ERA-GLONASS telematics)",
    sources=(
        "order 285 of the Russian ministry of transport (2012), GOST R 54619: the protocol",
        "github.com/rviprofile/egts_parser, github.com/nburunova/libegts: numbers of services, subrecords and commands",
        "github.com/traccar/traccar: EgtsFrameDecoder, EgtsProtocolDecoder and their tests (recorded packets)",
    ),
    default_port=5162,
    limits=Limits(max_frame=frame.MAX_FRAME),
    unsupported="EGTS has services for telemetry and commands, but no public list of commands has a tracking setting",
    stream=frame.EgtsStream,
    server=frame.EgtsStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    raw=frame.raw,
    emulator=messages.Terminal,
)
