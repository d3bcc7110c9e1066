"""Tramigo units over TCP; see the package's modules. Option `report`: see `dialogue`."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.families.tramigo import dialogue, frame
from tracker_codecs.families.tramigo.emulator import TramigoEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="tramigo",
    title="Tramigo T22 and T23",
    sources=(
        "github.com/traccar/traccar: TramigoFrameDecoder, TramigoProtocolDecoder and their tests",
        "Tramigo T23 manual (manualshive 1148737, pages 16, 18, 19, 30, 34); T23 commands (manualzilla 5672567)",
        "public driver script on GitHub (FOGNETX, 2026): answer to protocol 04",
    ),
    default_port=5073,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit turned the report on; it does not repeat the values in this answer",
    variants=dialogue.VARIANTS,
    unsupported=dialogue.why_not,
    stream=frame.TramigoStream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    rename=frame.renamed,
    options=dialogue.report_of,
    capabilities=dialogue.capabilities,
    check=dialogue.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=TramigoEmulator,
)
