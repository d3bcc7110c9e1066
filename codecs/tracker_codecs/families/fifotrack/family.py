"""fifotrack units over TCP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.families.fifotrack import dialogue, frame
from tracker_codecs.families.fifotrack.emulator import FifotrackEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="fifotrack",
    title="fifotrack A, Q and S units",
    sources=(
        "fifotrack Q3 command list V1.6 (manualslib 3159039, pages 6 and 25; easymanua.ls q3 1391044, pages 21 and 27)",
        "fifotrack Q2 command list V1.1 (manualslib 2557774), A500G command list V1.1 (manualslib 3618144)",
        "github.com/traccar/traccar: FifotrackFrameDecoder, FifotrackProtocolDecoder and their tests",
    ),
    default_port=5124,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="OK: the unit carried the command out; whether the setting outlives a restart is not told",
    variants=dialogue.VARIANTS,
    unsupported="the vendor documents the arguments of its command; they were not read here",
    stream=frame.FifotrackStream,
    server=frame.FifotrackStream.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    normalise=frame.normalised,
    rename=frame.renamed,
    check=dialogue.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=FifotrackEmulator,
)
