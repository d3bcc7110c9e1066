"""Wialon IPS 1.1 and 2.x: lines, what is owed to them, and what they say.

`#TYPE#fields;...` CR LF. Version 2 puts a CRC-16/ARC behind the last `;` (`|` in a black box), four upper-case
hexadecimal digits, over the bytes from the second `#` to the CRC. On UDP `<version>;<id>` stands before the first `#`,
in version 1.1 `<id>`. Photo and tachograph lines (I, T) are followed by as many bytes as their first field says.
Recorded units of version 2 leave the CRC out, or write something else: a line without a CRC is taken as it is.

Owed: L `AL` 1 or 0, P `AP`, SD `ASD`, D `AD`, B `AB` with the number of records, M `AM` 1 or 0. Printed codes: 1 taken,
-1 a wrong structure, ASD 13 and AL 10 a wrong CRC. What AD and AB say of a wrong CRC could not be read: nothing is
sent.

Sources: Wialon IPS 2.0 and 2.1 by Gurtam (scribd documents 412508943, 452701619, 748616406); traccar/traccar
WialonProtocolDecoder and its test (recorded lines). Traccar answers `AD` to SD; here the protocol's text is followed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastcrc import crc16

from tracker_codecs.contract import (
    Checksum,
    Datum,
    Event,
    Kind,
    Limits,
    Message,
    Target,
    Transport,
)
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest line taken, with the bytes behind it.
MAX_FRAME = 65536
_HEAD = re.compile(rb"(?:(?:(\d\.\d);)?([^;#\r\n]{1,50}))?#([A-Z]{1,3})#", re.ASCII)
_CRC = re.compile(rb"[;|]([0-9A-F]{4})\Z", re.ASCII)
_KINDS = {
    b"L": Kind.LOGIN,
    b"P": Kind.HEARTBEAT,
    b"SD": Kind.REPORT,
    b"D": Kind.REPORT,
    b"B": Kind.REPORT,
    b"M": Kind.REPLY,
}
#: Fields of a position, and those that follow in a D line.
SHORT = ("date", "time", "lat1", "lat2", "lon1", "lon2", "speed_kmh", "course", "altitude_m", "satellites")
LONG = (*SHORT, "hdop", "inputs", "outputs", "adc", "ibutton", "params")


def crc(body: bytes) -> bytes:
    """The CRC of a line as it is written."""
    return b"%04X" % crc16.arc(body)


def line(kind: str, body: str, *, version: str = "2.0") -> bytes:
    """A line; from version 2 on with its CRC."""
    data = body.encode("utf-8")
    if not version.startswith("1"):
        data += b";"
        data += crc(data)
    return b"#%b#%b\r\n" % (kind.encode("ascii"), data)


class WialonStream(Cutter):
    """Cuts the device's side of a link; `datagrams`: as UDP carries it."""

    __slots__ = ("_version",)
    starts = re.compile(rb"#(?:[A-Z]{1,3}(?:#|\Z)|\Z)|\r(?:\n|\Z)")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._version = b""

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`."""
        if buf.startswith(b"\r\n", pos):
            return pos + 2
        head = _HEAD.match(buf, pos) if self._datagrams or buf[pos] == 0x23 else None
        if head is None:
            left = buf[pos : pos + 5]
            begun = re.fullmatch(rb"\r|#[A-Z]{0,3}", left, re.ASCII)
            return MORE if begun and not self._datagrams else NO_FRAME
        stop = buf.find(b"\r\n", head.end(), pos + MAX_FRAME)
        if stop < 0:
            return MORE if len(buf) - pos < MAX_FRAME else NO_FRAME
        end = stop + 2
        if head[3] in (b"I", b"T"):
            size = re.match(rb"\d{1,6}(?=;)", buf[head.end() : stop], re.ASCII)
            end += int(size[0]) if size else 0
            if end - pos > MAX_FRAME:
                return NO_FRAME
            if end > len(buf):
                return MORE
        events.append(self._message(buf[pos:end], head, buf[head.end() : stop]))
        return end

    def _message(self, frame: bytes, head: re.Match[bytes], body: bytes) -> Message:
        version, name, kind = head.groups()
        if kind == b"L":
            return self._login(frame, body)
        spoken = self._version if name is None else version or b"1.1"
        told = _CRC.search(body) if spoken[:1] != b"1" else None
        state = Checksum.NONE
        if told is not None:
            state = Checksum.OK if told[1] == crc(body[: told.start(1)]) else Checksum.BAD
            body = body[: told.start()]
        if name is not None and state is not Checksum.BAD:
            self._version, self.device_id = spoken, clean(name)
        sort = _KINDS.get(kind, Kind.OTHER)
        if state is Checksum.BAD:
            sort = Kind.OTHER
        text = clean(body) if sort is Kind.REPLY else ""
        return Message(sort, frame, self.device_id, owed(kind, body, state), state, text, (kind, body))

    def _login(self, frame: bytes, body: bytes) -> Message:
        """`[version;]id;password[;CRC]`: the version has a dot."""
        parts = body.split(b";")
        second = len(parts) > 2 and b"." in parts[0]
        state, name = Checksum.NONE, parts[0]
        if second:
            name = parts[1]
            if _CRC.search(body):  # of three cells the last is the password, unless it is the CRC indeed
                right = crc(body[:-4]) == parts[-1]
                state = Checksum.OK if right else Checksum.BAD if len(parts) > 3 else Checksum.NONE
        if state is Checksum.BAD or len(parts) < 2 or not 0 < len(name) <= 50:
            no = b"#AL#10\r\n" if state is Checksum.BAD else b"#AL#0\r\n"
            return Message(Kind.OTHER, frame, None, no, state, data=(b"L", body))
        self._version, self.device_id = (parts[0] if second else b"1.1"), clean(name)
        return Message(Kind.LOGIN, frame, self.device_id, b"#AL#1\r\n", state, data=(b"L", body))


def owed(kind: bytes, body: bytes, state: Checksum) -> bytes:
    """The answer to a line that is no login."""
    bad = state is Checksum.BAD
    if kind == b"P":
        return b"#AP#\r\n"
    if kind == b"M":
        return b"#AM#0\r\n" if bad else b"#AM#1\r\n"
    if kind == b"SD" and bad:
        return b"#ASD#13\r\n"
    if bad or kind not in (b"SD", b"D", b"B"):
        return b""
    if kind == b"B":
        return b"#AB#%d\r\n" % sum(each.count(b";") >= len(SHORT) - 1 for each in body.split(b"|"))
    return b"#A%b#%d\r\n" % (kind, 1 if body.count(b";") >= len(SHORT) - 1 else -1)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a device's line; the password of a login is left out."""
    kind, body = message.data
    found: dict[str, Any] = {"type": kind.decode("ascii"), "device_id": message.device_id}
    if kind == b"L":
        parts = body.split(b";")
        second = len(parts) > 2 and b"." in parts[0]
        secret = parts[2 if second else 1] if len(parts) > 1 else b""
        found |= {"version": clean(parts[0]) if second else "1.1", "has_password": secret not in (b"", b"NA")}
    elif kind in (b"SD", b"D"):
        found |= _position(body)
    elif kind == b"B":
        found["records"] = [_position(each) for each in body.split(b"|") if each][:1000]
    elif body:
        found["text"] = clean(body, 2000)
    return found


def _position(body: bytes) -> dict[str, Any]:
    cells = [clean(cell, 2000) for cell in body.split(b";")]
    found: dict[str, Any] = dict(zip(LONG, (None if cell == "NA" else cell for cell in cells), strict=False))
    for name, first, sign in (("latitude", "lat1", "lat2"), ("longitude", "lon1", "lon2")):
        value = _degrees(found.pop(first, None) or "")
        side = found.pop(sign, None)
        found[name] = -value if value is not None and side in ("S", "W") else value
    return found


def _degrees(text: str) -> float | None:
    """Degrees of (d)ddmm.mmmm; None for a text that is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return round(value // 100 + value % 100 / 60, 6) if abs(value) < 1e6 else None


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a login line."""
    begun = re.match(rb"#L#[^#\r\n]{0,200}(?:\r\n)?", first, re.ASCII)
    if begun is None or (begun.end() < len(first) and not begun[0].endswith(b"\n") and first[begun.end() :] != b"\r"):
        return None if b"#L#".startswith(first[:3]) and len(first) < 3 else False
    if not begun[0].endswith(b"\n"):
        return None
    return b";" in begun[0]


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the id of a login or of a datagram; the CRC is put right where it was right."""
    head = _HEAD.match(frame)
    if head is None:
        return frame
    stop = frame.index(b"\r\n", head.end())
    body, before = frame[head.end() : stop], frame[: head.end()]
    if head[2] is not None:
        before = before.replace(old.encode(), new.encode(), 1)
    if head[3] == b"L":
        told = _CRC.search(body)
        right = told is not None and told[1] == crc(body[:-4])
        body = body.replace(old.encode(), new.encode(), 1)
        body = body[:-4] + crc(body[:-4]) if right else body
    return before + body + frame[stop:]


#: Variant -> version of its lines.
VERSIONS = {"v2": "2.0", "v1": "1.1"}
_SERVER = re.compile(rb"[^\r\n]{1,4000}\r\n")


class WialonDevice(Device):
    """Logs in, reports, pings, and says each message back."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self._version = version = VERSIONS[self.variant]
        told = self.device_id if version == "1.1" else f"{version};{self.device_id}"
        self._login = f"{told};NA"
        self._before = told.encode("ascii") if self.datagrams else b""
        self._kept = b""

    def connect(self) -> list[Datum]:
        """The login; a datagram names the device itself."""
        self._kept = b""
        return [] if self._before else [self._say("L", self._login)]

    def heartbeat(self) -> list[Datum]:
        """A ping."""
        return [Datum(self._before + b"#P#\r\n")]

    def report(self, now: datetime) -> list[Datum]:
        """A short position."""
        return [self._say("SD", f"{now:%d%m%y;%H%M%S};5544.6025;N;03739.6834;E;1;2;3;4")]

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """Messages whose CRC is right."""
        *lines, rest = (self._kept + data).split(b"\r\n")
        self._kept = rest[-4096:]
        said = []
        for each in lines:
            body = each[3:]
            if not each.startswith(b"#M#") or self.faults.silent:
                continue
            if self._version != "1.1":
                if len(body) < 5 or crc(body[:-4]) != body[-4:]:
                    continue
                body = body[:-5]
            said.append(self._say("M", body.decode("utf-8", "backslashreplace")))
        return said

    def _say(self, kind: str, body: str) -> Datum:
        return Datum(self._before + line(kind, body, version=self._version))


def _fields_of(message: Message) -> dict[str, Any]:
    """Everything known of a line of either direction."""
    if message.data is None:
        return {"text": message.text}
    return fields(message)


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """Whole lines of a server: answers, messages and the bare commands that some firmware takes."""
    lines = [found[0] for found in _SERVER.finditer(data)]
    return [Message(Kind.OTHER, each, text=each[:-2].decode("utf-8", "backslashreplace")) for each in lines]


def refuse(message: Message) -> bytes:
    """A login is refused in the protocol's words."""
    return b"#AL#0\r\n" if message.kind is Kind.LOGIN else b""


def wrap(target: Target, text: str) -> bytes:
    """A message to the driver, which is what carries commands to devices that take them."""
    if len(text) > 1000 or not text.isprintable():
        raise LocalError("a message is one line of at most 1000 printable characters", parameter="command")
    return line("M", text, version=VERSIONS[target.variant])


FAMILY = Family(
    name="wialon-ips",
    title="Wialon IPS 1.1 and 2.x",
    sources=(
        "Gurtam, Wialon IPS 2.0 and 2.1 (scribd documents 412508943, 452701619, 748616406)",
        "github.com/traccar/traccar: WialonProtocolDecoder, WialonProtocolEncoder and their tests (recorded lines)",
    ),
    transports=frozenset({Transport.TCP, Transport.UDP}),
    default_port=5039,
    limits=Limits(max_frame=MAX_FRAME),
    variants={name: {} for name in VERSIONS},
    unsupported="Wialon IPS carries reports and messages; it defines no tracking settings",
    stream=WialonStream,
    server=from_server,
    recognise=recognise,
    fields=_fields_of,
    refuse=refuse,
    rename=renamed,
    raw=Envelope(wrap=wrap, expects="a message of the device; the protocol does not tell which command it answers"),
    emulator=WialonDevice,
)
