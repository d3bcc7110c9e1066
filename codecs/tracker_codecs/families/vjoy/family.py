"""Kingneed and VJoy units over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.vjoy import dialogue, frame
from tracker_codecs.families.vjoy.emulator import VjoyEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="vjoy",
    title="Kingneed and VJoy personal trackers",
    sources=(
        "github.com/traccar/traccar: Tk103ProtocolDecoder, Tk103ProtocolEncoder and their tests (envelope, frames)",
        "github.com/garyvdm/trackers: tkstorage and its test (recorded frames, commands, notices)",
        "VJoyCar T903 manual p. 9, TK05 p. 5, Gainbridge GT3088 p. 12 (manualshive.com): sleep commands and a notice",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5002,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit says in words what it has set; whether it outlives a restart is not public",
    variants=dialogue.VARIANTS,
    unsupported="the protocol has no public command for it",
    stream=frame.VjoyStream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    check=dialogue.check,
    apply=dialogue.apply,
    raw=dialogue.RAW,
    emulator=VjoyEmulator,
)
