"""LoRaWAN trackers; the variant is the device. Option `network` is `chirpstack` or `ttn`; else the topic tells."""

from tracker_codecs.contract import Limits, Transport
from tracker_codecs.families.lorawan import dialogue, messages, network
from tracker_codecs.families.lorawan.devices import DEVICES, device_of
from tracker_codecs.families.lorawan.emulator import LorawanEmulator
from tracker_codecs.families.lorawan.stream import LorawanStream
from tracker_codecs.family import Family

FAMILY = Family(
    name="lorawan",
    title="LoRaWAN trackers through ChirpStack v4 or The Things Stack v3",
    sources=(
        "ChirpStack documentation, integrations/mqtt and integrations/events; chirpstack/chirpstack downlink/data.rs",
        "The Things Stack documentation, integrations/mqtt and integrations/data-formats",
        "actility/device-catalog: asset-tracker, asset-tracker-3, at101, t1000, t0008781-stork; Abeeway guide",
        "Seeed wiki, SenseCAP T1000 payload page",
        "TEKTELIC Kona Home Sensor TRM T0005370",
        "Vega LM-1 user manual rev 05; VegaAbsolute/IoTVegaParser",
        "Browan TBOL100 reference manual",
        "Milesight-IoT/SensorDecoders at-series/at101",
        "dragino/TrackerD; dragino-end-node-decoder; Dragino LGT-92 user manual",
    ),
    transports=frozenset({Transport.MQTT}),
    limits=Limits(max_frame=network.MAX_FRAME, idle=86400.0, reply_timeout=dialogue.TIMEOUT),
    acknowledgement_proves=(
        "written: what a network server says (queued, sent, radio acknowledged) never tells that the application took "
        "a value; acknowledged by Abeeway 3.x and TEKTELIC: taken, by Milesight: the frame was understood, by Dragino: "
        "only that the radio received it (LoRaWAN MAC)"
    ),
    variants={name: device.fields for name, device in DEVICES.items()},
    unsupported=dialogue.no_such_setting,
    ids=network.IDS,
    needed_options={"application": "1"},
    stream=LorawanStream,
    server=messages.from_server,
    fields=messages.fields,
    normalise=messages.normalised,
    rename=messages.renamed,
    topics=network.filters,
    options=device_of,
    check=dialogue.check,
    apply=dialogue.apply,
    read=dialogue.read,
    raw=dialogue.raw,
    emulator=LorawanEmulator,
)
