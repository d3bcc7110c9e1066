"""Meitrack trackers: `$$` and `@@` text frames over TCP or UDP. Settings are acknowledged; none can be read."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.meitrack import dialogue, frame, messages, settings
from tracker_codecs.families.meitrack.emulator import MeitrackEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="meitrack",
    title="Meitrack GPRS protocol",
    sources=(
        "MEITRACK GPRS Protocol V1.6 (traccar.org/protocol/5020-meitrack), V1.7 (fdocuments.us), V1.21 (pdfslide.net)",
        "MEITRACK T622 GPRS Protocol V1.2 (manualshive.com/en/manual/meitrack/mobileye-t622/1766597)",
        "traccar/traccar: Meitrack frame decoder, protocol decoder, encoder, tests",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5020,
    # A unit in deep sleep sends one heartbeat an hour by default.
    limits=Limits(max_frame=frame.MAX_FRAME, idle=3900.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the command was taken; whether it was stored or clipped cannot be read",
    variants=settings.VARIANTS,
    unsupported="no command of this variant carries it",
    stream=frame.MeitrackStream,
    server=frame.MeitrackStream.from_server,
    recognise=frame.opens,
    fields=messages.fields,
    normalise=messages.normalise,
    rename=messages.rename,
    check=settings.check,
    apply=dialogue.apply,
    raw=dialogue.RAW,
    emulator=MeitrackEmulator,
)
