"""Eelink trackers over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.eelink import dialogue, frame, messages, settings
from tracker_codecs.families.eelink.emulator import EelinkEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="eelink",
    title="Eelink trackers, protocols 1 and 2",
    sources=(
        "github.com/traccar/traccar Eelink decoder, encoder and tests (recorded packages)",
        "EELINK DEVICE PROTOCOL V2.0, V2.1, V2.3 (public listings): package ids, login answer, COLLECT",
        "MiCODUS ML208G manual page 12 (manualshive.com): COLLECT, GPS and their queries",
        "github.com/gcy346447065/eelink_server: version 1 and the answer SET TIMER OK",
        "Plaspy GPT18 page: TIMER",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5064,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the answer with the command's UID says OK: parsed; what is in force only a query tells",
    variants=settings.VARIANTS,
    stream=frame.EelinkStream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=messages.normalise,
    rename=messages.rename,
    options=settings.options,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=EelinkEmulator,
)
