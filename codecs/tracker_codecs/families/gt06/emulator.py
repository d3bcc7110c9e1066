"""An emulated GT06 unit: logs in, reports, and obeys command texts as the firmware of its platform does.

The texts are those of `firmware`; an answer that is `Command error!` is UTF-16, as a recorded frame is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from tracker_codecs.contract import Datum, Message, Stream, Transport, Unit, Value
from tracker_codecs.device import Device
from tracker_codecs.errors import LocalError
from tracker_codecs.families.gt06 import console, messages
from tracker_codecs.families.gt06 import frame as wire
from tracker_codecs.families.gt06 import settings as commands
from tracker_codecs.families.gt06.firmware import ERROR, Firmware
from tracker_codecs.families.gt06.platforms import Platform

_SHENZHEN = (23.111668, 114.409285)
#: The platform of a unit whose options name none.
_PLATFORM = {"concox_gt700": Platform.GT300S, "concox_qbit": Platform.NT33}
#: The profile field that each thing the firmware keeps stands for, and how many of its units make one.
_FIELDS = {
    "distance": ("tracking_distance", 1),
    "angle": ("tracking_angle", 1),
    "hours": ("psm_interval", 1),
    "wakeup": ("wakeup_time", 1),
    "kind": ("type", 1),
}


class Gt06Emulator(Device):
    """One unit on one TCP link.

    Options: `platform` (that of the variant's usual units); `answer` 0x21, 0x15 or 0x81 (as units of its platform do);
    `echo_flag` (true) false answers with flag 0, as clones do; `unknown` (none): words it does not know; `zeroes`
    (false) true sets the distance to 0 with TIMER; `inner_length` (true) false leaves that of an answer 0x15 at 0.
    """

    ears: ClassVar[type[Stream] | None] = wire.Gt06Stream

    def begin(self) -> None:
        """See `Device.begin`."""
        if len(self.device_id) > 16 or not self.device_id.isascii() or not self.device_id.isdigit():
            raise LocalError("must be an IMEI", parameter="device_id")
        self.platform = Platform(self.options.get("platform") or _PLATFORM.get(self.variant, Platform.ACC))
        self.firmware = Firmware(self.platform, self.device_id, zeroes=bool(self.options.get("zeroes")))
        scale = commands.SCALE[self.variant]
        cell_scale = 60 if self.platform is Platform.PORTABLE else 1
        self._fields = {
            **_FIELDS,
            "interval": (commands.INTERVAL[self.variant], scale),
            "cell": (commands.CELL_INTERVAL.get(self.variant, ""), 1 / cell_scale),
            "other": ("", 1),
        }
        self._serial = 0
        self._start()
        self.firmware.keep = self._keep
        self.firmware.refuses = lambda what: self.refuses(self._fields[what][0])

    def _start(self) -> None:
        """Put the settings it was made with into its table, by the firmware's own commands where it has them."""
        held, table, name = self.held, self.firmware.table, commands.INTERVAL[self.variant]
        kind, scale = held.get("type"), commands.SCALE[self.variant]
        seconds = held.get(name)
        if seconds is not None and self.platform is not Platform.GT740:
            self._begin_interval(seconds * scale)
        if self.variant == "concox_gt700":
            table.sleep = [held.get("wakeup_time", table.sleep[0]), str(held.get("psm_interval", table.sleep[1]))]
            if kind == "power_save" and self.platform is Platform.GT300S:
                table.mode = 3
        if "lbs_tracking_interval" in held and self.platform is Platform.NT33:
            table.timer[1] = held["lbs_tracking_interval"]
        if kind == "distance" or (self.variant == "concoxgt06" and kind is None and seconds is None and held):
            table.distance, table.distance_on, table.time_on = held.get("tracking_distance", 300), True, False
        if self.variant == "concoxgt06" and kind in (None, "interval_angle") and held.get("tracking_angle"):
            table.angle_on, table.degrees = True, held["tracking_angle"]

    def _begin_interval(self, seconds: int) -> None:
        table, platform = self.firmware.table, self.platform
        if platform is Platform.GT300S:
            table.mode, table.modes[2] = 2, [seconds]
        elif platform is Platform.GT370:
            table.mode, table.modes[1] = 1, [seconds, table.modes[1][1]]
        elif platform is Platform.GT420D:
            table.mode, table.modes[2] = 2, [seconds]
        elif platform is not Platform.CAMERA:
            table.timer[1 if platform in (Platform.PORTABLE, Platform.THREE) else 0] = seconds

    def _keep(self, what: str, value: int) -> int | None:
        """What the firmware stores for a number: a clamping unit takes the nearest in range, in the profile's units."""
        name, scale = self._fields[what]
        if name in self.faults.ignore:
            return None
        return int(self.clamped(name, value / scale) * scale) if name in self.faults.clamp else value

    # -- the truth --------------------------------------------------------------------------------------------------
    @property
    def settings(self) -> dict[str, Value]:
        """What the unit really does, by profile field."""
        firmware, table = self.firmware, self.firmware.table
        seconds, scale = firmware.seconds, commands.SCALE[self.variant]
        told: dict[str, Value] = {
            commands.INTERVAL[self.variant]: seconds // scale if seconds % scale == 0 else seconds / scale
        }
        if self.variant == "concox_gt700":
            kind = "power_save" if firmware.sleeping else "interval"
            return told | {"type": kind, "wakeup_time": table.sleep[0], "psm_interval": int(table.sleep[1])}
        if self.variant == "concox_qbit" and firmware.cell_seconds is not None:
            told["lbs_tracking_interval"] = firmware.cell_seconds
        metres = table.distance if table.distance_on else 0
        if "tracking_distance" in commands.VARIANTS[self.variant]:
            told["tracking_distance"] = metres
        if self.variant == "concoxgt06":
            angle = table.degrees if table.angle_on else 0
            kind = "distance" if metres else "interval_angle" if angle else "interval"
            told |= {"tracking_angle": angle, "type": kind}
        return told

    @property
    def report_interval(self) -> float:
        """Seconds between reports; in distance mode as if it drove 50 m in 3 s."""
        if self.firmware.table.distance_on:
            return max(self.firmware.table.distance * 3 / 50, 1.0)
        if self.firmware.sleeping:
            return int(self.firmware.table.sleep[1]) * 3600.0
        return float(self.firmware.seconds or 30)

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
                "upload_mode": bytes((1 if self.firmware.table.distance_on else 0,)),
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
        answer = self._obey(asked.text.decode("latin-1"))
        if answer is None:
            return []
        flag = asked.flag if self.options.get("echo_flag", True) else bytes(4)
        usual = wire.PORTABLE_ANSWER if self.platform is Platform.THREE else wire.ANSWER
        number = self.options.get("answer", usual)
        if number != wire.ANSWER:
            fields = {"flag": flag, "text": answer.encode("ascii"), "language": b"\x00\x02"}
            content = wire.COMMAND_CONTENT.build(fields)
            if not self.options.get("inner_length", True):
                content = b"\0" + content[1:-2] + b"\0\0\0\0\0\0\0\x01"
            return [self._say(number, content)]
        code = 2 if answer == ERROR else 1
        coded = answer.encode("utf-16-be" if code == 2 else "ascii")
        built = wire.ANSWER_CONTENT.build({"flag": flag, "code": code, "text": coded})
        return [self._say(wire.ANSWER, built, long=True)]

    def _obey(self, text: str) -> str | None:
        """What a command is answered: a word that is not known, with nothing at all."""
        if not text.endswith("#"):
            return ERROR
        if text[:-1].partition(",")[0].upper() in self.options.get("unknown", ()):
            return None
        return self.firmware.answer(text[:-1])


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
        plain = {"IMEI": f"IMEI:{self.device_id}", "VERSION": self.firmware.answer("VERSION")}
        answer = plain.get(text) or self._obey(text)
        return [] if answer is None else [Datum(f"{answer}\r\n".encode("ascii"))]


def unit_on_its_link(unit: Unit) -> Gt06Emulator:
    """The unit that its link asks for."""
    return (WiredUnit if unit.transport is Transport.SERIAL else Gt06Emulator)(unit)
