"""A believable Syrus: reports of an event, answers to sets with what it was sent, its counters and its event table.

How a unit answers a wrong message is not public, so it keeps silent where it refuses. Sets of anything but counters
and the heading generator are not obeyed.
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Transport, Value
from tracker_codecs.device import Device
from tracker_codecs.families.syrus import layout
from tracker_codecs.families.syrus.frame import MAX_FRAME
from tracker_codecs.families.syrus.layout import Counter
from tracker_codecs.families.syrus.messages import GPS_EPOCH
from tracker_codecs.families.syrus.settings import ANGLE, DISTANCE, INTERVAL, TIMED, changed, told


class SyrusEmulator(Device):
    """One unit; see the module. `table` are its events that are defined, by number; none speaks to a serial port.

    Options: `events`: 70 or 100; `echo` (false) true: a serial port sends back what it hears.
    """

    line_end = b"<"
    longest = MAX_FRAME

    def begin(self) -> None:
        """See `Device.begin`."""
        self._wired = self.transport is Transport.SERIAL
        self._echo = self._wired and bool(self.options.get("echo"))
        self.table = {3: "NV2;G00+", 37: "sV0;S00+;ACT=SGC02TC00010", 44: "NV0;J00+", 49: "NV0;TD6+"}
        self.counters = [Counter(index) for index in range(10)]
        start = {INTERVAL: 120, DISTANCE: 500} | {name: self.held[name] for name in TIMED if name in self.held}
        self.counters[6] = changed(Counter(6), start, 10)
        self.held.setdefault(ANGLE, 45)
        self._events = 70 if self.options.get("events") == 70 else 100

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`: those of the counter that event 49 uses."""
        return {**told(self.counters[6]), ANGLE: self.held[ANGLE]}

    def report(self, now: datetime) -> list[Datum]:
        """Event 49, standing still."""
        if self._wired:
            return []
        past = now.replace(tzinfo=None) - GPS_EPOCH
        time = f"{past.days // 7:04d}{past.days % 7}{past.seconds:05d}"
        return [self._say(f"REV49{time}+0307178+1016144900031532;IO=300;SV=8;BL=4159")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`; with its echo before the answers."""
        echo = [Datum(data)] if self._echo else []
        return echo + super().receive(data, channel)

    def hear_line(self, line: bytes) -> list[Datum]:
        """Obeys a message: what stands behind the last opening bracket."""
        text = line[line.rfind(b">") + 1 :].decode("latin-1")
        return [self._say(answer) for answer in self._obey(text)]

    def _say(self, text: str) -> Datum:
        return Datum(f">{text};ID={self.device_id}<".encode("ascii"))

    def _obey(self, text: str) -> list[str]:
        if text == "QVR":
            return ["RVR;emulated"]
        if text == "QED":
            return [f"RED{number:02d}{self.table.get(number, 'U')}" for number in range(self._events)]
        if len(text) == 4 and text.startswith("QTD") and text[3] in "0123456789":
            return [f"R{self.counters[int(text[3])].text}"]
        if not text.startswith("S"):
            return []
        counter, angle = layout.counter(text[1:]), layout.heading(text[1:])
        if counter is not None:
            return self._keep(counter)
        return [f"R{text[1:]}"] if angle is not None and self.obey(ANGLE, angle) else []

    def _keep(self, counter: Counter) -> list[str]:
        if self.refuses(*TIMED):
            return []
        was, wish = told(self.counters[counter.number]), told(counter)
        kept = {name: was[name] if name in self.faults.ignore else self.clamped(name, wish[name]) for name in TIMED}
        self.counters[counter.number] = counter if kept == wish else changed(counter, kept, 10)
        return [f"R{counter.text}"]
