"""Omni scooters, bicycles and locks over TCP; see the module."""

from __future__ import annotations

from tracker_codecs import interval
from tracker_codecs.contract import (
    Capability,
    Ids,
    Limits,
    Strength,
)
from tracker_codecs.families.xrb28 import frame
from tracker_codecs.families.xrb28.emulator import Xrb28Emulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="xrb28",
    title="Omni scooters, bicycles and locks",
    sources=(
        "github.com/traccar/traccar: Xrb28ProtocolDecoder, Xrb28ProtocolEncoder and their tests",
        "flespi.com: devices omni-ot303bl and omni-ogb1-e-bike, protocol omni",
        "fleets.levyelectric.com/help/integrations/omni-iot: session",
    ),
    default_port=5180,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=30.0),
    acknowledgement_proves="nothing: no answer to D1 is public; only that it was sent",
    variants={"iot": {interval.FIELD: Capability(Strength.WRITTEN, "no answer to D1 is public", experimental=True)}},
    unsupported="no public command of these units carries it",
    ids=Ids(r"\d{15}", "must be an IMEI of 15 digits"),
    stream=frame.Xrb28Stream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    # No range is public; a day is ours.
    check=interval.within(1, 86400),
    apply=interval.through(frame.RAW, "D1,{}", answered=False),
    raw=frame.RAW,
    emulator=Xrb28Emulator,
)
