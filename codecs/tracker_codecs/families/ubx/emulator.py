"""An emulated UBX receiver of either generation: prints RMC, obeys CFG messages, says who it is.

MON-VER answers as a recorded ZED-F9P and with the documented hardware version of generation 8; unknown CFG messages
are refused, others passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tracker_codecs import nmea
from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.ubx import frame as wire
from tracker_codecs.families.ubx import payload
from tracker_codecs.families.ubx import settings as values


class UbxEmulator(Device):
    """One receiver on one port; of the variant `auto` one with configuration keys.

    Options: `cycles` (1) and `reference` (1) as stored; `flash` (true) false refuses the flash layer; `minimum` (25)
    ms below which a period is refused; `echo` (false) true sends back what it hears.
    """

    ears = wire.UbxStream

    def begin(self) -> None:
        """`layers`: the period that each layer keeps; RAM, which is `period`, starts as the others."""
        self.keys = self.variant != "rate"
        self.cycles = int(self.options.get("cycles", 1))
        self.reference = int(self.options.get("reference", 1))
        self.period = int(self.held.get(values.FIELD, 1000)) // self.cycles
        self.layers = dict.fromkeys((payload.BATTERY, payload.FLASH), self.period)

    @property
    def settings(self) -> dict[str, Value]:
        """Milliseconds between fixes."""
        return {values.FIELD: self.period * self.cycles}

    @property
    def report_interval(self) -> float:
        """Seconds between fixes."""
        return self.period * self.cycles / 1000

    def power_cycle(self) -> None:
        """RAM forgets; battery-backed RAM goes before flash."""
        self.period = self.layers[payload.BATTERY]

    def report(self, now: datetime) -> list[Datum]:
        """An RMC sentence, as receivers print from the factory."""
        return [Datum(nmea.rmc(now, 47.2852333, 8.5652667))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Its port may send back what it hears."""
        said = [Datum(data)] if self.options.get("echo") else []
        return said + super().receive(data, channel)

    def hear(self, message: Message) -> list[Datum]:
        """Obeys and acknowledges."""
        return [Datum(frame) for frame in self._obey(message.frame)] if wire.kind_of(message.frame) else []

    def _obey(self, frame: bytes) -> list[bytes]:
        kind, data = wire.kind_of(frame), wire.payload_of(frame)
        if kind == wire.MON_VER and not data:
            return [wire.build(kind, self._version())]
        if kind == wire.SEC_UNIQID and not data and self.keys:
            return [wire.build(kind, b"\x02\0\0\0" + bytes.fromhex(self.device_id[:12].rjust(12, "0")))]
        if kind[0] != 6:
            return []
        answer: bytes | None = None
        done = False
        if kind == wire.CFG_RATE and not self.keys:
            told = payload.RATE.parse(data) if len(data) == payload.RATE.sizeof() else None
            done = not data or (told is not None and self._set(told.period, told.cycles, told.reference))
            answer = None if data else payload.rate(self.period, self.cycles, self.reference)
        elif kind == wire.CFG_VALGET and self.keys and data[:2] == b"\0\0":
            answer = self._get(data[4:])
            done = answer is not None
        elif kind == wire.CFG_VALSET and self.keys and len(data) > 4:
            done = self._set_keys(data[1], payload.pairs(data[4:])[0])
        ack = wire.build(wire.ACK_ACK if done else wire.ACK_NAK, kind)
        return [answer, ack] if answer else [ack]

    def _version(self) -> bytes:
        lines = ["FWVER=HPG 1.51", "PROTVER=27.50", "MOD=ZED-F9P", "GPS;GLO;GAL;BDS"] if self.keys else []
        software, hardware = ("EXT CORE 1.00 (9e1716)", "00190000") if self.keys else ("EXT CORE 3.01", "00080000")
        parts = [software.ljust(30, "\0"), hardware.ljust(10, "\0"), *(line.ljust(30, "\0") for line in lines)]
        return "".join(parts).encode("ascii")

    def _get(self, data: bytes) -> bytes | None:
        """The VALGET answer; None for a key that the receiver does not have."""
        have = {payload.PERIOD: self.period, payload.CYCLES: self.cycles, payload.REFERENCE: self.reference}
        out = b""
        for at in range(0, len(data), 4):
            key = int.from_bytes(data[at : at + 4], "little")
            if key not in have:
                return None
            out += key.to_bytes(4, "little") + have[key].to_bytes(payload.size_of(key), "little")
        return wire.build(wire.CFG_VALGET, b"\x01\0\0\0" + out)

    def _set_keys(self, layers: int, pairs: Mapping[int, int]) -> bool:
        if layers & payload.FLASH and not self.options.get("flash", True):
            return False
        if not self._set(pairs.get(payload.PERIOD, self.period), self.cycles, self.reference):
            return False
        for layer in (payload.BATTERY, payload.FLASH):
            if layers & layer:
                self.layers[layer] = self.period
        return True

    def _set(self, period: int, cycles: int, reference: int) -> bool:
        name = values.FIELD
        if name in self.faults.refuse or period < self.options.get("minimum", 25):
            return False
        if name not in self.faults.ignore:
            low, high = self.faults.clamp.get(name, (0, 65535 * 127))
            self.period = int(min(max(period * cycles, low), high)) // cycles
            self.cycles, self.reference = cycles, reference
        return True
