"""Abeeway trackers with firmware 3.x.

Downlink port 3, uplink port 19 (both are settings of the tracker: option `f_port` follows). Byte 0 is type << 3 | token
(3 bits). Generic requests name group and id of each parameter; the answer carries our token, for a change a status per
parameter, for a reading the values, in several frames if need be. Sources: actility/device-catalog asset-tracker-3
(driver, parameters, examples); ranges by its parameters file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from construct import Byte, Bytes, Construct, GreedyBytes, GreedyRange, Struct, Terminated, this

from tracker_codecs.contract import Settings
from tracker_codecs.families.lorawan.device import Ask, Device, Run, Setting, Told, Unit, Uplinks, collecting, parse
from tracker_codecs.families.lorawan.network import Event

Key = tuple[int, int]
#: By group and id.
SETTINGS = {
    "tracking_interval": Setting(300, (2, 0), (10, 86400)),
    "on_stop_tracking_interval": Setting(3600, (2, 1), (10, 86400)),
    "heartbeat_interval": Setting(3600, (9, 1), (0, 86400)),
    "stop_detection_delay": Setting(120, (7, 1), (10, 3600)),
}
IDS: dict[str, Key] = {name: each.key for name, each in SETTINGS.items()}
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
#: Answers by their kind: name, layout.
_RESPONSES = {
    0: ("generic_set_response", GenericStatus),
    1: ("class_set_response", ClassStatus),
    2: ("generic_get_response", Generic),
    3: ("class_get_response", Class),
}
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


def _split(payload: bytes) -> tuple[Any, int, bytes]:
    """Header, type, and the body behind the frame number that long answers have."""
    head = parse(Uplink, payload)
    body = head.body[1:] if head.head & 0x80 else head.body
    return head, head.head >> 3 & 7, body


def _items(payload: bytes, kind: int, layout: Construct) -> Iterable[Any]:
    """The items of an answer of this kind; none for other uplinks. Raises PeerError."""
    _, frame_type, body = _split(payload)
    if frame_type != 4 or not body or body[0] & 0x1F != kind:
        return ()
    found: Iterable[Any] = parse(layout, body[1:])["items"]
    return found


def values(payload: bytes) -> dict[Key, int | str]:
    """(group, id) -> value of a reading's answer; empty for other uplinks. Raises PeerError."""
    return {(item.group, item.id): _value(item.value) for item in _items(payload, 2, Generic)}


def statuses(payload: bytes) -> dict[Key, int]:
    """(group, id) -> status of a change's answer; empty for other uplinks. Raises PeerError."""
    return {(item.group, item.id): item.status for item in _items(payload, 0, GenericStatus)}


def _request(kind: int, keys: Sequence[Key], data: bytes, shown: str, token: int, fields: tuple[str, ...]) -> Ask:
    """A generic request, each of whose parameters must be answered, over as many frames as it takes."""
    answered = statuses if kind == 0 else values

    def found(event: Event) -> Collection[Key]:
        mine = event.payload and event.payload[0] & 7 == token
        return answered(event.payload) if mine else ()

    payload = bytes([2 << 3 | token, kind]) + data
    expects = f"response {kind} with token {token}"
    return Ask(payload, f"{shown}, token {token}", expects, fields, collecting(keys, found))


def _get(keys: Sequence[Key], token: int, fields: tuple[str, ...]) -> Ask:
    shown = ", ".join(f"{group}/{number:02X}" for group, number in keys)
    return _request(2, keys, b"".join(map(bytes, keys)), f"get {shown}", token, fields)


class _Unit(Unit):
    """Answers generic requests; long readings come in two frames. Refuses with a status."""

    def hear(self, f_port: int, payload: bytes) -> Uplinks:
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
        low, high = SETTINGS[name].bounds or (value, value)
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


class Abeeway3(Device):
    """Firmware 3.x."""

    name = "abeeway3"
    port, uplink_port = 3, 19
    tokens = (4, 8)
    settings = SETTINGS
    sample = (19, bytes.fromhex("a660292cd00102f784480b00030006000800"))
    unit = _Unit

    def reads(self, names: Collection[str], run: Run) -> list[Ask]:
        """One generic request; at first the triggers too, which decide whether an interval has any effect."""
        wanted = tuple(name for name in IDS if name in names)
        out = [_get([IDS[name] for name in wanted], run.token(), wanted)]
        triggered = tuple(name for name in wanted if name in _TRIGGER_BITS)
        if triggered and run.first:
            out.append(_get(TRIGGERS, run.token(), triggered))
        return out

    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """One generic request with every parameter."""
        names = tuple(name for name in IDS if name in settings)
        data = b"".join(bytes([*IDS[name], 4 << 3 | _INT]) + settings[name].to_bytes(4, "big") for name in names)
        shown = ", ".join(f"{IDS[name][0]}/{IDS[name][1]:02X}={settings[name]}" for name in names)
        return [_request(0, [IDS[name] for name in names], data, f"set {shown}", run.token(), names)]

    def told(self, uplinks: Iterable[Event]) -> Told:
        """Values of readings; a remark where no trigger lets an interval work."""
        found: dict[Key, int | str] = {}
        for event in uplinks:
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

    def acknowledged(self, ask: Ask, uplinks: Sequence[Event]) -> tuple[set[str], dict[str, str]]:
        """The status of each parameter."""
        yes, no = set(), {}
        for event in uplinks:
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
        response = _RESPONSES.get(body[0] & 0x1F) if kind == 4 and body else None
        if response is None:
            return out
        out["message"], layout = response
        found = parse(layout, body[1:])
        of_class = "group" in found
        if of_class:
            out["group"] = found.group
        if "crc" in found:
            out["local_crc" if of_class else "global_crc"] = found.crc.hex()
        items = {f"{i.id:02X}" if of_class else f"{i.group}/{i.id:02X}": i for i in found["items"]}
        if "crc" in found:
            out["status"] = {place: _status(item.status) for place, item in items.items()}
        else:
            out["values"] = {place: _value(item.value) for place, item in items.items()}
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
