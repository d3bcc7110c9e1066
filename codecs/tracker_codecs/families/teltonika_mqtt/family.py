"""FMB, FMC, FMM and FMT units set to MQTT with a plain (not Shadow) topic. They connect to the broker, not to us."""

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.teltonika import settings
from tracker_codecs.families.teltonika_mqtt import dialogue, messages, wire
from tracker_codecs.families.teltonika_mqtt.emulator import TeltonikaMqttEmulator
from tracker_codecs.family import Family

FAMILY = Family(
    name="teltonika-mqtt",
    title="Teltonika over MQTT (Codec JSON)",
    sources=(
        "Teltonika wiki: Codec_JSON, FMT100 Getting Started with AWS IoT Core, FMB_setparam, FMB_getparam",
        "github.com/openremote/fleet-management: Teltonika MQTT handler, its tests, recorded records",
        "texts captured over GPRS from an FTC887, firmware 3.7.0 (public parser tests)",
    ),
    transports=frozenset({Transport.MQTT}),
    default_port=8883,
    limits=Limits(max_frame=wire.MAX_FRAME, idle=7200.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "the text was parsed: every id came back with the value sent; only the read-back shows more"
    ),
    variants={"fmb": settings.VARIANTS["fmb"]},
    unsupported="no parameter of these models carries it",
    stream=wire.TeltonikaMqttStream,
    server=wire.from_server,
    fields=messages.fields,
    topics=wire.topics,
    options=dialogue.options,
    check=settings.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.raw,
    emulator=TeltonikaMqttEmulator,
)
