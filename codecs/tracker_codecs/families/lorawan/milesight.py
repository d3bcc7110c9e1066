"""Milesight AT101. Port 85 (a setting of the tracker: option `f_port` follows), little endian, chains of channel, type,
data. A change is echoed with channel fe or ff, same type and data; nothing can be asked. The echo is the tracker's own
answer: an acknowledgement; where it carries another value, that value is what the tracker says. Intervals of `8e` are
minutes here. Sources: Milesight-IoT/SensorDecoders at-series/at101; actility/device-catalog at101.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from construct import Byte, Bytes, Int8sl, Int16sl, Int16ul, Int32sl, Int32ul, Struct

from tracker_codecs.contract import Capability, Settings, Strength
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan.device import Ask, Device, Run, Setting, Told, Unit, Uplinks, collecting, parse
from tracker_codecs.families.lorawan.network import Event

MODES = ("periodic", "motion", "timing")
POSITIONING = ("gnss", "wifi", "wifi_gnss")
#: By type, fixed bytes before the value, layout of the value.
SETTINGS = {
    "tracking_mode": Setting("periodic", (0x66, b"", Byte), choices=MODES),
    "tracking_interval": Setting(1440, (0x8E, b"\0", Int16ul), (1, 1440)),
    "motion_tracking_interval": Setting(10, (0x8E, b"\1", Int16ul), (1, 1440)),
    "gnss_timeout": Setting(2, (0x3C, b"", Byte), (1, 5)),
    "positioning": Setting("wifi_gnss", (0x71, b"", Byte), choices=POSITIONING),
}
#: Bytes of data by type, settings (channel ff, fe) and telemetry (channel, type).
_SIZES = {0x66: 1, 0x8E: 3, 0x3C: 1, 0x71: 1, 0x13: 3, 0x58: 4, 0x8A: 3, 0x10: 1, 0x28: 1, 0x17: 2, 0x3B: 1, 0x2D: 1}
_TELEMETRY = {
    (1, 0x75): 1,
    (3, 0x67): 2,
    (0x83, 0x67): 3,
    (4, 0x88): 9,
    (0x84, 0x88): 9,
    (5, 0): 1,
    (6, 0): 1,
    (6, 0xD9): 9,
    (7, 0): 1,
    (0x20, 0xCE): 12,
}
_MOTIONS = {0: "unknown", 1: "start_moving", 2: "moving", 3: "stop_moving"}
Place = Struct("latitude" / Int32sl, "longitude" / Int32sl, "status" / Byte)
Scan = Struct("group" / Byte, "mac" / Bytes(6), "rssi" / Int8sl, "status" / Byte)
#: The MAC of a scan that timed out.
_NOBODY = b"\xff" * 6
History = Struct("time" / Int32ul, "longitude" / Int32sl, "latitude" / Int32sl)
Motion = Struct("which" / Byte, "delta" / Byte, "duration" / Int16ul)


def _cut(payload: bytes) -> tuple[list[tuple[int, int, bytes]], bytes]:
    """(channel, type, data) of a chain, and what follows a type of unknown length or a cut one."""
    out, at = [], 0
    while at < len(payload):
        channel, kind = payload[at], payload[at + 1] if at + 1 < len(payload) else -1
        size = _SIZES.get(kind) if channel in (0xFF, 0xFE) else _TELEMETRY.get((channel, kind))
        if size is None or at + 2 + size > len(payload):
            break
        out.append((channel, kind, payload[at + 2 : at + 2 + size]))
        at += 2 + size
    return out, payload[at:]


def blocks(payload: bytes) -> list[tuple[int, int, bytes]]:
    """(channel, type, data) of a chain. Raises PeerError for a type of unknown length or a cut one."""
    out, rest = _cut(payload)
    if rest:
        raise PeerError(f"unknown or cut block at byte {len(payload) - len(rest)}", discarded=payload)
    return out


def _name(kind: int, data: bytes) -> tuple[str, int] | None:
    for name, each in SETTINGS.items():
        number, fixed, layout = each.key
        if kind == number and data.startswith(fixed):
            return name, int(parse(layout, data[len(fixed) :]))
    return None


def _coded(name: str, number: int) -> bytes:
    """Type and data of a setting."""
    kind, fixed, layout = SETTINGS[name].key
    return bytes([kind, *fixed, *layout.build(number)])


def _shown(kind: int, data: bytes) -> dict[str, Any]:
    if kind == 0x8E:
        key = "motion_report_interval_min" if data[0] == 1 else "report_interval_min"
        return {key: parse(Int16ul, data[1:])}
    if kind == 0x66:
        return {"report_strategy": MODES[data[0]] if data[0] < 3 else data[0]}
    if kind == 0x3C:
        return {"gnss_timeout_min": data[0]}
    if kind == 0x71:
        return {"positioning": POSITIONING[data[0]] if data[0] < 3 else data[0]}
    if kind == 0x58:
        found = parse(Motion, data)
        key = "motion_detection" if found.which == 0 else "rest_detection"
        return {key: {"delta_raw": found.delta, "duration_s": found.duration}}
    if kind == 0x8A:
        return {"timed_report": {"index": data[0] + 1, "minute_of_day": parse(Int16ul, data[1:])}}
    return {f"type_{kind:02x}": data.hex()}


def _scanned(scan: Any, out: dict[str, Any]) -> None:
    """One access point of a Wi-Fi scan, or its end without any."""
    out |= {"wifi_group_id": scan.group, "wifi_scan": "finished", "motion_status": scan.status & 15}
    points = out.setdefault("wifi", [])
    if scan.mac == _NOBODY:
        out["wifi_scan"] = "timeout"
    else:
        points.append({"mac": scan.mac.hex(":"), "rssi": scan.rssi})
    out["wifi_count"] = len(points)


class _Unit(Unit):
    """Echoes what it took; what it refuses it does not echo."""

    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        if f_port != self.device.port:
            return []
        echo = b""
        for _, kind, data in blocks(payload):
            found = _name(kind, data)
            if found is None or found[0] in self.faults.refuse:
                continue
            name, number = found
            choices = SETTINGS[name].choices
            self.store(name, choices[number] if choices else number)
            echo += b"\xfe" + _coded(name, self.state[name] if name in self.faults.clamp else number)
        return [(self.device.uplink_port, echo)] if echo else []


class MilesightAt101(Device):
    """AT101."""

    name = "milesight_at101"
    port, uplink_port = 85, 85
    interval_unit = 60.0
    able = Capability(
        Strength.ACKNOWLEDGED, "the echo says no more than that the tracker took the frame; it cannot be asked"
    )
    settings = SETTINGS
    sample = (85, bytes.fromhex("01756403671b01050000048836bf7701f000090722"))
    unit = _Unit

    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """One chain of at most 19 bytes."""
        names = tuple(name for name in SETTINGS if name in settings)
        payload = b""
        for name in names:
            value, choices = settings[name], SETTINGS[name].choices
            payload += b"\xff" + _coded(name, choices.index(value) if choices else value)

        def echoed(event: Event) -> Collection[str]:
            told = self.told([event] if event.f_port == self.uplink_port else [])
            return told.values.keys() | told.foreign.keys()

        shown = ", ".join(f"{name} {settings[name]}" for name in names)
        return [Ask(payload, f"set {shown}", "echo of every setting on port 85", names, collecting(names, echoed))]

    def understand(self, payload: bytes, out: Told) -> None:
        """Echoes: the settings in a chain."""
        for channel, kind, data in blocks(payload):
            found = _name(kind, data) if channel in (0xFF, 0xFE) else None
            if found is None:
                continue
            name, number = found
            choices = SETTINGS[name].choices
            if not choices:
                out.values[name] = number
            elif number < len(choices):
                out.values[name] = choices[number]
            else:
                out.foreign[name] = f"{name} {number}"

    def acknowledged(self, ask: Ask, uplinks: Sequence[Event]) -> tuple[set[str], dict[str, str]]:
        """What was echoed."""
        return set(self.told(uplinks).values) & set(ask.fields), {}

    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """Telemetry and echoes; what follows a block of unknown length is told as it is."""
        out: dict[str, Any] = {"message": "other"}
        if f_port != self.uplink_port:
            return out
        known, rest = _cut(payload)
        if rest:
            out["unknown_hex"] = rest.hex()
        for channel, kind, data in known:
            if channel in (0xFF, 0xFE):
                out |= {"message": "set_echo", **_shown(kind, data)}
                continue
            out["message"] = "telemetry"
            if kind == 0x75:
                out["battery_pct"] = data[0]
            elif kind == 0x67:
                out["temperature"] = parse(Int16sl, data[:2]) / 10
            elif kind == 0x88:
                place = parse(Place, data)
                out |= {"latitude": place.latitude / 1e6, "longitude": place.longitude / 1e6}
                out["motion"] = _MOTIONS.get(place.status & 15)
                out["geofence"] = {0: "inside", 1: "outside", 2: "unset", 3: "unknown"}.get(place.status >> 4)
            elif kind == 0xD9:
                _scanned(parse(Scan, data), out)
            elif kind == 0xCE:
                past = parse(History, data)
                place = {"latitude": past.latitude / 1e6, "longitude": past.longitude / 1e6}
                out.setdefault("history", []).append({"time_unix": past.time, **place})
        return out

    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """Settings."""
        out: dict[str, Any] = {"message": "set"}
        for _, kind, data in blocks(payload):
            out |= _shown(kind, data)
        return out
