"""The firmware of emulated units, by platform: what each word does, how it is answered, what the unit then really does.

As unkind as the real ones: stored and in force are two things, a word it does not know gets no answer at all, a number
out of range is refused in the firmware's own words, and the wrong form of a command is obeyed in the unit's own sense.
Texts and rules: tracker firmware on GitHub, amitv87/2503D_MQTT @15f0ec65 track/cust/cust_src/Track_cust_cmd.c;
tridge/windsurfer-tracker and HamedFazaely/zx909-gw (clones); bohdan-s/WanWay-Tech-S20 (s20).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tracker_codecs.families.gt06.platforms import Platform

ERROR = "Command error!"
COUNT = "Error: Number of parameters error!"
#: What VERSION# is answered with: recorded ones, else built like them with a name of the firmware's own sources.
VERSIONS: Mapping[Platform, str] = {
    Platform.ACC: "[VERSION]NFR505_20_R5A1_SC1_R0_V03",
    Platform.PORTABLE: "[VERSION]JM81_10_A1D_SC1_R0_V02",
    Platform.THREE: "[VERSION]GT03F_20_61DM2R1_D23_R0_V05",
    Platform.NT33: "[VERSION]NT33_20_A1D_D23_R0_V08",
    Platform.GT300S: "[VERSION]GT300S_20_61DM2_B25E_R0_V02",
    Platform.GT370: "[VERSION]NT97_20_61DM2_B25E_R0_V02",
    Platform.GT740: "[VERSION]GT740_20_61DM2_B25E_R0_V02",
    Platform.GT420D: "[VERSION]GT420D_20_61DM2_B25E_R0_V02",
    Platform.JM66: "[VERSION]JM66_20_61DM2_B25E_R0_V02",
    Platform.S20: "Version: S20_4G_LA_V01_Oct 22 2022_13:49:35",
    Platform.CAMERA: "C182_20_61DM2_JM_V1.8",
}
_SECONDS, _CELL, _CELL_1, _MODE_1 = "0, 5-18000", "0-60", "1-60", "5-300"
#: The ranges of the numbers of TIMER, as refusals name them; none where the word is not known.
TIMERS: Mapping[Platform, tuple[str, ...]] = {
    Platform.ACC: (_SECONDS, _SECONDS),
    Platform.JM66: (_SECONDS, _SECONDS),
    Platform.NT33: (_SECONDS, _SECONDS),
    Platform.PORTABLE: (_CELL, _SECONDS),
    Platform.THREE: (_CELL_1, _SECONDS, _MODE_1),
    Platform.GT300S: (_CELL_1,),
    Platform.GT370: (_CELL_1,),
    Platform.CLONE: ("1-18000", "1-18000"),
    Platform.S20: (_SECONDS,),
}
_FACTORY: Mapping[Platform, tuple[int, ...]] = {
    Platform.ACC: (20, 300),
    Platform.JM66: (20, 300),
    Platform.NT33: (10, 180),
    Platform.PORTABLE: (10, 20),
    Platform.THREE: (2, 20, 30),
    Platform.GT300S: (5,),
    Platform.GT370: (5,),
    Platform.CLONE: (20, 3600),
    Platform.S20: (10,),
}
#: Ranges of the numbers of each mode.
_MODES: Mapping[Platform, Mapping[int, tuple[str, ...]]] = {
    Platform.GT300S: {1: ("0, 5-7200",), 2: ("10-1800",)},
    Platform.GT370: {1: ("10-3600", "0, 180-65535")},
    Platform.GT740: {1: ("10-43200", "5-43200")},
    Platform.GT420D: {1: ("1-43200",), 2: ("10-3600",)},
}
_SLEEPS: Mapping[Platform, int] = {Platform.GT300S: 3, Platform.GT370: 2, Platform.GT740: 2}
_HOURS = "1,2,3,4,6,8,12,24"
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)


@dataclass(slots=True)
class Table:
    """The unit's own table. `modes` holds the numbers of each working mode, `sleep` those of the one that sleeps."""

    timer: list[int]
    time_on: bool = True
    distance_on: bool = False
    distance: int = 300
    angle_on: bool = False
    degrees: int = 20
    detection: int = 3
    sends: int = 5
    mode: int = 2
    modes: dict[int, list[int]] = field(default_factory=dict)
    sleep: list[str] = field(default_factory=lambda: ["08:00", "24"])


def factory(platform: Platform) -> Table:
    """A table as it leaves the factory."""
    modes = {Platform.GT300S: {1: [30], 2: [10]}, Platform.GT370: {1: [10, 3600]}, Platform.GT740: {1: [600, 1440]}}
    modes[Platform.GT420D] = {1: [10], 2: [30]}
    mode = {Platform.GT370: 1, Platform.GT740: 2, Platform.GT420D: 1}.get(platform, 2)
    return Table(list(_FACTORY.get(platform, (600, 600))), mode=mode, modes=modes.get(platform, {}))


def _in(value: int, bounds: str) -> bool:
    """Whether a number is in a range as a refusal words it: `0, 5-18000`."""
    for part in bounds.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= value <= int(high or low):
            return True
    return False


class Firmware:
    """One unit's firmware. `keep` says what becomes of a number, by what it is for; None: the unit ignores it."""

    def __init__(self, platform: Platform, device_id: str, *, zeroes: bool = False) -> None:
        self.platform = platform
        self.table = factory(platform)
        self._device_id = device_id
        #: TIMER sets the distance to 0, as VL01 and some X3 do; other firmware keeps it.
        self._zeroes = zeroes
        self.keep: Callable[[str, int], int | None] = lambda _, value: value
        self.refuses: Callable[[str], bool] = lambda _: False
        self._words: Mapping[str, Callable[[Sequence[str]], str | None]] = {
            "TIMER": self._timer,
            "DISTANCE": self._distance,
            "ANGLEREP": self._angle,
            "MODE": self._mode,
            "PARAM": self._param,
            "REPORT": self._report,
            "STATUS": self._status,
            "HBT": self._heartbeat,
            "VERSION": lambda _: VERSIONS.get(platform),
        }

    @property
    def cells(self) -> bool:
        """It has no ACC input."""
        return self.platform not in (Platform.ACC, Platform.JM66, Platform.CLONE, Platform.CAMERA)

    def answer(self, text: str) -> str | None:
        """What a command text, without its `#`, is answered; None: nothing at all."""
        word, *values = text.upper().split(",")
        known = self._words.get(word)
        if self.platform is Platform.CAMERA and word != "VERSION":
            return "Not support!"
        if known is None:
            return ERROR if self.platform is Platform.CLONE else None
        return known(values)

    # -- what it really does ----------------------------------------------------------------------------------------
    @property
    def seconds(self) -> int:
        """Between reports by time; 0 where it does not report by time, or only by sleeping."""
        table, platform = self.table, self.platform
        if platform in _MODES:
            numbers = table.modes.get(table.mode)
            minutes = platform in (Platform.GT300S, Platform.GT420D) and table.mode == 1
            return numbers[0] * (60 if minutes else 1) if numbers else 0
        if not table.time_on:
            return 0
        if platform is Platform.THREE:
            return {1: table.timer[2] * 60, 2: table.timer[1]}.get(table.mode, 0)
        return table.timer[1 if platform is Platform.PORTABLE else 0]

    @property
    def cell_seconds(self) -> int | None:
        """Between reports by cell, where it has such."""
        return {Platform.PORTABLE: self.table.timer[0] * 60, Platform.NT33: self.table.timer[-1]}.get(self.platform)

    @property
    def sleeping(self) -> list[str] | None:
        """Wake-up time and hours between wake-ups, in the mode that sleeps."""
        return self.table.sleep if self.table.mode == _SLEEPS.get(self.platform) else None

    # -- words ------------------------------------------------------------------------------------------------------
    def _timer(self, values: Sequence[str]) -> str | None:
        ranges = TIMERS.get(self.platform)
        if ranges is None:
            return None
        table = self.table
        if not values:
            return self._timer_told()
        if len(values) > len(ranges):
            return COUNT
        for at, (value, bounds) in enumerate(zip(values, ranges, strict=False)):
            if value and not (value.isdigit() and _in(int(value), bounds)):
                return f"Error: Parameter {at + 1} ({bounds})"
        if self.refuses("interval"):
            return ERROR
        place = 1 if self.platform in (Platform.PORTABLE, Platform.THREE) else 0
        for at, value in enumerate(values):
            if value:
                what = "interval" if at == place else "cell" if at == 1 - place and self.cells else "other"
                kept = self.keep(what, int(value))
                if kept is not None:
                    table.timer[at] = kept
        if self.keep("interval", 0) is not None:
            table.time_on, table.distance_on = True, False
            table.distance = 0 if self._zeroes else table.distance
        return self._timer_told() if self.platform in (Platform.CLONE, Platform.S20) else "OK!"

    def _timer_told(self) -> str:
        numbers = self.table.timer
        if self.platform is Platform.CLONE:
            return f"TIMER ACC ON:{numbers[0]}s,ACC OFF:{numbers[1]}s"
        if self.platform is Platform.S20:
            return f"Timer:{numbers[0]},{numbers[0]};"
        return f"TIMER:{','.join(map(str, numbers))}"

    def _distance(self, values: Sequence[str]) -> str | None:
        if self.platform in (Platform.JM66, Platform.S20, Platform.CLONE) or self.platform not in TIMERS:
            return ERROR if self.platform is Platform.CLONE else None
        if not values:
            return f"DISTANCE:{self.table.distance}"
        bounds = "0, 50-10000"
        if len(values) > 1 or not values[0].isdigit() or not _in(int(values[0]), bounds):
            return f"Error: Parameter 1 ({bounds})"
        if self.refuses("distance"):
            return ERROR
        kept = self.keep("distance", int(values[0]))
        if kept is not None:
            self.table.distance = kept
            self.table.time_on, self.table.distance_on = False, True
        return "OK!"

    def _angle(self, values: Sequence[str]) -> str | None:
        table = self.table
        if self.platform in (Platform.S20, Platform.CLONE):
            return ERROR if self.platform is Platform.CLONE else None
        if not values:
            return f"ANGLEREP:{'ON' if table.angle_on else 'OFF'},{table.degrees},{table.detection}"
        if values[0] not in ("ON", "OFF"):
            return "Error: Parameter 1 (ON/OFF)"
        for at, bounds in ((1, "5-180"), (2, "2-5")):
            if len(values) > at and not (values[at].isdigit() and _in(int(values[at]), bounds)):
                return f"Error: Parameter {at + 1} ({bounds})"
        if self.refuses("angle"):
            return ERROR
        if values[0] == "OFF":
            table.angle_on = table.angle_on and self.keep("angle", 0) is None
            return "OK!"
        kept = self.keep("angle", int(values[1]) if len(values) > 1 else table.degrees)
        if kept is not None:
            table.angle_on, table.degrees = True, kept
            table.detection = int(values[2]) if len(values) > 2 else table.detection
        return "OK!"

    def _mode(self, values: Sequence[str]) -> str | None:
        platform, table = self.platform, self.table
        if platform is Platform.THREE:
            return self._plain_mode(values)
        if platform not in _MODES:
            return None if platform is Platform.S20 else "Error:Mode Not On!"
        if not values:
            return self._mode_told()
        number = int(values[0]) if values[0].isdigit() else 0
        if number == _SLEEPS.get(platform):
            return self._sleep(values[1:])
        ranges = _MODES[platform].get(number)
        if ranges is None:
            return "Error: Parameter 1 (1-3)"
        if len(values) - 1 != len(ranges):
            return f"{COUNT} {len(ranges)}"
        refused = "FAIL" if platform is Platform.GT420D else ""
        for at, (value, bounds) in enumerate(zip(values[1:], ranges, strict=True)):
            if not (value.isdigit() and _in(int(value), bounds)):
                return refused or f"Error: Parameter {at + 2} ({bounds})"
        if self.refuses("interval") or self.refuses("kind"):
            return refused or ERROR
        minutes = platform in (Platform.GT300S, Platform.GT420D) and number == 1
        kept = self.keep("interval", int(values[1]) * (60 if minutes else 1))
        if kept is not None:
            table.modes[number] = [kept // (60 if minutes else 1), *map(int, values[2:])]
        if self.keep("kind", number) is not None:
            table.mode = number
        return "SUCCESS" if platform is Platform.GT420D else "OK!"

    def _plain_mode(self, values: Sequence[str]) -> str:
        if not values:
            return f"MODE:{self.table.mode}"
        if len(values) > 1:
            return COUNT
        if not (values[0].isdigit() and _in(int(values[0]), "1-3")):
            return "Error: Parameter (1-3)"
        self.table.mode = int(values[0])
        return "OK!"

    def _sleep(self, values: Sequence[str]) -> str:
        if len(values) != 2:
            return f"{COUNT} 2"
        if not _TIME.fullmatch(values[0]):
            return "Error: Parameter 2 (00:00-23:59)"
        if values[1] not in _HOURS.split(","):
            return f"Error: Parameter 3 ({_HOURS})"
        if any(self.refuses(what) for what in ("hours", "wakeup", "kind")):
            return ERROR
        hours = self.keep("hours", int(values[1]))
        self.table.sleep[1] = self.table.sleep[1] if hours is None else str(hours)
        self.table.sleep[0] = self.table.sleep[0] if self.keep("wakeup", 0) is None else values[0]
        if self.keep("kind", 0) is not None:
            self.table.mode = _SLEEPS[self.platform]
        return "OK!"

    def _mode_told(self) -> str:
        table = self.table
        if self.sleeping:
            return f"MODE:{table.mode},{','.join(table.sleep)}"
        unit = {1: "(min)", 2: "(s)"}[table.mode] if self.platform is Platform.GT420D else ""
        return f"MODE:{table.mode},{','.join(map(str, table.modes[table.mode]))}{unit}"

    def _param(self, values: Sequence[str]) -> str:
        table, items = self.table, [f"IMEI:{self._device_id}"]
        if self.platform is Platform.GT420D:
            items.append(self._mode_told().removesuffix("(min)").removesuffix("(s)"))
        elif self.platform is Platform.S20:
            items.append(f"TIMER:{table.timer[0]},{table.timer[0]}")
        else:
            items += [f"TIMER:{','.join(map(str, table.timer))}"] * table.time_on
            items += [f"Distance:{table.distance}"] * table.distance_on
        items += [f"SENDS:{table.sends}", "SOS:,,"]
        items += ["Center Number:", "Sensorset:10,3,5,1", "Defense time:1"] * (not self.cells)
        return "; ".join((*items, "TimeZone:E,8,0")) + ";"

    def _report(self, values: Sequence[str]) -> str | None:
        if self.platform is not Platform.ACC:
            return None
        table = self.table
        timed, fixed = ("ON" if on else "OFF" for on in (table.time_on, table.distance_on))
        return (
            f"Timing report:({timed}, acc on:{table.timer[0]}, acc off:{table.timer[1]}); "
            f"Fixed pitch:({fixed}, distance:{table.distance})"
        )

    def _status(self, values: Sequence[str]) -> str | None:
        if self.platform is Platform.S20:
            return None
        ignition = "" if self.cells else "ACC:ON; "
        return (
            "Battery:3.84V,NORMAL; GPRS:Link Up GSM Signal Level:Strong; GPS:Searching satellite; "
            f"SVS Used in fix:0(0); , GPS Signal Level:  {ignition}Defense:OFF; "
        )

    def _heartbeat(self, values: Sequence[str]) -> str:
        if self.platform is Platform.CLONE:
            return "HBT ACC ON:15s,ACC OFF:15s"
        if self.platform is Platform.S20:
            return "HBT:3,3;"
        return "HBT:3min" if self.cells else "HBT:3,5"
