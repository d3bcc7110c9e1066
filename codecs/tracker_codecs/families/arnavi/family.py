"""Arnavi units: variant `arnavi2` speaks text, `arnavi4` the binary INTERNAL protocol; see `frame`."""

from __future__ import annotations

from tracker_codecs.contract import Limits
from tracker_codecs.envelope import Envelope
from tracker_codecs.families.arnavi import frame
from tracker_codecs.families.arnavi.messages import fields
from tracker_codecs.family import Family
from tracker_codecs.variants import by_variant

FAMILY = Family(
    name="arnavi",
    title="Arnavi 2, 4, 5 and Integral",
    sources=(
        "github.com/traccar/traccar: ArnaviFrameDecoder, ArnaviBinaryProtocolDecoder, ArnaviTextProtocolDecoder, tests",
        "manualshive.com: Arnavi 5 user manual 1.4 (SETP grammar of SMS commands)",
    ),
    default_port=5100,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=30.0),
    variants={"arnavi2": {}, "arnavi4": {}},
    unsupported=(
        "neither the frame that carries a command to an Arnavi unit over TCP nor the number of its track parameter "
        "is public; its reports and what is owed to them are"
    ),
    stream=frame.ArnaviStream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=fields,
    normalise=frame.normalised,
    rename=frame.renamed,
    raw=Envelope(
        expects="5B FD, a byte, 5D: the result of a command; which byte means yes is not public", timeout=30.0
    ),
    emulator=by_variant(frame.BinaryEmulator, {"arnavi2": frame.TextEmulator}),
)
