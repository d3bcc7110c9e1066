"""Dragino TrackerD and LGT-92. Downlink on any port (2 here), big endian. One command a downlink: its length must fit.

Intervals are a u24 of seconds; the tracker answers nothing, so confirmed downlinks are used and the radio's
acknowledgement is all there is. TrackerD answers `23 01` on port 5 with its status, which tells the motion wake flag
and no interval. A5 means different things on the two and is not used. Sources: dragino/TrackerD (TrackerD.ino,
common.cpp); dragino-end-node-decoder; Dragino LGT-92 user manual p. 18.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from construct import Byte, Int16ub, Int24ub, Struct, Terminated

from tracker_codecs.contract import Capability, Settings, Strength
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan.device import (
    RADIO_ACK,
    READ,
    Ask,
    Device,
    Run,
    Setting,
    Told,
    Unit,
    Uplinks,
    by_radio,
    holding,
    parse,
)

_SECONDS = (6, 16777215)
_TRACKERD = 0x13
Interval = Struct("command" / Byte, "seconds" / Int24ub, Terminated)
Status = Struct(
    "sensor_type" / Byte,
    "firmware" / Int16ub,
    "band" / Byte,
    "sub_band" / Byte,
    "battery_mv" / Int16ub,
    "mode" / Byte,
    "flags" / Byte,
    Terminated,
)
_MESSAGES = {0x01: "set_interval", 0x03: "set_motion_interval", 0xB1: "set_alarm_interval", 0xA9: "set_keepalive"}


def status(payload: bytes) -> Any:
    """The status of a TrackerD. Raises PeerError for anything else."""
    if payload[:1] != bytes([_TRACKERD]):
        raise PeerError("no status of a TrackerD", discarded=payload)
    return parse(Status, payload)


class _Unit(Unit):
    """Takes a command of exactly the right length, says nothing but its status."""

    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        settings = self.device.settings
        if payload == b"\x23\1" and "motion_wake" in settings:
            return [(5, bytes.fromhex("13014801ff0fd045") + bytes([self.state["motion_wake"]]))]
        for name, each in settings.items():
            if payload[:1] != bytes([each.key]):
                continue
            if name == "motion_wake" and len(payload) == 2:
                self.store(name, payload[1] == 1)
            elif name != "motion_wake" and len(payload) == 4:
                seconds = parse(Interval, payload).seconds
                if seconds >= _SECONDS[0]:
                    self.store(name, seconds)
        return []


class Dragino(Device):
    """What both have in common: a command a setting, by its number."""

    port, uplink_port = 2, 5
    able = Capability(Strength.ACKNOWLEDGED, RADIO_ACK)
    radio_answers = True
    sample = (5, bytes.fromhex("13014801ff0fd04501"))
    unit = _Unit

    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """A confirmed downlink for each setting."""
        out = []
        for name, each in self.settings.items():
            if name not in settings:
                continue
            value = settings[name]
            if name == "motion_wake":
                payload, text = bytes([each.key, value]), f"set motion wake {int(value)}"
            else:
                payload = Interval.build({"command": each.key, "seconds": value})
                text = f"set {name} {value} s"
            out.append(by_radio(payload, text, (name,)))
        return out

    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """The status on port 5."""
        if f_port != self.uplink_port or payload[:1] != bytes([_TRACKERD]):
            return {"message": "other"}
        found = parse(Status, payload)
        return {
            "message": "status",
            "sensor_type": f"{found.sensor_type:02X}",
            "firmware": ".".join(f"{found.firmware:04X}"[1:]),
            "band": found.band,
            "battery_mv": found.battery_mv,
            "sensor_mode": found.mode >> 6,
            "gps_mode": found.mode >> 4 & 3,
            "ble_mode": found.mode & 15,
            "flags": {
                "pnackmd": bool(found.flags & 4),
                "led": bool(found.flags & 2),
                "motion_wake": bool(found.flags & 1),
            },
        }

    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """The commands in use and their neighbours."""
        if payload == b"\x23\1":
            return {"message": "request_status"}
        if len(payload) == 2 and payload[0] == 5 and payload[1] < 2:
            return {"message": "set_confirmed_uplinks", "on": payload[1] == 1}
        if len(payload) == 2 and payload[0] == 0xAF and payload[1] < 2:
            return {"message": "set_motion_wake", "on": payload[1] == 1}
        if len(payload) == 2 and payload[0] == 0xA5:
            return {"message": "set_motion_detect", "mode": payload[1]}
        if len(payload) == 4 and payload[0] in _MESSAGES:
            found = parse(Interval, payload)
            return {"message": _MESSAGES[found.command], "seconds": found.seconds}
        return {"message": "other"}


class TrackerD(Dragino):
    """TrackerD."""

    name = "dragino_trackerd"
    settings: ClassVar = {
        "tracking_interval": Setting(1200, 0x01, _SECONDS),
        "motion_tracking_interval": Setting(300, 0x03, _SECONDS),
        "alarm_tracking_interval": Setting(60, 0xB1, _SECONDS),
        "motion_wake": Setting(False, 0xAF, able=READ),
    }

    def reads(self, names: Collection[str], run: Run) -> list[Ask]:
        """The status, where the motion wake is asked for."""
        if "motion_wake" not in names:
            return []
        answer = holding(self.uplink_port, status)
        return [Ask(b"\x23\1", "request status", "status on port 5", ("motion_wake",), answer)]

    def understand(self, payload: bytes, out: Told) -> None:
        """The status."""
        out.values["motion_wake"] = bool(status(payload).flags & 1)


class Lgt92(Dragino):
    """LGT-92."""

    name = "dragino_lgt92"
    settings: ClassVar = {
        "tracking_interval": Setting(300, 0x01, _SECONDS),
        "heartbeat_interval": Setting(3600, 0xA9, _SECONDS),
    }
