"""A believable Teltonika unit: logs in, keeps parameters by number, obeys command texts, sends AVL records again.

It parses commands itself. Factory values are those of the vendor's lists (others: the nearest documented); reports
copy recorded units (codec 8 extended: an FMB130; codec 8: an old FM), only time and IMEI are its own. Options:
`hardware` (name told by getver; empty: an old answer without one), `getver: false` (does not know it), `movement: 100`
(older firmware), `missing` (list of ids it does not have), `old_reply` (a setparam is answered like a getparam).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Value
from tracker_codecs.device import Device
from tracker_codecs.families.teltonika import frame as wire
from tracker_codecs.families.teltonika import layout
from tracker_codecs.families.teltonika import settings as params

#: Records without their time: FMB130 and FM units in traccar/traccar tests.
_RECORD_8E = bytes.fromhex(
    "003fa9def2fc401ea4000d00000400000000000f000700ef0000f00000150500c8000045012a34492a3800000600b5001300b60011004230aa00"
    "430fb7004400002a30fb5d000200f10000c7420010000001490000"
    "0000"
)
_RECORD_8 = bytes.fromhex("00173295002111f400008100ae0b0000000401010003090016432980422f720000")
_HARDWARE = {"fmb": "FMB120", "old_fm": "", "fm6": "", "fmx640": "FMB640"}
_FACTORY: Mapping[str, Mapping[str, str]] = {
    "fmb": {
        **{f"10{n}50": "300" for n in "012"},
        **{f"10{n}51": "100" for n in "012"},
        **{f"10{n}52": "10" for n in "012"},
        **{f"10{n}53": "10" for n in "012"},
        **{f"10{n}54": "1" for n in "012"},
        **{f"10{n}00": "3600" for n in "012"},
        **{f"10{n}04": "1" for n in "012"},
        **{key: "120" for key in ("10055", "10005")},
        **{key: "0" for key in ("10155", "10255", "10105", "10205")},
        **{"102": "2", "103": "120", "106": "0", "107": "2", "2001": ""},
    },
    "old_fm": {
        **{f"15{n}0": "300" for n in "579"},
        **{f"15{n}1": "100" for n in "579"},
        **{f"15{n}2": "10" for n in "579"},
        **{f"15{n}0": "3600" for n in "468"},
        **{"1543": "1", "1553": "1", "1544": "120", "1554": "120", "1000": "2", "200": "10", "1002": "1"},
    },
    "fm6": {"1000": "2", "1001": "1", "1900": "1", "1550": "300", "1551": "100", "1552": "10"},
}
#: Largest value taken, by field; smaller than 0 is not taken at all.
_MOST = {
    **{"tracking_interval": 2592000, "on_stop_tracking_interval": 2592000, "tracking_distance": 65535},
    **{"tracking_angle": 180, "sleep_mode": 4, "sleep_timeout": 3000, "stop_detection": 15},
}


class TeltonikaEmulator(Device):
    """One unit; see the module. `params` are its parameters by number."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self.dialect = params.DIALECT_OF[self.variant]
        self.hardware = str(self.options.get("hardware", _HARDWARE[self.variant]))
        self.params = dict(_FACTORY[self.dialect])
        self._places = dict(params.DIALECTS[self.dialect].places)
        if self.dialect == "fmb":
            movement = str(self.options.get("movement", "138"))
            self._places["stop_detection"] = (movement,)
            self.params[movement] = "2" if movement == "138" else "1"
        for key in self.options.get("missing", ()):
            self.params.pop(str(key), None)
        self._fields = {key: name for name, keys in self._places.items() for key in keys}
        self._waits = False
        self._packet = 0xCAFE
        self._unanswered: list[bytes] = []
        for name, value in self.held.items():
            for key in self._places.get(name, ()):
                self.params[key] = params.encode(name, value, key)

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`: on the home network."""
        told = {}
        for name, keys in self._places.items():
            if keys[0] in self.params and name != "sleep_timeout":
                value, _ = params.decode(name, {keys[0]: self.params[keys[0]]})
                told[name] = value
        if "103" in self.params:
            told["sleep_timeout"] = int(self.params["103"]) * 60
        return {name: value for name, value in told.items() if value is not None}

    # -- what it says -----------------------------------------------------------------------------------------------
    def login(self) -> list[Datum]:
        """The login; over UDP there is none."""
        self._waits = not self.datagrams
        return [] if self.datagrams else [Datum(layout.LOGIN.build(self.device_id))]

    def heartbeat(self) -> list[Datum]:
        """The byte FF."""
        return [] if self.datagrams else [Datum(b"\xff")]

    def report(self, now: datetime) -> list[Datum]:
        """One record; a packet that nobody acknowledged is sent again after the next login."""
        time = int(now.timestamp() * 1000)
        codec, record = (wire.AVL_8E, _RECORD_8E) if self.dialect == "fmb" else (wire.AVL_8, _RECORD_8)
        data = {"records": [{**layout.RECORDS[codec].parse(b"\0" * 8 + record), "timestamp_ms": time}]}
        if self.datagrams:
            self._packet = (self._packet + 1) & 0xFFFF
            parts = {"packet_id": self._packet, "avl_packet_id": self._packet & 0xFF, "imei": self.device_id}
            return [Datum(layout.DATAGRAM.build({**parts, "body": {"value": {"codec": codec, "data": data}}}))]
        packet = layout.packet(codec, data)
        self._unanswered = [*self._unanswered[-7:], packet]
        return [Datum(packet)]

    # -- what it hears ----------------------------------------------------------------------------------------------
    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`."""
        if self.datagrams:
            return []
        self._partial = (self._partial + data)[-wire.MAX_FRAME :]
        said: list[Datum] = []
        while self._partial:
            if self._waits and self._partial[0] == 1:
                self._waits = False
                said += [Datum(packet) for packet in self._unanswered]
                used = 1
            elif len(self._partial) < 4:
                break
            elif self._partial[:4] != wire.PREAMBLE:
                if int.from_bytes(self._partial[:4], "big") == 1:  # every packet of ours holds one record
                    del self._unanswered[:1]
                used = 4
            elif len(self._partial) < 8:
                break
            else:
                used = int.from_bytes(self._partial[4:8], "big") + 12
                if len(self._partial) < used:
                    break
                said += self._frame(self._partial[:used])
            self._partial = self._partial[used:]
        return said

    def _frame(self, frame: bytes) -> list[Datum]:
        body = frame[8:-4]
        if self.faults.silent or wire.crc(body) != int.from_bytes(frame[-4:], "big") or len(body) < 9:
            return []
        if body[0] not in (wire.TEXT_12, wire.TEXT_14) or body[2] != wire.COMMAND:
            return []
        start = 7 if body[0] == wire.TEXT_12 else 15
        own = {"imei_field": bytes.fromhex(f"{self.device_id:0>16}")} if body[0] == wire.TEXT_14 else {}
        if body[7:start] != own.get("imei_field", b""):
            return [Datum(layout.text_packet(wire.TEXT_14, wire.NACK, b"", **own))]
        answer = self._obey(body[start:-1].decode("latin-1")).encode("latin-1")
        return [Datum(layout.text_packet(body[0], wire.RESPONSE, answer, **own))] if answer else []

    def _obey(self, text: str) -> str:
        """The answer to a command text; empty: none."""
        word, _, rest = text.partition(" ")
        if word == "getver" and self.options.get("getver") is not False:
            if self.hardware:
                return f"Ver:03.18.14_04 GPS:AXN_5.10_3333 Hw:{self.hardware} Mod:15 IMEI:{self.device_id}"
            return f"Code Ver:0.48.17 Device IMEI:{self.device_id} Device ID:000001 Modem APP Ver:2007.11.07"
        if word == "getparam":
            return self._get(rest.split(";"))
        if word == "setparam":
            return self._set(rest)
        return ""

    def _get(self, ids: list[str]) -> str:
        for key in ids:
            if not key.isdigit():
                return "Invalid parameter id provided"
            if key not in self.params:
                return f"Param ID:{key} doesn't exist"
        first, *others = ids
        more = "".join(f";{key}:{self.params[key]}" for key in others)
        name = "Value" if self.dialect == "fmb" else "Val"
        return f"Param ID:{first} {name}:{self.params[first]}{more}"

    def _set(self, rest: str) -> str:
        blank = self.dialect != "fmb"
        pairs = [part.partition(" " if blank else ":")[::2] for part in rest.split(";") if part]
        if not pairs or not all(self._takes(key, value) for key, value in pairs):
            # No refusal of the older lines is documented: they stay silent.
            return "" if blank else "WARNING: Not supported Param ID or Value detected"
        for key, value in pairs:
            name = self._fields.get(key, "")
            if name in self.faults.ignore:
                continue
            self.params[key] = self._clamped(name, value) if name in self.faults.clamp else value
        if blank:
            return f"Param ID:{pairs[0][0]} New Val:{pairs[0][1]}"
        told = ";".join(f"{key}:{value}" for key, value in pairs)
        key, _, others = told.partition(":")
        return f"Param ID:{key} Value:{others}" if self.options.get("old_reply") else f"New value {told};"

    def _takes(self, key: str, value: str) -> bool:
        name = self._fields.get(key, "")
        if key not in self.params or self.refuses(name):
            return False
        return not name or (value.isdigit() and int(value) <= _MOST[name])

    def _clamped(self, name: str, value: str) -> str:
        scale = 60 if name == "sleep_timeout" else 1
        return str(self.clamped(name, int(value) * scale) // scale)
