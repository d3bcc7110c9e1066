"""Cityeasy units over TCP; see the module."""

from __future__ import annotations

from tracker_codecs import interval
from tracker_codecs.contract import (
    Capability,
    Limits,
    Strength,
)
from tracker_codecs.families.cityeasy import frame
from tracker_codecs.families.cityeasy.emulator import CityeasyEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="cityeasy",
    title="Cityeasy",
    sources=("github.com/traccar/traccar: CityeasyProtocolDecoder, CityeasyProtocolEncoder and their tests",),
    default_port=5088,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=30.0),
    acknowledgement_proves="nothing: no answer to the interval is public; only that it was sent",
    variants={
        "standard": {interval.FIELD: Capability(Strength.WRITTEN, "no answer to it is public", experimental=True)}
    },
    unsupported="no public command of these units carries it",
    stream=frame.CityeasyStream,
    server=frame.CityeasyStream.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    rename=frame.renamed,
    check=interval.within(1, 65535),
    apply=interval.through(frame.RAW, frame.SET_INTERVAL, answered=False),
    raw=frame.RAW,
    emulator=CityeasyEmulator,
)
