"""The two network servers: topics, JSON envelopes, and what their events say about a downlink.

ChirpStack v4: `application/<id>/device/<DevEUI>/event/<kind>`, downlink to `.../command/down`. The Things Stack v3:
`v3/<application>[@<tenant>]/devices/<device>/<kind>`, downlink to `.../down/push` or `.../down/replace`. Payloads are
base64. Protobuf JSON leaves out zero, false and empty keys: a missing `acknowledged` is false, a missing frame counter
is 0. Sources: ChirpStack integrations/mqtt and integrations/events; The Things Stack integrations/mqtt and
integrations/data-formats; chirpstack downlink/data.rs (codes of `log`).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tracker_codecs.contract import Ids, Value
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

CHIRPSTACK, TTN = "chirpstack", "ttn"
IDS = Ids("[0-9A-Fa-f]{16}", "must be a DevEUI, 16 hexadecimal digits")
#: Longest MQTT payload taken, bytes: an uplink heard by a hundred gateways stays below.
MAX_FRAME = 65536
#: Longest LoRaWAN application payload, bytes, at the fastest rates.
MAX_PAYLOAD = 242
_LEVEL = r"[^/+#\x00-\x1f]+"
_CS_TOPIC = re.compile(
    rf"((?:{_LEVEL}/)*)application/({_LEVEL})/device/([0-9A-Fa-f]{{16}})/(?:event/([a-z]+)|command/(down))"
)
_TTN_TOPIC = re.compile(
    rf"((?:{_LEVEL}/)*)v3/([^/+#@\x00-\x1f]+)(?:@([^/+#@\x00-\x1f]+))?/devices/({_LEVEL})/"
    r"(join|up|down/(?:queued|sent|ack|nack|failed|push|replace)|location/solved|service/data)"
)
_TTN_KEYS = {
    "uplink_message": "up",
    "join_accept": "join",
    "downlink_queued": "queued",
    "downlink_sent": "sent",
    "downlink_ack": "ack",
    "downlink_nack": "nack",
    "downlink_failed": "failed",
    "location_solved": "location",
    "service_data": "service",
}
#: Codes of ChirpStack's `log` that end a downlink.
_FINAL = ("DOWNLINK_PAYLOAD_SIZE", "EXPIRED")


@dataclass(slots=True)
class Event:
    """One event of a network server. `kind`: up, join, queued, sent (radio gateway has it), ack, nack, failed, other.

    `ids` are what correlates a downlink: ChirpStack's queue item id, the correlation ids of The Things Stack.
    `decode` understands the payload, where the tracker's model is known.
    """

    network: str
    kind: str
    dev_eui: str
    name: str = ""
    f_port: int | None = None
    f_cnt: int = 0
    payload: bytes = b""
    confirmed: bool = False
    ids: tuple[str, ...] = ()
    reason: str = ""
    decode: Callable[[int, bytes], dict[str, Any]] | None = None
    resent: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Downlink:
    """What to send: port 1..223, payload, whether the radio must acknowledge, the correlation id."""

    f_port: int
    payload: bytes
    confirmed: bool
    ident: str


# -- in --------------------------------------------------------------------------------------------------------------
def parse(data: bytes, channel: str = "") -> Event:
    """The event in one MQTT payload; without a topic the JSON tells the server. Raises PeerError."""
    if len(data) > MAX_FRAME:
        raise PeerError(f"{len(data)} bytes are more than {MAX_FRAME}", discarded=data[:64])
    content = _object(data)
    if channel:
        found = _CS_TOPIC.fullmatch(channel)
        if found and found[4]:
            return _chirpstack(content, found[4], found[3].lower())
        found = _TTN_TOPIC.fullmatch(channel)
        if found and found[5] not in ("down/push", "down/replace"):
            return _ttn(content, found[4])
        raise PeerError(f"no device event belongs on the topic {clean(channel, 120)}", discarded=data[:64])
    if "deviceInfo" in content:
        return _chirpstack(content, _cs_kind(content), "")
    if "end_device_ids" in content:
        return _ttn(content, "")
    raise PeerError("neither an event of ChirpStack nor of The Things Stack", discarded=data[:64])


def _object(data: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise PeerError("the payload is no JSON", discarded=data[:64]) from None
    if not isinstance(content, dict):
        raise PeerError("the payload is no JSON object", discarded=data[:64])
    return content


def _chirpstack(content: dict[str, Any], kind: str, topic_eui: str) -> Event:
    info = _mapping(content, "deviceInfo")
    eui = dev_eui(info.get("devEui"))
    if topic_eui and topic_eui != eui:
        raise PeerError(f"the topic names DevEUI {topic_eui}, the message {eui}")
    event = Event(CHIRPSTACK, "other", eui, name=clean(str(info.get("deviceName", "")), 80), told={"event": kind})
    if kind == "up":
        event.kind, event.f_port = "up", _integer(content, "fPort", 255)
        event.f_cnt, event.payload = _integer(content, "fCnt"), payload_of(content.get("data", ""))
        event.confirmed = content.get("confirmed") is True
    elif kind == "join":
        event.kind = "join"
    elif kind in ("ack", "txack"):
        event.ids, event.f_cnt = _texts([content.get("queueItemId")]), _integer(content, "fCntDown")
        event.kind = "sent" if kind == "txack" else "ack" if content.get("acknowledged") is True else "nack"
    elif kind == "log":
        context = _mapping(content, "context", needed=False)
        event.ids = _texts([context.get("queue_item_id")])
        code = clean(str(content.get("code", "")), 60)
        event.reason = clean(f"{code}: {content.get('description', '')}", 200)
        event.told = {"event": kind, "code": code}
        if code in _FINAL:
            event.kind = "failed"
            if context.get("item_size"):
                sizes = f"{context['item_size']} bytes, at most {context.get('max_payload_size', '?')}"
                event.reason = clean(f"{event.reason} ({sizes})", 200)
    elif kind == "status":
        event.told = {"event": kind, "battery_pct": content.get("batteryLevel"), "margin": content.get("margin")}
    return event


def _cs_kind(content: Mapping[str, Any]) -> str:
    for key, kind in (("gatewayId", "txack"), ("queueItemId", "ack"), ("code", "log"), ("margin", "status")):
        if key in content:
            return kind
    return "up" if content.keys() & {"fPort", "data", "rxInfo"} else "join" if "devAddr" in content else "other"


def _ttn(content: dict[str, Any], name: str) -> Event:
    ids = _mapping(content, "end_device_ids")
    if name and ids.get("device_id") != name:
        raise PeerError(f"the topic names device {clean(name, 80)}, the message another")
    # `down/failed` may come without the DevEUI: the stream knows it from earlier events of this device.
    eui = dev_eui(ids["dev_eui"]) if "dev_eui" in ids else ""
    event = Event(TTN, "other", eui, name=clean(str(ids.get("device_id", "")), 80))
    key = next((key for key in _TTN_KEYS if key in content), "")
    event.kind = _TTN_KEYS.get(key, "other")
    event.told = {"event": event.kind}
    body = _mapping(content, key) if key else {}
    if event.kind == "up":
        event.f_port = _integer(body, "f_port", 255) or None
        event.f_cnt, event.payload = _integer(body, "f_cnt"), payload_of(body.get("frm_payload", ""))
        event.confirmed = body.get("confirmed") is True
    elif event.kind in ("queued", "sent", "ack", "nack", "failed"):
        down = _mapping(body, "downlink", needed=False) if event.kind == "failed" else body
        given = [down.get("correlation_ids"), content.get("correlation_ids")]
        event.ids = _texts([each for part in given if isinstance(part, list) for each in part[:64]])
        event.f_port, event.f_cnt = _integer(down, "f_port", 255) or None, _integer(down, "f_cnt")
        event.payload = payload_of(down.get("frm_payload", ""))
        event.confirmed = down.get("confirmed") is True
        if event.kind == "failed":
            error = _mapping(body, "error", needed=False)
            event.reason = clean(f"{error.get('name', 'failed')}: {error.get('message_format', '')}", 200)
            event.told = {"event": "failed", "error": clean(str(error.get("name", "")), 80), "code": error.get("code")}
    return event


def dev_eui(text: object) -> str:
    """A DevEUI in lower case. Raises PeerError for anything but 16 hexadecimal digits."""
    if not isinstance(text, str) or not re.fullmatch("[0-9A-Fa-f]{16}", text):
        raise PeerError(f"DevEUI {clean(str(text), 40)!r} is not 16 hexadecimal digits")
    return text.lower()


def payload_of(text: object) -> bytes:
    """The bytes of a base64 text. Raises PeerError."""
    try:
        if not isinstance(text, str):
            raise ValueError
        found = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise PeerError("the payload is no base64") from None
    if len(found) > MAX_PAYLOAD:
        raise PeerError(f"a payload of {len(found)} bytes is more than LoRaWAN carries ({MAX_PAYLOAD})")
    return found


def _mapping(content: Mapping[str, Any], key: str, needed: bool = True) -> Mapping[str, Any]:
    found = content.get(key)
    if isinstance(found, dict):
        return found
    if needed or found is not None:
        raise PeerError(f"{key} is no object")
    return {}


def _integer(content: Mapping[str, Any], key: str, most: int = 0xFFFFFFFF) -> int:
    found = content.get(key, 0)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= most:
        raise PeerError(f"{key} is no whole number from 0 to {most}")
    return found


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str) and len(value) <= 200)


# -- out -------------------------------------------------------------------------------------------------------------
def downlink(network: str, eui: str, down: Downlink) -> bytes:
    """The JSON that puts one downlink into the server's queue."""
    data = base64.b64encode(down.payload).decode("ascii")
    if network == CHIRPSTACK:
        body: dict[str, Any] = {"devEui": eui, "confirmed": down.confirmed, "fPort": down.f_port, "data": data}
        body["id"] = down.ident
    else:
        one = {"f_port": down.f_port, "frm_payload": data, "priority": "NORMAL", "confirmed": down.confirmed}
        body = {"downlinks": [{**one, "correlation_ids": [down.ident]}]}
    return orjson.dumps(body)


def parse_downlink(data: bytes, channel: str = "") -> tuple[str, list[Downlink]]:
    """DevEUI (empty on The Things Stack) and the downlinks of a command. Raises PeerError."""
    content = _object(data)
    if "downlinks" not in content:
        eui = dev_eui(content.get("devEui"))
        found = _CS_TOPIC.fullmatch(channel)
        if found and found[3] != content["devEui"]:
            raise PeerError("the DevEUI of topic and message differ: ChirpStack drops it")
        return eui, [_down(content, ("fPort", "data"), content.get("id", ""))]
    items = content["downlinks"]
    if not isinstance(items, list) or len(items) > 64 or not all(isinstance(item, dict) for item in items):
        raise PeerError("downlinks is no list of objects")
    out = []
    for item in items:
        ids = item.get("correlation_ids") or [""]
        out.append(_down(item, ("f_port", "frm_payload"), ids[0] if isinstance(ids, list) else ""))
    return "", out


def _down(item: Mapping[str, Any], keys: tuple[str, str], ident: object) -> Downlink:
    port = _integer(item, keys[0], 255)
    if not port:
        raise PeerError(f"{keys[0]} must be above 0")
    return Downlink(port, payload_of(item.get(keys[1], "")), item.get("confirmed") is True, str(ident)[:200])


@dataclass(frozen=True, slots=True)
class Address:
    """Where a tracker's topics are: server, and what stands before the kind of message."""

    network: str
    base: str

    @property
    def down(self) -> str:
        """Topic that appends to the queue."""
        return f"{self.base}/command/down" if self.network == CHIRPSTACK else f"{self.base}/down/push"

    def topic(self, kind: str) -> str:
        """Topic of an event."""
        return f"{self.base}/event/{kind}" if self.network == CHIRPSTACK else f"{self.base}/{kind}"


def address(device_id: str, options: Mapping[str, Value]) -> Address:
    """From the options `network`, `application`, `tenant`, `device`, `prefix`, else from the link's last `topic`.

    Raises LocalError naming the option that is missing or holds wildcards.
    """
    topic = str(options.get("topic", ""))
    cs, ttn = _CS_TOPIC.fullmatch(topic), _TTN_TOPIC.fullmatch(topic)
    if cs and cs[3].lower() != device_id.lower():
        cs = None  # the link heard another tracker last
    network = str(options.get("network") or (TTN if ttn and not cs else CHIRPSTACK))
    if network not in (CHIRPSTACK, TTN):
        raise LocalError(f"must be {CHIRPSTACK} or {TTN}", parameter="network")
    seen = cs if network == CHIRPSTACK else ttn
    prefix = _levels(options, "prefix", seen[1] if seen else "")
    application = _levels(options, "application", seen[2] if seen else "", one=True)
    if not application:
        raise LocalError(
            "is not known before the tracker has spoken: give the application's id", parameter="application"
        )
    if network == CHIRPSTACK:
        return Address(network, f"{prefix}application/{application}/device/{device_id.lower()}")
    tenant = _levels(options, "tenant", (seen[3] or "") if seen else "", one=True)
    device = _levels(options, "device", seen[4] if seen else "", one=True)
    if not device:
        raise LocalError("is not known before the tracker has spoken: give the device's name", parameter="device")
    return Address(network, f"{prefix}v3/{application}{'@' if tenant else ''}{tenant}/devices/{device}")


def _levels(options: Mapping[str, Value], name: str, default: str, one: bool = False) -> str:
    text = str(options.get(name) or default)
    pattern = _LEVEL if one else rf"(?:{_LEVEL}/)*{_LEVEL}/?"
    if text and not re.fullmatch(pattern, text):
        raise LocalError("must be a plain part of a topic, without + # and control characters", parameter=name)
    return text if one or not text or text.endswith("/") else text + "/"


def filters(options: Mapping[str, Value]) -> list[str]:
    """Topic filters of the server's events: of both servers unless `network` names one."""
    network, prefix = str(options.get("network") or ""), _levels(options, "prefix", "")
    application = _levels(options, "application", "", one=True) or "+"
    tenant = _levels(options, "tenant", "", one=True)
    if network not in ("", CHIRPSTACK, TTN):
        raise LocalError(f"must be {CHIRPSTACK} or {TTN}", parameter="network")
    out = []
    if network != TTN:
        out.append(f"{prefix}application/{application}/device/+/event/+")
    if network != CHIRPSTACK:
        base = f"{prefix}v3/{application}{'@' if tenant and application != '+' else ''}"
        base = f"{base}{tenant if application != '+' else ''}/devices/+"
        out += [f"{base}/join", f"{base}/up", f"{base}/down/+"]
    return out
