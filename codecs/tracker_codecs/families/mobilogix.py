"""Frames of Mobilogix units: cutting, what is owed, and what they say.

`[<yyyy-MM-dd HH:mm:ss>,T<n>,<archive>,<version>,<serial number>,...]`; line ends may stand between. T1 opens a link and
tells SIM and IMEI behind the serial number; the serial number is the id, since only T1 tells the IMEI. A frame T<n> is
owed `[<its time>,S<n>]`, T1 `[<its time>,S1,1]`. Nothing has a checksum.
Sources: traccar/traccar Mobilogix decoder, encoder and their tests (recorded frames, whose end the frame decoder cuts).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from tracker_codecs.contract import Datum, Event, Kind, Limits, Message, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, no_reply
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 130.
MAX_FRAME = 1024
_TIME = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_FRAME = re.compile(
    rb"\[(%b),T(\d{1,3}),(\d),([!-+\--Z^-~]{1,16}),([0-9A-Za-z]{1,20}),([ -\\^-~]*)\]" % _TIME, re.ASCII
)
_SERVER = re.compile(rb"\[(%b),S(\d{1,3})(?:,([ -\\^-~]*))?\]" % _TIME, re.ASCII)
_AGAIN = re.compile(rb"\[%b,T" % _TIME, re.ASCII)
_BEGUN = re.compile(rb"\[[ -\\^-~]*", re.ASCII)
_OPENING = "[dddd-dd-dd dd:dd:dd,T"
_NAMES = ("status_hex", "battery_v", "satellites_signal_valid", "latitude", "longitude", "speed_kmh", "course")


class MobilogixStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[\[\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] in b"\r\n":
            return pos + 1
        found = (_SERVER if self.server else _FRAME).match(buf, pos, pos + MAX_FRAME)
        if found is None:
            return MORE if len(buf) - pos < MAX_FRAME and _BEGUN.fullmatch(buf, pos) else NO_FRAME
        if self.server:
            events.append(Message(Kind.OTHER, found[0]))
            return found.end()
        if b"[" in found[6] and _AGAIN.search(found[6]):
            return NO_FRAME  # it broke off, and another frame follows
        self.device_id = found[5].decode("ascii")
        login = int(found[2]) == 1
        owed = b"[%b,S%b%b]" % (found[1], found[2], b",1" if login else b"")
        events.append(Message(Kind.LOGIN if login else Kind.REPORT, found[0], self.device_id, owed))
        return found.end()


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    server = _SERVER.fullmatch(message.frame)
    if server is not None:
        return {
            "message": "server",
            "time": server[1].decode("ascii"),
            "type": f"S{int(server[2])}",
            "text": clean(server[3] or b""),
        }
    found = _FRAME.fullmatch(message.frame)
    assert found is not None, "the stream has seen it"
    cells = clean(found[6], MAX_FRAME).split(",")
    told: dict[str, Any] = {
        "message": "login" if message.kind is Kind.LOGIN else "report",
        "time": found[1].decode("ascii"),
        "type": f"T{int(found[2])}",
        "archived": found[3] == b"0",
        "version": clean(found[4]),
        "serial_number": message.device_id,
    }
    if message.kind is Kind.LOGIN:
        return told | dict(zip(("status_hex", "iccid", "phone", "imsi", "imei"), cells, strict=False))
    told |= zip(_NAMES, cells, strict=False)
    for name in ("latitude", "longitude"):
        if re.fullmatch(r"-?\d{1,3}\.\d{1,8}", told.get(name, ""), re.ASCII):
            told[name] = float(told[name])
    return told | {"more": cells[len(_NAMES) :]}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a bracket, a time, `,T`."""
    text = first.lstrip(b"\r\n")[: len(_OPENING)]
    if not all(
        0x30 <= byte <= 0x39 if sign == "d" else byte == ord(sign) for byte, sign in zip(text, _OPENING, strict=False)
    ):
        return False
    return True if len(text) == len(_OPENING) else None


def normalised(frame: bytes) -> bytes:
    """A command without its time, which varies."""
    return re.sub(rb"\A\[%b,S6," % _TIME, b"[time,S6,", frame)


_COMMAND = re.compile(r"[ -\\^-~]{1,200}", re.ASCII)


class MobilogixDevice(Device):
    """Opens with T1 and reports T3, as recorded."""

    def login(self) -> list[Datum]:
        """T1; the clock is not yet set."""
        return [
            self._say(f"2020-12-01 14:00:22,T1,1,V1.1.1,{self.device_id},,,12345678,724108005415815,359366080211420")
        ]

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        place = "3B,12.99,022,-23.563410,-46.588055,0,0"
        return [self._say(f"{now:%Y-%m-%d %H:%M:%S},T3,1,V1.1.1,{self.device_id},{place}")]

    @staticmethod
    def _say(body: str) -> Datum:
        return Datum(f"[{body}]".encode("ascii"))


def wrap(target: Target, text: str) -> bytes:
    """`RELAY=1`: the text goes out as S6 under the present time."""
    line = text.strip()
    if not _COMMAND.fullmatch(line):
        raise LocalError("a command is 1 to 200 printable ASCII characters without ]", parameter="command")
    return f"[{target.now():%Y-%m-%d %H:%M:%S},S6,{line}]".encode("ascii")


FAMILY = Family(
    name="mobilogix",
    title="Mobilogix units",
    sources=("github.com/traccar/traccar: Mobilogix decoder, encoder and their tests (recorded frames)",),
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the frames of Mobilogix's units are public, no command that sets the interval is",
    stream=MobilogixStream,
    server=MobilogixStream.from_server,
    recognise=recognise,
    fields=fields,
    normalise=normalised,
    raw=Envelope(wrap=wrap, answers=no_reply, expects="nothing: no answer to a command is public"),
    emulator=MobilogixDevice,
)
