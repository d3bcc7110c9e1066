"""An emulated GT06 unit: logs in, reports, keeps its own table of parameters and obeys command texts.

What it answers: `OK` to an accepted set and `Timer:5,5;` to a query (EV02 command list), PARAM# as in the GT06D command
list, `Command error!` in UTF-16 to what it does not take (a recorded frame). MODE# has no published answer, so it is
not taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from tracker_codecs.contract import Datum, Message, Settings, Stream, Transport, Unit, Value
from tracker_codecs.device import Device
from tracker_codecs.errors import LocalError
from tracker_codecs.families.gt06 import console, messages
from tracker_codecs.families.gt06 import frame as wire
from tracker_codecs.families.gt06 import settings as commands
from tracker_codecs.families.gt06.texts import Angle, Mode

ERROR = "Command error!"
_SHENZHEN = (23.111668, 114.409285)
_NUMBER = r"(\d{1,5})"
_TIMER = re.compile(rf"TIMER,{_NUMBER}(?:,{_NUMBER})?", re.ASCII)
_DISTANCE = re.compile(rf"DISTANCE,{_NUMBER}", re.ASCII)
_ANGLE = re.compile(r"ANGLEREP,(?:(OFF)|ON,(\d{1,3})(?:,(\d))?)", re.ASCII)
_MODE = re.compile(rf"MODE,(?:([12]),{_NUMBER}|3,([01]\d|2[0-3]):([0-5]\d),(\d{{1,2}}))", re.ASCII)


@dataclass(slots=True)
class Parameters:
    """The unit's table, in its own units; `acc_off`, `detection` and `sends` are no tracking settings."""

    acc_on: int = 20
    acc_off: int = 300
    distance: int = 0
    angle: int = 0
    detection: int = 3
    sends: int = 5
    mode: int = 1
    mode_1: int = commands.MODE_1_DEFAULT
    mode_2: int = 30
    wakeup: str = "08:00"
    hours: int = 24


def _clip(value: int, bounds: tuple[int, int]) -> int:
    return min(max(value, bounds[0]), bounds[1])


class Gt06Emulator(Device):
    """One unit on one TCP link.

    Options: `answer` 0x21 (default) or 0x15; `echo_flag` (true) false answers with flag 0, as clones do; `queries`
    (true) false knows no bare query but PARAM#, `param` (true) false not even that; `acc` (true) false has no ACC
    line, so TIMER has one value; `status_packet` (false) true sends the status packet 0x94/04 when asked for its mode.
    """

    ears: ClassVar[type[Stream] | None] = wire.Gt06Stream

    def begin(self) -> None:
        """See `Device.begin`."""
        if len(self.device_id) > 16 or not self.device_id.isascii() or not self.device_id.isdigit():
            raise LocalError("must be an IMEI", parameter="device_id")
        self.parameters = Parameters()
        self._timer_field = commands.TIMER_FIELD.get(self.variant, "tracking_interval")
        self._others = {
            name: value for name, value in self.held.items() if commands.VARIANTS[self.variant].get(name) is None
        }
        self._serial = 0
        self._start(self.held)

    def _start(self, settings: Settings) -> None:
        table = self.parameters
        if self.variant == "concox_gt700":
            table.mode = 3 if settings.get("type") == "power_save" else 1
            table.mode_1 = settings.get("tracking_interval", 3) * 60
            table.hours = settings.get("psm_interval", table.hours)
            table.wakeup = settings.get("wakeup_time", table.wakeup)
            return
        table.acc_on = settings.get(self._timer_field, table.acc_on)
        kind = settings.get("type")
        if kind == "distance" or (kind is None and self._timer_field not in settings):
            table.distance = settings.get("tracking_distance", 0)
        if kind in (None, "interval_angle"):
            table.angle = settings.get("tracking_angle", 0)
        table.mode = {"intelligent": 2, "power_save": 3}.get(str(kind), 1)
        table.mode_2 = settings.get("psm_interval", table.mode_2)

    # -- the truth --------------------------------------------------------------------------------------------------
    @property
    def settings(self) -> dict[str, Value]:
        """What the unit really does, by profile field."""
        table = self.parameters
        if self.variant == "concox_gt700":
            return {
                "type": "power_save" if table.mode == 3 else "interval" if table.mode == 1 else "intelligent",
                "tracking_interval": table.mode_1 // 60 if table.mode_1 % 60 == 0 else table.mode_1 / 60,
                "psm_interval": table.hours,
                "wakeup_time": table.wakeup,
            }
        told: dict[str, Value] = {self._timer_field: 0 if table.distance else table.acc_on}
        if self.variant in commands.WITH_DISTANCE:
            told["tracking_distance"] = table.distance
        if self.variant == "concoxgt06":
            told |= {"tracking_angle": table.angle, "psm_interval": table.mode_2, "type": self._kind()}
        return told

    def _kind(self) -> str:
        table = self.parameters
        if table.mode != 1:
            return "intelligent" if table.mode == 2 else "power_save"
        if table.distance:
            return "distance"
        return "interval_angle" if table.angle else "interval"

    @property
    def report_interval(self) -> float:
        """Seconds between reports by the present mode; in distance mode as if it drove 50 m in 3 s."""
        table = self.parameters
        if self.variant == "concox_gt700":
            return float({1: table.mode_1, 2: table.mode_2, 3: table.hours * 3600}[table.mode])
        if table.distance:
            return max(table.distance * 3 / 50, 1.0)
        return float(table.acc_on if table.mode == 1 and table.acc_on else table.mode_2)

    # -- what it says -----------------------------------------------------------------------------------------------
    def _say(self, number: int, content: bytes, *, long: bool = False) -> Datum:
        self._serial = self._serial % 0xFFFF + 1
        return Datum(wire.build(number, content, self._serial, long=long))

    def login(self) -> list[Datum]:
        """A login, with serial 1."""
        self._serial = 0
        return [self._say(wire.LOGIN, bytes.fromhex(self.device_id.zfill(16)))]

    def report(self, now: datetime) -> list[Datum]:
        """A position 0x22."""
        moment = now.astimezone(UTC)
        clock = {
            "year": moment.year % 100,
            "month": moment.month,
            "day": moment.day,
            "hour": moment.hour,
            "minute": moment.minute,
            "second": moment.second,
        }
        rest = messages.POSITION_2_REST.build(
            {
                "cell": bytes.fromhex("01cc00287d001f71"),
                "acc": 1,
                "upload_mode": bytes((1 if self.parameters.distance else 0,)),
                "re_upload": 0,
                "rest": b"",
            }
        )
        place = {
            "time": clock,
            "satellites": 0xC9,
            "latitude": round(_SHENZHEN[0] * messages.PER_DEGREE),
            "longitude": round(_SHENZHEN[1] * messages.PER_DEGREE),
            "speed": 60,
            "course": 0x1400 | 90,
            "rest": rest,
        }
        return [self._say(wire.POSITION_2, messages.POSITION.build(place))]

    def heartbeat(self) -> list[Datum]:
        """A status packet 0x13."""
        status = {"info": b"\x44", "voltage_level": 4, "gsm_level": 4, "rest": b"\x00\x01"}
        return [self._say(wire.STATUS, messages.STATUS.build(status))]

    def hear(self, message: Message) -> list[Datum]:
        """Obeys commands 0x80; everything else a server says needs no answer."""
        frame = message.frame
        return self._command(frame) if frame[:2] == wire.SHORT and frame[3] == wire.COMMAND else []

    def _command(self, frame: bytes) -> list[Datum]:
        content = wire.parts(frame)[1]
        if len(content) < 6 or content[0] < 5 or len(content) - content[0] not in (1, 3):
            return []
        asked = wire.COMMAND_CONTENT.parse(content)
        text = asked.text.decode("latin-1")
        flag = asked.flag if self.options.get("echo_flag", True) else bytes(4)
        said = [self._status()] if text == "MODE#" and self.options.get("status_packet") else []
        answer = self._obey(text[:-1]) if text.endswith("#") else ERROR
        if self.options.get("answer", wire.ANSWER) == wire.OLD_ANSWER:
            fields = {"flag": flag, "text": answer.encode("ascii"), "language": b"\x00\x02"}
            return [*said, self._say(wire.OLD_ANSWER, wire.COMMAND_CONTENT.build(fields))]
        code = 2 if answer == ERROR else 1
        coded = answer.encode("utf-16-be" if code == 2 else "ascii")
        built = wire.ANSWER_CONTENT.build({"flag": flag, "code": code, "text": coded})
        return [*said, self._say(wire.ANSWER, built, long=True)]

    def _status(self) -> Datum:
        text = f"\x04ALM1=45;STA1=40;DYD=01;SOS=,,;MODE=MODE,{self._mode().text};"
        return self._say(wire.INFORMATION, text.encode("ascii"), long=True)

    def _mode(self) -> Mode:
        table = self.parameters
        if table.mode == 3:
            return Mode(3, wakeup=table.wakeup, hours=table.hours)
        return Mode(table.mode, table.mode_1 if table.mode == 1 else table.mode_2)

    # -- what it obeys ----------------------------------------------------------------------------------------------
    def _obey(self, text: str) -> str:
        queries = ({"PARAM": self._param} if self.options.get("param", True) else {}) | (
            {"TIMER": self._timer, "DISTANCE": self._distance, "ANGLEREP": self._angle}
            if self.options.get("queries", True)
            else {}
        )
        if text in queries:
            return queries[text]()
        if found := _TIMER.fullmatch(text):
            return self._set_timer(int(found[1]), None if found[2] is None else int(found[2]))
        if (found := _DISTANCE.fullmatch(text)) and self.variant in commands.WITH_DISTANCE:
            return self._set_distance(int(found[1]))
        if (found := _ANGLE.fullmatch(text)) and self.variant == "concoxgt06":
            return self._set_angle(found[1] is not None, int(found[2] or 0), int(found[3] or 0))
        if (found := _MODE.fullmatch(text)) and "type" in commands.VARIANTS[self.variant]:
            if found[1]:
                return self._set_mode(Mode(int(found[1]), int(found[2])))
            return self._set_mode(Mode(3, wakeup=f"{found[3]}:{found[4]}", hours=int(found[5])))
        return ERROR

    def _timer(self) -> str:
        table = self.parameters
        on, off = (0, 0) if table.distance else (table.acc_on, table.acc_off)
        return f"Timer:{on},{off};" if self.options.get("acc", True) else f"Timer:{on};"

    def _distance(self) -> str:
        return f"Distance:{self.parameters.distance};" if self.variant in commands.WITH_DISTANCE else ERROR

    def _angle(self) -> str:
        table = self.parameters
        if self.variant != "concoxgt06":
            return ERROR
        return f"ANGLEREP:{Angle(bool(table.angle), table.angle, table.detection).text};"

    def _param(self) -> str:
        table = self.parameters
        first = f"Distance:{table.distance}" if table.distance else self._timer().rstrip(";").upper()
        return (
            f"IMEI:{self.device_id};{first}; SENDS:{table.sends}; SOS:,,; Center Number:;Sensorset:10,1,5,1; "
            "Defense time:10; TimeZone:E,8,0;"
        )

    def _kept(self, name: str, value: int, scale: int = 1) -> int:
        """The value that is stored for a field: a clamping unit takes the nearest in range (in the profile's units)."""
        if name not in self.faults.clamp:
            return value
        return int(self.clamped(name, value / scale) * scale)

    def _set_timer(self, on: int, off: int | None) -> str:
        table, name = self.parameters, self._timer_field
        if self.variant == "concox_gt700" or self.refuses(name):
            return ERROR
        if name not in self.faults.ignore:
            table.acc_on = self._kept(name, _clip(on, commands.TIMER_RANGE) if on else 0)
            table.distance = 0
            if off is not None:
                table.acc_off = _clip(off, commands.TIMER_RANGE) if off else 0
        return "OK"

    def _set_distance(self, metres: int) -> str:
        name = "tracking_distance"
        if self.refuses(name):
            return ERROR
        if name not in self.faults.ignore:
            self.parameters.distance = self._kept(name, _clip(metres, commands.DISTANCE_RANGE) if metres else 0)
        return "OK"

    def _set_angle(self, off: bool, degrees: int, seconds: int) -> str:
        table, name = self.parameters, "tracking_angle"
        low, high = commands.ANGLE_RANGE
        if self.refuses(name) or not (off or low <= degrees <= high):
            return ERROR
        if name not in self.faults.ignore:
            table.angle = 0 if off else self._kept(name, degrees)
            if seconds:
                table.detection = _clip(seconds, commands.DETECTION_RANGE)
        return "OK"

    def _set_mode(self, mode: Mode) -> str:
        table, faults, gt700 = self.parameters, self.faults, self.variant == "concox_gt700"
        names = {"type"} | ({"psm_interval"} if mode.number > 1 else {"tracking_interval"} if gt700 else set())
        if mode.number == 3:
            names.add("wakeup_time")
        if self.refuses(*names):
            return ERROR
        if mode.number == 3 and not commands.HOURS_RANGE[0] <= (mode.hours or 0) <= commands.HOURS_RANGE[1]:
            return ERROR
        if "type" not in faults.ignore:
            table.mode = mode.number
        if mode.number == 3:
            table.hours = self._store("psm_interval", mode.hours, table.hours)
            if "wakeup_time" not in faults.ignore:
                table.wakeup = mode.wakeup or table.wakeup
        elif mode.number == 2:
            table.mode_2 = self._store("psm_interval", mode.seconds, table.mode_2)
        elif gt700:
            table.mode_1 = self._store("tracking_interval", mode.seconds, table.mode_1, 60)
        else:
            table.mode_1 = mode.seconds or table.mode_1
        return "OK"

    def _store(self, name: str, value: int | None, old: int, scale: int = 1) -> int:
        return old if name in self.faults.ignore else self._kept(name, value or old, scale)


class WiredUnit(Gt06Emulator):
    """The unit on a serial port, with log text between its answers; what it prints at start is the emulator's own.

    One more option: `echo` (false) true sends back what it hears.
    """

    ears = console.ConsoleStream

    def login(self) -> list[Datum]:
        """A line of log text."""
        self._serial = 0
        return [Datum(b"\r\n[00:00:00] emulated unit\r\n")]

    def report(self, now: datetime) -> list[Datum]:
        """A line of log text."""
        return [Datum(f"[{now:%H:%M:%S}] gps fix ok, upload error\r\n".encode("ascii"))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """What it hears, where it echoes; then its answers."""
        echo = [Datum(data)] if self.options.get("echo") else []
        return echo + super().receive(data, channel)

    def hear(self, message: Message) -> list[Datum]:
        """Obeys the lines that are commands."""
        if not message.text.startswith(console.PREFIX):
            return []
        text = message.text.removeprefix(console.PREFIX)
        plain = {"IMEI": f"IMEI:{self.device_id}", "VERSION": "[VERSION]EMULATED_V1"}
        answer = plain.get(text) or (self._obey(text[:-1]) if text.endswith("#") else ERROR)
        return [Datum(f"{answer}\r\n".encode("ascii"))]


def unit_on_its_link(unit: Unit) -> Gt06Emulator:
    """The unit that its link asks for."""
    return (WiredUnit if unit.transport is Transport.SERIAL else Gt06Emulator)(unit)
