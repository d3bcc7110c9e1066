"""IntelliTrac and CAREU units over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.intellitrac import dialogue, frame, settings
from tracker_codecs.families.intellitrac.emulator import IntellitracEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="intellitrac",
    title="IntelliTrac X1, A1, S1 and CAREU units",
    sources=(
        "github.com/traccar/traccar: IntellitracFrameDecoder, IntellitracProtocolDecoder and its tests",
        "public C++ fleet server on GitHub (namespace VisiPlug): modules intellitrac, intellix1 and nd",
        "files.elektroda.pl 635905, ja.scribd.com 187637885 (X series protocol 3.05): title pages",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5037,
    limits=Limits(max_frame=frame.MAX_FRAME, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="the unit took the command; what it holds then only the query tells",
    variants=settings.VARIANTS,
    stream=frame.IntellitracStream,
    server=frame.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    normalise=frame.normalised,
    rename=frame.renamed,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=IntellitracEmulator,
)
