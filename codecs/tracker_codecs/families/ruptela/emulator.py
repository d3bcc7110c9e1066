"""A believable unit: identification, records, IO elements that are set and told by text commands.

Identification and record copy recorded ones (traccar/traccar tests); only IMEI and time are its own. Answers are worded
as in the SMS command list of 2018/08/01. Options: `password`; a text behind a wrong one is not answered.
"""

from __future__ import annotations

import re
from datetime import datetime

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.ruptela import frame as wire
from tracker_codecs.families.ruptela import settings as values
from tracker_codecs.families.ruptela.texts import OPTIONAL, Element, element, shaped

_IDENTITY = bytes.fromhex("4573303430302e30332e36382e30340000c2b3090d0e950000827b000003e80000003c003c")
#: A recorded record of command 1 behind its time.
_RECORD = bytes.fromhex(
    "000020fd21300f113f4600005f000600090d090805011b13cf00020003001c012029ad00041d31dd1e0ebd160000c50000047200000000"
    "d000000000410001" + "6a2a960000a5a300"
)
#: Values of an element that is enabled for the first time.
_FRESH = dict(zip(OPTIONAL, (0, 0, 1000, 2, 0, 0, 0, 0), strict=True))
_SLOTS = 20


class RuptelaEmulator(Device):
    """One unit; see the module."""

    ears = wire.RuptelaStream

    def begin(self) -> None:
        """See `Device.begin`."""
        self.password = str(self.options.get("password", ""))
        self._slots: dict[tuple[int, int], dict[str, int]] = {}
        self._named: dict[tuple[int, int], Element] = {}
        for text in self.held.get(values.FIELD, []):
            self._store(element(text))

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return {values.FIELD: [str(shaped(asked, self._now(place))) for place, asked in self._named.items()]}

    def _now(self, place: tuple[int, int]) -> Element:
        slot = self._slots.get(place)
        return Element(*place, 0) if slot is None else Element(*place, 1, tuple(slot.items()))

    def _say(self, command: int, payload: bytes) -> Datum:
        return Datum(wire.from_device(self.device_id, command, payload))

    def login(self) -> list[Datum]:
        """Identification."""
        return [self._say(wire.IDENTIFICATION, _IDENTITY)]

    def heartbeat(self) -> list[Datum]:
        """Command 16 without content."""
        return [self._say(wire.HEARTBEAT, b"")]

    def report(self, now: datetime) -> list[Datum]:
        """One record, none left."""
        return [self._say(wire.RECORDS, b"\0\1" + int(now.timestamp()).to_bytes(4, "big") + _RECORD)]

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a text with the right password."""
        if message.frame[2] != wire.SMS:
            return []
        secret, _, text = message.frame[3:-2].decode("latin-1").partition(" ")
        return [self._say(wire.SMS_ANSWER, self._obey(text).encode("ascii"))] if secret == self.password else []

    def _obey(self, text: str) -> str:
        word, _, rest = text.lower().partition(" ")
        if word == "imei":
            return f"IMEI: {self.device_id}"
        if word == "setioparam":
            return self._store(element(rest))
        found = re.fullmatch(r"([0-9]{1,5}),([1-4])", rest, re.ASCII)
        if word != "getioparam" or found is None:
            return "ERROR: wrong request syntax"
        now = self._now((int(found[1]), int(found[2])))
        return str(now) if now.enable else f"I/O ID {now.id} is NOT enabled"

    def _store(self, asked: Element | None) -> str:
        if asked is None:
            return "setioparam ERROR, wrong syntax"
        if self.refuses(values.FIELD):
            return "You do not have permission to change the settings"
        self._named[asked.place] = asked
        if values.FIELD in self.faults.ignore:
            return "setioparam OK, slot: 1"
        if not asked.enable:
            gone = self._slots.pop(asked.place, None)
            return "setioparam OK, slot: 1" if gone else "setioparam ERROR, parameter is already disable"
        if asked.place not in self._slots and len(self._slots) == _SLOTS:
            return "setioparam ERROR, no free slots for set the I/O"
        low, high = self.faults.clamp.get(values.FIELD, (0, 2**32))
        slot = self._slots.setdefault(asked.place, dict(_FRESH))
        slot.update((key, int(min(max(value, low), high))) for key, value in asked.values)
        return f"setioparam OK, slot: {list(self._slots).index(asked.place) + 1}"
