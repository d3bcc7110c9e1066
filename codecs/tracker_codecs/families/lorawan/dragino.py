"""Dragino TrackerD and LGT-92. Downlink on any port (2 here), big endian. One command a downlink: its length must fit.

Intervals are a u24 of seconds; the tracker answers nothing, so confirmed downlinks are used and the radio's
acknowledgement is all there is. TrackerD answers `23 01` on port 5 with its status, which tells the motion wake flag
and no interval. A5 means different things on the two and is not used. Sources: dragino/TrackerD (TrackerD.ino,
common.cpp); dragino-end-node-decoder; Dragino LGT-92 user manual p. 18.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from construct import Byte, Int16ub, Int24ub, Struct, Terminated

from tracker_codecs.contract import Capability, Match, Settings, Strength
from tracker_codecs.families.lorawan.device import (
    RADIO_ACK,
    READ,
    Ask,
    Device,
    Tokens,
    Told,
    Unit,
    Uplinks,
    parse,
    quiet,
)
from tracker_codecs.families.lorawan.network import Event

_ACK = Capability(Strength.ACKNOWLEDGED, RADIO_ACK)
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


class Dragino(Device):
    """What both have in common."""

    port, uplink_port = 2, 5
    commands: ClassVar[dict[str, int]]
    sample = (5, bytes.fromhex("13014801ff0fd04501"))

    def writes(self, settings: Settings, had: Sequence[Event], tokens: Tokens) -> list[Ask]:
        """A confirmed downlink for each setting."""
        out = []
        for name in self.fields:
            if name not in settings:
                continue
            if name in self.commands:
                payload = Interval.build({"command": self.commands[name], "seconds": settings[name]})
                text = f"set {name} {settings[name]} s"
            else:
                payload, text = bytes([0xAF, int(settings[name])]), f"set motion wake {int(settings[name])}"
            out.append(Ask(payload, text, "acknowledgement of the tracker's radio", (name,), confirmed=True))
        return out

    def acknowledged(self, ask: Ask, events: Sequence[Event]) -> tuple[set[str], dict[str, str]]:
        """The radio's acknowledgement is the only one there is."""
        return (set(ask.fields), {}) if any(event.kind == "ack" for event in events) else (set(), {})

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

    def unit(self, settings: Settings, faults: Any) -> Unit:
        """See `Device.unit`."""
        return _Unit(self, settings, faults)


class TrackerD(Dragino):
    """TrackerD."""

    name = "dragino_trackerd"
    commands: ClassVar = {"tracking_interval": 0x01, "motion_tracking_interval": 0x03, "alarm_tracking_interval": 0xB1}
    fields: ClassVar = {**dict.fromkeys(commands, _ACK), "motion_wake": READ}
    ranges = dict.fromkeys(commands, _SECONDS)
    factory: ClassVar = {
        "tracking_interval": 1200,
        "motion_tracking_interval": 300,
        "alarm_tracking_interval": 60,
        "motion_wake": False,
    }

    def reads(self, names: Iterable[str], tokens: Tokens, before: bool) -> list[Ask]:
        """The status, where the motion wake is asked for."""
        if "motion_wake" not in set(names):
            return []

        def answer(event: Event) -> Match:
            if event.f_port != self.uplink_port or event.payload[:1] != bytes([_TRACKERD]):
                return Match.NO
            parse(Status, event.payload)
            return Match.DONE

        return [Ask(b"\x23\1", "request status", "status on port 5", ("motion_wake",), quiet(answer))]

    def told(self, events: Sequence[Event]) -> Told:
        """Of the status."""
        out = Told()
        for event in events:
            if event.kind == "up":
                out.values["motion_wake"] = bool(parse(Status, event.payload).flags & 1)
        return out


class Lgt92(Dragino):
    """LGT-92."""

    name = "dragino_lgt92"
    commands: ClassVar = {"tracking_interval": 0x01, "heartbeat_interval": 0xA9}
    fields = dict.fromkeys(commands, _ACK)
    ranges = dict.fromkeys(commands, _SECONDS)
    factory: ClassVar = {"tracking_interval": 300, "heartbeat_interval": 3600}


class _Unit(Unit):
    """Takes a command of exactly the right length, says nothing but its status."""

    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        """See `Unit.hear`."""
        device = self.device
        assert isinstance(device, Dragino)
        if payload == b"\x23\1" and "motion_wake" in device.fields:
            flags = int(self.state["motion_wake"])
            return [(5, bytes.fromhex("13014801ff0fd045") + bytes([flags]))]
        for name, number in device.commands.items():
            if payload[:1] == bytes([number]) and len(payload) == 4:
                seconds = parse(Interval, payload).seconds
                if seconds >= _SECONDS[0]:
                    self.store(name, seconds)
        if payload[:1] == b"\xaf" and len(payload) == 2 and "motion_wake" in device.fields:
            self.store("motion_wake", payload[1] == 1)
        return []
