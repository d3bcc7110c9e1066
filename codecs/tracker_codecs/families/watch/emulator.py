"""A believable watch: LK, positions, UPLOAD said back, TS in the words of the vendor's example.

Option `status` (true): it answers TS; some firmware does not. A refusal is not public: silence stands for it.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.watch import dialogue
from tracker_codecs.families.watch.dialogue import INTERVAL
from tracker_codecs.families.watch.frame import WatchStream, build


class WatchEmulator(Device):
    """One watch; see the module. Options besides `status`: `maker` (3G), `index`."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self.interval = int(self.held.get(INTERVAL, 600))
        self._stream = WatchStream(server=True)

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {INTERVAL: self.interval}

    def connect(self) -> list[Datum]:
        """LK, with which a watch begins."""
        self._stream = WatchStream(server=True)
        return self.heartbeat()

    def heartbeat(self) -> list[Datum]:
        """LK with steps, tumbles and battery."""
        return [self._say("LK,0,10,100")]

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded UD."""
        place = "A,41.46500,N,081.53128,W,0.926,000,0,00,70,70,0,50,00000000,0,1,,,,00"
        return [self._say(f"UD,{now:%d%m%y,%H%M%S},{place}")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Obeys commands; answers to its own frames need none."""
        said: list[Datum] = []
        for event in self._stream.feed(data):
            if not isinstance(event, Message) or self.faults.silent:
                continue
            word, rest = event.data.word, event.data.rest
            if word == "UPLOAD" and rest.isdecimal() and INTERVAL not in self.faults.refuse:
                if INTERVAL not in self.faults.ignore:
                    low, high = self.faults.clamp.get(INTERVAL, (0, dialogue.HIGH))
                    self.interval = int(min(max(int(rest), low), high))
                said.append(self._say("UPLOAD"))
            elif word == "TS" and self.options.get("status", True):
                said.append(
                    self._say(
                        f"TS,ver:G4C_YSC_EMMC_240_5M_En_N_2023.11.10_15.38.00;\r\nID:{self.device_id};\r\n"
                        f"upload:{self.interval};\r\nlk:300;\r\nbatlevel:87;\r\nlanguage:en;\r\nNET:OK(100)"
                    )
                )
        return said

    def _say(self, content: str) -> Datum:
        maker, index = str(self.options.get("maker", "3G")), str(self.options.get("index", ""))
        return Datum(build(maker, self.device_id, content, index))
