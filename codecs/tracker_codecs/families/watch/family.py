"""GPS watches over TCP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import (
    Limits,
)
from tracker_codecs.families.watch import dialogue, frame
from tracker_codecs.families.watch.emulator import WatchEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="watch",
    title="GPS watches for children and elders ([3G*...])",
    sources=(
        "4P-Touch server protocol (public text on GitHub), part II: UPLOAD (2) and TS (14) with their answers",
        "github.com/traccar/traccar: WatchFrameDecoder, WatchProtocolDecoder, WatchProtocolEncoder and their tests",
        "public watch simulator on GitHub: answer to TS of firmware G29_BASE_V1.00",
    ),
    default_port=5093,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "the watch knows the command; its answer carries no value, and whether it outlives a restart is not told"
    ),
    variants=dialogue.VARIANTS,
    unsupported="the protocol has no public command for it",
    stream=frame.WatchStream,
    server=frame.WatchStream.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    check=dialogue.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.raw,
    emulator=WatchEmulator,
)
