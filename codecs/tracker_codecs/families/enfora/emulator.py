"""A believable Enfora unit: registration, text reports, an event table and four timers, answers with OK or ERROR.

Its table has a report on timer 2 (group 7), one by distance (group 8), and one on ignition (group 9). What is set is
spelled in `rows` and `timers`.
"""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs import nmea
from tracker_codecs.contract import Datum, Transport, Value
from tracker_codecs.device import Device
from tracker_codecs.families.enfora import frame as wire
from tracker_codecs.families.enfora.table import DISTANCE, FAR, INTERVAL, Row

_ROW = re.compile(r"AT\$EVENT=(\d{1,2}),([0-3]),(\d{1,3}),(-?\d{1,10}),(-?\d{1,10})", re.ASCII)
_DELETE = re.compile(r"AT\$EVDEL=(\d{1,2})([a-z])", re.ASCII)
_TIMER = re.compile(r"AT\$EVTIM([1-4])(\?|=(\d{1,7}))", re.ASCII)


class EnforaEmulator(Device):
    """One unit; see the module. On a serial port it reports nothing; option `echo` (true): it sends lines back."""

    line_end = b"\r"
    longest = wire.MAX_FRAME

    def begin(self) -> None:
        """See `Device.begin`."""
        self._wired = self.transport is Transport.SERIAL
        self._echo = bool(self.options.get("echo"))
        self.timers = {1: 0, 2: self.held.get(INTERVAL, 120), 3: 0, 4: 0}
        self._metres: int = self.held.get(DISTANCE, 500)
        self.rows = [
            Row(7, "A", 1, 13, 1, 1),
            Row(7, "B", 3, 52, 9, 4350),
            Row(8, "A", 0, 16, self._metres, FAR),
            Row(8, "B", 3, 52, 9, 4350),
            Row(9, "A", 0, 7, 1, 1),
            Row(9, "B", 3, 52, 9, 4350),
        ]
        self.stored = False

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`; 0 m where the row is gone."""
        metres = [row.first for row in self.rows if row.category == 16]
        return {INTERVAL: self.timers[2], DISTANCE: metres[0] if metres else 0}

    def login(self) -> list[Datum]:
        """A registration."""
        if self._wired:
            return []
        return [self._say(wire.REGISTRATION, 8, self.device_id.rjust(20).encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A text report of user number 9."""
        if self._wired:
            return []
        sentence = nmea.rmc(now, 35.1643, 33.5457)
        return [self._say(wire.TEXT_REPORT, 2, b"9".rjust(14) + self.device_id.rjust(22).encode() + b" 13 " + sentence)]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Obeys commands: lines on a serial port, else frames."""
        if self._wired:
            echo = [Datum(data)] if self._echo else []
            return echo + super().receive(data, channel)
        commands = [frame for frame in self._frames(data) if frame[2] == wire.COMMAND and not self.faults.silent]
        return [self._say(int.from_bytes(frame[:2], "big"), wire.ANSWER, self._answer(frame[4:])) for frame in commands]

    def _frames(self, data: bytes) -> list[bytes]:
        """Whole frames, without the length that they have over TCP; after a length that cannot be nothing is known."""
        if self.datagrams:
            return [data] if len(data) >= 6 else []
        found, rest = [], self._partial + data
        while len(rest) >= 6:
            length = int.from_bytes(rest[:2], "big")
            if not 6 <= length <= wire.MAX_FRAME:
                rest = b""
                break
            if len(rest) < length:
                break
            found.append(rest[2:length])
            rest = rest[length:]
        self._partial = rest
        return found

    def hear_line(self, line: bytes) -> list[Datum]:
        """The answer to a line of the serial port."""
        return [Datum(self._answer(line))]

    def _answer(self, line: bytes) -> bytes:
        return f"\r\n{self._obey(line.decode('latin-1').strip())}\r\n".encode()

    def _say(self, number: int, kind: int, payload: bytes) -> Datum:
        return Datum(wire.wrap(self.transport, number, kind, payload))

    def _obey(self, text: str) -> str:
        row, gone, timer = _ROW.fullmatch(text), _DELETE.fullmatch(text), _TIMER.fullmatch(text)
        if text == "AT+CGSN":
            return f"{self.device_id}\r\n\r\nOK"
        if text == "AT$EVENT?":
            lines = [f"{each.group}{each.letter} " + " ".join(str(cell) for cell in each[2:]) for each in self.rows]
            return "\r\n".join(["$EVENT: evgp evtyp evcat p1 p2", *lines, "", "OK"])
        if timer is not None:
            number = int(timer[1])
            if timer[2] == "?":
                return f"$EVTIM{number}: {self.timers[number]}\r\n\r\nOK"
            if self.refuses(INTERVAL):
                return "ERROR"
            if INTERVAL not in self.faults.ignore:
                self.timers[number] = self._clamped(INTERVAL, int(timer[3]))
            return "OK"
        if gone is not None:
            before = len(self.rows)
            self.rows = [each for each in self.rows if (each.group, each.letter.lower()) != (int(gone[1]), gone[2])]
            return "OK" if len(self.rows) < before else "ERROR"
        if row is not None:
            return self._make(*(int(each) for each in row.groups()))
        if text == "AT&W":
            self.stored = True
        return "OK" if text in ("AT&W", "AT") else "ERROR"

    def _make(self, group: int, kind: int, category: int, first: int, second: int) -> str:
        if category == 16:
            if self.refuses(DISTANCE) and first != self._metres:
                return "ERROR"
            first = self._metres if DISTANCE in self.faults.ignore else self._clamped(DISTANCE, first)
            self._metres = first
        taken = {each.letter for each in self.rows if each.group == group}
        letter = next((each for each in "ABCDEFGHIJKLMNOP" if each not in taken), "")
        if not letter:
            return "ERROR"
        self.rows = sorted([*self.rows, Row(group, letter, kind, category, first, second)])
        return "OK"

    def _clamped(self, name: str, value: int) -> int:
        low, high = self.faults.clamp.get(name, (0, 1000000))
        return int(min(max(value, low), high))
