"""A believable watch: LK, positions, UPLOAD said back, TS in the words of the vendor's example.

Option `status` (true): it answers TS; some firmware does not. A refusal is not public: silence stands for it.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message
from tracker_codecs.device import Device
from tracker_codecs.families.watch.dialogue import INTERVAL
from tracker_codecs.families.watch.frame import WatchStream, build

_FACTORY = {INTERVAL: 600}


class WatchEmulator(Device):
    """One watch; see the module. Options besides `status`: `maker` (3G), `index`."""

    ears = WatchStream
    factory = _FACTORY

    def login(self) -> list[Datum]:
        """LK, with which a watch begins."""
        return self.heartbeat()

    def heartbeat(self) -> list[Datum]:
        """LK with steps, tumbles and battery."""
        return [self._say("LK,0,10,100")]

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded UD."""
        place = "A,41.46500,N,081.53128,W,0.926,000,0,00,70,70,0,50,00000000,0,1,,,,00"
        return [self._say(f"UD,{now:%d%m%y,%H%M%S},{place}")]

    def hear(self, message: Message) -> list[Datum]:
        """Obeys UPLOAD, tells TS; answers to its own frames need none."""
        word, rest = message.data.word, message.data.rest
        if word == "UPLOAD" and rest.isdecimal() and self.obey(INTERVAL, int(rest)):
            return [self._say("UPLOAD")]
        if word != "TS" or not self.options.get("status", True):
            return []
        told = (
            f"TS,ver:G4C_YSC_EMMC_240_5M_En_N_2023.11.10_15.38.00;\r\nID:{self.device_id};\r\n"
            f"upload:{self.held[INTERVAL]};\r\nlk:300;\r\nbatlevel:87;\r\nlanguage:en;\r\nNET:OK(100)"
        )
        return [self._say(told)]

    def _say(self, content: str) -> Datum:
        maker, index = str(self.options.get("maker", "3G")), str(self.options.get("index", ""))
        return Datum(build(maker, self.device_id, content, index))
