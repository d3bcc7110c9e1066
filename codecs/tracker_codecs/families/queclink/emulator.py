"""A believable @Track unit: keeps whole sections, parses commands itself, acknowledges, falls silent like old units.

Its sections start with the values of real reports and documented examples (GL100M and GL500 GTALL reports, GV500MAP
and GV55 command examples); its reports copy recorded frames of each line (traccar/traccar tests). Options: `password`,
`count_<section>` (own number of fields), `nack` (newer unit: refuses aloud), `als: false` (GTALL only), `clears`
(clears fields that a command leaves empty), `sack` on, `read: false` (acknowledges readings, reports nothing).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tracker_codecs.contract import Datum, Settings, Transport, Value
from tracker_codecs.device import Device
from tracker_codecs.families.queclink import settings as registers
from tracker_codecs.families.queclink.frame import MAX_FRAME, sack_mode
from tracker_codecs.families.queclink.talk import PASSWORDS

_GL_FRI = "1,1,,,0000,2359,60,60,,,1F,1000,1000,0,5,50,5,0,"
_GL_NMD = "1,3,2,3,300,300,,,,,,,"
_GL_CFG = ",GL100M,,,2,5,001F,0,,0FFF,,1,1,300,1,,,,,"
_GV_FRI = "1,0,,1,0000,0000,,10,1000,1000,,45,600,,,,"
_GV_CFG = ",gv55,1,0,,,3F,2,0,182C,,0,0,300,0,,1,1,15,0"
_GBC = "+8613800000000,GL500,000F,5,2,10111110111110,1508,24,3,1,7,20,1,3,0,3,+20+20,2,,,"
_BSI = "cmnet,,,,,,"
_SRI = "3,,1,192.0.2.1,5004,,,,0,0,,,,"
_FACTORY: Mapping[str, Mapping[str, str]] = {
    "gl200": {"BSI": _BSI, "SRI": _SRI, "CFG": _GL_CFG, "NMD": _GL_NMD, "FRI": _GL_FRI},
    "gl500": {"BSI": _BSI, "SRI": _SRI, "GBC": _GBC, "NMD": "E,3,2,3,5,,,"},
    "gt300": {"TRI": "0000,2359,1,60", "SFR": "1,1,0,0,1,20,500,3,0"},
    "gv500": {"BSI": _BSI, "SRI": _SRI, "CFG": _GV_CFG.replace("gv55", "gv500"), "FRI": _GV_FRI},
    "gv55lite": {"BSI": _BSI, "SRI": _SRI, "CFG": _GV_CFG, "FRI": _GV_FRI},
}
_VERSION = {"gl200": "1A0102", "gl500": "110302", "gt300": "0103010100", "gv500": "1F0101", "gv55lite": "100102"}
_VIN = "1G1JC5444R7252367"
#: What the unit takes, by section and position; the rest is taken as it is.
_GV_TAKES = {("FRI", 8): (1, 86400), ("FRI", 9): (50, 65535), ("FRI", 12): (0, 180), ("FRI", 13): (1, 86400)}
_TAKES: Mapping[str, Mapping[tuple[str, int], tuple[int, int]]] = {
    "gl200": {
        **{("FRI", 1): (0, 6), ("FRI", 7): (5, 86400), ("FRI", 8): (5, 86400), ("FRI", 18): (0, 180)},
        **{("NMD", 2): (1, 255), ("CFG", 5): (0, 3)},
    },
    "gl500": {("GBC", 8): (1, 24)},
    "gt300": {("TRI", 3): (0, 1440), ("TRI", 4): (0, 86400)},
    "gv500": {**_GV_TAKES, ("FRI", 1): (0, 5), ("CFG", 8): (0, 2)},
    "gv55lite": {**_GV_TAKES, ("FRI", 1): (0, 4), ("CFG", 8): (0, 2)},
}
_REPORTS = {
    "gl200": "FRI,{v},{i},,1,1,1,29,2.8,0,133.7,-90.203063,32.265473,{t},,,,,10800,4,{t},{c}",
    "gl500": "STR,{v},{i},GL500,0,0,2,23.1,5,2,0.2,0,36.0,0.623089,51.582744,{t},0234,0015,03C3,3550,,,,{t},{c}",
    "gt300": "TRI,{i},1,0,99,1,0.0,354,18.5,18.821100,-34.084002,{t},0655,0001,00DD,1CAE,00,{v},{t},{c}",
    "gv500": "FRI,{v},{i},{n},,00,1,1,4.3,92,70.0,121.354335,31.222073,{t},0460,0000,18d8,6141,00,2000.0,"
    "12345:12:34,,92,80,210100,,,50,{t},{c}",
    "gv55lite": "FRI,{v},{i},,,00,1,1,4.3,92,70.0,121.354335,31.222073,{t},0460,0000,18d8,6141,00,2000.0,"
    "12345:12:34,,,80,210100,,,50,{t},{c}",
}


class QueclinkEmulator(Device):
    """One unit; see the module. `sections` is its whole configuration, settings or not."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self.password = str(self.options.get("password") or PASSWORDS[self.variant])
        self.sections = {name: text.split(",") for name, text in _FACTORY[self.variant].items()}
        if "CFG" in self.sections:
            self.sections["CFG"][0] = self.password
        for name, values in self.sections.items():
            count = int(self.options.get(f"count_{name.lower()}", len(values)))
            self.sections[name] = (values + [""] * count)[:count]
        self._end = b"\r\n" if self.transport is Transport.SERIAL else b""
        self._count = 0x11EF
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._unanswered: dict[str, bytes] = {}
        self._configure(self.held)

    def _configure(self, settings: Settings) -> None:
        """Factory settings with these profile values."""
        known = {name: value for name, value in settings.items() if name in registers.PLACES[self.variant]}
        if self.variant == "gt300":
            tri, sfr = self.sections["TRI"], self.sections["SFR"]
            tri[0], tri[1] = known.get("start_time", tri[0]), known.get("end_time", tri[1])
            tri[3] = str(known.get("tracking_interval", tri[3]))
            sfr[4] = str(int(known.get("movement_detection", sfr[4] == "1")))
            sfr[5], sfr[6] = str(known.get("min_speed", sfr[5])), str(known.get("min_distance", sfr[6]))
            return
        taken = "tracking_interval" if known.get("type") == "power_save" else "psm_interval"
        if self.variant == "gl200":
            known.pop(taken, None)
        for write in registers.plan(self.variant, known, 1, "2"):
            for position, text in write.values.items():
                self.sections[write.section][position - 1] = text

    @property
    def settings(self) -> dict[str, Value]:
        """See `Emulator.settings`."""
        if self.variant != "gt300":
            return registers.decode(self.variant, self.sections).values
        tri, sfr = self.sections["TRI"], self.sections["SFR"]
        return {
            "start_time": tri[0],
            "end_time": tri[1],
            "tracking_interval": int(tri[3]),
            "movement_detection": sfr[4] == "1",
            "min_speed": int(sfr[5]),
            "min_distance": int(sfr[6]),
        }

    @property
    def report_interval(self) -> float:
        """Seconds between reports: GL500 counts minutes, power_save has its own interval."""
        found = self.settings
        if self.variant == "gl500":
            return 60.0 * float(found.get("tracking_interval", 1))
        return float(found.get("tracking_interval") or found.get("psm_interval") or 30)

    # -- what it says -----------------------------------------------------------------------------------------------
    def _tail(self) -> str:
        self._count = (self._count + 1) & 0xFFFF
        self._now += timedelta(seconds=1)
        return f"{self._now:%Y%m%d%H%M%S},{self._count:04X}"

    def _say(self, text: str) -> Datum:
        return Datum(text.encode("ascii") + b"$" + self._end)

    def login(self) -> list[Datum]:
        """Opens with a heartbeat; a unit with SACK on then sends again what nobody acknowledged."""
        return [*self.heartbeat(), *self._again()]

    def _again(self) -> list[Datum]:
        return [Datum(frame) for frame in self._unanswered.values()]

    def heartbeat(self) -> list[Datum]:
        """See `Emulator.heartbeat`."""
        if self.variant == "gt300":
            time, count = self._tail().split(",")
            text = f"AT+GTHBD=HeartBeat,{self.device_id},{time},{count},{_VERSION['gt300']}"
            return [Datum(text.encode("ascii") + b"\0")]
        return [self._say(f"+ACK:GTHBD,{_VERSION[self.variant]},{self.device_id},,{self._tail()}")]

    def report(self, now: datetime) -> list[Datum]:
        """See `Emulator.report`."""
        again = self._again()
        self._now = max(self._now, now.astimezone(UTC).replace(microsecond=0))
        time, count = self._tail().split(",")
        parts = {"v": _VERSION[self.variant], "i": self.device_id, "n": _VIN, "t": time, "c": count}
        said = self._say("+RESP:GT" + _REPORTS[self.variant].format_map(parts))
        if sack_mode(self.options.get("sack")) == "on" and self.variant != "gt300":
            self._unanswered[count] = said.data
            while len(self._unanswered) > 8:
                del self._unanswered[next(iter(self._unanswered))]
        return [*again, said]

    # -- what it hears ----------------------------------------------------------------------------------------------
    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`."""
        heard = data if self.datagrams else (self._partial + data)[-MAX_FRAME:]
        *lines, self._partial = re.split(rb"[$\0]", heard)
        answers: list[Datum] = []
        for line in lines:
            text = line.strip(b"\r\n \0").decode("latin-1")
            if text.startswith("+SACK:") and "," not in text:
                self._unanswered.pop(text[6:], None)
            elif text.startswith("AT+GT") and text.isascii() and text.isprintable() and not self.faults.silent:
                answers += self._command(text)
        return answers

    def _command(self, text: str) -> list[Datum]:
        head, _, rest = text.partition("=")
        word = head[5:]
        password, *values = rest.split(",")
        serial = values.pop() if values else ""
        if self.variant == "gt300":
            return self._old_command(word, password, values, serial)
        if not re.fullmatch("[0-9A-Fa-f]{4}", serial):
            return []
        if password != self.password:
            return self._no(word, serial, "0")
        if word == "RTO":
            return self._operation(values, serial)
        if word not in self.sections:
            return self._no(word, serial, "1")
        if len(values) != len(self.sections[word]) or not self._take(word, values):
            return self._no(word, serial, "0")
        return [self._acknowledge(word, serial)]

    def _head(self, start: str) -> str:
        return f"{start},{_VERSION[self.variant]},{self.device_id},"

    def _acknowledge(self, word: str, serial: str, sub: str = "") -> Datum:
        # Real units return the serial in lower case too.
        return self._say(f"{self._head(f'+ACK:GT{word}')},{sub}{serial.lower()},{self._tail()}")

    def _no(self, word: str, serial: str, cause: str) -> list[Datum]:
        if not self.options.get("nack"):
            return []
        return [self._say(f"{self._head(f'+NACK:GT{word}')},{cause},{serial},{self._tail()}")]

    def _operation(self, values: list[str], serial: str) -> list[Datum]:
        if len(values) != 6:
            return self._no("RTO", serial, "0")
        if values[0] == "3":
            return [self._acknowledge("RTO", serial, "REBOOT,")]
        if values[0] != "2" or (values[1] and values[1] not in self.sections):
            return self._no("RTO", serial, "0")
        said = [self._acknowledge("RTO", serial, "READ,")]
        vin = f"{_VIN}," if self.variant == "gv500" else ""
        if self.options.get("read") is False:
            return said
        if not values[1]:
            contents = ",".join(f"{name},{','.join(self.sections[name])}" for name in _FACTORY[self.variant])
            said.append(self._say(f"{self._head('+RESP:GTALL')}{vin},{contents},{self._tail()}"))
        elif self.options.get("als") is not False:
            contents = ",".join((values[1], *self.sections[values[1]]))
            said.append(self._say(f"{self._head('+RESP:GTALS')}{vin},{contents},{self._tail()}"))
        return said

    def _old_command(self, word: str, password: str, values: list[str], time: str) -> list[Datum]:
        """GL100 texts: every argument is there, the acknowledgement repeats the command's send time."""
        fits = word in self.sections and len(values) == len(self.sections[word]) and re.fullmatch("[0-9]{14}", time)
        if password != self.password or not fits or not all(values) or not self._take(word, values):
            return []
        now, count = self._tail().split(",")
        text = f"+ACK:GT{word},{self.device_id},{time},{now},{count},{_VERSION['gt300']}"
        return [Datum(text.encode("ascii") + b"\0")]

    def _take(self, word: str, values: list[str]) -> bool:
        """Stores the filled fields; False where one is out of range or refused (then nothing is stored)."""
        new = {at: value for at, value in enumerate(values, 1) if value}
        for at, value in new.items():
            low, high = _TAKES[self.variant].get((word, at), (None, None))
            if low is not None and high is not None and not (value.isdigit() and low <= int(value) <= high):
                return False
        for name, (section, positions) in registers.PLACES[self.variant].items():
            touched = [at for at in positions if section == word and at in new]
            if not touched or (self.variant == "gl200" and name != self._interval_field(name)):
                continue
            if self.refuses(name):
                return False
            for at in touched:
                if name in self.faults.ignore:
                    del new[at]
                elif name in self.faults.clamp and new[at].isdigit():
                    new[at] = self._clamped(name, at, int(new[at]))
        if self.variant == "gl200" and word == "CFG" and "type" in self.faults.ignore:
            new.pop(registers.GPS_ON, None)
        stored = self.sections[word]
        if self.options.get("clears"):
            stored[1 if word == "CFG" else 0 :] = [""] * (len(stored) - (word == "CFG"))
        for at, value in new.items():
            stored[at - 1] = value
        if "CFG" in self.sections:
            self.password = self.sections["CFG"][0]
        return True

    def _interval_field(self, name: str) -> str:
        """The GL line's one pair of intervals counts as the field that is in the faults."""
        if name not in ("tracking_interval", "psm_interval"):
            return name
        other = "psm_interval" if name == "tracking_interval" else "tracking_interval"
        faults = {*self.faults.refuse, *self.faults.ignore, *self.faults.clamp}
        return other if other in faults and name not in faults else name

    def _clamped(self, name: str, at: int, value: int) -> str:
        scale = 15 if name == "non_movement_duration" else 1
        if name == "tracking_interval" and self.variant == "gt300" and at == 3:
            return str(value)  # the send interval in minutes follows nothing
        return str(self.clamped(name, value * scale) // scale)
