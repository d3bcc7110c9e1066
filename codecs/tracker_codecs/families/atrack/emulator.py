"""A believable ATrack unit: keep-alives, binary reports that come again until acknowledged, AT$TRAC, AT$INFO.

Whether units answer AT$TRAC=? is not public; this one refuses it, unless the option `trac_query` is true.
"""

from __future__ import annotations

import struct
from datetime import datetime

from fastcrc import crc16

from tracker_codecs.contract import Datum, Message, Value
from tracker_codecs.device import Device
from tracker_codecs.families.atrack import settings as values
from tracker_codecs.families.atrack.frame import AtrackStream, short

_RECORD = struct.Struct(">IIIiiHBIHBHBHBhhB")
_HEAD = struct.Struct(">HHQ")
#: Reports that wait for their acknowledgement; the oldest goes first.
_KEPT = 8


class AtrackEmulator(Device):
    """One unit; see the module."""

    ears = AtrackStream

    def begin(self) -> None:
        """`arguments` are those of AT$TRAC; reports wait until they are acknowledged."""
        given = self.held
        self.arguments = ["1", "60", "", "", "", "", "2"]
        if given.keys() & {"tracking_distance", "tracking_angle"}:
            self.arguments = ["131", "60", "1000", "15", "0", "0", "2"]
        for name, place in values.PLACES.items():
            if name in given:
                self.arguments[place] = str(given[name])
        self._number = int(self.device_id) if self.device_id.isdecimal() else 0
        self._sequence = 0
        self._waiting: list[Datum] = []

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return values.told(self.arguments)

    def login(self) -> list[Datum]:
        """A keep-alive: there is no login."""
        return self.heartbeat()

    def heartbeat(self) -> list[Datum]:
        """The keep-alive with the next sequence number."""
        self._sequence += 1
        return [Datum(short(self._number, self._sequence))]

    def report(self, now: datetime) -> list[Datum]:
        """A position near Taipei, and those that nobody acknowledged yet."""
        self._sequence += 1
        time = int(now.timestamp())
        record = _RECORD.pack(
            *(time, time, time, 121_541_952, 25_056_893, 0, 2, 1000, 10, 0, 0, 0, 0, 0, 2000, 2000, 0)
        )
        body = _HEAD.pack(len(record) + 10, self._sequence & 0xFFFF, self._number) + record
        self._waiting.append(Datum(b"@P" + crc16.arc(body).to_bytes(2, "big") + body))
        del self._waiting[:-_KEPT]
        return list(self._waiting)

    def acknowledged(self, message: Message) -> bool:
        """A report that the server has is not sent again."""
        mine = message.frame[:2] == b"\xfe\x02"
        if mine:
            self._waiting = [each for each in self._waiting if each.data[6:8] != message.frame[10:12]]
        return mine

    def hear(self, message: Message) -> list[Datum]:
        """The answer to a command."""
        return [Datum(self._obey(message.text).encode("ascii") + b"\r\n")]

    def _obey(self, line: str) -> str:
        word, _, text = line.partition("=")
        if line == "AT$INFO=?":
            return f"$INFO={self.device_id},AX7,Rev.0.61 Build.1624,{self.device_id},0,0,144,0,9,1,12,1,0"
        if line == "AT$TRAC=?" and self.options.get("trac_query"):
            return f"$TRAC={','.join(self.arguments)}"
        found = values.arguments(f"$TRAC={text}")
        if word != "AT$TRAC" or found is None or found[0] not in (values.TIME, values.ALL):
            return "$ERROR=101"
        changed = {name: found[place] for name, place in values.PLACES.items() if found[place].isdecimal()}
        if self.refuses(*changed):
            return "$ERROR=101"
        kept = self.settings
        for name, value in changed.items():
            if name in self.faults.ignore:
                found[values.PLACES[name]] = str(kept.get(name, ""))
            else:
                found[values.PLACES[name]] = str(self.clamped(name, int(value)))
        self.arguments = found
        return "$OK"
