"""A believable ATrack unit: keep-alives, binary reports that come again until acknowledged, AT$TRAC, AT$INFO.

Whether units answer AT$TRAC=? is not public; this one refuses it, unless the option `trac_query` is true.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import datetime

from fastcrc import crc16

from tracker_codecs.contract import Datum, Emulator, Faults, Message, Settings, Value
from tracker_codecs.families.atrack import settings as values
from tracker_codecs.families.atrack.frame import AtrackStream, short

_RECORD = struct.Struct(">IIIiiHBIHBHBHBhhB")
_HEAD = struct.Struct(">HHQ")
#: Reports that wait for their acknowledgement; the oldest goes first.
_KEPT = 8


class AtrackEmulator(Emulator):
    """One unit; see the module."""

    def __init__(self, device_id: str, settings: Settings, faults: Faults, options: Mapping[str, Value]) -> None:
        self.device_id = device_id
        self.faults = faults
        self.options = options
        self.arguments = ["1", "60", "", "", "", "", "2"]
        if settings.keys() & {"tracking_distance", "tracking_angle"}:
            self.arguments = ["131", "60", "1000", "15", "0", "0", "2"]
        for name, place in values.PLACES.items():
            if name in settings:
                self.arguments[place] = str(settings[name])
        self._number = int(device_id) if device_id.isdecimal() else 0
        self._sequence = 0
        self._waiting: list[Datum] = []
        self._stream = AtrackStream(server=True)

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        return values.told(self.arguments)

    def connect(self) -> list[Datum]:
        """A keep-alive: there is no login."""
        self._stream = AtrackStream(server=True)
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

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Takes acknowledgements, and answers commands."""
        said: list[Datum] = []
        for event in self._stream.feed(data):
            if not isinstance(event, Message):
                continue
            if event.frame[:2] == b"\xfe\x02":
                self._waiting = [each for each in self._waiting if each.data[6:8] != event.frame[10:12]]
            elif not self.faults.silent:
                said.append(Datum(self._obey(event.text).encode("ascii") + b"\r\n"))
        return said

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
        if changed.keys() & self.faults.refuse:
            return "$ERROR=101"
        kept = self.settings
        for name, value in changed.items():
            if name in self.faults.ignore:
                found[values.PLACES[name]] = str(kept.get(name, ""))
            else:
                low, high = self.faults.clamp.get(name, (0, 2**31))
                found[values.PLACES[name]] = str(int(min(max(int(value), low), high)))
        self.arguments = found
        return "$OK"
