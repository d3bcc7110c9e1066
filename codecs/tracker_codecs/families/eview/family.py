"""Eview units over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.eview import dialogue, frame, messages
from tracker_codecs.families.eview.emulator import EviewEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="eview",
    title="Eview EV-07B and MiniFinder Nano",
    sources=(
        "github.com/traccar/traccar: Minifinder2 decoder, encoder and their tests (recorded packets)",
        "EV-07B protocol V1.2 2020 (pdfcoffee.com), Eview protocol V20200229 (scribd.com 754381147): overview pages",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5187,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="a response with success: the unit took the packet; what it stored only the read-back tells",
    variants=dialogue.VARIANTS,
    unsupported="the layout of its key is not public",
    stream=frame.EviewStream,
    server=frame.EviewStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=frame.normalised,
    rename=frame.renamed,
    check=dialogue.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=EviewEmulator,
)
