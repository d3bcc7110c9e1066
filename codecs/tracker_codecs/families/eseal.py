"""Frames of eSeal locks: cutting, what is owed, and what they say.

`##S,<kind of unit>,<id>,<customer>,<firmware>,<type>,...,E##`, in both directions. Reports (Normal, events and the
like) tell their number behind the type and are owed the same head with `<type> ACK,<number>` and CR LF. A Startup is
owed the unit's configuration too; that one is the operator's, and its places are not public, so it is not answered.
Nothing has a checksum.
Sources: traccar/traccar Eseal decoder, encoder and their tests (recorded frames).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from tracker_codecs.contract import (
    Datum,
    Event,
    Ids,
    Kind,
    Limits,
    Match,
    Message,
    Target,
)
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 130.
MAX_FRAME = 1024
END = ",E##"
_FRAME = re.compile(
    rb"(##S,[^,\W]{1,16},(\d{4,15}),\d{1,10},[\w.]{1,16},)([ -\"$-+\--~]{1,32}),((?:[ -\"$-~]*,)?)E##", re.ASCII
)
_BEGUN = re.compile(rb"##?|##S[ -\"$-~]*#{0,2}", re.ASCII)
_REPORTS = frozenset(
    word.encode("ascii")
    for word in ("Normal", "Button-Normal", "Termination", "Event-Door", "Event-Shock", "Event-Drop", "Event-Lock")
) | {b"Event-RC-Unlock"}
_NUMBER = re.compile(rb"(\d{1,10}),", re.ASCII)
_PLACE = re.compile(r"(\d{1,2}\.\d+)([NS]) (\d{1,3}\.\d+)([EW])", re.ASCII)
_NAMES = ("number", "date", "time", "interval", "fix", "place", "course", "speed_kmh", "door", "acceleration", "nfc")


class EsealStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[#\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] in b"\r\n":
            return pos + 1
        found = _FRAME.match(buf, pos, pos + MAX_FRAME)
        if found is None:
            return MORE if len(buf) - pos < MAX_FRAME and _BEGUN.fullmatch(buf, pos) else NO_FRAME
        events.append(self._message(found))
        return found.end()

    def _message(self, found: re.Match[bytes]) -> Message:
        frame, device, what = found[0], found[2].decode("ascii"), found[3]
        if self.server:
            return Message(Kind.OTHER, frame, device)
        self.device_id = device
        if what in _REPORTS:
            number = _NUMBER.match(found[4])
            owed = b"%b%b ACK,%b,E##\r\n" % (found[1], what, number[1]) if number else b""
            return Message(Kind.REPORT, frame, device, owed)
        if what.endswith(b" ACK"):
            return Message(Kind.REPLY, frame, device, text=clean(what + b"," + found[4]), data=what.decode("ascii"))
        return Message(Kind.LOGIN if what == b"Startup" else Kind.OTHER, frame, device)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    found = _FRAME.fullmatch(message.frame)
    assert found is not None, "the stream has seen it"
    cells = clean(found[4], MAX_FRAME).split(",")[:-1]
    told: dict[str, Any] = {"type": clean(found[3]), "device_id": message.device_id}
    told["firmware"] = clean(found[1]).split(",")[4]
    if message.kind not in (Kind.REPORT, Kind.LOGIN):
        return {"message": "answer" if message.kind is Kind.REPLY else "frame", **told, "cells": cells}
    told |= zip(_NAMES, cells, strict=False)
    place = _PLACE.fullmatch(told.get("place", ""))
    if place is not None:
        told["latitude"] = float(place[1]) * (1 if place[2] == "N" else -1)
        told["longitude"] = float(place[3]) * (1 if place[4] == "E" else -1)
    return {"message": "report", **told, "more": cells[len(_NAMES) :]}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `##S,`, a kind of unit, an id."""
    text = first.lstrip(b"\r\n")
    if re.match(rb"##S,\w{1,16},\d{4,15},", text, re.ASCII):
        return True
    return None if re.fullmatch(rb"#{0,2}|##S|##S,\w{0,16}|##S,\w{1,16},\d{0,15}", text, re.ASCII) else False


_COMMAND = re.compile(r"[ -\"$-~]{1,200}", re.ASCII)
#: What stands before a command, as a public server writes it: kind, customer and firmware are its own.
_HEAD = "##S,eSeal,{},256,3.0.8,"


class EsealDevice(Device):
    """Reports as recorded, and acknowledges every command."""

    def report(self, now: datetime) -> list[Datum]:
        """A position."""
        place = "25.708828N 100.372870W,10,0,Close,0.71,0:0:3:0,3.8,-73"
        return [self._say(f"Normal,34,{now:%Y-%m-%d,%H:%M:%S},15,A,{place}")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """See `Emulator.receive`; commands come whole."""
        events = EsealStream(server=True).feed(data)
        types = [fields(event)["type"] for event in events if isinstance(event, Message)]
        return [self._say(f"{what} ACK,") for what in types if not what.endswith(" ACK")]

    def _say(self, body: str) -> Datum:
        return Datum(f"##S,eSeal,{self.device_id},256,3.0.6,{body}{END}".encode("ascii"))


def wrap(target: Target, text: str) -> bytes:
    """`RC-Unlock`: the type of a frame and what follows it."""
    line = text.strip()
    if not _COMMAND.fullmatch(line):
        raise LocalError("a command is 1 to 200 printable ASCII characters without #", parameter="command")
    return f"{_HEAD.format(target.device_id)}{line}{END}".encode("ascii")


def answers(target: Target, text: str, message: Message) -> Match:
    """The first cell comes back with ` ACK` behind it, as recorded for one command."""
    if message.kind is not Kind.REPLY or message.device_id != target.device_id:
        return Match.NO
    return Match.DONE if not text or message.data == f"{text.strip().partition(',')[0]} ACK" else Match.NO


FAMILY = Family(
    name="eseal",
    title="eSeal electronic locks",
    sources=("github.com/traccar/traccar: Eseal decoder, encoder and their tests (recorded frames)",),
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="the reports of eSeal's locks are public, what the places of their configuration mean is not",
    ids=Ids(r"\d{4,15}", "a lock is known by 4 to 15 digits"),
    stream=EsealStream,
    server=EsealStream.from_server,
    recognise=recognise,
    fields=fields,
    raw=Envelope(wrap=wrap, answers=answers, expects="a frame of the type `<command> ACK`"),
    emulator=EsealDevice,
)
