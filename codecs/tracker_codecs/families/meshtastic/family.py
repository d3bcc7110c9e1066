"""Nodes of a Meshtastic network, each over its own port; see the package's modules."""

from tracker_codecs.contract import Limits, SerialForm, Transport
from tracker_codecs.families.meshtastic import dialogue, packets, redaction, settings, stream
from tracker_codecs.families.meshtastic.emulator import MeshtasticEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="meshtastic",
    title="Meshtastic nodes (firmware 2.x) over serial or TCP",
    sources=(
        "github.com/meshtastic/protobufs 2.7 (mesh, admin, config, portnums)",
        "github.com/meshtastic/python (stream_interface, node)",
        "github.com/meshtastic/firmware (AdminModule, PhoneAPI, StreamAPI)",
        "meshtastic.org: client API, position configuration",
    ),
    transports=frozenset({Transport.SERIAL, Transport.TCP}),
    default_port=4403,  # the node listens there; the gateway has to call it
    serial=SerialForm(baudrates=(115200,)),
    limits=Limits(max_frame=stream.MAX_FRAME, idle=900.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "handled by the admin module, not yet in use: the node stores on commit and restarts some seconds later. What "
        "it tells after that restart was stored for good"
    ),
    variants=settings.VARIANTS,
    unsupported="this family does not know the field",
    ids=packets.IDS,
    stream=stream.MeshtasticStream,
    server=stream.MeshtasticStream.from_server,
    recognise=stream.recognise,
    fields=packets.fields,
    normalise=redaction.normalised,
    rename=redaction.renamed,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    identify=dialogue.identify,
    raw=dialogue.raw,
    emulator=MeshtasticEmulator,
)
