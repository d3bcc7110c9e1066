"""A believable unit: login, FLEX negotiation, telemetry, answers to queries and to READ and EDIT.

Mask and record copy recorded ones (traccar/traccar tests); only IMEI, number and time are its own. How a unit words a
refusal is not public, so it says `*Z` where it would. Options: `unit_number` (0), `server_number` (1).
"""

from __future__ import annotations

from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.navtelecom import flex
from tracker_codecs.families.navtelecom import frame as wire
from tracker_codecs.families.navtelecom import settings as values
from tracker_codecs.families.navtelecom.texts import Parameter, parameter, shaped

_NEGOTIATION = b"*>FLEX" + bytes.fromhex("b014147afffff008080800000e00000000000000")
#: A recorded record of that mask: index and event before its time, the rest of the record between and behind.
_RECORD = "0b17{time}00a9000d4b{time}aaa2030229f29201620500000000000093004493d53fee892d3e1f001f00ac6c591081f0000000"
_RECORD += "1700080a0000000000000609"
_FACTORY = ("TRANS:SRV1(FLEX,0,1,193.193.165.165,20966)", "TRANS:SRV2(FLEX,0,0,0.0.0.0,0)")


class NavtelecomEmulator(Device):
    """One unit; see the module."""

    ears = wire.NavtelecomStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.numbers = int(self.options.get("server_number", 1)), int(self.options.get("unit_number", 0))
        self._table: dict[str, list[str]] = {}
        self._named: dict[str, Parameter] = {}
        self._negotiated = False
        self._index = 0
        for text in (*_FACTORY, *self.held.get(values.FIELD, [])):
            found = parameter(text)
            if found is not None:
                self._table[found.name] = list(found.values)

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {values.FIELD: [str(shaped(asked, self._now(name))) for name, asked in self._named.items()]}

    def _now(self, name: str) -> Parameter:
        page, _, tag = name.partition(":")
        return Parameter(page, tag, tuple(self._table[name]))

    def _say(self, body: bytes) -> Datum:
        return Datum(wire.build(*self.numbers, body))

    def login(self) -> list[Datum]:
        """The login; the negotiation follows its answer."""
        self._negotiated = False
        return [self._say(b"*>S:" + self.device_id.encode("ascii"))]

    def heartbeat(self) -> list[Datum]:
        """One byte."""
        return [Datum(b"\x7f")]

    def report(self, now: datetime) -> list[Datum]:
        """One record, once FLEX was negotiated."""
        if not self._negotiated:
            return []
        self._index += 1
        time = int(now.timestamp()).to_bytes(4, "little").hex()
        message = b"~A\x01" + self._index.to_bytes(4, "little") + bytes.fromhex(_RECORD.format(time=time))
        return [Datum(message + bytes((flex.crc(message),)))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`; a silent unit negotiates even so."""
        assert self._ears is not None, "it has ears"
        said: list[Datum] = []
        for event in self._ears.feed(data):
            if not isinstance(event, Message) or event.frame[:1] != b"@":
                continue
            body = event.frame[wire.HEAD :]
            if int.from_bytes(event.frame[4:8], "little") != self.numbers[1]:
                continue
            if body == b"*<S":
                said.append(self._say(_NEGOTIATION))
            elif body.startswith(b"*<FLEX"):
                self._negotiated = True
            elif body[:2] in (b"*?", b"*!") and not self.faults.silent:
                said.append(self._say(self._obey(body.decode("latin-1")).encode("latin-1")))
        return said

    def _obey(self, text: str) -> str:
        word, _, rest = text.partition(" ")
        if word == "*?V":
            return "*#V:S-2651:01.00.72:13.05.20:RU"
        if word == "*!READ" and rest in self._table:
            return f"*@READ OK,{self._now(rest)}"
        asked = parameter(rest) if word == "*!EDIT" else None
        if asked is None or self.refuses(values.FIELD) or asked.name not in self._table:
            return "*Z"
        self._named[asked.name] = asked
        if values.FIELD not in self.faults.ignore:
            had = self._table[asked.name]
            self._table[asked.name] = [self._clamped(new) or old for new, old in zip(asked.values, had, strict=False)]
        return f"*@EDIT OK,{self._now(asked.name)}"

    def _clamped(self, value: str) -> str:
        return str(self.clamped(values.FIELD, int(value))) if value.isdecimal() else value
