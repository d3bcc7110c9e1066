"""Messages of Arknav X8 units: cutting, and what they say. Each ends with `;`, there is no checksum and no line end.

A header `<IMEI>,<product 2><version 2><sub-version 2>;` comes once a connection or packet, and names the sender of all
that follows. `1G`, `1R` and `1M` are positions, `2G` and `2R` tell satellites, voltages and the odometer; what the
letter means is not public. Nothing is owed. Commands are `#<security id>,<group>;<code>[,<value>]*`.
Sources: traccar/traccar ArknavX8Protocol, ArknavX8ProtocolDecoder and its test; scribd.com 650181869 (Arknav protocol,
chapter 3) and 624412808 (AX-8 command appendix, one of whose examples lacks the `*` that its own syntax demands).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tracker_codecs.cells import moment, number
from tracker_codecs.contract import Datum, Event, Kind, Limits, Message, Target
from tracker_codecs.cutter import MORE, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, no_reply
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_codecs.geo import from_minutes
from tracker_codecs.text import clean

#: Longest message taken, in bytes with its `;`: the document gives 65 characters, and some room is left.
MAX_FRAME = 100
_CHUNK = re.compile(rb"[ -:<-~]*")
_HEADER = re.compile(rb"(\d{15}),(\d{2})(\d{2})(\d{2})")
_MESSAGE = re.compile(rb"[12][A-Z],")
_FIRST = re.compile(rb"\d{0,15}|\d{15},\d{0,6}")
_COMMAND = re.compile(rb"#([0-9A-Za-z]{1,16}),(\d);([0-9A-Za-z]{1,8})(?:,([ -)+-~]{0,100}))?\*")
#: Metres of one count of the odometer.
_ODOMETER = 1852 / 3600


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a header."""
    if len(first) < 23:
        return None if _FIRST.fullmatch(first) else False
    return _HEADER.fullmatch(first[:22]) is not None and first[22:23] == b";"


class ArknavStream(Cutter):
    """Cuts what a unit says. Who sent a message is known from the header before it.

    Whatever stands up to the next end is taken, a message or not: `_lost` while it is none, so that it is told once,
    and `_endless` within text that is too long for one.
    """

    __slots__ = ("_endless", "_lost")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._lost = False
        self._endless = False

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        found = _CHUNK.match(buf, pos)
        assert found is not None, "an empty chunk is one"
        end, size = found.end(), len(buf)
        if self._endless or end - pos >= MAX_FRAME:
            self._garbage("a message that is too long", buf[pos:end], events)
            self._endless = end == size
        elif end == size:
            return MORE
        elif buf[end] == 0x3B:
            self._take(buf[pos : end + 1], events)
        elif end > pos or buf[end] not in b"\r\n\0":
            self._garbage("bytes that are no text", buf[pos : end + 1], events)
        return end + 1

    def _garbage(self, reason: str, discarded: bytes, events: list[Event]) -> None:
        if not self._lost:
            self._lost = True
            events.append(PeerError(reason, discarded=discarded[:64]))

    def _take(self, frame: bytes, events: list[Event]) -> None:
        if _MESSAGE.match(frame):
            self._lost = False
            events.append(Message(Kind.REPORT, frame, self.device_id))
            return
        header = _HEADER.fullmatch(frame, 0, len(frame) - 1)
        if header is None:
            self._garbage("a message of an unknown kind", frame, events)
            return
        self._lost = False
        self.device_id = header[1].decode("ascii")
        events.append(Message(Kind.LOGIN, frame, self.device_id))


def from_server(data: bytes, channel: str = "") -> list[Event]:
    """Commands."""
    events: list[Event] = []
    pos, size = 0, min(len(data), 64 * MAX_FRAME)
    while pos < size:
        found = _COMMAND.match(data, pos)
        if found is None:
            events.append(PeerError("bytes that are no command", discarded=data[pos : pos + 64]))
            break
        events.append(Message(Kind.OTHER, found[0], data="server"))
        pos = found.end()
    return events


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a message of either direction. Raises PeerError for a position or status that is none.

    Altitude, speed and course are in the unit's own measure, voltages in V, the odometer in metres.
    """
    if message.data == "server":
        command = _COMMAND.fullmatch(message.frame)
        assert command is not None, "it was found so"
        security, group, code, value = (None if each is None else clean(each) for each in command.groups())
        return {"message": "command", "security_id": security, "group": group, "code": code, "value": value}
    cells = clean(message.frame[:-1], MAX_FRAME).split(",")
    if message.kind is Kind.LOGIN:
        product, version, sub_version = (cells[1][at : at + 2] for at in (0, 2, 4))
        header = {"message": "header", "device_id": cells[0], "product": product}
        return {**header, "version": version, "sub_version": sub_version}
    told: dict[str, Any] = {"message": cells[0], "time": moment(cells[1], "%y%m%d%H%M%S") if len(cells) > 1 else None}
    if cells[0][0] == "1" and len(cells) >= 9:
        latitude, longitude = (from_minutes(cell[:-1], cell[-1:]) for cell in cells[3:5])
        place = {"latitude": latitude, "longitude": longitude, "speed": number(cells[5])}
        rest = {"course": number(cells[6]), "hdop": number(cells[7]), "status": cells[8]}
        return {**told, "valid": cells[2] == "A", **place, **rest}
    if cells[0][0] == "2" and len(cells) >= 7:
        satellites, altitude, power, battery, odometer = (number(cell) for cell in cells[2:7])
        told |= {"satellites": satellites, "altitude": altitude, "power": power, "battery": battery}
        return {**told, "odometer": None if odometer is None else round(odometer * _ODOMETER)}
    raise PeerError("a message with too few fields", discarded=message.frame)


_TEXT_COMMAND = re.compile(r"\d;[0-9A-Za-z]{1,8}(?:,[ -)+-~]{0,100})?", re.ASCII)
_SECURITY_ID = re.compile(r"[0-9A-Za-z]{1,16}", re.ASCII)


def _security_id(target: Target) -> str:
    security_id = str(target.options.get("password", ""))
    if not _SECURITY_ID.fullmatch(security_id):
        raise LocalError("needs the unit's security id, 1 to 16 letters or digits", parameter="password")
    return security_id


class ArknavEmulator(Device):
    """A unit that stands still, in the form of recorded messages."""

    def login(self) -> list[Datum]:
        """The header of an RX8."""
        return [Datum(f"{self.device_id},240101;".encode("ascii"))]

    def report(self, now: datetime) -> list[Datum]:
        """A position and a status."""
        position = f"1G,{now:%y%m%d%H%M%S},A,0347.0756N,09842.7435E,0.0,183,1.1,11008000;"
        status = f"2G,{now:%y%m%d%H%M%S},08,4084.0,00.04,04.01,000396255.0;"
        return [Datum(position.encode("ascii")), Datum(status.encode("ascii"))]


def wrap(target: Target, text: str) -> bytes:
    """`<group>;<code>[,<value>]` behind the unit's security id (option `password`).

    Raises LocalError for a text that is none, and where the security id is missing: each unit has its own.
    """
    if not _TEXT_COMMAND.fullmatch(text):
        raise LocalError("a command is a group, a semicolon, a code and maybe a value: 3;0008,+1", parameter="command")
    return f"#{_security_id(target)},{text}*".encode("ascii")


def secrets(target: Target, text: str) -> tuple[bytes, ...]:
    """The security id; a command given in bytes may hold it, too, and needs none in the record."""
    known = text or target.options.get("password") not in (None, "")
    return (_security_id(target).encode("ascii"),) if known else ()


FAMILY = Family(
    name="arknav",
    title="Arknav RX8, X8 and AX-8",
    sources=(
        "github.com/traccar/traccar: ArknavX8Protocol, ArknavX8ProtocolDecoder and its test",
        "scribd.com 650181869 (Arknav protocol, chapter 3) and 624412808 (AX-8 command appendix)",
    ),
    default_port=5119,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported=(
        "Arknav's parameter codes for interval, distance and angle are not public; its reports and the framing of "
        "commands are"
    ),
    stream=ArknavStream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    raw=Envelope(
        wrap=wrap,
        answers=no_reply,
        secrets=secrets,
        expects="nothing: what answers a command is not public",
    ),
    emulator=ArknavEmulator,
)
