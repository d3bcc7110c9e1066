"""The family object: what `tracker_codecs.contract.Family` asks, gathered from the other modules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tracker_codecs.contract import (
    NO_FAULTS,
    Capability,
    Clock,
    Command,
    Dialogue,
    Emulator,
    Event,
    Family,
    Faults,
    Kind,
    Limits,
    Message,
    Problem,
    Settings,
    Stream,
    Target,
    Transport,
    Value,
    utc_now,
)
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan import dialogue, network
from tracker_codecs.families.lorawan.devices import DEVICES
from tracker_codecs.families.lorawan.emulator import LorawanEmulator
from tracker_codecs.families.lorawan.stream import LorawanStream

_VARYING = re.compile(
    rb'("(?:time|received_at|fCnt|f_cnt|fCntDown|id|queueItemId|deduplicationId|correlation_ids)":)'
    rb'("[^"]*"|\d+|\["[^"\]]*"\])'
)


class Lorawan(Family):
    """LoRaWAN trackers; the variant is the device. Option `network` is `chirpstack` or `ttn`; else the topic tells."""

    name = "lorawan"
    title = "LoRaWAN trackers through ChirpStack v4 or The Things Stack v3"
    transports = frozenset({Transport.MQTT})
    limits = Limits(max_frame=network.MAX_FRAME, idle=86400.0, reply_timeout=dialogue.TIMEOUT)
    acknowledgement_proves = (
        "written: what a network server says (queued, sent, radio acknowledged) never tells that the application took "
        "a value; acknowledged by Abeeway 3.x and TEKTELIC: taken, by Milesight: the frame was understood, by Dragino: "
        "only that the radio received it (LoRaWAN MAC)"
    )
    sources = (
        "ChirpStack documentation, integrations/mqtt and integrations/events; chirpstack/chirpstack downlink/data.rs",
        "The Things Stack documentation, integrations/mqtt and integrations/data-formats",
        "actility/device-catalog: asset-tracker, asset-tracker-3, at101, t1000, t0008781-stork; Abeeway guide",
        "Seeed wiki, SenseCAP T1000 payload page",
        "TEKTELIC Kona Home Sensor TRM T0005370",
        "Vega LM-1 user manual rev 05; VegaAbsolute/IoTVegaParser",
        "Browan TBOL100 reference manual",
        "Milesight-IoT/SensorDecoders at-series/at101",
        "dragino/TrackerD; dragino-end-node-decoder; Dragino LGT-92 user manual",
    )
    needed_options: Mapping[str, Value] = {"application": "1"}  # as in the base
    variants: Mapping[str, Mapping[str, Capability]] = {name: device.fields for name, device in DEVICES.items()}

    def stream(self, transport: Transport = Transport.MQTT, clock: Clock = utc_now) -> Stream:
        """See `Family.stream`."""
        return LorawanStream()

    def recognise(self, first: bytes) -> bool | None:
        """Never: it has no links of its own."""
        return False

    def fields(self, message: Message) -> dict[str, Any]:
        """See `Family.fields`; the payload is decoded once the stream was told the tracker's model."""
        event = message.data
        if isinstance(event, list):
            return {"message": "downlink", "downlinks": [_down(down) for down in event]}
        if not isinstance(event, network.Event):
            raise PeerError("no event of a network server")
        out: dict[str, Any] = {"network": event.network, "dev_eui": event.dev_eui, "device_name": event.name}
        out |= event.told
        if event.ids:
            out["ids"] = list(event.ids)
        if event.kind in ("ack", "nack"):
            out["acknowledged"] = event.kind == "ack"
        if event.reason:
            out["reason"] = event.reason
        if event.kind not in ("other", "join"):
            out["f_cnt"] = event.f_cnt
            if event.f_port is not None:
                out["f_port"] = event.f_port
        if event.kind == "up" or event.payload:
            out["payload_hex"] = event.payload.hex()
        if event.resent:
            out["resent"] = True
        if event.kind == "up" and event.decode and event.f_port is not None:
            out["content"] = event.decode(event.f_port, event.payload)
        return out

    def server(self, data: bytes, channel: str = "") -> Sequence[Event]:
        """See `Family.server`: downlink commands."""
        try:
            eui, downs = network.parse_downlink(data, channel)
        except PeerError as error:
            return [error]
        return [Message(Kind.OTHER, data, eui or None, data=downs, channel=channel)]

    def check(self, target: Target, settings: Settings) -> list[Problem]:
        """See `Family.check`."""
        self.capabilities(target)
        return dialogue.problems_of(target, settings)

    def apply(self, target: Target, settings: Settings) -> Dialogue:
        """See `Family.apply`; LocalError also where the tracker's topic is not known."""
        self.capabilities(target)
        dialogue.accepted(target, settings)  # refuses at once, not when the first command is asked for
        network.address(target.device_id, target.options)
        return dialogue.apply(target, settings)

    def read(self, target: Target, wanted: Sequence[str]) -> Dialogue:
        """See `Family.read`."""
        self.capabilities(target)
        network.address(target.device_id, target.options)
        return dialogue.read(target, wanted)

    def raw(self, target: Target, text: str | bytes) -> Command:
        """See `Family.raw`: `<port>:<hexadecimal digits>`; the radio's acknowledgement answers it."""
        self.capabilities(target)
        return dialogue.raw(target, text)

    def emulator(
        self,
        device_id: str,
        variant: str,
        *,
        transport: Transport = Transport.MQTT,
        settings: Settings | None = None,
        faults: Faults = NO_FAULTS,
        options: Mapping[str, Value] | None = None,
    ) -> Emulator:
        """See `Family.emulator`."""
        self.capabilities(Target(device_id, variant=variant))
        return LorawanEmulator(device_id, variant, settings or {}, faults, options or {})

    def normalise(self, frame: bytes) -> bytes:
        """Times, counters and correlation ids are blanked."""
        return _VARYING.sub(rb'\g<1>"*"', frame)

    def rename(self, frame: bytes, old: str, new: str) -> bytes:
        """DevEUIs in either case; the payload holds none."""
        out = frame.replace(old.lower().encode(), new.lower().encode())
        return out.replace(old.upper().encode(), new.upper().encode())

    def topics(self, options: Mapping[str, Value]) -> Sequence[str]:
        """See `Family.topics`: options `network`, `prefix`, `application`, `tenant`."""
        return network.filters(options)


def _down(down: network.Downlink) -> dict[str, Any]:
    return {"f_port": down.f_port, "payload_hex": down.payload.hex(), "confirmed": down.confirmed, "id": down.ident}


FAMILY = Lorawan()
