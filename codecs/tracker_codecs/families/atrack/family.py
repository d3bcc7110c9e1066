"""ATrack units over TCP and UDP."""

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.atrack import dialogue, frame, messages, settings
from tracker_codecs.families.atrack.emulator import AtrackEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="atrack",
    title="ATrack AK, AL, AS, AT, AU, AX and AY units",
    sources=(
        "github.com/traccar/traccar: AtrackFrameDecoder, AtrackProtocolDecoder, AtrackProtocolEncoder and their tests",
        "github.com/plaspy-dev/docs: devices/atrack, configuration pages of ten models (AT$TRAC=1,60,,,,,2, AT$INFO=?)",
        "public Android application that sets up an AX7 (class AutoConnectService): arguments of AT$TRAC, $OK",
        "public Wialon API sample with stored user commands of an ATrack unit (AT$TRAC with 40 and 90 s)",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5044,
    limits=Limits(max_frame=frame.MAX_FRAME, idle=600.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "$OK: the unit took the command that was under way; it names no command and no value, and whether the setting "
        "outlives a restart is not public"
    ),
    variants=settings.VARIANTS,
    stream=frame.AtrackStream,
    server=frame.AtrackStream.from_server,
    recognise=frame.recognise,
    fields=messages.fields,
    rename=frame.renamed,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.RAW,
    emulator=AtrackEmulator,
)
