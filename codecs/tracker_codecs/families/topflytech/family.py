"""TopFlyTech vehicle trackers over TCP or UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.topflytech import dialogue, frame, messages, settings
from tracker_codecs.families.topflytech.emulator import TopflyEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="topflytech",
    title="TopFlyTech T86 and T88",
    sources=(
        "github.com/TOPFLYtech/TOPFLYtechCodec (vendor): codecs, ConfigMsgDoc.md",
        "github.com/traccar/traccar T800x protocol: decoder, encoder, tests (recorded frames)",
        "TopFlyTech T8808 user manual p.17 (manualshive.com topflytech t8808 1129194): PIN, answers",
        "Plaspy TopFlyTech configuration pages: TIMER",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5094,
    # Heartbeats come every five minutes by default.
    limits=Limits(max_frame=frame.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="SET TIMER OK: the command was taken; every position then tells what is stored",
    variants=settings.VARIANTS,
    stream=frame.TopflyStream,
    server=frame.TopflyStream.from_server,
    recognise=frame.opens,
    fields=messages.fields,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=TopflyEmulator,
)
