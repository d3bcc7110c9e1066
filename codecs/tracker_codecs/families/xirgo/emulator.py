"""A believable Xirgo unit: reports, echoes of what it stored, 3050 on OBD-II units, refusals by a single value.

Fields of reports follow recorded ones; the tail of 3050 follows the public page that reads it. The single value of a
refusal is not public; 0 stands for it. A command of one argument has no refusal, so it keeps silent there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tracker_codecs.contract import Datum, Value
from tracker_codecs.device import Device
from tracker_codecs.families.xirgo import settings as values

_FIELDS = {code: name for name, code in values.CODES.items()}
_FACTORY: Mapping[str, Value] = {
    "tracking_interval": 120,
    "psm_interval": 3600,
    "tracking_angle": 45,
    "tracking_distance": 5,
}


class XirgoEmulator(Device):
    """One unit; see the module. Option `layout`: 29 or 21 fields in the answer to 3050, or any other number."""

    factory = _FACTORY
    longest = 1024

    def begin(self) -> None:
        """See `Device.begin`."""
        self.flags = {"tracking_interval": "1", "psm_interval": "1"}
        self._sequence = 0

    def report(self, now: datetime) -> list[Datum]:
        """Ignition on, timed."""
        self._sequence = self._sequence % 999 + 1
        text = f"4001,{now:%Y/%m/%d,%H:%M:%S},32.54659,-116.90670,143.2,0,0,0,598,0.0,12,0.9,{self._sequence:03d}"
        return [self._say(text)]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Obeys lines; a silent unit does so, too."""
        *lines, rest = (self._partial + data).split(b"\n")
        self._partial = rest[-self.longest :]
        texts = [line.rstrip(b"\r").decode("latin-1") for line in lines]
        answers = [self._obey(text.removeprefix("+XT:")) for text in texts if text.startswith("+XT:")]
        return [] if self.faults.silent else [self._say(answer) for answer in answers if answer]

    def _say(self, text: str) -> Datum:
        return Datum(f"$${self.device_id},{text}##".encode("ascii"))

    def _obey(self, command: str) -> str:
        code, *arguments = command.removeprefix(f"{self.device_id},").split(",")
        if code == values.QUERY and not arguments and self.variant == "obd":
            return self._everything()
        name = _FIELDS.get(code, "")
        value = values.decode(name, arguments[0]) if name and arguments else None
        if value is None:
            return ""
        if self.refuses(name):
            return f"{code},0" if len(arguments) > 1 else ""
        low, high = self.faults.clamp.get(name, (0, 2592000))
        value = int(min(max(value, low), high))
        if name not in self.faults.ignore:
            self.held[name] = value
            if name in self.flags and len(arguments) > 1:
                self.flags[name] = arguments[1]
        return ",".join((code, _shown(name, value), *arguments[1:]))

    def _everything(self) -> str:
        on, off, angle, distance = (_shown(name, self.held[name]) for name in values.CODES)
        head = [on, self.flags["tracking_interval"], off, self.flags["psm_interval"], angle, "75"]
        rest = ["5", "8", "9", "11.5", "0", "60", "0", "1", "1", "0", "0", "0", "0", "1", "0", "0", "0", "0", "0", "0"]
        fields = int(self.options.get("layout", 29))
        cells = [*head, *([] if fields == 21 else ["4000"]), distance, *rest[1:], *["0"] * 30]
        return ",".join(["3050", *cells[: fields - 2]])


def _shown(name: str, value: int) -> str:
    """As units print it: the interval with a decimal, the others whole."""
    text = values.encode(name, value)
    return f"{text}.0" if name == "tracking_interval" and "." not in text else text
