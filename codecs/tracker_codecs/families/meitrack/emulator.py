"""An emulated Meitrack unit: reports, sends heartbeats, keeps what A11 to A16 and A73 set, and answers OK.

What a unit says when it refuses is not documented, so this one then keeps silent. Its reports copy the printed T622
example and a recorded heartbeat, with its own time and id.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.meitrack import frame as wire
from tracker_codecs.families.meitrack.settings import NUMBERS, VARIANTS

_FIELD = {command: name for name, (command, *_) in NUMBERS.items()}
_REST = b"A,5,22,1,174,4,129,0,435,0|0|10133|4110,0000,166|224|193|2704|916,"


class MeitrackEmulator(Device):
    """One unit on one link. `registers` holds the numbers by command, in the units of the wire."""

    ears = wire.MeitrackStream

    def begin(self) -> None:
        """See `Device.begin`."""
        if not (self.device_id.isascii() and self.device_id.isdigit() and len(self.device_id) in (14, 15)):
            raise LocalError("must be an IMEI", parameter="device_id")
        self.registers = {"A12": 6, "A14": 0, "A13": 0, "A11": 0, "A15": 0, "A16": 0, "A73": 0}
        for name, value in self.held.items():
            if name in NUMBERS:
                command, unit, *_ = NUMBERS[name]
                self.registers[command] = value // unit
        self._flag = 0

    @property
    def settings(self) -> dict[str, Value]:
        """What the unit really does, by profile field."""
        fields = VARIANTS[self.variant]
        table = self.registers
        told: dict[str, Value] = {
            name: table[command] * unit for name, (command, unit, *_) in NUMBERS.items() if name in fields
        }
        if "on_stop_tracking_interval" in told and not table["A16"]:
            told["on_stop_tracking_interval"] = told["tracking_interval"]
        if "type" in fields:
            told["type"] = "distance" if table["A14"] and not table["A12"] else "interval"
        return told

    @property
    def report_interval(self) -> float:
        """Seconds between reports; without an interval, as if the distance took a minute."""
        return float(self.registers["A12"] * 10 or 60)

    def _say(self, content: bytes, flag: str = "") -> Datum:
        if not flag:
            flag = chr(0x41 + self._flag)
            self._flag = (self._flag + 1) % 58
        return Datum(wire.build(b"$$", flag, self.device_id, content))

    def login(self) -> list[Datum]:
        """No login: a heartbeat says who it is."""
        self._flag = 0
        return self.heartbeat()

    def heartbeat(self) -> list[Datum]:
        """Event 31, without a fix."""
        place = b"22.913458,114.083183,080229123628,V,9,23,21,83,1,18,1350,127"
        return [self._say(b"AAA,31,%b,0|0|10133|4110,0000,169|181|184|2714|919," % place)]

    def report(self, now: datetime) -> list[Datum]:
        """Event 35, by time; 33, by distance."""
        return [self._say(self._position(33 if not self.registers["A12"] else 35, now))]

    def _position(self, event: int, now: datetime) -> bytes:
        moment = now.astimezone(UTC).strftime("%y%m%d%H%M%S").encode("ascii")
        return b"AAA,%d,22.540113,114.076141,%b,%b" % (event, moment, _REST)

    def hear(self, message: Message) -> list[Datum]:
        """Answers to commands; owed replies are taken in silence."""
        try:
            found = wire.parse(message.frame)
        except PeerError:
            return []
        return self._obey(found) if found.device_id == self.device_id else []

    def _obey(self, found: wire.Content) -> list[Datum]:
        command, arguments = found.command, found.arguments
        if command == "A10":
            return [self._say(self._position(34, datetime(2010, 3, 13, 9, 37, 38, tzinfo=UTC)), found.flag)]
        if command == "E91":
            return [self._say(b"FWV1.00,12345678", found.flag)]
        if command not in self.registers or not arguments or not (arguments[0].isascii() and arguments[0].isdigit()):
            return []
        name = _FIELD.get(command, "on_stop_tracking_interval")
        if self.refuses(name):
            return []
        if name not in self.faults.ignore:
            value = int(arguments[0])
            if command != "A16":
                unit = NUMBERS[name][1]
                value = int(self.clamped(name, value * unit)) // unit
            self.registers[command] = value
        return [self._say(command.encode("ascii") + b",OK", found.flag)]
