"""What network servers and commands to them say, for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan import network

_VARYING = re.compile(
    rb'("(?:time|received_at|fCnt|f_cnt|fCntDown|id|queueItemId|deduplicationId|correlation_ids)":)'
    rb'("[^"]*"|\d+|\["[^"\]]*"\])'
)


def fields(message: Message) -> dict[str, Any]:
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


def _down(down: network.Downlink) -> dict[str, Any]:
    return {"f_port": down.f_port, "payload_hex": down.payload.hex(), "confirmed": down.confirmed, "id": down.ident}


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """See `Family.server`: downlink commands."""
    try:
        eui, downs = network.parse_downlink(data, channel)
    except PeerError as error:
        return [error]
    return [Message(Kind.OTHER, data, eui or None, data=downs, channel=channel)]


def normalised(frame: bytes) -> bytes:
    """Times, counters and correlation ids are blanked."""
    return _VARYING.sub(rb'\g<1>"*"', frame)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """DevEUIs in either case; the payload holds none."""
    out = frame.replace(old.lower().encode(), new.lower().encode())
    return out.replace(old.upper().encode(), new.upper().encode())
