"""A network server of either kind with one emulated class A tracker behind it.

Options: those of the address; `max_payload` (longer downlinks are refused by the server), `lossy` (the radio never
reaches the tracker), `duplicate` (each uplink is published twice).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tracker_codecs.contract import Datum, Target
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan import network
from tracker_codecs.families.lorawan.devices import device_of
from tracker_codecs.families.lorawan.network import CHIRPSTACK, TTN, Downlink

_APPLICATION = "17c82e96-be03-4f38-aef3-f83d48582d97"


class LorawanEmulator(Device):
    """See the module."""

    def begin(self) -> None:
        """The unit and its settings; the server's topics."""
        self.device_id = self.device_id.lower()
        device = device_of(Target(self.device_id, variant=self.variant, options=self.options))
        self.unit = device.unit(device, self.held, self.faults)
        self.held = self.unit.state
        self._network = str(self.options.get("network") or CHIRPSTACK)
        given = {"network": self._network, "application": _APPLICATION, "device": f"eui-{self.device_id}"}
        self.address = network.address(self.device_id, {**given, **self.options})
        self._up = self._down = 0
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def subscriptions(self) -> list[str]:
        """The server listens to commands."""
        push = self.address.down
        return [push] if self._network == CHIRPSTACK else [push, push.removesuffix("push") + "replace"]

    def login(self) -> list[Datum]:
        """The tracker joins."""
        self._up = self._down = 0
        return [self._event("join", {"join_accept": {}}, {"devAddr": "00189440"})]

    def report(self, now: datetime) -> list[Datum]:
        """See `Emulator.report`."""
        self._now = now.astimezone(UTC)
        return [datum for port, payload in self.unit.report() for datum in self._uplink(port, payload)]

    @property
    def report_interval(self) -> float:
        """Seconds; some profiles count minutes."""
        return self.unit.device.interval_unit * float(self.held.get("tracking_interval") or 30)

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """A command on its topic; anything else is dropped without a word, as the servers do."""
        if channel not in self.subscriptions():
            return []
        try:
            eui, downs = network.parse_downlink(data, channel)
        except PeerError:
            return []
        if self._network == CHIRPSTACK and eui != self.device_id:
            return []
        return [datum for down in downs for datum in self._transmit(down)]

    def _transmit(self, down: Downlink) -> list[Datum]:
        ttn = self._network == TTN
        out = [self._about("queued", down)] if ttn else []
        most = self.options.get("max_payload")
        if most is not None and len(down.payload) > most:
            return [*out, self._failed(down, most)]
        if self.faults.silent:  # no uplink, so no receive window
            return out
        self._down += 1
        out.append(self._about("sent", down))
        if self.options.get("lossy"):
            return [*out, self._about("nack", down)] if down.confirmed else out
        if down.confirmed:
            out.append(self._about("ack", down))
        try:
            said = self.unit.hear(down.f_port, down.payload)
        except PeerError:
            said = []
        return out + [datum for port, payload in said for datum in self._uplink(port, payload)]

    # -- what the server says ---------------------------------------------------------------------------------------
    def _uplink(self, port: int, payload: bytes) -> list[Datum]:
        data = base64.b64encode(payload).decode("ascii")
        count, self._up = self._up, self._up + 1
        counted: dict[str, Any] = {"fCnt": count} if count else {}
        ttn: dict[str, Any] = {"f_port": port, "frm_payload": data, **({"f_cnt": count} if count else {})}
        said = self._event("up", {"uplink_message": ttn}, {"dr": 5, **counted, "fPort": port, "data": data})
        return [said, said] if self.options.get("duplicate") else [said]

    def _about(self, kind: str, down: Downlink) -> Datum:
        body = {
            "f_port": down.f_port,
            "f_cnt": self._down,
            "frm_payload": base64.b64encode(down.payload).decode("ascii"),
            "confirmed": down.confirmed,
            "correlation_ids": [down.ident],
        }
        chirp: dict[str, Any] = {"queueItemId": down.ident, "fCntDown": self._down}
        if kind == "sent":
            return self._event(
                "down/sent", {"downlink_sent": body}, {**chirp, "gatewayId": "0016c001f153a14c"}, "txack"
            )
        if kind == "ack":
            chirp["acknowledged"] = True
        return self._event(f"down/{kind}", {f"downlink_{kind}": body}, chirp, "ack")

    def _failed(self, down: Downlink, most: int) -> Datum:
        failed = {
            "downlink": {"f_port": down.f_port, "correlation_ids": [down.ident]},
            "error": {
                "namespace": "pkg/networkserver",
                "name": "application_downlink_too_long",
                "message_format": "application downlink payload is too long",
                "code": 3,
            },
        }
        sizes = {"item_size": str(len(down.payload)), "max_payload_size": str(most), "queue_item_id": down.ident}
        log = {"level": "ERROR", "code": "DOWNLINK_PAYLOAD_SIZE", "description": "payload too long", "context": sizes}
        return self._event("down/failed", {"downlink_failed": failed}, log, "log")

    def _event(self, kind: str, ttn: Mapping[str, Any], chirp: Mapping[str, Any], cs_kind: str = "") -> Datum:
        time = self._now.isoformat()
        body: dict[str, Any]
        if self._network == TTN:
            name = self.address.base.rsplit("/", 1)[1]
            ids = {"device_id": name, "dev_eui": self.device_id.upper()}
            body, topic = {"end_device_ids": ids, "received_at": time, **ttn}, self.address.topic(kind)
        else:
            info = {"applicationId": _APPLICATION, "deviceName": "tracker", "devEui": self.device_id}
            body, topic = {"time": time, "deviceInfo": info, **chirp}, self.address.topic(cs_kind or kind)
        return Datum(json.dumps(body, separators=(",", ":")).encode("ascii"), topic)
