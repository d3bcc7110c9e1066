"""WondeX units over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.wondex import dialogue, frame
from tracker_codecs.families.wondex.emulator import WondexEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="wondex",
    title="WondeX VT10, VT200 and VT300",
    sources=(
        "github.com/traccar/traccar: Wondex frame decoder, decoder, encoder and their tests",
        "public code on GitHub with the literal $WP+TRACK: a legend of its arguments, six settings and the query",
        "WondeX protocol papers (scribd.com 367038432 VT300, 435099323 VT10, 342835843 VT200): titles only",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5032,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="$OK: the unit took the command; whether it outlives a restart is not told",
    variants=dialogue.VARIANTS,
    stream=frame.WondexStream,
    server=frame.WondexStream.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    rename=frame.renamed,
    options=dialogue.options,
    check=dialogue.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=WondexEmulator,
)
