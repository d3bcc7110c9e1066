"""Messages of Xirgo units: cutting, and what they say.

`$$<uid>,<code>,<fields>##`: no length, no checksum. 4xxx and 6xxx are reports, 1xxx and 3xxx answer the `+XT:` command
of the same number, 7xxx answers a request. The uid is the IMEI or MEID; 6115 carries a shorter serial, which is no id;
units with a uid of nine digits are reported, too. Of a report only the first six fields stand for all models: uid,
event, date, time, latitude, longitude. Over UDP a report whose last field is a whole number is owed
`!UDP_ACK,<event>,<that field>`; over TCP nothing is owed.
Sources: traccar/traccar XirgoProtocolDecoder, XirgoProtocolEncoder and their tests; a public Go device server on GitHub
(packages base.device.service/core) and its recorded messages.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from tracker_codecs.cells import moment
from tracker_codecs.contract import Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest message taken, in bytes; recorded ones have at most 200.
MAX_FRAME = 1024
_BODY = re.compile(rb"\$\$([0-9A-Za-z]{1,20}),(\d{4})((?:,[ -~]*)?)##", re.ASCII)
#: Digits of a MEID; a shorter uid is a serial.
_LEAST_ID = 14
_NINE = re.compile(rb"\d{9}", re.ASCII)
_LINE = re.compile(rb"(\+XT:|!UDP_ACK,)([ -~]{1,200})", re.ASCII)
_REPORTS = b"46"
_ANSWERS = b"137"


class XirgoStream(Cutter):
    """Cuts what a device says. `datagrams`: a message ends with its datagram, and reports are owed an answer."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"\$")
    between = b"\r\n \0"

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if not buf.startswith(b"$$", pos):
            return MORE if buf[pos:] == b"$" else NO_FRAME
        stop = buf.find(b"##", pos, pos + MAX_FRAME)
        if stop < 0:
            return MORE if len(buf) - pos < MAX_FRAME else NO_FRAME
        body = _BODY.fullmatch(buf, pos, stop + 2)
        if body is None or buf.find(b"$$", pos + 1, stop) >= 0:
            return NO_FRAME
        events.append(self._message(buf[pos : stop + 2], body))
        return stop + 2

    def _message(self, frame: bytes, body: re.Match[bytes]) -> Message:
        uid, code, rest = body.groups()
        short = code != b"6115" and _NINE.fullmatch(uid) and len(self.device_id or "") < _LEAST_ID
        if len(uid) >= _LEAST_ID or short:
            self.device_id = uid.decode("ascii")
        if code[0] in _REPORTS:
            last = rest[rest.rfind(b",") + 1 :] if self._datagrams else b""
            owed = b"!UDP_ACK,%b,%b" % (code, last) if last.isdigit() else b""
            return Message(Kind.REPORT, frame, self.device_id, owed)
        kind = Kind.REPLY if code[0] in _ANSWERS else Kind.OTHER
        cells = tuple(rest[1:].decode("ascii").split(",")) if rest else ()
        data = (code.decode("ascii"), cells)
        return Message(kind, frame, self.device_id, text=clean(code + rest), data=data)


def from_server(data: bytes, channel: str = "") -> list[Event]:
    """Commands and acknowledgements, one a line."""
    events: list[Event] = []
    for line in data[: 64 * MAX_FRAME].replace(b"\r", b"\n").split(b"\n"):
        if _LINE.fullmatch(line):
            events.append(Message(Kind.OTHER, line, text=clean(line), data="server"))
        elif line:
            events.append(PeerError("a line that is no command", discarded=line[:64]))
    return events


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a message of either direction. A place that is none is told as None."""
    if message.data == "server":
        return _server(message.text)
    body = _BODY.fullmatch(message.frame)
    assert body is not None, "the stream has seen it"
    uid, code = body[1].decode("ascii"), body[2].decode("ascii")
    cells = clean(body[3][1:], MAX_FRAME).split(",") if body[3] else []
    if message.kind is not Kind.REPORT:
        return {"message": "answer", "uid": uid, "code": code, "values": cells}
    found: dict[str, Any] = {"message": "report", "uid": uid, "event": int(code)}
    if len(cells) < 4 or not re.fullmatch(r"\d{4}/\d\d/\d\d", cells[0], re.ASCII):
        return {**found, "values": cells}
    time = moment(f"{cells[0]} {cells[1]}", "%Y/%m/%d %H:%M:%S")  # none of 2000/00/00: the unit does not know it yet
    latitude, longitude = _degrees(cells[2], 90), _degrees(cells[3], 180)
    return {**found, "time": time, "latitude": latitude, "longitude": longitude, "values": cells[4:]}


def _degrees(text: str, most: int) -> float | None:
    """Degrees; None for a text that is none, or no place on Earth."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= most else None


def _server(line: str) -> dict[str, Any]:
    if line.startswith("!UDP_ACK,"):
        return {"message": "acknowledgement", "values": line.split(",")[1:]}
    cells = line.removeprefix("+XT:").split(",")
    uid = cells.pop(0) if len(cells[0]) >= _LEAST_ID else None
    return {"message": "command", "uid": uid, "code": cells[0] if cells else "", "arguments": cells[1:]}


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `$$`, a uid, a code of four digits beginning with 1, 3, 4, 6 or 7."""
    if not b"$$".startswith(first[:2]):
        return False
    uid, comma, rest = first[2:40].partition(b",")
    if not re.fullmatch(rb"[0-9A-Za-z]{4,20}", uid, re.ASCII):
        return None if not comma and re.fullmatch(rb"[0-9A-Za-z]{0,3}", uid, re.ASCII) else False
    if not comma or len(rest) < 5:
        return None if re.fullmatch(rb"(?:[13467]\d{0,3})?", rest, re.ASCII) else False
    return re.match(rb"[13467]\d{3}[,#]", rest, re.ASCII) is not None
