"""Granit Navigator units over TCP; see the module."""

from __future__ import annotations

from tracker_codecs import interval
from tracker_codecs.contract import Capability, Limits, Strength
from tracker_codecs.families.granit import frame, messages
from tracker_codecs.families.granit.emulator import GranitEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="granit",
    title="Granit Navigator",
    sources=(
        "github.com/traccar/traccar: GranitFrameDecoder, GranitProtocolDecoder and their tests",
        "github.com/traccar/traccar: GranitProtocolSmsEncoder, two generations",
    ),
    default_port=5113,
    limits=Limits(max_frame=frame.MAX_FRAME),
    acknowledgement_proves="OK: the unit took the command; whether it keeps the interval is not told",
    variants={
        "navigator": {
            interval.FIELD: Capability(
                Strength.ACKNOWLEDGED,
                "nothing reads it back, and that it is taken over TCP is not proven",
                experimental=True,
            )
        }
    },
    stream=frame.GranitStream,
    server=frame.GranitStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    rename=frame.renamed,
    # No range is public; a day is ours.
    check=interval.within(1, 86400),
    apply=interval.through(frame.RAW, "BB+BBMD={}"),
    raw=frame.RAW,
    emulator=GranitEmulator,
)
