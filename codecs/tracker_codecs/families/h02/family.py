"""H02 units (SinoTrack, CanTrack and many others) over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.h02 import dialogue, frame, messages
from tracker_codecs.families.h02.emulator import H02Emulator
from tracker_codecs.family import Family
from tracker_codecs.variants import by_variant

FAMILY = Family(
    name="h02",
    title="H02: SinoTrack ST-90x, CanTrack and their like (*HQ,...#)",
    sources=(
        "github.com/traccar/traccar: H02FrameDecoder, H02ProtocolDecoder, H02ProtocolEncoder and their tests",
        "SinoTrack TQ GPRS transport protocol (github.com/eusonlito/GPS-Tracker/files/14089965)",
        "H02 vendor text (scribd.com/document/470158848): form of commands and V4, the maker letters are compared",
        "traccar.org forum, set interval time SinoTrack ST-901 (the manual: 805, range); traccar issue 3084 (809)",
        "CanTrack G20LS protocol 2023 and G10LS manual (github.com/AIPorto/GPS-Tracker-SDK)",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5013,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit took the command and its arguments; whether it outlives a restart is not public",
    variants=dialogue.VARIANTS,
    unsupported="the protocol has no public command for it",
    stream=frame.H02Stream,
    server=frame.H02Stream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    normalise=frame.normalised,
    rename=frame.renamed,
    check=dialogue.check,
    apply=by_variant(dialogue.apply, {"t80": dialogue.apply_texts}),
    read=dialogue.read,
    raw=dialogue.raw,
    emulator=H02Emulator,
)
