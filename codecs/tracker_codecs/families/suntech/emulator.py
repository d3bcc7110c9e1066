"""A believable Suntech unit: keep-alives and reports of its generation, the report group, Preset and PresetA.

The preset has the groups of a recorded answer. It is deaf to other generations and ids, echoes what it stores and
answers `-Error` where it refuses. Options: `prefix` as for the codec; `speaks` (another generation than that of
commands), `values` (number of values of its report group: 9, 10 or 11), `udp_ack`, `echo` (true: it sends back what it
hears). On a serial port it says nothing unasked.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message, Target, Transport, Value
from tracker_codecs.device import Device
from tracker_codecs.families.suntech import settings as values
from tracker_codecs.families.suntech.frame import SuntechStream

_BEFORE = "NTW;0;internet;;;gateway.example;5011;;;;;"
_AFTER = "EVT;0;10;0;12;3;9;1;30;0;GSM;0;;;;;SVC;1;200;0;0"
_MORE = "ADP;T;T;0;;0;0;0;0;0;0;MSR;600;0.10;0.10;0.70;NPT;25.0;0;30;0;0;500"
_RPT = ["1800", "80", "80", "3", "1200", "0", "0", "0", "0", "30", "0"]


class SuntechEmulator(Device):
    """One unit; see the module."""

    ears = SuntechStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self._wired = self.transport is Transport.SERIAL
        self._echo = bool(self.options.get("echo"))
        target = Target(self.device_id, variant=self.variant, options=self.options)
        self.prefix = str(self.options.get("speaks") or values.prefix_for(target))
        count = int(self.options.get("values", 11))
        self.stored = list(values.LAYOUTS[self.variant].example) if self.variant == "st910" else _RPT[:count]
        if count == 10:
            self.stored.insert(0, self.stored.pop())
        self.stored = values.changed(self.variant, self.stored, self.held)
        self._number = 0

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return values.told(self.variant, self.stored)

    def login(self) -> list[Datum]:
        """A keep-alive; ST9xx has none that is published, and reports."""
        if self._wired:
            return []
        if self.variant == "st910":
            return [self._say(f"{self.prefix};Location;{self.device_id};500;20260101;00:00:00{self._place()};9159")]
        return self.heartbeat()

    def heartbeat(self) -> list[Datum]:
        """ALV."""
        return [] if self._wired or self.variant == "st910" else [self._say(f"{self.prefix}ALV;{self.device_id}")]

    def report(self, now: datetime) -> list[Datum]:
        """A status report of the generation's form."""
        if self._wired:
            return []
        self._number = self._number % 9999 + 1
        when = f"{now:%Y%m%d;%H:%M:%S}"
        if self.variant == "st910":
            head = f"{self.prefix};Location;{self.device_id};500"
            return [self._say(f"{head};{when}{self._place()};{self._number:04d}")]
        model = "" if self.prefix.startswith("SA") else "40;"
        cell = {"ST500": "", "ST600": ";c99e48;732;123;1b2c;30"}.get(self.prefix, ";c99e48")
        place = "+04.644623;-074.076922;010.390;202.77;20;1;997100;14.10;100000"
        head = f"{self.prefix}STT;{self.device_id};{model}313;{when}"
        return [self._say(f"{head}{cell};{place};2;{self._number:04d}")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`; with its echo before the answers."""
        echo = [Datum(data)] if self._echo else []
        return echo + super().receive(data, channel)

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command of its generation and id."""
        answer = self._obey(message.frame[:-1].decode("ascii").split(";"))
        return [self._say(answer)] if answer else []

    def _obey(self, parts: list[str]) -> str:
        if self.variant == "st910":
            return self._obey_9(parts)
        if len(parts) < 4 or parts[0][:5] != self.prefix or parts[1:3] != [self.device_id, "02"]:
            return ""
        word, head = parts[0][5:], f"{parts[0]};Res;{self.device_id};313"
        if word == "RPT":
            return f"{head};{';'.join(self.stored)}" if self._store(parts[3:]) else "-Error"
        if word != "CMD":
            return f"{head};{';'.join(parts[3:])}"
        if parts[3] in ("Preset", "PresetA"):
            more = f";{_MORE};DEV;0;0;0;1;0;0;0;" if parts[3] == "PresetA" else ";"
            return f"{head};{parts[3]};{_BEFORE}RPT;{';'.join(self.stored)};{_AFTER}{more}"
        return f"{head};{parts[3]}"

    def _obey_9(self, parts: list[str]) -> str:
        if len(parts) < 3 or parts[0] != self.prefix or parts[2] != self.device_id:
            return ""
        head = f"{self.prefix};RES;{parts[1]};{self.device_id}"
        if parts[1] == "PRESET":
            network = "NETWORK;1;ict;dip;dip;gateway.example;8020;;;1;gateway.example;8021"
            return f"{head};{network};REPORT;{';'.join(self.stored)};FUNCTION;1;0"
        if parts[1] == "REPORT":
            return f"{head};{';'.join(self.stored)}" if self._store(parts[3:]) else "-Error"
        return "" if parts[1] == "ACK" else head

    def _store(self, group: list[str]) -> bool:
        if len(group) != len(self.stored) or values.usable(self.variant, group):
            return False
        asked, had = values.told(self.variant, group), self.settings
        if any(name in self.faults.refuse and asked[name] != had.get(name) for name in asked):
            return False
        for name, value in asked.items():
            asked[name] = had.get(name, value) if name in self.faults.ignore else self.clamped(name, value)
        self.stored = values.changed(self.variant, group, asked)
        return True

    def _place(self) -> str:
        return ";-22.846014;-046.322176;000.000;000.00;0;3.8;0;1"

    def _say(self, text: str) -> Datum:
        return Datum(text.encode("ascii") + b"\r")
