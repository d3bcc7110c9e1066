"""Frames of EasyTrack units: cutting, building, and what they say.

`*ET,<imei>,<command>[,...]` up to a `#` or a line end, in both directions; the command has two characters. HB and DW
tell a position in hexadecimal digits: year, month, day, hour, minute, second; latitude and longitude in 1/600000
degrees, the highest bit south or west; speed and course in hundredths. MQ, TX and JZ are owed their echo, with a `#`
at its end; nothing else is owed, nothing has a checksum.
Sources: traccar/traccar EasyTrack decoder, encoder and their tests (recorded frames); users of a public server (the
echo).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from tracker_codecs.contract import (
    Datum,
    Event,
    Kind,
    Limits,
    Message,
    Target,
)
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, no_reply
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 140.
MAX_FRAME = 1024
_FRAME = re.compile(rb"\*ET,(\d{15}),([0-9A-Z]{2})((?:,[ -\"$-~]*)?)[#\r\n]", re.ASCII)
_BEGUN = re.compile(rb"\*(?:E(?:T(?:,(?:\d{0,15}|\d{15},(?:[0-9A-Z]?|[0-9A-Z]{2}(?:,[ -\"$-~]*)?)))?)?)?", re.ASCII)
_PLACED = frozenset((b"HB", b"DW"))
_ECHOED = frozenset((b"MQ", b"TX", b"JZ"))
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_NAMES = ("fix", "date_hex", "time_hex", "latitude", "longitude", "speed_kmh", "course", "status_hex", "signal_hex")


class EasytrackStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[*\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] in b"\r\n":
            return pos + 1
        found = _FRAME.match(buf, pos, pos + MAX_FRAME)
        if found is None:
            return MORE if len(buf) - pos < MAX_FRAME and _BEGUN.fullmatch(buf, pos) else NO_FRAME
        if b"*ET," in found[3]:
            return NO_FRAME  # it broke off, and another frame follows
        device = found[1].decode("ascii")
        if self.server:
            events.append(Message(Kind.OTHER, found[0], device))
            return found.end()
        self.device_id = device
        owed = found[0][:-1] + b"#" if found[2] in _ECHOED else b""
        events.append(Message(Kind.REPORT if found[2] in _PLACED else Kind.OTHER, found[0], device, owed))
        return found.end()


def _number(text: str, scale: float) -> float | str:
    return int(text, 16) / scale if _HEX.fullmatch(text) and len(text) <= 8 else text


def _degrees(text: str) -> float | str:
    if not _HEX.fullmatch(text) or len(text) != 8:
        return text
    raw = int(text, 16)
    value = round((raw & 0x0FFFFFFF) / 600000, 6)
    return -value if raw >> 31 else value


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    found = _FRAME.fullmatch(message.frame)
    assert found is not None, "the stream has seen it"
    cells = clean(found[3], MAX_FRAME).split(",")[1:]
    told: dict[str, Any] = {"command": found[2].decode("ascii"), "device_id": message.device_id}
    if message.kind is not Kind.REPORT:
        return {"message": "frame", **told, "cells": cells}
    told |= zip(_NAMES, cells, strict=False)
    for name in ("latitude", "longitude"):
        told[name] = _degrees(told.get(name, ""))
    for name in ("speed_kmh", "course"):
        told[name] = _number(told.get(name, ""), 100)
    when = told.get("date_hex", "") + told.get("time_hex", "")
    if _HEX.fullmatch(when) and len(when) == 12:
        year, *rest = bytes.fromhex(when)
        told["time"] = f"{2000 + year:04}-{rest[0]:02}-{rest[1]:02} {rest[2]:02}:{rest[3]:02}:{rest[4]:02}"
    return {"message": "position", **told, "more": cells[len(_NAMES) :]}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `*ET,`, an IMEI, a command."""
    text = first.lstrip(b"\r\n")
    if re.match(rb"\*ET,\d{15},[0-9A-Z]{2}", text, re.ASCII):
        return True
    return None if not text or _BEGUN.fullmatch(text) else False


_COMMAND = re.compile(r"[0-9A-Z]{2}(?:,[ -\"$-~]{0,200})?", re.ASCII)
_ID = re.compile(r"[0-9]{15}", re.ASCII)


class EasytrackDevice(Device):
    """Reports as recorded."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        when = (
            bytes((now.year - 2000, now.month, now.day)).hex() + "," + bytes((now.hour, now.minute, now.second)).hex()
        )
        rest = "803a0b51,03d507c9,0017,0000,00400000,07,100,0000,1435,63"
        return [Datum(f"*ET,{self.device_id},HB,A,{when},{rest}#".encode("ascii"))]


def wrap(target: Target, text: str) -> bytes:
    """`FD,Y1`: a command of two characters and its arguments."""
    line = text.strip()
    if not _COMMAND.fullmatch(line):
        raise LocalError("a command is two digits or capitals and its arguments, without #", parameter="command")
    if not _ID.fullmatch(target.device_id):
        raise LocalError("a unit is known by its IMEI", parameter="device_id")
    return f"*ET,{target.device_id},{line}#".encode("ascii")


FAMILY = Family(
    name="easytrack",
    title="EasyTrack units",
    sources=("github.com/traccar/traccar: EasyTrack decoder, encoder and their tests (recorded frames)",),
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the frames of EasyTrack's units are public, no command that sets the interval is",
    stream=EasytrackStream,
    server=EasytrackStream.from_server,
    recognise=recognise,
    fields=fields,
    raw=Envelope(wrap=wrap, answers=no_reply, expects="nothing: no answer to a command is public"),
    emulator=EasytrackDevice,
)
