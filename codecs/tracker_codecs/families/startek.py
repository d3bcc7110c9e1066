"""Frames of iStartek units: cutting, building, and what they say.

`&&<letter><length>,<imei>,<command>,<arguments><sum>` CR LF from the unit, the same with `$$` to it. The length is
decimal and counts from the comma behind it to the byte before the sum; the sum is the low byte of the sum of everything
before it, two upper-case hexadecimal digits. The answer to a command bears its letter and command. 000 is a position,
710 data of a vehicle's bus, within which CR LF may stand. Nothing is owed.
Sources: traccar/traccar Startek decoder, encoder and their tests (recorded frames).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from tracker_codecs.contract import Checksum, Datum, Event, Ids, Kind, Limits, Match, Message, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 560.
MAX_FRAME = 2048
_HEAD = re.compile(rb"(&&|\$\$)([ -~])([1-9]\d{0,3}),", re.ASCII)
_BEGUN = re.compile(rb"(?:&|\$)(?:[&$](?:[ -~](?:[1-9]\d{0,3})?)?)?", re.ASCII)
_BODY = re.compile(rb",(\d{15}),([0-9A-Z]{3}),?([ -~]*)", re.ASCII)
#: The same of 710, of which a recorded one has six lines.
_BUS = re.compile(rb",(\d{15}),(710),?([ -~\r\n]*)", re.ASCII)
_SUM = re.compile(rb"[0-9A-F]{2}\r\n", re.ASCII)
_REPORTS = frozenset((b"000", b"710"))
_POSITION = (
    *("event", "event_data", "time_yymmddhhmmss", "fix", "latitude", "longitude", "satellites", "hdop", "speed_kmh"),
    *("course", "altitude_m", "odometer_m", "cell", "signal", "status_hex", "inputs_hex", "outputs_hex", "analog_hex"),
)
#: The letter of a command, as public servers write it.
LETTER = ":"


def seal(start: str, letter: str, imei: str, text: str) -> bytes:
    """The frame around `command[,arguments]`."""
    body = f",{imei},{text}"
    frame = f"{start}{letter}{len(body)}{body}".encode("ascii")
    return frame + f"{sum(frame) & 0xFF:02X}\r\n".encode("ascii")


class StartekStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[&$]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        head = _HEAD.match(buf, pos)
        if head is None:
            return MORE if _BEGUN.fullmatch(buf, pos) else NO_FRAME
        stop = head.end() - 1 + int(head[3])
        if (head[1] == b"$$") is not self.server or stop + 4 - pos > MAX_FRAME:
            return NO_FRAME
        if len(buf) < stop + 4:
            return MORE
        body = _BODY.fullmatch(buf, head.end() - 1, stop) or _BUS.fullmatch(buf, head.end() - 1, stop)
        tail = _SUM.match(buf, stop)
        if body is None or tail is None or int(tail[0][:2], 16) != sum(buf[pos:stop]) & 0xFF:
            return NO_FRAME
        device, word = body[1].decode("ascii"), body[2]
        data = (head[2].decode("ascii"), word.decode("ascii"), body[3].decode("ascii"))
        frame = buf[pos : stop + 4]
        if self.server:
            events.append(Message(Kind.OTHER, frame, device, checksum=Checksum.OK, data=data))
        else:
            self.device_id = device
            kind = Kind.REPORT if word in _REPORTS else Kind.REPLY
            text = clean(f"{data[1]},{data[2]}") if kind is Kind.REPLY else ""
            events.append(Message(kind, frame, device, b"", Checksum.OK, text, data))
        return stop + 4


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    letter, word, text = message.data
    found: dict[str, Any] = {"device_id": message.device_id, "letter": letter, "command": word}
    cells = [clean(cell) for cell in text.split(",")]
    if message.frame[:1] == b"$":
        return {"message": "command", **found, "arguments": cells}
    if "\r\n" in text:
        lines = [[clean(cell) for cell in line.split(",")] for line in text.split("\r\n") if line]
        return {"message": "data", **found, "lines": lines}
    if word != "000":
        return {"message": "answer" if message.kind is Kind.REPLY else "data", **found, "cells": cells}
    found |= zip(_POSITION, cells, strict=False)
    for name in ("latitude", "longitude"):
        if re.fullmatch(r"-?\d{1,3}\.\d{1,8}", found.get(name, ""), re.ASCII):
            found[name] = float(found[name])
    return {"message": "position", **found, "more": cells[len(_POSITION) :]}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `&&`, a letter, a length, an IMEI."""
    head = _HEAD.match(first)
    if head is None:
        return (
            None
            if not first or (first[:1] == b"&" and _BEGUN.fullmatch(first) and first[1:2] in (b"", b"&"))
            else False
        )
    digits = first[head.end() : head.end() + 16]
    if head[1] != b"&&" or not re.fullmatch(rb"\d{0,15}|\d{15},", digits, re.ASCII):
        return False
    return True if len(digits) == 16 else None


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the IMEI replaced, the sum put right."""
    head = _HEAD.match(frame)
    mine = f",{old},".encode("ascii")
    if head is None or not _SUM.fullmatch(frame[-4:]) or not frame.startswith(mine, head.end() - 1):
        return frame
    body = frame[:-4].replace(mine, f",{new},".encode("ascii"), 1)
    return body + b"%02X\r\n" % (sum(body) & 0xFF)


_COMMAND = re.compile(r"[0-9A-Z]{3}(?:,[ -~]{0,400})?", re.ASCII)


class StartekDevice(Device):
    """Reports as recorded, and says OK to every command."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        rest = "16,1.1,0,271,76,109075,460|0|249F|000010C5,19,0000003E,00,00,0A57|0168|0000|0000,1,010000"
        text = f"000,0,,{now:%y%m%d%H%M%S},A,22.679003,114.045085,{rest}"
        return [Datum(seal("&&", "W", self.device_id, text))]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`; commands come whole."""
        said = []
        for event in StartekStream(server=True).feed(data):
            if isinstance(event, Message) and event.device_id == self.device_id:
                letter, word, _ = event.data
                said.append(Datum(seal("&&", letter, self.device_id, f"{word},OK")))
        return said


def wrap(target: Target, text: str) -> bytes:
    """`900,1,1`: a command of three characters and its arguments."""
    line = text.strip()
    if not _COMMAND.fullmatch(line):
        raise LocalError("a command is three digits or capitals and its arguments", parameter="command")
    return seal("$$", LETTER, target.device_id, line)


def answers(target: Target, text: str, message: Message) -> Match:
    """The letter and the command word come back."""
    if message.kind is not Kind.REPLY or message.device_id != target.device_id:
        return Match.NO
    if text and message.data[:2] != (LETTER, text.strip()[:3]):
        return Match.NO
    return Match.DONE


FAMILY = Family(
    name="startek",
    title="iStartek VT units",
    sources=("github.com/traccar/traccar: Startek decoder, encoder and their tests (recorded frames)",),
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the frames of iStartek's units are public, the number of the command that sets the interval is not",
    ids=Ids(r"\d{15}", "a unit is known by its IMEI"),
    stream=StartekStream,
    server=StartekStream.from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    raw=Envelope(wrap=wrap, answers=answers, expects="a frame with the letter and the command of this one"),
    emulator=StartekDevice,
)
