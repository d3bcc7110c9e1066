"""A believable TR-206: reports in the printed form, takes GSS, answers L1; sends an ACK where A0 is 1.

How a unit refuses is not public, so it is silent where it would. Options: `acks` (true) false: A0 = 0; `gps_on` (true)
false: RH = 0; `packets` (0): settings in a packet of its answers, 0: all in one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.globalsat import frame as wire
from tracker_codecs.families.globalsat.dialogue import WORDS

_ASKED = re.compile(r"(?:3,0,)?L1\(([A-Z0-9,]{1,40})\)", re.ASCII)


class GlobalsatEmulator(Device):
    """One unit; see the module. There is no login: every frame names the unit."""

    ears = wire.GlobalsatStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.stored = {"R0": 3600, "R1": 30, "R2": 2, "R3": 0, "RH": int(bool(self.options.get("gps_on", True)))}
        self.stored |= {word: int(self.held[name]) for name, word in WORDS.items() if name in self.held}

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {name: self.stored[word] for name, word in WORDS.items()}

    def report(self, now: datetime) -> list[Datum]:
        """A report of motion mode, in the form printed for TR-206."""
        place = "E12129.2839,N2459.8570,0,1.17,212,8,1.0,53"
        return [self._said(f"GSr,{self.device_id},4,5,00,,3,{now:%d%m%y,%H%M%S},{place}")]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a GSS or GSC under its id."""
        if message.device_id != self.device_id:
            return []
        letter, cells = message.data
        if letter == "S" and self._obey(wire.settings_of(message)[1]):
            return self._received()
        if letter != "C":
            return []
        asked = _ASKED.fullmatch(",".join(cells))
        return self._received() + (self._tell(asked[1].split(",")) if asked else [])

    def _obey(self, words: Mapping[str, str]) -> bool:
        """Stores what a GSS writes; False where it would refuse."""
        names = {word: name for name, word in WORDS.items()}
        if not words or self.refuses(*(name for word, name in names.items() if word in words)):
            return False
        for word, value in words.items():
            name = names.get(word, "")
            if word in self.stored and value.isdecimal() and name not in self.faults.ignore:
                low, high = self.faults.clamp.get(name, (0, 2**32 - 1))
                self.stored[word] = int(min(max(int(value), low), high))
        return True

    def _tell(self, words: list[str]) -> list[Datum]:
        known = [
            f"{word}={self.stored[word]:02d}" if word == "R2" else f"{word}={self.stored[word]}"
            for word in words
            if word in self.stored
        ]
        size = int(self.options.get("packets", 0)) or len(known) or 1
        parts = [known[at : at + size] for at in range(0, len(known), size)]
        signs = ["3"] if len(parts) == 1 else ["1", *["0"] * (len(parts) - 2), "2"]
        return [
            self._said(f"GSs,{self.device_id},{sign},{number},{','.join(part)}")
            for number, (sign, part) in enumerate(zip(signs, parts, strict=False))
        ]

    def _received(self) -> list[Datum]:
        return [Datum(self.device_id.encode("ascii") + b",ACK\r")] if self.options.get("acks", True) else []

    def _said(self, body: str) -> Datum:
        return Datum(wire.seal(body))
