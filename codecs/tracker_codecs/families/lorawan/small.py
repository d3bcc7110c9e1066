"""Two trackers with small tables: Vega-Absolute LM-1 and Browan TBOL100. Little endian.

LM-1, port 3: settings packet `00`, then id u16, length u8, value; request `01`. Positions come as often as they are
collected when collection and transmission have the same period: 49 with 16 at rest, 62 with 63 in movement.
TBOL100: `00` moving, `01` stationary interval, `02` motion timeout, each with a u16 of seconds; a single `00` asks.
Nothing is acknowledged by either; the answer to a request is the read-back. The TBOL100's port 204 and the form of its
answer are known from sister products only: experimental. Sources: Vega LM-1 user manual rev 05 p. 22-24,
VegaAbsolute/IoTVegaParser; Browan TBOL100 reference manual p. 13, TBSL100 and TBAM100 manuals.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from construct import Bytes, Const, GreedyRange, Int8ul, Int16ul, Struct, Terminated, this

from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength
from tracker_codecs.errors import PeerError
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

# -- Vega LM-1 -------------------------------------------------------------------------------------------------------
CODES = {60: 1, 360: 2, 720: 3, 1440: 4, 5: 5, 15: 6, 30: 7, 1: 8}
_MINUTES = {code: minutes for minutes, code in CODES.items()}
#: By ids: periods of collection and of transmission, which are always written alike.
VEGA = {
    "on_stop_tracking_interval": Setting(60, (49, 16)),
    "tracking_interval": Setting(5, (62, 63)),
    "movement_alarm": Setting(False, (71,)),
}
PAIRS: dict[str, tuple[int, int]] = {name: each.key for name, each in VEGA.items() if len(each.key) == 2}
ALARM = 71
Packet = Struct(
    "type" / Const(0, Int8ul),
    "items" / GreedyRange(Struct("id" / Int16ul, "length" / Int8ul, "value" / Bytes(this.length))),
    Terminated,
)


def packet(payload: bytes) -> dict[int, int]:
    """Id -> value of a settings packet. Raises PeerError."""
    return {item.id: int.from_bytes(item.value, "little") for item in parse(Packet, payload)["items"]}


def _build(items: dict[int, int]) -> bytes:
    return bytes(Packet.build({"items": [{"id": n, "length": 1, "value": bytes([v])} for n, v in items.items()]}))


class _Lm1(Unit):
    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        if f_port != 3:
            return []
        if payload == b"\1":
            items: dict[int, int] = {}
            for name, ids in PAIRS.items():
                items |= dict.fromkeys(ids, CODES[min(CODES, key=lambda m: abs(m - self.state[name]))])
            return [(3, _build({4: 2, **items, ALARM: int(self.state["movement_alarm"])}))]
        for number, value in packet(payload).items():
            for name, ids in PAIRS.items():
                if number == ids[0] and value in _MINUTES:
                    self.store(name, _MINUTES[value])
            if number == ALARM:
                self.store("movement_alarm", bool(value))
        return []


class VegaLm1(Device):
    """LM-1."""

    name = "vega_lm1"
    port, uplink_port = 3, 3
    interval_unit = 60.0
    settings = VEGA
    sample = (3, bytes.fromhex("00310001063e000106"))
    unit = _Lm1

    def check(self, settings: Settings) -> list[Problem]:
        """Only the periods that have a code; one minute in movement only."""
        out = []
        for name in PAIRS:
            choices = [m for m in sorted(CODES) if m > 1 or name == "tracking_interval"]
            if name in settings and (isinstance(settings[name], bool) or settings[name] not in choices):
                reason = f"the tracker knows only {', '.join(map(str, choices))} minutes"
                out.append(Problem(name, Severity.REFUSE, reason))
        return out

    def reads(self, names: Collection[str], run: Run) -> list[Ask]:
        """The whole settings packet."""
        answer = holding(3, packet, (n for name in names for n in VEGA[name].key))
        return [Ask(b"\1", "request settings", "settings packet on port 3", tuple(names), answer)]

    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """One packet."""
        names = tuple(name for name in VEGA if name in settings)
        items: dict[int, int] = {}
        for name in names:
            value = CODES[settings[name]] if name in PAIRS else int(settings[name])
            items |= dict.fromkeys(VEGA[name].key, value)
        shown = ", ".join(f"{n}={v}" for n, v in items.items())
        return [by_radio(_build(items), f"set {shown}", names)]

    def understand(self, payload: bytes, out: Told) -> None:
        """An interval is told where collection and transmission agree."""
        found = packet(payload)
        for name, (collect, send) in PAIRS.items():
            if collect in found and send in found:
                if found[collect] == found[send] and found[collect] in _MINUTES:
                    out.values[name] = _MINUTES[found[collect]]
                else:
                    out.foreign[name] = f"collection period code {found[collect]}, transmission {found[send]}"
        if ALARM in found:
            if found[ALARM] in (0, 1):
                out.values["movement_alarm"] = bool(found[ALARM])
            else:
                out.foreign["movement_alarm"] = str(found[ALARM])

    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """The settings packet."""
        if f_port != 3:
            return {"message": "other"}
        return {"message": "settings", "params": {str(n): v for n, v in packet(payload).items()}}

    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """Settings packet or request."""
        return {"message": "request_settings"} if payload == b"\1" else self.decode(3, payload)


# -- Browan TBOL100 --------------------------------------------------------------------------------------------------
#: By id.
BROWAN = {
    "tracking_interval": Setting(30, 0, (15, 65535)),
    "on_stop_tracking_interval": Setting(7200, 1, (15, 65535)),
    "stop_detection_delay": Setting(60, 2, (15, 65535)),
}
_IDS: dict[str, int] = {name: each.key for name, each in BROWAN.items()}
_KEYS = ("moving_interval_s", "stationary_interval_s", "gsensor_timeout_s")
Table = Struct("items" / GreedyRange(Struct("id" / Int8ul, "value" / Int16ul)), Terminated)


def table(payload: bytes) -> dict[int, int]:
    """Id -> seconds. Raises PeerError for other ids, or one that stands twice."""
    items = parse(Table, payload)["items"]
    found = {item.id: item.value for item in items}
    if not found or len(found) != len(items) or max(found) > 2:
        raise PeerError("no table of settings 00 to 02", discarded=payload)
    return found


class _Browan(Unit):
    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        if f_port != self.device.port:
            return []
        if payload == b"\0":
            items = [{"id": number, "value": self.state[name]} for name, number in _IDS.items()]
            return [(self.device.uplink_port, bytes(Table.build({"items": items})))]
        found = table(payload)
        for name, number in _IDS.items():
            if number in found:
                self.store(name, found[number])
        return []


class BrowanTbol100(Device):
    """TBOL100; experimental."""

    name = "browan_tbol100"
    port, uplink_port = 204, 204
    able = Capability(Strength.READ_BACK, "port by analogy with sister products", True)
    settings = BROWAN
    sample = (204, bytes.fromhex("001e0001201c023c00"))
    unit = _Browan

    def reads(self, names: Collection[str], run: Run) -> list[Ask]:
        """A single 00."""
        answer = holding(self.uplink_port, table, (_IDS[name] for name in names))
        return [Ask(b"\0", "request settings", "settings on port 204", tuple(names), answer)]

    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """One frame; unconfirmed, as the maker asks."""
        names = tuple(name for name in _IDS if name in settings)
        payload = Table.build({"items": [{"id": _IDS[name], "value": settings[name]} for name in names]})
        shown = ", ".join(f"{_IDS[name]:02X}={settings[name]} s" for name in names)
        return [Ask(payload, f"set {shown}", "sent by a radio gateway; the tracker answers nothing", names)]

    def understand(self, payload: bytes, out: Told) -> None:
        """The table."""
        found = table(payload)
        out.values |= {name: found[number] for name, number in _IDS.items() if number in found}

    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """The table on port 204."""
        if f_port != self.uplink_port:
            return {"message": "other"}
        return {"message": "settings", **{_KEYS[n]: v for n, v in table(payload).items()}}

    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """Set or get."""
        if payload == b"\0":
            return {"message": "get"}
        return {"message": "set", **{_KEYS[n]: v for n, v in table(payload).items()}}
