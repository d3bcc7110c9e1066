"""Abeeway trackers with firmware 1.7 to 2.6 (Micro, Compact, Industrial Tracker, Smart Badge).

Downlink port 2: type, ack token (4 bits, changed in every downlink), data; big endian. Type 0B writes up to five
(id, u32), 03 asks for parameters, 02 sets the mode. The configuration uplink (type 07) carries (id, u32); the tracker
sends it on request, and after a change when its flag for that is on. Every uplink header carries the last token, also
when the command was thrown away: the token proves delivery, not acceptance. Sources: actility/device-catalog
asset-tracker (driver and examples), Abeeway reference guide.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from construct import Byte, Bytes, GreedyBytes, GreedyRange, Int24sb, Int32ub, Struct, Terminated

from tracker_codecs.contract import Match, Settings
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan.device import (
    Answer,
    Ask,
    Device,
    Run,
    Setting,
    Told,
    Unit,
    Uplinks,
    collecting,
    parse,
)
from tracker_codecs.families.lorawan.network import Event

MODES = ("standby", "motion_tracking", "permanent_tracking", "motion_start_end", "activity")
#: Stops the tracker for good: no value of the profile.
_OFF = 5
#: By parameter id; the mode has a command of its own.
SETTINGS = {
    "mode": Setting("standby", choices=MODES),
    "tracking_interval": Setting(300, 0x00, (15, 86400)),
    "heartbeat_interval": Setting(600, 0x01, (300, 86400)),
    "periodic_position_interval": Setting(0, 0x03, (900, 604800), off=True),  # 0: none
    "stop_detection_delay": Setting(180, 0x17, (20, 3600)),
    "gps_timeout": Setting(120, 0x09, (30, 300)),
}
IDS: dict[str, int] = {name: each.key for name, each in SETTINGS.items() if name != "mode"}
_NAMES = {number: name for name, number in IDS.items()}
#: Ranges by id, for a look at foreign configurations; 15 is the shock detection.
_FLAGGED = {0x15: (0, 255)}
_VERSIONS = (0xFD, 0xFE)
Parameters = Struct("items" / GreedyRange(Struct("id" / Byte, "value" / Int32ub)), Terminated)
Header = Struct("type" / Byte, "status" / Byte, "battery" / Byte, "temperature" / Byte, "ack" / Byte)
Uplink = Struct("head" / Header, "body" / GreedyBytes)
Configuration = Struct("tag" / Byte, "parameters" / Parameters)
Position = Struct("age" / Byte, "latitude" / Int24sb, "longitude" / Int24sb, "error" / Byte)
Heartbeat = Struct("reset_cause" / Byte, "firmware" / Bytes(3))
Command = Struct("type" / Byte, "token" / Byte, "data" / GreedyBytes)


def configuration(payload: bytes) -> tuple[Any, dict[int, int]]:
    """Header and (id, value)s of a configuration uplink. Raises PeerError."""
    found = parse(Uplink, payload)
    content = parse(Configuration, found.body)
    if found.head.type != 7 or content.tag != 2 or found.head.ack & 15:
        raise PeerError("no configuration uplink")
    return found.head, {item.id: item.value for item in content.parameters["items"]}


def _carries(event: Event, token: int) -> bool:
    return event.f_port in (17, 18) and len(event.payload) >= 5 and event.payload[4] >> 4 == token


def _read(token: int, ids: Sequence[int]) -> Answer:
    """Every id must come, over several uplinks if need be."""

    def found(event: Event) -> Collection[int]:
        mine = _carries(event, token) and event.payload[0] == 7
        return configuration(event.payload)[1] if mine else ()

    return collecting(ids, found)


def _written(token: int) -> Answer:
    """Any uplink that carries the token will do."""

    def answer(event: Event) -> Match:
        if not _carries(event, token):
            return Match.NO
        if event.payload[0] == 7:
            configuration(event.payload)  # a broken one is no answer
        return Match.DONE

    return answer


class _Unit(Unit):
    """Reports its configuration after a change, as with the factory's flags; out of range means unchanged."""

    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        if f_port != self.device.port or len(payload) < 2:
            return []
        kind, token, data = payload[0], payload[1] & 15, payload[2:]
        if kind == 0x0B and len(data) % 5 == 0 and len(data) <= 25:
            items = parse(Parameters, data)["items"]
            for item in items:
                name = _NAMES.get(item.id)
                if name and not SETTINGS[name].unfit(item.value):
                    self.store(name, item.value)
            return [self._configuration(token, [item.id for item in items])]
        if kind == 2 and len(data) == 1 and data[0] < len(MODES):
            self.store("mode", MODES[data[0]])
            return [(18, self._head(5, token) + bytes.fromhex("00020604"))]
        if kind == 3:
            return [self._configuration(token, list(data[i : i + 5])) for i in range(0, len(data), 5)]
        return []

    def _head(self, kind: int, token: int) -> bytes:
        return bytes([kind, MODES.index(self.state["mode"]) << 5, 100, 124, token << 4])

    def _configuration(self, token: int, ids: list[int]) -> tuple[int, bytes]:
        items = [{"id": n, "value": self.state[_NAMES[n]]} for n in ids if n in _NAMES]
        body = Configuration.build({"tag": 2, "parameters": {"items": items}})
        return 18, self._head(7, token) + body


class Abeeway2(Device):
    """Firmware 1.7 to 2.6."""

    name = "abeeway2"
    port, uplink_port = 2, 18
    tokens = (5, 16)
    settings = SETTINGS
    sample = (18, bytes.fromhex("036ac18900001d28b901603702"))
    unit = _Unit

    def reads(self, names: Collection[str], run: Run) -> list[Ask]:
        """One request: five parameters fit one answer; the mode stands in the answer's header."""
        wanted = tuple(name for name in SETTINGS if name in names)
        ids = [IDS[name] for name in wanted if name in IDS] or [0]
        token = run.token()
        text = f"request configuration {bytes(ids).hex(' ')}, token {token}"
        expects = f"configuration uplink with token {token}"
        return [Ask(bytes([3, token, *ids]), text, expects, wanted, _read(token, ids))]

    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """Parameters first (five at most), then the mode, which has a command of its own."""
        out = []
        names = tuple(name for name in IDS if name in settings)
        if names:
            data = Parameters.build({"items": [{"id": IDS[name], "value": settings[name]} for name in names]})
            shown = ", ".join(f"{IDS[name]:02X}={settings[name]}" for name in names)
            out.append(self._write(0x0B, run.token(), data, f"set parameters {shown}", names))
        if "mode" in settings:
            number = MODES.index(settings["mode"])
            text = f"set mode {number} ({settings['mode']})"
            out.append(self._write(2, run.token(), bytes([number]), text, ("mode",)))
        return out

    @staticmethod
    def _write(kind: int, token: int, data: bytes, text: str, names: tuple[str, ...]) -> Ask:
        payload = bytes([kind, token]) + data
        return Ask(payload, f"{text}, token {token}", f"uplink with token {token}", names, _written(token))

    def understand(self, payload: bytes, out: Told) -> None:
        """Parameters of configuration uplinks, and the mode of their headers."""
        if payload[:1] != b"\7":
            return
        head, items = configuration(payload)
        out.values |= {_NAMES[number]: value for number, value in items.items() if number in _NAMES}
        mode = head.status >> 5
        if mode < len(MODES):
            out.values["mode"] = MODES[mode]
        else:
            out.foreign["mode"] = "off" if mode == _OFF else f"mode {mode}"

    def acknowledged(self, ask: Ask, uplinks: Sequence[Event]) -> tuple[set[str], dict[str, str]]:
        """A configuration uplink after the change names the parameters it holds."""
        return (self.told(uplinks).values.keys() - {"mode"}) & set(ask.fields), {}

    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """Frame pending, position, heartbeat and configuration; other types by their header."""
        if len(payload) == 2 and payload[0] == 0:
            return {"message": "frame_pending", "ack_token": payload[1] & 15}
        found = parse(Uplink, payload)
        head, body = found.head, found.body
        mode = head.status >> 5
        out: dict[str, Any] = {
            "message": f"type_{head.type:02x}",
            "ack_token": head.ack >> 4,
            "mode": MODES[mode] if mode < len(MODES) else "off" if mode == _OFF else mode,
            "moving": bool(head.status & 4),
            "periodic": bool(head.status & 2),
            "on_demand": bool(head.status & 1),
        }
        if head.type == 7:
            items = configuration(payload)[1]
            versions = {n: ".".join(map(str, items[n].to_bytes(4, "big")[1:])) for n in _VERSIONS if n in items}
            out |= {"message": "configuration", "params": {f"{n:02X}": versions.get(n, v) for n, v in items.items()}}
            beyond = [n for n, (low, high) in _FLAGGED.items() if n in items and not low <= items[n] <= high]
            if beyond:
                out["out_of_range"] = [f"{n:02X}" for n in beyond]
        elif head.type == 5 and len(body) >= 4:
            beat = parse(Heartbeat, body)
            out |= {"message": "heartbeat", "reset_cause": beat.reset_cause}
            out["firmware"] = ".".join(map(str, beat.firmware))
        elif head.type == 3 and head.ack & 15 == 0 and len(body) >= 8:
            fix = parse(Position, body)
            out |= {"message": "position"}
            out |= {key: round((fix[key] << 8) / 1e7, 7) for key in ("latitude", "longitude")}
        return out

    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """The three commands in use."""
        found = parse(Command, payload)
        out: dict[str, Any] = {"message": f"type_{found.type:02x}", "ack_token": found.token & 15}
        if found.type == 0x0B:
            items = parse(Parameters, found.data)["items"]
            out |= {"message": "set_parameters", "params": {f"{item.id:02X}": item.value for item in items}}
        elif found.type == 3:
            out |= {"message": "request_configuration", "param_ids": [f"{n:02X}" for n in found.data]}
        elif found.type == 2 and len(found.data) == 1:
            out |= {"message": "set_mode", "mode": found.data[0]}
        return out
