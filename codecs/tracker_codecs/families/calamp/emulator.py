"""An emulated LMU: reports over UDP, or obeys AT$APP PARAM on its serial port.

It proves no bytes: what it prints beyond the documented answers is said to be an emulator's.
"""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Transport, Value
from tracker_codecs.device import Device
from tracker_codecs.errors import LocalError
from tracker_codecs.families.calamp import frame as wire
from tracker_codecs.families.calamp import messages
from tracker_codecs.families.calamp import settings as values
from tracker_codecs.families.calamp.console import ConsoleStream

_QUERY = re.compile(r"AT\$APP PARAM\? (\d{1,5})(?:,(\d{1,2}|\*))?", re.ASCII).fullmatch
_WRITE = re.compile(r"AT\$APP PARAM (\d{1,5}),(\d{1,2}),(\d{1,10})", re.ASCII).fullmatch
_ESN_ID, _IMEI_ID = 1, 2
_ESN_DIGITS = 10
#: First value of each parameter; the other indexes hold 0.
_FACTORY = {262: 120, 263: 1000, 264: 45, 265: 3600}


class LmuEmulator(Device):
    """One unit. Options: `profile_index`, `sleep_timer` as in `settings`; `echo` (false) true sends back lines."""

    ears = ConsoleStream

    def begin(self) -> None:
        """See `Device.begin`."""
        if not self.device_id.isascii() or not self.device_id.isdigit() or len(self.device_id) > 16:
            raise LocalError("must be an ESN or IMEI: up to 16 digits", parameter="device_id")
        self._udp = self.transport is Transport.UDP
        self._names = {
            f"{number},{values.index(name, self.options)}": name
            for name, (number, _, option, _) in values.PARAMETERS.items()
            if option != "sleep_timer" or self.options.get(option) is not None
        }
        self.stored = {
            f"{number},{at}": _FACTORY[number] if f"{number},{at}" in self._names else 0
            for number, _, _, most in values.PARAMETERS.values()
            for at in range(most + 1)
        }
        for place, name in self._names.items():
            self.stored[place] = int(self.held.get(name, self.stored[place]))
        self._sequence = 0

    @property
    def settings(self) -> dict[str, Value]:
        """What the parameters of the indexes in use hold."""
        return {name: self.stored[place] for place, name in self._names.items()}

    def login(self) -> list[Datum]:
        """Over UDP the unit says nothing unasked before its first report; a serial port prints something at start."""
        return [] if self._udp else [Datum(b"\r\nLMU emulator\r\n")]

    def heartbeat(self) -> list[Datum]:
        """The null message."""
        return [self._datagram(wire.UNACKNOWLEDGED, wire.NULL)] if self._udp else []

    def report(self, now: datetime) -> list[Datum]:
        """An event report that asks for an acknowledgement; on the serial port nothing is reported."""
        if not self._udp:
            return []
        place = dict(latitude=514768000, longitude=-14000, altitude=4500, speed=1250, heading=90, satellites=9)
        state = dict(fix_status=2, carrier=4, rssi=-71, comm_state=15, hdop=9, inputs=1, unit_status=0)
        event = dict(event_index=0, event_code=1, count=0, spare=0, accumulators=b"")
        time = int(now.timestamp())
        body = messages.EVENT.build(dict(update_time=time, fix_time=time, **place, **state, **event))
        return [self._datagram(wire.ACKNOWLEDGED, wire.EVENT, body)]

    def _datagram(self, service: int, kind: int, body: bytes = b"") -> Datum:
        self._sequence = self._sequence % 0xFFFF + 1
        header = wire.options(self.device_id, _ESN_ID if len(self.device_id) <= _ESN_DIGITS else _IMEI_ID)
        return Datum(wire.message(header, service, kind, self._sequence, body))

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Obeys lines of the serial port; over UDP it takes acknowledgements and answers nothing."""
        if self._udp:
            return []
        echo = [Datum(data)] if self.options.get("echo") else []
        return echo + super().receive(data, channel)

    def hear(self, message: Message) -> list[Datum]:
        """The lines that answer one of the serial port."""
        return [Datum(f"\r\n{line}\r\n".encode("ascii")) for line in self._obey(message.text)]

    def _obey(self, line: str) -> list[str]:
        if line == "AT":
            return ["OK"]
        if line == "AT$APP ESN?":
            return [self.device_id, "OK"]
        if found := _QUERY(line):
            number, at = found[1], found[2] or "0"
            places = [f"{number},{at}"]
            if at == "*":
                places = [each for each in self.stored if each.startswith(f"{number},")]
            if places and all(each in self.stored for each in places):
                return [*(f"{each},{self.stored[each]}" for each in places), "OK"]
        elif found := _WRITE(line):
            return ["OK" if self._set(f"{int(found[1])},{int(found[2])}", int(found[3])) else "ERROR"]
        return ["ERROR"]

    def _set(self, place: str, number: int) -> bool:
        name = self._names.get(place, "")
        most = next((most for each, most, _, _ in values.PARAMETERS.values() if place.startswith(f"{each},")), 0)
        if place not in self.stored or number > most or name in self.faults.refuse:
            return False
        if name not in self.faults.ignore:
            self.stored[place] = int(self.clamped(name, number))
        return True
