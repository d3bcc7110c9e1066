"""Noran units over UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.noran import dialogue, frame
from tracker_codecs.families.noran.emulator import NoranEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="noran",
    title="Noran vehicle trackers",
    sources=(
        "github.com/traccar/traccar: NoranProtocolDecoder, NoranProtocolEncoder and their tests",
        "Noran NR100 manual p. 3 (manualshive.com 1700494): function 002, 15 to 64800 s, factory password",
    ),
    transports=frozenset({Transport.UDP}),
    default_port=5053,
    limits=Limits(max_frame=frame.MAX_FRAME, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="that a command arrived: the answer is a position without a verdict",
    variants=dialogue.VARIANTS,
    unsupported="the protocol has no public command for it",
    stream=frame.NoranStream,
    server=frame.NoranStream.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    rename=frame.renamed,
    check=dialogue.check,
    apply=dialogue.apply,
    raw=dialogue.RAW,
    emulator=NoranEmulator,
)
