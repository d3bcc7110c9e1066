"""Xexun units of protocol version 2 over TCP; see the module."""

from __future__ import annotations

from tracker_codecs import interval
from tracker_codecs.contract import Capability, Ids, Limits, Strength
from tracker_codecs.families.xexun2 import frame, messages
from tracker_codecs.families.xexun2.emulator import Xexun2Emulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="xexun2",
    title="Xexun, protocol version 2",
    sources=(
        "github.com/traccar/traccar: Xexun2FrameDecoder, Xexun2ProtocolDecoder, Xexun2ProtocolEncoder and their tests",
        "github.com/traccar/traccar, pull request 4912: answers of type 0007 must not be answered",
    ),
    default_port=5233,
    limits=Limits(max_frame=frame.MAX_FRAME),
    acknowledgement_proves="the unit answered the command without an error; that it keeps the interval is not told",
    variants={"v2": {interval.FIELD: Capability(Strength.ACKNOWLEDGED, "no public command reads it back")}},
    ids=Ids(r"\d{15}", "must be an IMEI of 15 digits"),
    stream=frame.Xexun2Stream,
    server=frame.Xexun2Stream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    rename=frame.renamed,
    # No range is public; a day is ours.
    check=interval.within(1, 86400),
    apply=interval.through(frame.RAW, "tracking_send={0},{0}"),
    raw=frame.RAW,
    emulator=Xexun2Emulator,
)
