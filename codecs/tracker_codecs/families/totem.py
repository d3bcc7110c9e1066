"""Frames of TotemTech trackers: cutting, building, and what they say.

New generation, both directions: `$$` LLLL TT payload CC. LLLL is the length of the whole frame in four decimal digits,
TT the type, CC the XOR of all characters before it, in upper-case hexadecimal. A report's payload begins with the IMEI;
ids of six digits are reported, too, and end with `|` or a comma.
It is owed `$$0014AA` + the four characters before its CC + XOR: the serial of a position, the id's end of a heartbeat.
Old generation, device only: `$$`, the length in two hexadecimal digits, IMEI, `|`, fields; its last four characters are
a checksum whose algorithm is not public. It is owed `ACK OK` CR LF. The third character tells them apart: 0 is new.
Sources: traccar/traccar TotemFrameDecoder, TotemProtocolDecoder (revisions differ: older ones answer every frame, newer
ones only positions they understand; every frame is answered here), TotemProtocolEncoder and their tests.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from tracker_codecs.cells import moment
from tracker_codecs.contract import Checksum, Datum, Event, Kind, Limits, Message, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope, no_reply
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: A length begins with 0, so no frame has more bytes.
MAX_FRAME = 999
#: `$$`, length, type, IMEI, checksum; of the old generation `$$`, length, IMEI, `|`, serial, `|`, checksum.
_LEAST, _LEAST_OLD = 25, 30
_HEAD = re.compile(rb"\$\$(?:(0\d{3})([0-9A-Z]{2})(\d{15}|\d{6}(?=[|,]))|([1-9A-F][0-9A-F])(\d{15}|\d{6})\|)")
_OPENING = re.compile(
    rb"\$?(?:\$(?:0\d{0,3}|0\d{3}[0-9A-Z]{1,2}|0\d{3}[0-9A-Z]{2}\d{1,15}"
    rb"|[1-9A-F]|[1-9A-F][0-9A-F]\d{0,15})?)?\Z"
)
_BODY = re.compile(rb"[ -~]+")
_SERVER = re.compile(rb"(\$\$0\d{3})([A-Z]{2})|(ACK OK)\r\n")
_KINDS = {b"BB": Kind.HEARTBEAT, **dict.fromkeys((b"AA", b"AB", b"02", b"03", b"E2", b"E5"), Kind.REPORT)}
#: A position of the new generation: status, time, battery; what stands between differs from model to model.
_START = re.compile(r"\|([0-9A-F]{8})(\d{12})(\d\d)(\d\d)")
#: Its end: satellites, GSM signal, course, speed, HDOP, odometer, place, serial.
_END = re.compile(
    r"(\d\d)(\d\d)(\d{3})(\d{3})(\d\d\.\d)(\d{7})(\d\d)(\d\d\.\d{4})([NS])(\d{3})(\d\d\.\d{4})([EW])(\d{4})\Z"
)
#: The end without what is before the place; in one recorded form four digits more stand between place and serial.
_PLACE = re.compile(r"(\d\d)(\d\d\.\d{4})([NS])(\d{3})(\d\d\.\d{4})([EW])(?:\d{4})?(\d{4})\Z")


def xor(data: bytes) -> int:
    """XOR of all bytes, at most 1024 of them."""
    folded = int.from_bytes(data)
    for shift in (4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8):
        folded ^= folded >> shift
    return folded & 0xFF


def build(kind: bytes, payload: bytes) -> bytes:
    """A frame of the new generation. Raises LocalError for a payload that is too long."""
    length = len(payload) + 10
    if length > MAX_FRAME:
        raise LocalError(f"a frame has at most {MAX_FRAME} bytes", parameter="command")
    body = b"$$%04d%b%b" % (length, kind, payload)
    return body + b"%02X" % xor(body)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a length, a type and an IMEI."""
    if _OPENING.match(first):
        return None
    return _HEAD.match(first) is not None


class TotemStream(Cutter):
    """Cuts what a device says. A frame that does not check or holds another's start is given up."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"\$")
    between = b"\r\n"

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        head = _HEAD.match(buf, pos)
        if head is None:
            return MORE if _OPENING.match(buf, pos) else NO_FRAME
        new = head[1] is not None
        total = int(head[1]) if new else int(head[4], 16)
        if total < (_LEAST if new else _LEAST_OLD):
            return NO_FRAME
        if len(buf) - pos < total:
            return MORE
        frame = buf[pos : pos + total]
        sound = not new or frame[-2:] == b"%02X" % xor(frame[:-2])
        if not sound or not _BODY.fullmatch(frame) or frame.find(b"$$", 2) > 0:
            return NO_FRAME
        events.append(self._message(frame, head))
        return pos + total

    def _message(self, frame: bytes, head: re.Match[bytes]) -> Message:
        self.device_id = (head[3] or head[5]).decode("ascii")
        if head[1] is None:
            return Message(Kind.REPORT, frame, self.device_id, b"ACK OK\r\n")
        kind = _KINDS.get(head[2], Kind.OTHER)
        return Message(kind, frame, self.device_id, build(b"AA", frame[-6:-2]), Checksum.OK)


def from_server(data: bytes, channel: str = "") -> list[Event]:
    """Acknowledgements and commands."""
    events: list[Event] = []
    pos, size = 0, min(len(data), 64 * MAX_FRAME)
    while pos < size:
        found = _SERVER.match(data, pos)
        total = int(found[1][2:]) if found and found[1] else 8
        frame = data[pos : pos + total]
        sound = found is not None and (found[3] or (total > 10 and frame[-2:] == b"%02X" % xor(frame[:-2])))
        if not sound or len(frame) < total:
            events.append(PeerError("bytes that are no frame", discarded=data[pos : pos + 64]))
            break
        events.append(
            Message(Kind.OTHER, frame, checksum=Checksum.NONE if frame[0] != 0x24 else Checksum.OK, data="server")
        )
        pos += total
    return events


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. Speed is in km/h, the odometer in km, the battery in V."""
    text = clean(message.frame, MAX_FRAME + 1)
    if message.data == "server":
        return _server(text)
    size = len(message.device_id or "")
    if text[2] != "0":
        old: dict[str, Any] = {"message": "report", "generation": "old", "device_id": text[4 : 4 + size]}
        return {**old, "alarm": text[5 + size : 7 + size], "values": text[7 + size : -4].removeprefix("|").split("|")}
    kind = {Kind.HEARTBEAT: "heartbeat", Kind.REPORT: "report"}.get(message.kind, "other")
    found: dict[str, Any] = {"message": kind, "generation": "new", "type": text[6:8], "device_id": text[8 : 8 + size]}
    rest = text[8 + size : -2]
    start, place = _START.match(rest), _PLACE.search(rest)
    if start is None or place is None or not start.end() <= place.start():
        return {**found, "values": rest[1:].split(",")} if rest else found
    found |= {
        "status": start[1],
        "time": moment(start[2], "%y%m%d%H%M%S"),
        "battery": int(start[3]) / 10,
        "power": int(start[4]),
    }
    end = _END.search(rest, start.end())
    if end:
        satellites, gsm, course, speed = (int(each) for each in end.groups()[:4])
        found |= {"satellites": satellites, "gsm": gsm, "course": course, "speed": speed}
        found |= {"hdop": float(end[5]), "odometer": int(end[6])}
    latitude, longitude = _degrees(*place.groups()[:3]), _degrees(*place.groups()[3:6])
    return {**found, "latitude": latitude, "longitude": longitude, "serial": place[7]}


def _server(text: str) -> dict[str, Any]:
    if text.startswith("ACK"):
        return {"message": "acknowledgement", "generation": "old"}
    payload = text[8:-2]
    if text[6:8] == "AA":
        return {"message": "acknowledgement", "generation": "new", "serial": payload}
    password, code, *arguments = [*payload.split(","), ""]
    found = {"message": "command", "type": text[6:8], "password": password, "code": code}
    return {**found, "arguments": arguments[:-1]} if arguments else found


def _degrees(whole: str, minutes: str, half: str) -> float:
    value = int(whole) + float(minutes) / 60
    return round(-value if half in "SW" else value, 6)


_COMMAND = re.compile(r"\d{3}(?:,[ -#%-~]{0,200})?", re.ASCII)
_PASSWORD = re.compile(r"[0-9A-Za-z]{1,16}", re.ASCII)


def _password(target: Target) -> str:
    password = str(target.options.get("password", "000000"))
    if not _PASSWORD.fullmatch(password):
        raise LocalError("a password is 1 to 16 letters or digits", parameter="password")
    return password


class TotemEmulator(Device):
    """A unit of the new generation: positions in the shortest recorded form, heartbeats."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self._serial = 0

    def heartbeat(self) -> list[Datum]:
        """BB."""
        return [Datum(build(b"BB", self.device_id.encode("ascii")))]

    def report(self, now: datetime) -> list[Datum]:
        """AA, with a fix."""
        self._serial = self._serial % 9999 + 1
        place = f"0304.7772N10134.8238E{self._serial:04d}"
        text = f"{self.device_id}|50044000{now:%y%m%d%H%M%S}4112000028A058AE121010604000.60000032{place}"
        return [Datum(build(b"AA", text.encode("ascii")))]


def wrap(target: Target, text: str) -> bytes:
    """`CF`, the password, a code of three digits with its arguments (`006`, `025,C,1`); new generation only.

    Raises LocalError for a text that is no such command and for a password that is none.
    """
    if not _COMMAND.fullmatch(text):
        raise LocalError("a command is a code of three digits, then arguments after a comma", parameter="command")
    return build(b"CF", f"{_password(target)},{text}".encode("ascii"))


def secrets(target: Target, text: str) -> tuple[bytes, ...]:
    """The password; a command given in bytes may hold it, too."""
    return (_password(target).encode("ascii"),)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`; the old generation's checksum cannot be put right. Raises LocalError there."""
    if old.encode() not in frame:
        return frame
    if frame[2:3] != b"0":
        raise LocalError("the checksum of the old generation is not public")
    body = frame[:-2].replace(old.encode(), new.encode())
    return body + b"%02X" % xor(body)


FAMILY = Family(
    name="totem",
    title="TotemTech AT05, AT07 and AT09",
    sources=(
        "github.com/traccar/traccar: TotemFrameDecoder, TotemProtocolDecoder, TotemProtocolEncoder and their tests",
        "github.com/plaspy-dev/docs: pages on Totemtech AT05, AT07-3G and AT21-4G (codes in their SMS form)",
    ),
    default_port=5007,
    limits=Limits(max_frame=MAX_FRAME, idle=600.0, reply_timeout=30.0),
    unsupported=(
        "TotemTech's commands for intervals, distance and angle are not public; its reports and the envelope are"
    ),
    stream=TotemStream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    raw=Envelope(
        wrap=wrap,
        answers=no_reply,
        secrets=secrets,
        expects="nothing: what answers a command is not public",
        timeout=30.0,
    ),
    emulator=TotemEmulator,
)
