"""Seeed SenseCAP T1000-A/B. Port 5 both ways, big endian.

81 writes heartbeat, periodic and event interval in minutes (0000 keeps), 83 the mode, 84 all 31 bytes of the event
settings, which are therefore read first. Nothing is acknowledged; 88 asks for the status: id 01 in event mode (with the
event settings), id 02 else. Source: Seeed wiki, SenseCAP T1000 payload page; actility/device-catalog sensecap/t1000.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from construct import Byte, Bytes, Const, Int8ub, Int16sb, Int16ub, Int32sb, Int32ub, Struct, Terminated

from tracker_codecs.contract import Problem, Settings, Severity
from tracker_codecs.families.lorawan.device import (
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
from tracker_codecs.families.lorawan.network import Event

MODES = ("standby", "periodic", "event")
INTERVALS = ("heartbeat_interval", "tracking_interval", "event_tracking_interval")
EVENT = ("motion_tracking_interval", "motion_threshold")
_U16 = (1, 65535)
Events = Struct(
    "motion_enable" / Byte,
    "motion_threshold_mg" / Int16ub,
    "motion_interval_min" / Int16ub,
    "static_enable" / Byte,
    "static_timeout_min" / Int16ub,
    "shock_enable" / Byte,
    "shock_threshold_mg" / Int16ub,
    "rest" / Bytes(20),  # temperature and light: never looked into, always given back
)
_STATUS = (
    "battery_pct" / Byte,
    "software" / Bytes(2),
    "hardware" / Bytes(2),
    "mode" / Byte,
    "strategy" / Byte,
    "heartbeat_min" / Int16ub,
    "periodic_min" / Int16ub,
    "event_min" / Int16ub,
    "temp_light_switch" / Byte,
    "sos_mode" / Byte,
)
StatusEvent = Struct("id" / Const(1, Int8ub), *_STATUS, "events" / Events, Terminated)
StatusPlain = Struct("id" / Const(2, Int8ub), *_STATUS, Terminated)
Intervals = Struct("id" / Const(0x81, Int8ub), *(name / Int16ub for name in INTERVALS), Terminated)
Heartbeat = Struct("id" / Const(5, Int8ub), "battery_pct" / Byte, "mode" / Byte, "strategy" / Byte, "sos_mode" / Byte)
Gnss = Struct(
    "id" / Const(6, Int8ub),
    "events" / Bytes(3),
    "segment" / Byte,
    "time" / Int32ub,
    "longitude" / Int32sb,
    "latitude" / Int32sb,
    "temperature" / Int16sb,
    "light" / Int16ub,
    "battery_pct" / Byte,
)
PositionStatus = Struct(
    "id" / Const(0x11, Int8ub),
    "status" / Byte,
    "events" / Bytes(3),
    "time" / Int32ub,
    "temperature" / Int16sb,
    "light" / Int16ub,
    "battery_pct" / Byte,
)
Failure = Struct("id" / Const(0x0D, Int8ub), "code" / Int32ub)


def status(payload: bytes) -> Any:
    """The status uplink. Raises PeerError for anything else."""
    return parse(StatusEvent if payload[:1] == b"\1" else StatusPlain, payload)


def _plain(found: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in found.items():
        if key in ("software", "hardware"):
            out[key] = f"{value[0]}.{value[1]}"
        elif key == "mode":
            out[key] = MODES[value] if value < len(MODES) else value
        elif key == "events" and not isinstance(value, bytes):
            out |= _plain(value)
        elif not key.startswith("_") and not isinstance(value, bytes):
            out[key] = value
    return out


class _Unit(Unit):
    """Starts with the event settings of the vendor's example, but with its motion event on."""

    block = bytes.fromhex("01001e000500016801012c000005001e025800000000000500010064000000")

    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        if f_port != self.device.port:
            return []
        if payload == b"\x88":
            return [(self.device.uplink_port, self._status())]
        if payload[:1] == b"\x81":
            found = parse(Intervals, payload)
            for name in INTERVALS:
                if found[name]:
                    self.store(name, found[name])
        elif payload[:1] == b"\x83" and len(payload) == 2 and payload[1] < len(MODES):
            self.store("tracking_mode", MODES[payload[1]])
        elif payload[:1] == b"\x84" and len(payload) == 32:
            events = parse(Events, payload[1:])
            self.block = payload[1:]
            self.store("motion_threshold", events.motion_threshold_mg)
            self.store("motion_tracking_interval", events.motion_interval_min)
        return []

    def _status(self) -> bytes:
        state = self.state
        values = {
            "battery_pct": 83,
            "software": b"\1\5",
            "hardware": b"\1\5",
            "mode": MODES.index(state["tracking_mode"]),
            "strategy": 7,
            "heartbeat_min": state["heartbeat_interval"],
            "periodic_min": state["tracking_interval"],
            "event_min": state["event_tracking_interval"],
            "temp_light_switch": 1,
            "sos_mode": 0,
        }
        if state["tracking_mode"] != "event":
            return bytes(StatusPlain.build(values))
        events = parse(Events, self.block)
        events.motion_threshold_mg = state["motion_threshold"]
        events.motion_interval_min = state["motion_tracking_interval"]
        return bytes(StatusEvent.build({**values, "events": events}))


class SenseCap(Device):
    """T1000-A and T1000-B."""

    name = "sensecap_t1000"
    port, uplink_port = 5, 5
    interval_unit = 60.0
    settings: ClassVar = {
        "tracking_mode": Setting("periodic", choices=MODES),
        "heartbeat_interval": Setting(30, bounds=_U16),
        "tracking_interval": Setting(5, bounds=_U16),
        "event_tracking_interval": Setting(5, bounds=_U16),
        "motion_tracking_interval": Setting(5, bounds=_U16),
        "motion_threshold": Setting(30, bounds=_U16),
    }
    sample = (5, bytes.fromhex("060000000064a8ad9d06cc22a00159b3f000cd000664"))
    unit = _Unit

    def check(self, settings: Settings) -> list[Problem]:
        """The motion settings live in event mode only; there alone can they be read, and so be written."""
        if settings.get("tracking_mode") == "event":
            return super().check(settings)
        reason = "only with tracking_mode event: elsewhere the tracker neither uses nor tells its event settings"
        out = [problem for problem in super().check(settings) if problem.field not in EVENT]
        return out + [Problem(name, Severity.UNSUPPORTED, reason) for name in EVENT if name in settings]

    def reads(self, names: Collection[str], run: Run) -> list[Ask]:
        """The status."""
        answer = holding(self.uplink_port, status)
        return [Ask(b"\x88", "request status", "status uplink 01 or 02", tuple(names), answer)]

    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """Intervals, mode, and the event settings where they were read."""
        out = []
        names = tuple(name for name in INTERVALS if name in settings)
        if names:
            payload = Intervals.build({name: settings.get(name, 0) for name in INTERVALS})
            shown = ", ".join(f"{name} {settings[name]} min" for name in names)
            out.append(by_radio(payload, f"set {shown}", names))
        if "tracking_mode" in settings:
            number = MODES.index(settings["tracking_mode"])
            out.append(by_radio(bytes([0x83, number]), f"set mode {number}", ("tracking_mode",)))
        return out + self._events(settings, run.had)

    def second(self, settings: Settings, run: Run) -> list[Ask]:
        """A tracker that was in another mode tells its event settings only after the change of mode."""
        told_before = any(event.payload[:1] == b"\1" for event in run.had[:-1])
        return [] if told_before else self._events(settings, run.had)

    @staticmethod
    def _events(settings: Settings, had: Sequence[Event]) -> list[Ask]:
        names = tuple(name for name in EVENT if name in settings)
        block = next((event.payload[16:] for event in reversed(had) if event.payload[:1] == b"\1"), None)
        if not names or block is None:
            return []
        old = parse(Events, block)
        old.motion_threshold_mg = settings.get("motion_threshold", old.motion_threshold_mg)
        old.motion_interval_min = settings.get("motion_tracking_interval", old.motion_interval_min)
        text = "set event settings, the others as read"
        return [by_radio(b"\x84" + Events.build(old), text, names, depends_on_read=True)]

    def understand(self, payload: bytes, out: Told) -> None:
        """The status."""
        found = status(payload)
        out.values |= {
            "heartbeat_interval": found.heartbeat_min,
            "tracking_interval": found.periodic_min,
            "event_tracking_interval": found.event_min,
        }
        if found.mode < len(MODES):
            out.values["tracking_mode"] = MODES[found.mode]
        else:
            out.foreign["tracking_mode"] = f"mode {found.mode}"
        if found.id == 1:
            out.values["motion_tracking_interval"] = found.events.motion_interval_min
            out.values["motion_threshold"] = found.events.motion_threshold_mg
            if not found.events.motion_enable:
                out.notes |= dict.fromkeys(EVENT, "motion events are switched off in the tracker: without effect")

    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """Status, heartbeat, position, error; ports 192 and 199 belong to a positioning cloud."""
        kind = payload[0] if payload and f_port == self.uplink_port else None
        if kind in (1, 2):
            return {"message": "status", **_plain(status(payload))}
        if kind == 5:
            return {"message": "heartbeat", **_plain(parse(Heartbeat, payload))}
        if kind == 6:
            found = _plain(parse(Gnss, payload))
            return {"message": "position", **found, **{k: found[k] / 1e6 for k in ("longitude", "latitude")}}
        if kind == 0x11:
            return {"message": "position_status", **_plain(parse(PositionStatus, payload))}
        if kind == 0x0D:
            code = parse(Failure, payload).code
            return {"message": "error", "code": code} | ({"text": "UTC time acquisition failed"} if code == 1 else {})
        return {"message": "other"}

    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """The commands in use."""
        if payload[:1] == b"\x81":
            found = parse(Intervals, payload)
            keys = ("heartbeat_min", "periodic_min", "event_min")
            return {"message": "set_intervals"} | {k: found[n] or None for k, n in zip(keys, INTERVALS, strict=True)}
        if payload[:1] == b"\x83" and len(payload) == 2 and payload[1] < len(MODES):
            return {"message": "set_mode", "mode": MODES[payload[1]]}
        if payload[:1] == b"\x84":
            return {"message": "set_event_parameters", **_plain(parse(Events, payload[1:]))}
        names = {b"\x88": "request_status", b"\x87": "request_event_parameters"}
        return {"message": names.get(payload, "other")}
