"""Frames of Ulbotech trackers: cutting, building, and what they say. One link carries both kinds.

Binary: F8, version 01, type, content, CRC-16/XMODEM (big-endian, over all behind the first F8), F8. Between the two F8,
F7 00 stands for F7 and F7 0F for F8. Type 01 is data: IMEI as 16 BCD digits with a leading 0, seconds since 2000
(31 bits, in the device's zone), then id, length (two bytes for id 0B), value, again and again.
Text: `*TS01,...#`. A unit says its IMEI, alone or with time and result; it is owed `*TS01,ACK:<XXXX>#`, the CRC of what
stands between `*` and `#`.
What a binary frame is owed is not proven: F8 01 FE, two bytes, CRC of these four, F8. The two are most likely the CRC
of the frame, but the public server takes them from the frame's first two bytes. So nothing is sent unless asked for.
Sources: traccar/traccar UlbotechFrameDecoder, UlbotechProtocolDecoder, UlbotechProtocolEncoder and their tests (CRCs
right in all recorded frames).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from fastcrc import crc16

from tracker_codecs.cells import moment
from tracker_codecs.contract import Checksum, Datum, Event, Kind, Limits, Match, Message, Target
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest frame taken, in bytes and with its escapes; recorded ones have at most 80.
MAX_FRAME = 1024
_DATA, _ACK = 0x01, 0xFE
#: Two F8, version, type, CRC.
_LEAST = 6
_SHOWN = 64
_TEXT = re.compile(rb"\*TS01,([ !\"$-)+-~]{1,250})#")
_OPENING = re.compile(rb"(?:\*|\*T|\*TS|\*TS0|\*TS01|\*TS01,[ !\"$-)+-~]{0,250}|\xf8|\xf8\x01[^\xf8]{0,1022})\Z", re.S)
_SAID = re.compile(r"(\d{15})(?:,(\d{12}),(.+))?")
#: Start of the device's seconds, in its own zone.
EPOCH = datetime(2000, 1, 1)  # which zone that is, is not told


def crc(data: bytes) -> int:
    """CRC-16/XMODEM."""
    return crc16.xmodem(data)


def build(content: bytes) -> bytes:
    """A binary frame of version, type and what follows."""
    body = content + crc(content).to_bytes(2, "big")
    return b"\xf8" + body.replace(b"\xf7", b"\xf7\x00").replace(b"\xf8", b"\xf7\x0f") + b"\xf8"


def plain(frame: bytes) -> bytes:
    """What stands between the two F8, without escapes."""
    return frame[1:-1].replace(b"\xf7\x0f", b"\xf8").replace(b"\xf7\x00", b"\xf7")


def sentence(content: bytes) -> bytes:
    """A text frame."""
    return b"*TS01,%b#" % content


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: an IMEI in text or in a data frame."""
    if first[:1] == b"*":
        if len(first) < 22:
            return None if re.fullmatch(rb"\*(?:T(?:S(?:0(?:1(?:,\d{0,15})?)?)?)?)?", first) else False
        return re.match(rb"\*TS01,\d{15}[,#]", first) is not None
    if not first:
        return None
    if not b"\xf8\x01\x01".startswith(first[:3]):
        return False
    digits = first[3:11].hex()
    if digits and not re.fullmatch(r"0\d*", digits):
        return False
    return True if len(digits) == 16 else None


class UlbotechStream(Cutter):
    """Cuts what a device says, or a server (`server`). A binary frame with a wrong CRC is given up."""

    __slots__ = ("_acknowledges", "_broken_to")
    starts = re.compile(rb"[\xf8*]")
    between = b"\r\n"

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._acknowledges = False
        #: The closing F8 of a frame that does not check, which may open the next; nothing before it does.
        self._broken_to = 0

    def bind(self, target: Target) -> None:
        """Option `binary_ack: crc`: binary frames are answered with their own CRC from now on."""
        self._acknowledges = target.options.get("binary_ack") == "crc"

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if pos < self._broken_to:
            return NO_FRAME
        self._broken_to = 0
        found = _TEXT.match(buf, pos)
        if found:
            events.append(self._said(found))
            return found.end()
        end = buf.find(b"\xf8", pos + 1, pos + MAX_FRAME) + 1 if buf[pos : pos + 2] == b"\xf8\x01" else 0
        if not end:
            return MORE if _OPENING.match(buf, pos) else NO_FRAME
        frame = buf[pos:end]
        body = plain(frame)
        if len(frame) < _LEAST or crc(body[:-2]) != body[-2] << 8 | body[-1]:
            self._broken_to = end - 1
            return NO_FRAME
        events.append(self._message(frame, body))
        return end

    def _message(self, frame: bytes, body: bytes) -> Message:
        if self.server:
            return Message(Kind.OTHER, frame, checksum=Checksum.OK, data="server")
        if body[1] != _DATA:
            return Message(Kind.OTHER, frame, self.device_id, checksum=Checksum.OK)
        digits = body[2:10].hex()
        if len(body) < 16 or digits[0] != "0" or not digits.isdigit():
            return Message(Kind.OTHER, frame, self.device_id, checksum=Checksum.OK)
        self.device_id = digits[1:]
        owed = build(bytes((0x01, _ACK)) + body[-2:]) if self._acknowledges else b""
        return Message(Kind.REPORT, frame, self.device_id, owed, Checksum.OK)

    def _said(self, found: re.Match[bytes]) -> Message:
        frame = found[0]
        if self.server:
            return Message(Kind.OTHER, frame, text=clean(found[1]), data="server")
        said = _SAID.fullmatch(clean(found[1]))
        if said is None:
            return Message(Kind.OTHER, frame, self.device_id)
        self.device_id = said[1]
        kind = Kind.LOGIN if said[3] is None else Kind.REPLY
        owed = sentence(b"ACK:%04X" % crc(frame[1:-1]))
        return Message(kind, frame, self.device_id, owed, text=said[3] or "")


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame. Raises PeerError for a data frame whose values do not fit their lengths."""
    frame = message.frame
    if frame[:1] == b"*":
        return _text_fields(message)
    body = plain(frame)[:-2]
    if message.data == "server":
        acknowledged = body[2:].hex() if body[1] == _ACK else None
        return {"message": "acknowledgement" if acknowledged else "other", "of": acknowledged}
    if message.kind is not Kind.REPORT:
        return {"message": "other", "type": body[1], "content": body[2:].hex()}
    time = EPOCH + timedelta(seconds=int.from_bytes(body[10:14], "big") & 0x7FFFFFFF)
    found: dict[str, Any] = {"message": "report", "device_id": message.device_id, "time": time.isoformat()}
    pos = 14
    while pos < len(body):
        name, wide = body[pos], 3 if body[pos] == 0x0B else 2
        length = int.from_bytes(body[pos + 1 : pos + wide], "big")
        pos += wide + length
        if pos > len(body):
            raise PeerError("a value longer than its frame", discarded=frame[:_SHOWN])
        found |= _value(name, body[pos - length : pos])
    return found


def _value(name: int, value: bytes) -> dict[str, Any]:
    """The value of one id. Latitude and longitude in degrees; speed, course and odometer in the device's units."""

    def number(start: int, stop: int, *, signed: bool = False) -> int:
        return int.from_bytes(value[start:stop], "big", signed=signed)

    if name == 0x01 and len(value) >= 14:
        place = {"latitude": number(0, 4, signed=True) / 1e6, "longitude": number(4, 8, signed=True) / 1e6}
        return {**place, "speed": number(8, 10), "course": number(10, 12), "hdop": number(12, 14) / 100}
    if name == 0x04 and len(value) == 4:
        return {"odometer": number(0, 4)}
    if name == 0x08 and len(value) == 4:
        return {"fuel": number(0, 4) / 10000}
    if name == 0x0D:
        return {"vin": clean(value)}
    if name == 0x10 and value:
        return {"event": value[0], **({"event_mask": value[1:].hex()} if value[1:] else {})}
    known = {2: "cell", 3: "status", 5: "adc", 6: "geofence", 7: "obd", 9: "obd_alarm", 10: "driving", 11: "can"}
    known |= {12: "j1708", 14: "rfid"}
    return {known.get(name, f"id_{name:02x}"): value.hex()}


def _text_fields(message: Message) -> dict[str, Any]:
    content = clean(message.frame[6:-1])
    if message.data == "server":
        if content.startswith("ACK:"):
            return {"message": "acknowledgement", "of": content[4:]}
        command, _, argument = content.partition(";")
        return {"message": "command", "command": command, "arguments": argument.split(";") if argument else []}
    said = _SAID.fullmatch(content)
    if said is None:
        return {"message": "other", "text": content}
    if said[3] is None:
        return {"message": "login", "device_id": said[1]}
    return {"message": "answer", "device_id": said[1], "time": moment(said[2], "%H%M%S%d%m%y"), "result": said[3]}


_COMMAND = re.compile(r"([A-Z][A-Z0-9]{1,15})(?:;[ !\"$-)+-~]{0,200})?", re.ASCII)


class UlbotechEmulator(Device):
    """A unit that stands still."""

    def login(self) -> list[Datum]:
        """Its IMEI in text."""
        return [Datum(sentence(self.device_id.encode("ascii")))]

    def report(self, now: datetime) -> list[Datum]:
        """Place, status, odometer and event."""
        seconds = int((now.replace(tzinfo=None) - EPOCH).total_seconds())
        head = b"\x01\x01" + bytes.fromhex(f"0{self.device_id}") + seconds.to_bytes(4, "big")
        place = bytes.fromhex("010e03b52df8ff99fde500000000270f")
        return [Datum(build(head + place + bytes.fromhex("0304020000000404 00000000 100101")))]


def from_server(data: bytes, channel: str) -> Sequence[Event]:
    """Acknowledgements and commands."""
    return UlbotechStream(server=True).feed(data[: 64 * MAX_FRAME])


def wrap(target: Target, text: str) -> bytes:
    """A name with its arguments (`UNO;13912345678`) as a text frame. Raises LocalError for anything else."""
    if not _COMMAND.fullmatch(text):
        raise LocalError("a command is a name in capitals, then arguments after a semicolon", parameter="command")
    return sentence(text.encode("ascii"))


def answers(target: Target, text: str, message: Message) -> Match:
    """An answer begins with the command's name; to a command given in bytes any answer will do."""
    if message.kind is not Kind.REPLY or message.device_id != target.device_id:
        return Match.NO
    name = text.partition(";")[0]
    return Match.DONE if not name or message.text.startswith(f"{name}:") else Match.NO


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`; ids are 15 digits, as BCD in binary frames. Raises LocalError for other ids."""
    if frame[:1] == b"*":
        return frame.replace(old.encode(), new.encode())
    if not re.fullmatch(r"\d{15}", old) or not re.fullmatch(r"\d{15}", new):
        raise LocalError("an id is an IMEI of 15 digits", parameter="device_id")
    body = plain(frame)[:-2]
    if body[2:10] != bytes.fromhex(f"0{old}"):
        return frame
    return build(body[:2] + bytes.fromhex(f"0{new}") + body[10:])


FAMILY = Family(
    name="ulbotech",
    title="Ulbotech T361, T381 and IMTSA TR2-OBD",
    sources=(
        "github.com/traccar/traccar: UlbotechFrameDecoder, UlbotechProtocolDecoder, UlbotechProtocolEncoder, tests",
    ),
    default_port=5072,
    limits=Limits(max_frame=MAX_FRAME, idle=600.0, reply_timeout=30.0),
    unsupported=(
        "the names of Ulbotech's commands for interval, distance and angle are not public; its reports and the "
        "framing of commands are"
    ),
    stream=UlbotechStream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    raw=Envelope(
        wrap=wrap,
        answers=answers,
        expects="`*TS01,<IMEI>,<time>,<command>:<value>#` with the command's name",
        timeout=30.0,
    ),
    emulator=UlbotechEmulator,
)
