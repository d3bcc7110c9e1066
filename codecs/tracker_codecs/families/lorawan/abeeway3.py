"""Abeeway trackers with firmware 3.x.

Downlink port 3, uplink port 19 (both are settings of the tracker: option `f_port` follows). Byte 0 is type << 3 | token
(3 bits). Generic requests name group and id of each parameter; the answer carries our token, for a change a status per
parameter, for a reading the values, in several frames if need be. Sources: actility/device-catalog asset-tracker-3
(driver, parameters, examples); ranges by its parameters file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from construct import Byte, Bytes, GreedyBytes, GreedyRange, Struct, Terminated, this

from tracker_codecs.contract import Match, Settings
from tracker_codecs.families.lorawan.device import READ, Ask, Device, Tokens, Told, Unit, Uplinks, parse, quiet
from tracker_codecs.families.lorawan.network import Event

Key = tuple[int, int]
IDS: Mapping[str, Key] = {
    "tracking_interval": (2, 0),
    "on_stop_tracking_interval": (2, 1),
    "heartbeat_interval": (9, 1),
    "stop_detection_delay": (7, 1),
}
_NAMES = {key: name for name, key in IDS.items()}
#: Bit maps of what the three geolocation profiles are triggered by; bit 4 in motion, bit 5 at rest.
TRIGGERS: tuple[Key, ...] = ((2, 8), (2, 9), (2, 10))
_TRIGGER_BITS = {"tracking_interval": 4, "on_stop_tracking_interval": 5}
STATUS = (
    "SUCCESS",
    "NOT_FOUND",
    "BELOW_LOWER_BOUND",
    "ABOVE_HIGHER_BOUND",
    "BAD_VALUE",
    "TYPE_MISMATCH",
    "OPERATION_ERROR",
    "READ_ONLY",
)
_INT, _TEXT, _BYTES, _ERROR = 1, 3, 4, 5

Value = Struct("kind" / Byte, "data" / Bytes(this.kind >> 3))
Generic = Struct("items" / GreedyRange(Struct("group" / Byte, "id" / Byte, "value" / Value)), Terminated)
Class = Struct("group" / Byte, "items" / GreedyRange(Struct("id" / Byte, "value" / Value)), Terminated)
GenericStatus = Struct(
    "crc" / Bytes(4), "items" / GreedyRange(Struct("group" / Byte, "id" / Byte, "status" / Byte)), Terminated
)
ClassStatus = Struct(
    "group" / Byte, "crc" / Bytes(3), "items" / GreedyRange(Struct("id" / Byte, "status" / Byte)), Terminated
)
Pairs = Struct("items" / GreedyRange(Struct("group" / Byte, "id" / Byte)), Terminated)
Request = Struct("head" / Byte, "type" / Byte, "data" / GreedyBytes)
Uplink = Struct("head" / Byte, "battery" / Byte, "time" / Bytes(2), "body" / GreedyBytes)


def _status(number: int) -> str:
    return STATUS[number] if number < len(STATUS) else f"STATUS_{number}"


def _value(value: Any) -> int | str:
    """An integer as a number (two's complement is not told), other types in words."""
    kind = value.kind & 7
    if kind == _INT:
        return int.from_bytes(value.data, "big")
    return "ERROR" if kind == _ERROR else f"bytes {value.data.hex()}"


class Abeeway3(Device):
    """Firmware 3.x."""

    name = "abeeway3"
    fields = dict.fromkeys(IDS, READ)
    port, uplink_port = 3, 19
    tokens = (4, 8)
    ranges: ClassVar = {
        "tracking_interval": (10, 86400),
        "on_stop_tracking_interval": (10, 86400),
        "heartbeat_interval": (0, 86400),
        "stop_detection_delay": (10, 3600),
    }
    factory: ClassVar = {
        "tracking_interval": 300,
        "on_stop_tracking_interval": 3600,
        "heartbeat_interval": 3600,
        "stop_detection_delay": 120,
    }
    sample = (19, bytes.fromhex("a660292cd00102f784480b00030006000800"))

    def reads(self, names: Iterable[str], tokens: Tokens, before: bool) -> list[Ask]:
        """One generic request; before a change the triggers too, which decide whether an interval has any effect."""
        wanted = tuple(name for name in IDS if name in set(names))
        out = [_get([IDS[name] for name in wanted], tokens(), wanted)]
        if before and set(wanted) & set(_TRIGGER_BITS):
            out.append(_get(TRIGGERS, tokens(), tuple(name for name in wanted if name in _TRIGGER_BITS)))
        return out

    def writes(self, settings: Settings, had: Sequence[Event], tokens: Tokens) -> list[Ask]:
        """One generic request with every parameter."""
        names, token = tuple(name for name in IDS if name in settings), tokens()
        items = [
            {
                "group": IDS[name][0],
                "id": IDS[name][1],
                "value": {"kind": 4 << 3 | _INT, "data": settings[name].to_bytes(4, "big")},
            }
            for name in names
        ]
        payload = Request.build({"head": 2 << 3 | token, "type": 0, "data": Generic.build({"items": items})})
        shown = ", ".join(f"{IDS[name][0]}/{IDS[name][1]:02X}={settings[name]}" for name in names)
        answer = _answers(token, 0, [IDS[name] for name in names])
        return [Ask(payload, f"set {shown}, token {token}", f"response 0 with token {token}", names, answer)]

    def told(self, events: Sequence[Event]) -> Told:
        """Values of readings; a remark where no trigger lets an interval work."""
        found: dict[Key, int | str] = {}
        for event in events:
            if event.kind == "up":
                found |= values(event.payload)
        out = Told()
        for key, value in found.items():
            if key in _NAMES:
                if isinstance(value, int):
                    out.values[_NAMES[key]] = value
                else:
                    out.foreign[_NAMES[key]] = value
        bits = [value for key, value in found.items() if key in TRIGGERS and isinstance(value, int)]
        for name, bit in _TRIGGER_BITS.items():
            if bits and not any(value >> bit & 1 for value in bits):
                out.notes[name] = "no geolocation profile of the tracker is triggered by it: without effect"
        return out

    def acknowledged(self, ask: Ask, events: Sequence[Event]) -> tuple[set[str], dict[str, str]]:
        """The status of each parameter."""
        yes, no = set(), {}
        for event in events:
            if event.kind != "up":
                continue
            for key, status in statuses(event.payload).items():
                name = _NAMES.get(key, "")
                if name in ask.fields and status == 0:
                    yes.add(name)
                elif name in ask.fields:
                    no[name] = f"the tracker answers {_status(status)}"
        return yes, no

    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """Responses in full, other types by their header."""
        head, kind, body = _split(payload)
        out: dict[str, Any] = {
            "message": ("notification", "notification", "position", "query", "response", "telemetry")[min(kind, 5)],
            "ack_token": head.head & 7,
            "multi_frame": bool(head.head & 0x80),
            "frame_type": kind,
            "battery_pct": head.battery & 0x7F,
        }
        if kind != 4 or not body:
            return out
        if body[0] & 0x1F == 1:
            found = parse(ClassStatus, body[1:])
            out |= {"message": "class_set_response", "group": found.group, "local_crc": found.crc.hex()}
            out["status"] = {f"{item.id:02X}": _status(item.status) for item in found["items"]}
        elif body[0] & 0x1F == 0:
            found = parse(GenericStatus, body[1:])
            out |= {"message": "generic_set_response", "global_crc": found.crc.hex()}
            out["status"] = {f"{i.group}/{i.id:02X}": _status(i.status) for i in found["items"]}
        elif body[0] & 0x1F == 3:
            found = parse(Class, body[1:])
            out |= {"message": "class_get_response", "group": found.group}
            out["values"] = {f"{item.id:02X}": _value(item.value) for item in found["items"]}
        elif body[0] & 0x1F == 2:
            found = parse(Generic, body[1:])
            out |= {"message": "generic_get_response"}
            out["values"] = {f"{i.group}/{i.id:02X}": _value(i.value) for i in found["items"]}
        return out

    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """Requests of types 0 to 3 and 5, and commands."""
        found = parse(Request, payload)
        kind, out = found.head >> 3, {"message": "other", "ack_token": found.head & 7}
        if kind == 1:
            names = {1: "reset", 2: "sos_on", 3: "sos_off", 4: "status", 5: "position_on_demand"}
            return out | {"message": "command", "command": names.get(found.type, str(found.type))}
        if kind != 2:
            return out
        if found.type == 0:
            items = parse(Generic, found.data)["items"]
            kinds = {_INT: "int", _TEXT: "text", _BYTES: "bytes"}
            values = [
                {"group": i.group, "id": i.id, "type": kinds.get(i.value.kind & 7, "?"), "value": _value(i.value)}
                for i in items
            ]
            return out | {"message": "generic_set", "values": values}
        if found.type == 1:
            one = parse(Class, found.data)
            params = {f"{item.id:02X}": _value(item.value) for item in one["items"]}
            return out | {"message": "class_set", "group": one.group, "params": params}
        if found.type == 2:
            pairs = parse(Pairs, found.data)["items"]
            return out | {"message": "generic_get", "pairs": [[pair.group, pair.id] for pair in pairs]}
        if found.type == 3 and found.data:
            ids = [f"{n:02X}" for n in found.data[1:]]
            return out | {"message": "class_get", "group": found.data[0], "ids": ids}
        if found.type == 5 and len(found.data) == 2:
            return out | {"message": "crc_request", "bitmap": int.from_bytes(found.data, "big")}
        return out

    def unit(self, settings: Settings, faults: Any) -> Unit:
        """See `Device.unit`."""
        return _Unit(self, settings, faults)


def _get(keys: Sequence[Key], token: int, fields: tuple[str, ...]) -> Ask:
    pairs = Pairs.build({"items": [{"group": group, "id": number} for group, number in keys]})
    payload = Request.build({"head": 2 << 3 | token, "type": 2, "data": pairs})
    shown = ", ".join(f"{group}/{number:02X}" for group, number in keys)
    return Ask(
        payload, f"get {shown}, token {token}", f"response 2 with token {token}", fields, _answers(token, 2, keys)
    )


def _split(payload: bytes) -> tuple[Any, int, bytes]:
    """Header, type, and the body behind the frame number that long answers have."""
    head = parse(Uplink, payload)
    body = head.body[1:] if head.head & 0x80 else head.body
    return head, head.head >> 3 & 7, body


def values(payload: bytes) -> dict[Key, int | str]:
    """(group, id) -> value of a reading's answer; empty for other uplinks. Raises PeerError."""
    _, kind, body = _split(payload)
    if kind != 4 or not body or body[0] & 0x1F != 2:
        return {}
    return {(item.group, item.id): _value(item.value) for item in parse(Generic, body[1:])["items"]}


def statuses(payload: bytes) -> dict[Key, int]:
    """(group, id) -> status of a change's answer; empty for other uplinks. Raises PeerError."""
    _, kind, body = _split(payload)
    if kind != 4 or not body or body[0] & 0x1F != 0:
        return {}
    return {(item.group, item.id): item.status for item in parse(GenericStatus, body[1:])["items"]}


def _answers(token: int, kind: int, keys: Sequence[Key]) -> Any:
    """Every parameter must be answered, over as many frames as it takes."""
    open_keys = set(keys)

    def answer(event: Event) -> Match:
        if not event.payload or event.payload[0] & 7 != token:
            return Match.NO
        found = set(statuses(event.payload) if kind == 0 else values(event.payload)) & open_keys
        if not found:
            return Match.NO
        open_keys.difference_update(found)
        return Match.PART if open_keys else Match.DONE

    return quiet(answer)


class _Unit(Unit):
    """Answers generic requests; long readings come in two frames. Refuses with a status."""

    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        """See `Unit.hear`."""
        if f_port != self.device.port or len(payload) < 2 or payload[0] >> 3 != 2:
            return []
        token = payload[0] & 7
        if payload[1] == 0:
            out = b""
            for item in parse(Generic, payload[2:])["items"]:
                key = (item.group, item.id)
                out += bytes([*key, self._take(key, _value(item.value))])
            return [self._say(token, b"\0" + bytes(4) + out, 0, True)]
        if payload[1] == 2:
            keys = [(pair.group, pair.id) for pair in parse(Pairs, payload[2:])["items"]]
            parts = [keys[i : i + 3] for i in range(0, len(keys), 3)]
            return [
                self._say(token, b"\2" + b"".join(map(self._one, part)), at, part is parts[-1])
                for at, part in enumerate(parts)
            ]
        return []

    def _take(self, key: Key, value: int | str) -> int:
        name = _NAMES.get(key)
        if name is None or not isinstance(value, int):
            return 1 if name is None else 5
        if name in self.faults.refuse:
            return 4
        low, high = self.device.ranges[name]
        if not low <= value <= high:
            return 2 if value < low else 3
        self.store(name, value)
        return 0

    def _one(self, key: Key) -> bytes:
        value = 0x34 if key in TRIGGERS else self.state[_NAMES[key]] if key in _NAMES else None
        return bytes([*key, _ERROR]) if value is None else bytes([*key, 0x21]) + int(value).to_bytes(4, "big")

    def _say(self, token: int, body: bytes, at: int, last: bool) -> tuple[int, bytes]:
        number = bytes([6 << 5 | last << 4 | at])
        return 19, bytes([0x80 | 4 << 3 | token, 100, 0x29, 0x2C]) + number + body
