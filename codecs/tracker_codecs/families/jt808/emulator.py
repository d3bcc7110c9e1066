"""An emulated terminal: registers, authenticates with the code it is given, reports, keeps a table of parameters.

Its registration copies the recorded one of a Huabao HB-R03GBD, its position a recorded one. Options:
`edition` ("2019"); `answer_serial` (what it puts into 0x0104 instead of the echo, as recorded terminals do: 0 or
0x8104); `query` ("8104": does not know 0x8106; "none": knows neither); `fragments` (true: tells its parameters in two);
`strategy` (0x0020 at the start; absent: the unit does not have it); `set` (false: refuses 0x8103 and knows 0x0310).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.jt808 import frame as wire
from tracker_codecs.families.jt808 import messages
from tracker_codecs.families.jt808.dialogue import FIELD, INTERVAL, STRATEGY
from tracker_codecs.families.jt808.frame import Frame

_GMT8 = timezone(timedelta(hours=8))
_REGISTER = bytes.fromhex("00000000373031303748422d52303347424400000000000000000000003233363631303402cbd5424136383630")


class Jt808Emulator(Device):
    """One terminal on one link; see the module. `parameters` are its values by id."""

    ears = wire.Jt808Stream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.parameters = {0x0001: 120, INTERVAL: int(self.held.get(FIELD, 30)), 0x0030: 15}
        if "strategy" in self.options:
            self.parameters[STRATEGY] = self.options["strategy"]
        self._new = self.options.get("edition") == "2019"
        self._phone = wire.phone_of(self.device_id, new=self._new)
        self._serial = 0

    @property
    def settings(self) -> dict[str, Value]:
        """The interval that is in force; none while it reports by distance."""
        by_distance = self.parameters.get(STRATEGY) == 1
        return {FIELD: 0 if by_distance else self.parameters[INTERVAL]}

    @property
    def report_interval(self) -> float:
        """Seconds between reports."""
        return float(self.parameters[INTERVAL])

    def _say(self, ident: int, body: bytes, total: int = 0, number: int = 0) -> Datum:
        frame = Frame(ident, self._phone, self._serial, body, 1 if self._new else None, total, number)
        self._serial = self._serial + 1 & 0xFFFF
        return Datum(wire.build(frame))

    def login(self) -> list[Datum]:
        """A registration."""
        self._serial = 0
        if not self._new:
            return [self._say(wire.REGISTER, _REGISTER)]
        fields = {"province": 0, "city": 0, "maker": b"70107".ljust(11, b"\0"), "plate_color": 0, "plate": b""}
        fields |= {"model": b"HB-T10".ljust(30, b"\0"), "terminal_id": b"2366104".ljust(30, b"\0")}
        return [self._say(wire.REGISTER, messages.REGISTER_2019.build(fields))]

    def heartbeat(self) -> list[Datum]:
        """An empty 0x0002."""
        return [self._say(wire.HEARTBEAT, b"")]

    def report(self, now: datetime) -> list[Datum]:
        """A position, its time in GMT+8."""
        moment = bytes.fromhex(now.astimezone(_GMT8).strftime("%y%m%d%H%M%S"))
        head = bytes.fromhex("000000000000400e012af16f02cbd2ba000000000000")
        return [self._say(wire.POSITION, head + moment + bytes.fromhex("010400000077"))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Answers to commands; an accepted registration is followed by the authentication, of a silent one too."""
        assert self._ears is not None, "it has ears"
        said: list[Datum] = []
        for event in self._ears.feed(data):
            if isinstance(event, Message) and isinstance(event.data, Frame) and event.data.phone == self._phone:
                said += self._obey(event.data)
        return said

    def _obey(self, found: Frame) -> list[Datum]:
        if (found.version is not None) is not self._new:
            return []  # a header of the other edition
        if found.id == wire.REGISTER_ANSWER:
            return self._authenticate(found.body) if found.body[2:3] == b"\0" else []
        if found.id in (wire.PLATFORM_ANSWER, wire.TIME_ANSWER) or self.faults.silent:
            return []
        if found.id == wire.SET and self.options.get("set", True):
            return [self._answer(found, self._set(found.body))]
        if found.id == wire.HUABAO_SET and not self.options.get("set", True) and len(found.body) == 7:
            return [self._answer(found, self._store({INTERVAL: int.from_bytes(found.body[3:], "big")}))]
        query = self.options.get("query", "8106")
        if found.id == wire.QUERY and query == "8106":
            body = found.body
            wanted = {int.from_bytes(body[at : at + 4], "big") for at in range(1, len(body) - 3, 4)}
            return self._tell(found, {ident: value for ident, value in self.parameters.items() if ident in wanted})
        if found.id == wire.QUERY_ALL and query != "none":
            return self._tell(found, self.parameters)
        return [self._answer(found, 3)]

    def _authenticate(self, body: bytes) -> list[Datum]:
        code = body[3:]
        if not self._new:
            return [self._say(wire.AUTHENTICATE, code)]
        rest = b"123456789012345" + b"1.0".ljust(20, b"\0")
        return [self._say(wire.AUTHENTICATE, bytes((len(code),)) + code + rest)]

    def _answer(self, found: Frame, result: int) -> Datum:
        return self._say(wire.TERMINAL_ANSWER, struct.pack(">HHB", found.serial, found.id, result))

    def _tell(self, found: Frame, values: Mapping[int, int]) -> list[Datum]:
        serial = self.options.get("answer_serial", found.serial)
        body = struct.pack(">H", serial) + messages.set_body(values)
        if not self.options.get("fragments"):
            return [self._say(wire.PARAMETERS, body)]
        cut = len(body) - 7  # through an item, as recorded
        return [self._say(wire.PARAMETERS, body[:cut], 2, 1), self._say(wire.PARAMETERS, body[cut:], 2, 2)]

    def _set(self, body: bytes) -> int:
        values = messages.parameters(b"\0\0" + body).values if body else {}
        if not values or any(ident not in self.parameters or len(value) != 4 for ident, value in values.items()):
            return 1
        return self._store({ident: int.from_bytes(value, "big") for ident, value in values.items()})

    def _store(self, values: Mapping[int, int]) -> int:
        if self.refuses(FIELD):
            return 1
        if FIELD in self.faults.ignore:
            return 0
        for ident, value in values.items():
            self.parameters[ident] = int(self.clamped(FIELD, value)) if ident == INTERVAL else value
        return 0
