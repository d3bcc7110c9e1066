"""An emulated TrackerD console: prints log lines, obeys the interval commands, answers as firmware 1.4.6 does."""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.dragino_at import settings as values
from tracker_codecs.families.dragino_at.stream import DraginoStream

_FIELDS = {word: name for name, word in values.WORDS.items()}
_COMMAND = re.compile(r"AT\+([A-Z0-9]+)=(.*)", re.ASCII).fullmatch
#: Factory state: milliseconds, and no waking by motion.
_FACTORY = {"TDC": 1200000, "MTDC": 300000, "ATDC": 60000, "INTWK": 0}


class DraginoEmulator(Device):
    """One unit. Options: `prefix` (false) true prints values as AT+TDC=...; `echo` (false) true sends back lines."""

    ears = DraginoStream

    def begin(self) -> None:
        """`words`: what each command last wrote."""
        self.words = {}
        for name in values.VARIANTS[self.variant]:
            word = values.WORDS[name]
            self.words[word] = int(values.encode(name, self.held[name])) if name in self.held else _FACTORY[word]

    @property
    def settings(self) -> dict[str, Value]:
        """The stored settings, in seconds."""
        return {_FIELDS[word]: values.decode(_FIELDS[word], number) for word, number in self.words.items()}

    def login(self) -> list[Datum]:
        """Log lines of the start: opening the port resets the unit."""
        return [Datum(b"\r\nTrackerD ,v1.4.6\r\ndatalog count:0\r\n")]

    def report(self, now: datetime) -> list[Datum]:
        """Positions go over the air; the console only says that it searches."""
        return [Datum(b"Start searching for GPS...\r\n")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Its port may send back what it hears."""
        said = [Datum(data)] if self.options.get("echo") else []
        return said + super().receive(data, channel)

    def hear(self, message: Message) -> list[Datum]:
        """Obeys a line; a value, an empty line, a result."""
        return [Datum(f"{line}\r\n".encode("ascii")) for line in self._obey(message.text)]

    def _obey(self, line: str) -> list[str]:
        found = _COMMAND(line)
        if line == "AT":
            return ["", "OK", ""]
        fixed = {
            "AT+MODEL=?": "TrackerD ,v1.4.6",
            "AT+DEUI=?": bytes.fromhex(self.device_id[:16].rjust(16, "0")).hex(" ") + " ",
        }
        if line in fixed:
            return [fixed[line], "", "OK", ""]
        if found is None or found[1] not in self.words:
            return ["", "ERROR", ""]
        if found[2] == "?":
            prefix = f"AT+{found[1]}=" if self.options.get("prefix") else ""
            return [f"{prefix}{self.words[found[1]]}", "", "OK", ""]
        return ["", "OK" if self._set(found[1], found[2]) else "AT_PARAM_ERROR", ""]

    def _set(self, word: str, text: str) -> bool:
        name = _FIELDS[word]
        number = int(text) if text.isdigit() else 0
        if name in self.faults.refuse or (word == "INTWK" and number > 1) or (word in ("TDC", "MTDC") and number < 60):
            return False
        if name not in self.faults.ignore:
            seconds = min(number / 1000, values.RANGE[1])
            self.words[word] = number if word == "INTWK" else int(self.clamped(name, seconds) * 1000)
        return True
