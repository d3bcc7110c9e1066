"""Messages of Megastek units: cutting, and what they say. Nothing is owed, and nothing a server says is public.

Forms: `$MGV002,<IMEI>,...;`; `STX,<name>,$GPRMC,...*CC,...,imei:<IMEI>,...;XX`, whose name counts only where there is
no IMEI; stored `LOGSTX,<IMEI>,...;XX`; the oldest `STX<id>$GPRMC,...;XX`, the id filled up with blanks to 18 characters
of which the last two may be others, also control characters. A message may stand behind the number of its bytes in four
decimal digits; else it ends with `!` or a line end. XX of the form with a comma is the sum modulo 256 of all characters
from the S to the last `;` (right in six of seven recorded ones, the seventh is altered); the others' is not public.
Sources: traccar/traccar MegastekFrameDecoder, MegastekProtocolDecoder and their tests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tracker_codecs import nmea
from tracker_codecs.cells import moment, number
from tracker_codecs.contract import Checksum, Datum, Event, Kind, Limits, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, no_reply
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_codecs.geo import from_minutes
from tracker_codecs.text import clean

#: Longest message taken, in bytes with its length; recorded ones have at most 200.
MAX_FRAME = 1024
#: Shortest: what a message begins with, and an IMEI.
_LEAST = 20
_HEAD = re.compile(rb"(\d{4})?(?:\$MGV\d{3},|STX|LOGSTX,)")
_OPENING = re.compile(
    rb"(?:\d{1,3}|(?:\d{4})?(?:\$(?:M(?:G(?:V\d{0,3})?)?)?|ST?|L(?:O(?:G(?:S(?:TX?)?)?)?)?)?)\Z",
)
_REST = re.compile(rb"[^!\r\n\x7f-\xff]*(?:(!|\r?\n)|\r?\Z)")
_BODY = re.compile(rb"[\0-~]*[;!]")
_INNER = re.compile(rb"\$MGV\d{3},|STX,")
_NEXT = re.compile(rb"[0-9$SL]")
_MGV = re.compile(rb"\$MGV\d{3},(\d{15})?,")
_LOG = re.compile(rb"LOGSTX,(\d{15}),")
_STX = re.compile(rb"STX,.*?,imei:(\d{15})[,;]|STX,(\d{15}),")
_OLD = re.compile(rb"STX([0-9A-Za-z]{1,18}) {0,17}[\0- \"-+\--~]{0,2}\$GPRMC,")
_SUM = re.compile(rb".*;([0-9A-F]{2})", re.S)
#: A position up to its date, and what begins behind it.
_RMC = re.compile(r"\$(GPRMC(?:,[^,*;]*){9})(.*)")
_BEHIND = re.compile(r"\*[0-9A-F]{2},|,(?=[FL],)")
_FIRST = re.compile(
    rb"(?:\d{4})?(?:\$MGV\d{3},(?:\d{15})?,|STX,|STX[0-9A-Za-z]{1,18} {0,17}[\0- \"-+\--~]{0,2}\$GPRMC,|LOGSTX,)"
)
_MAYBE = re.compile(
    rb"(?:\d{0,4}|(?:\d{4})?(?:\$|\$M|\$MG|\$MGV\d{0,3}|\$MGV\d{3},\d{0,15}|S|ST|L|LO|LOG|LOGS|LOGST|LOGSTX"
    rb"|STX[0-9A-Za-z]{0,18}|STX[0-9A-Za-z]{1,18} {0,17}[\0- \"-+\--~]{0,2}(?:\$G?|\$GP|\$GPR|\$GPRMC?)?))\Z"
)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: one of the forms, behind a length or not."""
    if _FIRST.match(first):
        return True
    return None if _MAYBE.match(first) else False


def content(frame: bytes) -> bytes:
    """A message without its length and its end."""
    return (frame[4:] if frame[:1].isdigit() else frame).rstrip(b"\r\n!")


def total(body: bytes) -> int:
    """Sum modulo 256 of all characters up to the last `;`."""
    return sum(body[: body.rindex(b";") + 1]) & 0xFF


class MegastekStream(Cutter):
    """Cuts what a unit says."""

    __slots__ = ()
    starts = _NEXT
    between = b"\r\n!"

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        head = _HEAD.match(buf, pos)
        if head is None:
            return MORE if _OPENING.match(buf, pos) else NO_FRAME
        end = self._counted(buf, pos, int(head[1])) if head[1] else self._ended(buf, pos, head.end())
        if end <= 0:
            return end
        message = None if _INNER.search(buf, head.end(), end) else self._message(buf[pos:end])
        if message is None:
            return NO_FRAME
        events.append(message)
        return end

    def _counted(self, buf: bytes, pos: int, count: int) -> int:
        """The end of a message behind the number of its bytes; or NO_FRAME or MORE."""
        end = pos + 4 + count
        if not pos + _LEAST <= end <= pos + MAX_FRAME:
            return NO_FRAME
        if len(buf) < end:
            return MORE
        return end if _BODY.fullmatch(buf, pos, end) else NO_FRAME

    def _ended(self, buf: bytes, pos: int, at: int) -> int:
        """The end of a message that is told by its last characters; or NO_FRAME or MORE."""
        rest = _REST.match(buf, at, pos + MAX_FRAME)
        if rest is None:
            return NO_FRAME
        if rest[1] is not None:
            return rest.end()
        whole = rest.end() == len(buf) and len(buf) - pos < MAX_FRAME
        return MORE if whole and not _INNER.search(buf, at) else NO_FRAME

    def _message(self, frame: bytes) -> Message | None:
        body = content(frame)
        checksum, form = Checksum.NONE, _MGV
        if body.startswith(b"STX,"):
            form, told = _STX, _SUM.fullmatch(body)
            sound = told is not None and total(body) == int(told[1], 16)
            checksum = Checksum.OK if sound else Checksum.BAD
        elif not body.startswith(b"$"):
            form = _LOG if body.startswith(b"L") else _OLD
        found = form.match(body)
        if found is None:
            return None
        name = found[1] or (found[2] if form is _STX else None)
        if name and checksum is not Checksum.BAD:
            self.device_id = name.decode("ascii")
        return Message(Kind.REPORT, frame, self.device_id, checksum=checksum)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a message. Raises PeerError for one with too few fields.

    Altitude, speed and odometer of `$MGV002` in the unit's own measure.
    """
    text = clean(content(message.frame), MAX_FRAME)
    if not text.startswith("$"):
        return _stx(message, text)
    cells = text.removesuffix(";").split(",")
    if len(cells) < 35:
        raise PeerError("a message with too few fields", discarded=message.frame[:64])
    told: dict[str, Any] = {"message": cells[0][1:], "device_id": cells[1], "name": cells[2], "stored": cells[3] == "S"}
    told |= {"time": moment(cells[4] + cells[5], "%d%m%y%H%M%S"), "valid": cells[6] == "A"}
    told |= {"latitude": from_minutes(cells[7], cells[8]), "longitude": from_minutes(cells[9], cells[10])}
    names = ("hdop", "speed", "course", "altitude", "odometer")
    told |= {name: number(cell) for name, cell in zip(names, cells[14:19], strict=True)}
    told |= {"cell": cells[19:23], "signal": number(cells[23])}
    return {**told, "battery": number(cells[33]), "cause": cells[34]}


def _stx(message: Message, text: str) -> dict[str, Any]:
    kind = "LOGSTX" if text.startswith("L") else "STX"
    told: dict[str, Any] = {"message": kind, "device_id": message.device_id, "stored": kind == "LOGSTX"}
    text = text.rpartition(";")[0] or text
    found = _RMC.search(text)
    if found is None:
        raise PeerError("a message without a position", discarded=message.frame[:64])
    place = nmea.fields(found[1].encode("ascii"))
    told |= {name: place[name] for name in place if name not in ("protocol", "message", "talker")}
    behind = _BEHIND.search(found[2])
    cells = found[2][behind.end() :].split(",") if behind else []
    named = text.startswith(("STX,", "LOGSTX,"))
    if text.startswith("STX,"):
        told["name"] = text.split(",")[1]
    return {**told, "cause": "".join(cells[1:2] if named else cells[-1:]), "values": cells}


class MegastekEmulator(Device):
    """A unit that stands still, in the form of a recorded message with its length."""

    def report(self, now: datetime) -> list[Datum]:
        """A timed position."""
        place = "A,2238.20471,N,11401.97967,E,00,03,00,1.20,0.462,356.23,137.9,1.5"
        rest = "460,07,262C,0F54,25,0000,0000,0,0,0,28.5,28.3,,,100,Timer;"
        text = f"$MGV002,{self.device_id},DeviceName,R,{now:%d%m%y,%H%M%S},{place},{rest}"
        return [Datum(f"{len(text):04d}{text}".encode("ascii"))]


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """Nothing is known of this direction."""
    return [PeerError("what a server says to these units is not public", discarded=data[:64])] if data else []


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`. Raises LocalError for the forms whose checksum is not public."""
    if old.encode() not in frame:
        return frame
    body = content(frame)
    renamed = body.replace(old.encode(), new.encode())
    if not body.startswith((b"$", b"STX,")):
        raise LocalError("the checksum of this form is not public")
    if body.startswith(b"S"):
        renamed = renamed[:-2] + b"%02X" % total(renamed)
    return frame.replace(body, renamed)


FAMILY = Family(
    name="megastek",
    title="Megastek GVT-430, GVT-900, MT-90, MT-100, MT-300",
    sources=("github.com/traccar/traccar: MegastekFrameDecoder, MegastekProtocolDecoder and their tests",),
    default_port=5024,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported="nothing that a server says to Megastek units is public; their reports are",
    stream=MegastekStream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    raw=Envelope(answers=no_reply, expects="nothing: what answers a command is not public", timeout=30.0),
    emulator=MegastekEmulator,
)
