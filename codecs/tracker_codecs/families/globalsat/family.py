"""GlobalSat units over TCP and UDP; see the package's modules."""

from __future__ import annotations

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.globalsat import dialogue, frame
from tracker_codecs.families.globalsat.emulator import GlobalsatEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="globalsat",
    title="GlobalSat TR and GTR units",
    sources=(
        "TR-206 papers: easymanua.ls/globalsat/tr-206, pages 20, 31, 36, 71 and 80; azmanual.top 27048, pages 6 to 49",
        "TR-203A manual: manualsdir.com/manuals/27328, pages 10, 30 and 85; TR-203 Development Document V2.5",
        "github.com/traccar/traccar: GlobalSat protocol, decoder, encoder and their tests",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5043,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves="ACK: the command was received, not that it was obeyed",
    variants=dialogue.VARIANTS,
    unsupported="no public word of these units carries it",
    stream=frame.GlobalsatStream,
    server=frame.GlobalsatStream.from_server,
    recognise=frame.recognise,
    fields=frame.fields,
    rename=frame.renamed,
    options=dialogue.keeps_gps_on,
    check=dialogue.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=GlobalsatEmulator,
)
