"""Jointech locks and trackers over TCP; see the package's modules. The variant `gp` is known by its session."""

from __future__ import annotations

from tracker_codecs.contract import Ids, Limits
from tracker_codecs.families.jointech import dialogue, frame, messages, settings
from tracker_codecs.families.jointech.emulator import GpUnit, JointechEmulator
from tracker_codecs.family import Family
from tracker_codecs.variants import by_variant

FAMILY = Family(
    name="jointech",
    title="Jointech locks and container trackers",
    sources=(
        "Jointech JT701D protocol manual V1.4 (github.com/CliffJr/jointech-tcp-parser)",
        "github.com/traccar/traccar Jt600 frame decoder, decoder, encoder and tests",
    ),
    default_port=5014,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the answer carries the values in force",
    variants=settings.VARIANTS,
    sessions=frozenset({settings.GP}),
    unsupported=settings.why_not,
    ids=Ids(r"\d{10}", "must be 10 digits"),
    stream=frame.JointechStream,
    server=frame.JointechStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=messages.normalise,
    rename=messages.rename,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=by_variant(JointechEmulator, {settings.GP: GpUnit}),
)
