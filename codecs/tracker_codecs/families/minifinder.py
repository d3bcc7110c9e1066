"""Frames of MiniFinder Pico and its like: `!<type>,<fields>;`, text.

`!1,<imei>[,<firmware>,<battery>]` opens a link; only it tells who speaks. `!A` to `!D` are positions, `!3,ok` and
`!3,error` answer a command, `!4` lists settings, of which the first is the interval of reports; `!5` is a status.
Nothing is owed. A server's command is the password (123456) and a word, such as `123456L+01`; it has no end.
Sources: traccar/traccar MiniFinderProtocolDecoder, MiniFinderProtocolEncoder and their tests (recorded frames without
their ends); MiniFinder Pico protocol V1.27 (issuu.com/gpsr): !3 and the order of !4.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tracker_codecs.contract import Datum, Kind, Limits, Match, Message, Target
from tracker_codecs.delimited import DelimitedStream
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, any_reply
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 90.
MAX_FRAME = 256
_FRAME = re.compile(rb"!([1-9A-Z])((?:,[ -:<-~]*)?);", re.ASCII)
_LOGIN = re.compile(rb",(\d{15})(?:,.*)?", re.ASCII)
_OPENING = re.compile(rb"(?:!(?:1(?:,\d{0,15})?)?)?", re.ASCII)
_KINDS = {"A": Kind.REPORT, "B": Kind.REPORT, "C": Kind.REPORT, "D": Kind.REPORT, "5": Kind.HEARTBEAT}
_REPLIES = ("3", "4")
_PLACE = ("date", "time", "latitude", "longitude", "speed", "course")
_PLACE_D = (*_PLACE, "status_hex", "altitude_m", "battery")


class MinifinderStream(DelimitedStream):
    """Cuts what a unit says."""

    __slots__ = ()
    first, last, most = b"!", b";", MAX_FRAME

    def understand(self, frame: bytes) -> Message | None:
        """See `DelimitedStream`."""
        found = _FRAME.fullmatch(frame)
        if found is None:
            return None
        kind, rest = found[1].decode(), found[2]
        if kind == "1":
            login = _LOGIN.fullmatch(rest)
            if login is None:
                return None
            self.device_id = login[1].decode()
            return Message(Kind.LOGIN, frame, self.device_id, data=kind)
        if kind in _REPLIES:
            return Message(Kind.REPLY, frame, self.device_id, text=clean(frame[1:-1]), data=kind)
        return Message(_KINDS.get(kind, Kind.OTHER), frame, self.device_id, data=kind)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: the frame that opens a link, up to its IMEI."""
    first = first.lstrip(b"\r\n")
    if re.match(rb"!1,\d{15}[,;]", first, re.ASCII):
        return True
    return None if _OPENING.fullmatch(first) else False


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame: positions in degrees, the answer to a command, the interval of `!4` in seconds."""
    cells = clean(message.frame[1:-1]).split(",")[1:]
    kind = message.data
    found: dict[str, Any] = {"message": kind, "device_id": message.device_id}
    if kind == "1":
        return found | dict(zip(("imei", "firmware", "battery"), cells, strict=False))
    if kind == "3":
        return {**found, "text": ",".join(cells)}
    if kind == "4":
        told = {"interval_s": int(cells[0])} if cells and cells[0].isdecimal() else {}
        return {**found, **told, "settings": cells}
    if kind in ("A", "B", "C", "D"):
        return found | dict(zip(_PLACE if kind == "A" else _PLACE_D, cells, strict=False))
    return {**found, "values": cells}


_COMMAND = re.compile(r"[A-Za-z][ -~]{0,100}", re.ASCII)
_PASSWORD = re.compile(r"\d{6}", re.ASCII)


class MinifinderDevice(Device):
    """Names itself, reports and tells its state."""

    def login(self) -> list[Datum]:
        """Its IMEI, firmware and battery."""
        return [Datum(f"!1,{self.device_id},V07S.5701.1621,100;".encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = "47.083542,15.482373,0,0,100001,479.3,100,4,9,0"
        return [Datum(f"!D,{now:%d/%m/%y,%H:%M:%S},{place};".encode("ascii"))]

    def heartbeat(self) -> list[Datum]:
        """Its state."""
        return [Datum(b"!5,17,V,50;")]


def _password(target: Target) -> str:
    password = str(target.options.get("password", "123456"))
    if not _PASSWORD.fullmatch(password):
        raise LocalError("must be six digits", parameter="password")
    return password


def wrap(target: Target, text: str) -> bytes:
    """A word such as `L+01` behind the password: option `password`, 123456 from the factory. Raises LocalError."""
    if not _COMMAND.fullmatch(text):
        raise LocalError("a command is a word of printable ASCII without the password", parameter="command")
    return (_password(target) + text).encode("ascii")


def secrets(target: Target, text: str) -> tuple[bytes, ...]:
    """The password."""
    return (_password(target).encode("ascii"),)


def answers(target: Target, text: str, message: Message) -> Match:
    """`!3,error` refuses; any other `!3` or `!4` answers."""
    found = any_reply(target, text, message)
    return Match.REFUSED if found is Match.DONE and message.frame.startswith(b"!3,error") else found


FAMILY = Family(
    name="minifinder",
    title="MiniFinder Pico, Gubloos GPS-T1 and S1, Defenstar GPS668 and DS008",
    sources=(
        "github.com/traccar/traccar: MiniFinderProtocolDecoder, MiniFinderProtocolEncoder and their tests",
        "MiniFinder Pico protocol V1.27 (issuu.com/gpsr): answers, order of the list of settings",
    ),
    default_port=5062,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported=(
        "the command that sets MiniFinder's interval is not public; its reports, its list of settings, and how a "
        "command begins and is answered are"
    ),
    stream=MinifinderStream,
    recognise=recognise,
    fields=fields,
    raw=Envelope(wrap=wrap, answers=answers, secrets=secrets),
    emulator=MinifinderDevice,
)
