"""cGuard lines: cutting, who it is, and what they say.

Lines of `KEY:value:...`: `IDRO:<imei>` or `ID:<imei>` names the device, `NV:<yymmdd hhmmss>:<latitude>:<longitude>:
<km/h>:<accuracy>:<course>[:<altitude>]` a place, `BC:<yymmdd hhmmss>:<KEY>:<value>...` its state, `VERSION:<number>`,
`PING`. NAN stands for what is not known. Nothing is owed to any of them. The line end was not recorded: LF, or CR LF.

Source: traccar/traccar CguardProtocolDecoder and its test (recorded lines).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tracker_codecs.contract import (
    Datum,
    Event,
    Kind,
    Limits,
    Message,
)
from tracker_codecs.cutter import MORE, Cutter
from tracker_codecs.device import Device
from tracker_codecs.errors import PeerError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

MAX_FRAME = 1024
_LOGIN = re.compile(r"(?:IDRO|ID):([0-9]{15})", re.ASCII)
_LINE = re.compile(r"([A-Z]{2,10})(?::[ -~]*)?", re.ASCII)
_KINDS = {"NV": Kind.REPORT, "BC": Kind.REPORT, "PING": Kind.HEARTBEAT}
_PLACE = ("latitude", "longitude", "speed_kmh", "accuracy_m", "course", "altitude_m")


class CguardStream(Cutter):
    """Cuts the device's side of a link."""

    __slots__ = ()
    starts = re.compile(rb"(?s:.)")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`; each line is one, right or wrong."""
        stop = buf.find(b"\n", pos, pos + MAX_FRAME)
        if stop < 0:
            if len(buf) - pos < MAX_FRAME:
                return MORE
            events.append(PeerError(f"no line end within {MAX_FRAME} bytes", discarded=buf[pos : pos + 64], fatal=True))
            return pos + MAX_FRAME
        frame = buf[pos : stop + 1]
        text = frame.rstrip(b"\r\n").decode("latin-1")
        if text:
            events.append(self._line(frame, text))
        return stop + 1

    def _line(self, frame: bytes, text: str) -> Event:
        line = _LINE.fullmatch(text)
        if line is None:
            return PeerError("a line that is none of the protocol's", discarded=frame[:64])
        login = _LOGIN.fullmatch(text)
        if login is not None:
            self.device_id = login[1]
            return Message(Kind.LOGIN, frame, self.device_id, data=text)
        return Message(_KINDS.get(line[1], Kind.OTHER), frame, self.device_id, data=text)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a line. A number that is none is told as None."""
    kind, *cells = str(message.data).split(":")
    found: dict[str, Any] = {"type": kind, "device_id": message.device_id}
    if kind in ("NV", "BC") and cells:
        found["time_yymmdd_hhmmss"] = cells.pop(0)
    if kind == "NV":
        return found | {name: _number(cell) for name, cell in zip(_PLACE, cells, strict=False)}
    if kind == "BC":
        keys, values = cells[::2], cells[1::2]
        return found | {"state": {key: clean(value) for key, value in zip(keys, values, strict=False)}}
    return found | ({"text": clean(":".join(cells))} if cells else {})


def _number(text: str) -> float | None:
    """The number; None for NAN, and for a cell that is none."""
    return float(text) if re.fullmatch(r"-?\d{1,9}(?:\.\d{1,12})?", text, re.ASCII) else None


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: the line that names the device."""
    text = first[:20].decode("latin-1")
    if _LOGIN.match(text):
        return True
    begun = "IDRO:".startswith(text) or "ID:".startswith(text) or re.fullmatch(r"(?:IDRO|ID):\d{0,14}", text, re.ASCII)
    return None if begun else False


class CguardDevice(Device):
    """Names itself, reports and pings."""

    def connect(self) -> list[Datum]:
        """Its IMEI."""
        return [Datum(b"IDRO:%b\r\n" % self.device_id.encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A place and its state."""
        when = f"{now:%y%m%d %H%M%S}"
        lines = f"NV:{when}:55.776505:37.729000:0:10:0:0\r\nBC:{when}:CSQ1:64:NSQ1:0:NSQ2:1:BAT1:100\r\n"
        return [Datum(lines.encode("ascii"))]

    def heartbeat(self) -> list[Datum]:
        """A ping."""
        return [Datum(b"PING\r\n")]


FAMILY = Family(
    name="cguard",
    title="cGuard, Italon, Agent GPS",
    sources=(
        "github.com/traccar/traccar: CguardProtocolDecoder and its test (recorded lines)",
        "flespi.com/protocols/cguard: which devices speak it",
    ),
    default_port=5123,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="cGuard's reports are public, no server command of it is",
    stream=CguardStream,
    recognise=recognise,
    fields=fields,
    emulator=CguardDevice,
)
