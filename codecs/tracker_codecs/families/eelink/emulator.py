"""A believable unit: login, locations, heartbeats; obeys TIMER, or COLLECT, GPS and GSM.

Its packages copy recorded ones. `SET TIMER OK` is published; the other answers are worded like it, and queries answer
with the command's own numbers, which nobody published. Option `readable` (true): false answers queries with other text.
"""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.eelink import frame as wire
from tracker_codecs.families.eelink import settings as values

_SET = re.compile(r"(TIMER|COLLECT|GPS|GSM),([0-9,]+)#", re.ASCII).fullmatch
_QUERY = re.compile(r"(COLLECT|GPS)\?", re.ASCII).fullmatch
_COUNTS = {"TIMER": (1,), "COLLECT": (5,), "GPS": (1, 6), "GSM": (1,)}
_FIELDS = {"TIMER": (values.INTERVAL,), "COLLECT": values.COLLECT_FIELDS, "GPS": (values.GPS,), "GSM": (values.GSM,)}
_TIMES = (120, 0, 0, 0, 0)


class EelinkEmulator(Device):
    """One unit; see the module."""

    ears = wire.EelinkStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self._imei = wire.bcd(self.device_id)
        self._readable = self.options.get("readable", True)
        self._serial = 0
        self.stored: dict[str, list[int]] = {"TIMER": [30]}
        if self.variant != "v1":
            self.stored = {"COLLECT": [120, 200, 40, 30, 1], "GPS": [1, *_TIMES], "GSM": [0]}
        for name, value in self.held.items():
            for word, fields in _FIELDS.items():
                if name in fields and word in self.stored:
                    number = values.MODES.index(value) if isinstance(value, str) else int(value)
                    self.stored[word][fields.index(name)] = number

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        told: dict[str, Value] = {}
        for word, numbers in self.stored.items():
            told |= dict(zip(_FIELDS[word], numbers, strict=False))
        for name in (values.GPS, values.GSM):
            if name in told:
                told[name] = values.MODES[told[name]] if told[name] < len(values.MODES) else f"mode {told[name]}"
        return told

    @property
    def report_interval(self) -> float:
        """Seconds between reports; of v2 while moving."""
        return float((self.stored["TIMER"][0] if self.variant == "v1" else self.stored["COLLECT"][3]) or 3600)

    def _say(self, number: int, content: bytes, serial: int | None = None) -> Datum:
        if serial is None:
            self._serial = serial = self._serial + 1 & 0xFFFF
        said = wire.package(number, serial, content)
        return Datum(wire.envelope(self.device_id, said) if self.datagrams else said)

    def login(self) -> list[Datum]:
        """The login, in the layout of its version."""
        rest = b"\x01\x20" if self.variant == "v1" else bytes.fromhex("00200205020500010432000086bd")
        return [self._say(wire.LOGIN, self._imei + rest)]

    def heartbeat(self) -> list[Datum]:
        """Its status."""
        return [self._say(wire.HEARTBEAT, b"\0\x01")]

    def report(self, now: datetime) -> list[Datum]:
        """A position as recorded, with its own time."""
        time = int(now.timestamp()).to_bytes(4, "big")
        if self.variant == "v1":
            return [self._say(wire.POSITION, time + bytes.fromhex("fcd360d6034332b2000000028f000a4f64002eb10101"))]
        rest = "03026b940d0c3952ad0021000000000501cc0001a53f0170f0ab1305890f11000000000000c2d0001c0016"
        return [self._say(wire.LOCATION, time + bytes.fromhex(rest) + bytes(16))]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command, with its UID and serial."""
        asked = message.data
        if not isinstance(asked, wire.Answer) or (self.datagrams and message.device_id != self.device_id):
            return []
        serial = int.from_bytes(message.frame[5:7], "big")
        head = b"\x01" + asked.uid.to_bytes(4, "big")
        return [self._say(wire.COMMAND, head + self._obey(asked.text).encode("ascii"), serial)]

    def _obey(self, text: str) -> str:
        if (asked := _QUERY(text)) and asked[1] in self.stored:
            return f"{asked[1]},{values.joined(tuple(self.stored[asked[1]]))}" if self._readable else "see manual"
        found = _SET(text)
        parts = [part for part in found[2].split(",") if part] if found else []
        if found is None or found[1] not in self.stored or len(parts) not in _COUNTS[found[1]]:
            return "COMMAND ERROR"
        word, fields = found[1], _FIELDS[found[1]]
        if self.refuses(*fields):
            return f"SET {word} ERROR"
        numbers = [int(part) for part in parts]
        if word == "GPS" and len(numbers) == 1:
            numbers = [numbers[0], *_TIMES]
        for at, number in enumerate(numbers):
            name = fields[at] if at < len(fields) else ""
            low, high = self.faults.clamp.get(name, (0, 2**32))
            if name not in self.faults.ignore:
                self.stored[word][at] = int(min(max(number, low), high))
        return f"SET {word} OK"
