"""Sinocastel trackers over TCP and UDP; only the set SC (IDD-213 and its kin) takes settings.

The variant `cc` is known by its session: PT-690, PT-718S and MPIP-620, old (`$$`) and new."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.castel import dialogue, frame, messages, settings
from tracker_codecs.families.castel.emulator import CastelEmulator, CcUnit
from tracker_codecs.family import Family
from tracker_codecs.variants import by_variant

FAMILY = Family(
    name="castel",
    title="Sinocastel OBD trackers",
    sources=(
        "github.com/traccar/traccar Castel decoder, encoder and tests (framing, answers, recorded frames)",
        "a public C# telematics server with Sinocastel commands (set message, tag 1102, its answer)",
        "OBD Smart PC Tool User Manual V100 and login notes (github.com/iadevmatth/hexstudy)",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5086,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit took the parameter: its tag stands in the answer",
    variants=settings.VARIANTS,
    sessions=frozenset({settings.CC}),
    unsupported=settings.why_not,
    stream=frame.CastelStream,
    server=frame.CastelStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=messages.normalise,
    rename=messages.rename,
    options=settings.version_of,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=by_variant(CastelEmulator, {settings.CC: CcUnit}),
)
