"""Pretrace units over TCP; see the module."""

from __future__ import annotations

from tracker_codecs import interval
from tracker_codecs.contract import (
    Capability,
    Ids,
    Limits,
    Strength,
)
from tracker_codecs.families.pretrace import frame
from tracker_codecs.families.pretrace.emulator import PretraceEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="pretrace",
    title="Pretrace",
    sources=("github.com/traccar/traccar: PretraceProtocolDecoder, PretraceProtocolEncoder and their tests",),
    default_port=5133,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=30.0),
    acknowledgement_proves="nothing: no answer to D221 is public; only that it was sent",
    variants={
        "standard": {interval.FIELD: Capability(Strength.WRITTEN, "no answer to D221 is public", experimental=True)}
    },
    unsupported="no public command of these units carries it",
    ids=Ids(r"\d{15}", "must be an IMEI of 15 digits"),
    stream=frame.PretraceStream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    rename=frame.renamed,
    # No range is public; a day is ours.
    check=interval.within(1, 86400),
    apply=interval.through(frame.RAW, "D221{0},{0},,", answered=False),
    raw=frame.RAW,
    emulator=PretraceEmulator,
)
