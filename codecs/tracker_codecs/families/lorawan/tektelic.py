"""TEKTELIC Stork, Pelican and kin. Port 100, big endian: register (bit 7 set = write) and value, several a frame.

Writes are answered on port 101: downlink counter, number of invalid writes, their registers. Intervals are counted in
core ticks. F0 writes the settings to flash; without it a change is lost at a restart. The manual gives two bytes
(20 00); newer units have other bits there: option `save` holds them in hexadecimal digits, or `none`. Older units
answer a write with a CRC32 on port 100 instead; its form is not documented, so it is not counted as an answer. Sources:
TEKTELIC Kona Home Sensor TRM T0005370 p. 11, 16, 33; actility/device-catalog t0008781-stork.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from construct import Byte, Bytes, GreedyRange, Int16ub, Int32ub, Struct, Switch, Terminated, this

from tracker_codecs.contract import Match, Problem, Settings, Severity
from tracker_codecs.errors import PeerError
from tracker_codecs.families.lorawan.device import Ask, Device, Run, Setting, Told, Unit, Uplinks, holding, parse
from tracker_codecs.families.lorawan.network import Event

TICK, REST, MOVING, SAVE = 0x20, 0x22, 0x23, 0x70
#: By register.
SETTINGS = {
    "core_tick": Setting(60, TICK, (60, 86400), off=True),  # 0 ticks: no periodic reports
    "on_stop_tracking_interval": Setting(3600, REST),
    "tracking_interval": Setting(60, MOVING),
}
REGISTERS: dict[str, int] = {name: each.key for name, each in SETTINGS.items()}
_NAMES = {number: name for name, number in REGISTERS.items()}
_SIZES = {TICK: Int32ub, **dict.fromkeys((0x21, REST, MOVING, 0x24, 0x25, 0x26, SAVE), Int16ub)}
#: Bytes of the command that saves, alone in its downlink.
_SAVING = 3
_Value = Switch(this.register & 0x7F, _SIZES)
Values = Struct("items" / GreedyRange(Struct("register" / Byte, "value" / _Value)), Terminated)
Results = Struct(
    "items" / GreedyRange(Struct("counter" / Byte, "count" / Byte, "invalid" / Bytes(this.count))), Terminated
)


def registers(payload: bytes) -> dict[int, int]:
    """Register -> value of a frame. Raises PeerError where a register of unknown size is in it."""
    items = parse(Values, payload)["items"]
    if any(item.value is None for item in items):
        raise PeerError("a register of unknown size", discarded=payload)
    return {item.register: item.value for item in items}


def downlink(payload: bytes) -> tuple[dict[int, int], list[int]]:
    """What a downlink writes (register without bit 7 -> value), and the registers that it reads, in any order.

    Raises PeerError where it writes a register of unknown size, or is cut.
    """
    writes: dict[int, int] = {}
    reads: list[int] = []
    at = 0
    while at < len(payload):
        number = payload[at] & 0x7F
        at += 1
        if not payload[at - 1] & 0x80:
            reads.append(number)
            continue
        layout = _SIZES.get(number)
        if layout is None or at + layout.sizeof() > len(payload):
            raise PeerError("a register of unknown size, or cut", discarded=payload)
        writes[number] = layout.parse(payload[at : at + layout.sizeof()])
        at += layout.sizeof()
    return writes, reads


def _written(event: Event) -> Match:
    """The write result."""
    if event.f_port != 101 or not event.payload:
        return Match.NO
    results = parse(Results, event.payload)["items"]
    return Match.REFUSED if any(item.count for item in results) else Match.DONE


class _Unit(Unit):
    def hear(self, f_port: int, payload: bytes) -> Uplinks:
        if f_port != 100 or not payload:
            return []
        writes, reads = downlink(payload)
        written = self._write(writes) if writes else []  # before what is read, wherever it stands
        return [*written, *(self._read(reads) if reads else [])]

    def _write(self, writes: dict[int, int]) -> Uplinks:
        bad = bytearray()
        tick = self.state["core_tick"]
        for number, value in writes.items():
            name = _NAMES.get(number, "")
            if name in self.faults.refuse or (not name and number != SAVE):
                bad.append(number)
            elif name == "core_tick":
                self.store(name, value)
                old, tick = tick, self.state[name]
                for other in (REST, MOVING):  # what it stores are ticks
                    self.state[_NAMES[other]] = self.state[_NAMES[other]] // old * tick if old else 0
            elif name:
                self.store(name, value * tick)
        return [(101, bytes([1, len(bad), *bad]))]

    def _read(self, reads: list[int]) -> Uplinks:
        tick = self.state["core_tick"]
        items = []
        for number in reads:
            value = self.state.get(_NAMES.get(number, ""), 0)
            items.append({"register": number, "value": value if number == TICK else value // tick if tick else 0})
        return [(100, bytes(Values.build({"items": items})))]


class Tektelic(Device):
    """Trackers with registers 20, 22, 23."""

    name = "tektelic"
    port, uplink_port = 100, 100
    settings = SETTINGS
    sample = (100, bytes.fromhex("200000003c210001"))
    unit = _Unit

    def check(self, settings: Settings) -> list[Problem]:
        """Intervals must be whole ticks."""
        out = super().check(settings)
        tick = settings.get("core_tick")
        for name in ("on_stop_tracking_interval", "tracking_interval"):
            value = settings.get(name)
            if value is None:
                continue
            if tick is None:
                out.append(Problem(name, Severity.UNSUPPORTED, "needs core_tick: the tracker counts ticks"))
            elif value < 0 or (value and (not tick or value % tick or value // tick > 65535)):
                reason = f"must be a multiple of core_tick ({tick} s), at most 65535 ticks, or 0"
                out.append(Problem(name, Severity.REFUSE, reason))
        return out

    def reads(self, names: Collection[str], run: Run) -> list[Ask]:
        """The registers, and the tick with them."""
        numbers = sorted({TICK, *(REGISTERS[name] for name in names)})
        text = f"read registers {bytes(numbers).hex(' ')}"
        answer = holding(100, registers, numbers)
        return [Ask(bytes(numbers), text, "the registers on port 100", tuple(names), answer)]

    def writes(self, settings: Settings, run: Run) -> list[Ask]:
        """The registers, then the command that saves them."""
        names = tuple(name for name in REGISTERS if name in settings)
        tick = settings.get("core_tick", 0)
        items = []
        for name in names:
            value = settings[name] if name == "core_tick" else settings[name] // tick if tick else 0
            items.append({"register": REGISTERS[name] | 0x80, "value": value})
        shown = ", ".join(f"{item['register'] & 0x7F:02X}={item['value']}" for item in items)
        out = [self._write(bytes(Values.build({"items": items})), f"write registers {shown}", names)]
        return [*out, self._write(bytes.fromhex("f02000"), "save to flash", names)]

    @staticmethod
    def _write(payload: bytes, text: str, names: tuple[str, ...]) -> Ask:
        return Ask(payload, text, "write result on port 101", names, _written)

    def understand(self, payload: bytes, out: Told) -> None:
        """Ticks become seconds by the tick of the same frame."""
        found = registers(payload)
        tick = found.get(TICK)
        for number, value in found.items():
            if number == TICK:
                out.values["core_tick"] = value
            elif number in _NAMES and tick is not None:
                out.values[_NAMES[number]] = value * tick

    def acknowledged(self, ask: Ask, uplinks: Sequence[Event]) -> tuple[set[str], dict[str, str]]:
        """The registers that the tracker calls invalid are refused."""
        results = [item for event in uplinks for item in parse(Results, event.payload)["items"]]
        if not results:
            return set(), {}
        bad = {number & 0x7F for item in results for number in item.invalid}
        if SAVE in bad:
            return set(), dict.fromkeys(ask.fields, "the tracker did not save the change: it is lost at a restart")
        no = {_NAMES[number]: f"the tracker calls register {number:02X} invalid" for number in bad if number in _NAMES}
        return set(ask.fields) - no.keys(), no

    def decode(self, f_port: int, payload: bytes) -> dict[str, Any]:
        """Answers to reads and writes."""
        if f_port == 100:
            return {"message": "read_answer", "registers": {f"{n:02X}": v for n, v in registers(payload).items()}}
        if f_port == 101:
            items = parse(Results, payload)["items"]
            invalid = [f"{n & 0x7F:02X}" for item in items for n in item.invalid]
            counter = items[-1].counter if items else None
            return {"message": "write_answer", "downlink_counter": counter, "invalid": invalid}
        return {"message": "other"}

    def decode_down(self, payload: bytes) -> dict[str, Any]:
        """Reads, writes, save; both in one are told apart."""
        if payload[:1] == b"\xf0" and len(payload) <= _SAVING:
            return {"message": "save_to_flash", "what": "application configuration"}
        writes, reads = downlink(payload)
        written = {f"{number:02X}": value for number, value in writes.items()}
        read = [f"{number:02X}" for number in reads]
        if not writes and reads:
            return {"message": "read", "registers": read}
        if not reads:
            return {"message": "write", "registers": written}
        return {"message": "write_and_read", "registers": written, "read": read}
