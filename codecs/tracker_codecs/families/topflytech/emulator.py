"""A believable TopFlyTech unit: login, heartbeats, positions that tell the settings, TIMER and VERSION.

Its frames have the layout of recorded ones. A position follows the answer to VERSION at once, so that nobody waits for
the next one. How it refuses is not public: it answers without OK. Options: `header` and `pin` as for the codec, `old`
(a number): positions with the former settings that it sends first, as after a time without network.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Target, Value, utc_now
from tracker_codecs.device import Device
from tracker_codecs.families.topflytech import frame as wire
from tracker_codecs.families.topflytech import settings as values
from tracker_codecs.families.topflytech.frame import TopflyStream

_FACTORY = {"tracking_interval": 60, "psm_interval": 900, "tracking_angle": 35, "tracking_distance": 2000}
#: What stands between the settings and the time in a recorded position: signal, status, inputs, odometer, battery.
_REST = bytes.fromhex("001fc7000105000000013c000000000800000000004b")
_PLACE = bytes.fromhex("000045426d2ee44180f3b6410000000f")


class TopflyEmulator(Device):
    """One unit; see the module."""

    ears = TopflyStream
    factory = _FACTORY

    def begin(self) -> None:
        """See `Device.begin`."""
        target = Target(self.device_id, options=self.options)
        self.header = values.header_for(target)
        self.pin = values.pin_of(target)
        self._imei = values.imei_of(target)
        self._former = dict(self.held)
        self._old = int(self.options.get("old", 0))
        self._serial = 0

    def login(self) -> list[Datum]:
        """Login, with versions as in a recorded one."""
        return [self._frame(wire.LOGIN, bytes.fromhex("111111250350"))]

    def heartbeat(self) -> list[Datum]:
        """Type 03."""
        return [self._frame(wire.HEARTBEAT)]

    def report(self, now: datetime) -> list[Datum]:
        """A position with the settings in front."""
        return [self._position(now, self.held)]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command that bears its id and header."""
        frame = message.frame
        ours = message.device_id == self.device_id and frame[:2] == self.header.to_bytes(2, "big")
        if frame[2] != wire.COMMAND or not ours:
            return []
        return self._obey(frame[wire.HEAD + 1 : -1].decode("latin-1"))

    def _obey(self, text: str) -> list[Datum]:
        word, *rest = text.split(",")
        if word == "VERSION":
            now = utc_now()
            old = [self._position(now, self._former) for _ in range(self._old)]
            return [self._answer("SET VERSION OK,Version:Basic:V1.0.3"), *old, self._position(now, self.held)]
        if word != "TIMER":
            return [self._answer(f"SET {word} OK")]
        numbers = rest[-1].split(":") if rest and rest[:-1] == ([self.pin] if self.pin else []) else []
        if len(numbers) != 4 or not all(number.isascii() and number.isdigit() for number in numbers):
            return [self._answer("SET TIMER ERROR")]
        asked = dict(zip(values.ORDER, map(int, numbers), strict=True))
        if any(name in self.faults.refuse and value != self.held[name] for name, value in asked.items()):
            return [self._answer("SET TIMER ERROR")]
        self._former = dict(self.held)
        for name, value in asked.items():
            if name not in self.faults.ignore:
                low, high = self.faults.clamp.get(name, values.RANGES[name])
                self.held[name] = int(min(max(value, low), high))
        return [self._answer(f"SET TIMER OK,{rest[-1]}")]

    def _position(self, now: datetime, told: Mapping[str, Value]) -> Datum:
        on, off, angle, distance = (int(told[name]) for name in values.ORDER)
        head = on.to_bytes(2, "big") + off.to_bytes(2, "big") + bytes((angle,)) + distance.to_bytes(2, "big")
        return self._frame(wire.POSITION, head + _REST + bytes.fromhex(f"{now:%y%m%d%H%M%S}") + _PLACE)

    def _answer(self, text: str) -> Datum:
        return self._frame(wire.COMMAND, b"\x01" + f"IMEI:{self.device_id},{text}#".encode("utf-16-le"))

    def _frame(self, kind: int, body: bytes = b"") -> Datum:
        self._serial = self._serial % 0xFFFF + 1
        return Datum(wire.build(self.header, kind, self._serial, self._imei, body))
