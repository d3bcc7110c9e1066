"""A believable H02 unit: reports V1, beats, answers S71 and D1 (ST-901) or freq and check (CanTrack)."""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.h02.frame import H02Stream, build
from tracker_codecs.interval import FIELD as INTERVAL

_FREQ = re.compile(r"freq,([0-9A-Za-z]+),(\d{1,6})", re.ASCII)
_PLACE = "A,5002.5849,N,01433.7822,E,0.00,000,140613,FFFFFFFF"


class H02Emulator(Device):
    """One unit; see the module. Options: `maker` (HQ), `password` (123456)."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self.maker = str(self.options.get("maker", "HQ"))
        self.password = str(self.options.get("password", "123456"))
        self.interval = int(self.held.get(INTERVAL, 20))
        self._stream = H02Stream(server=True)

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {INTERVAL: self.interval}

    def connect(self) -> list[Datum]:
        """A beat, which names the unit."""
        self._stream = H02Stream(server=True)
        return self.heartbeat()

    def heartbeat(self) -> list[Datum]:
        """HTBT, which is said back."""
        return [self._say("HTBT")]

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded V1."""
        return [self._say(f"V1,{now:%H%M%S},{_PLACE.replace('140613', f'{now:%d%m%y}')}")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Obeys commands, also where it is silent; texts of CanTrack units come whole."""
        answers = []
        if self.variant == "t80" and data[:1] != b"*":
            answers.append(self._text(data.decode("latin-1").strip()))
        else:
            events = [event for event in self._stream.feed(data) if isinstance(event, Message)]
            answers += [self._framed(event.data.word, event.data.rest) for event in events]
        return [] if self.faults.silent else [self._say(answer) for answer in answers if answer]

    def _say(self, body: str) -> Datum:
        return Datum(build(self.maker, self.device_id, body))

    def _framed(self, word: str, rest: str) -> str:
        if word not in ("S71", "D1") or self.variant != "st901":
            return ""
        at, *arguments = rest.split(",")
        if not arguments or not arguments[-1].isdecimal():
            return ""
        taken = "ERROR" if self.refuses(INTERVAL) else ",".join((*arguments[:-1], self._take(arguments[-1])))
        return f"V4,{word},{taken},{at},050316,{_PLACE}"

    def _take(self, text: str) -> str:
        low, high = self.faults.clamp.get(INTERVAL, (0, 18000))
        value = int(min(max(int(text), low), high))
        if INTERVAL not in self.faults.ignore:
            self.interval = value
        return str(value)

    def _text(self, text: str) -> str:
        found = _FREQ.fullmatch(text)
        if found and found[1] == self.password:
            if self.refuses(INTERVAL):
                return "V4,CMD,freq,FREQ FAIL"
            self._take(found[2])
            return "V4,CMD,freq,FREQ OK"
        if text == f"check{self.password}":
            return (
                f"V4,CMD,check,CHECK,IMEI:{self.device_id},APN:internet,IP:gps.example.com:8989,C:,GSM:31,GPS:1,ACC:1,"
                f"TZ:+8:30,ACCON/ACCOFF:{self.interval}/60,SP:80,1,LMT2:40,Pw:On,12062,KC:1,OIL:90%,BAT:80%"
            )
        return ""
