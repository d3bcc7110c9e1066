"""Neomatica ADM packets: cutting of a link, what a packet says. All integers are little endian.

Number u16 of the unit, size u8 of the whole packet, type u8, content. Size 84 (hex) is a text: it answers a command,
has no type, begins at offset 3 and is padded with zeros. Type 03 is the login: IMEI, hardware, answer mode, zeros,
and the XOR of all before it (so in both recorded logins; other packets have no checksum). A type with its lowest two
bits clear is a position with the blocks that its other bits name; its size follows from them, but for block 6, which
bears a length. Some units say their IMEI as 15 digits once, in front of the first packet. Commands are text and CR
LF. Answer mode 2 of the login asks for `***1*` to each position, as a public server for these units has it; what mode
1 asks for is not public, and traccar answers nothing.
Sources: traccar/traccar Adm frame decoder, decoder, encoder and their tests (recorded packets).
"""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from typing import Any, ClassVar

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.text import clean

TEXT, TEXT_SIZE, LOGIN, LOGIN_SIZE = 0x84, 0x84, 0x03, 0x42
#: 15 digits and the largest packet.
MAX_FRAME = 15 + 255
MAX_COMMAND = 128
#: Marks what a server says.
SERVER = "server"
_LEAST = 34
_BLOCKS = ((2, 4), (3, 12), (4, 8), (5, 9), (6, 1), (7, 4))
_POSITION = struct.Struct("<BHHffHHBhBBIHH")
_DIGITS = re.compile(rb"[0-9]*").fullmatch
_IMEI = re.compile(rb"[0-9]{15}").fullmatch
_SERVER = re.compile(rb"\*\*\*[0-9]{1,3}\*|[^\r\n]{1,%d}\r\n" % MAX_COMMAND)


def sizes() -> tuple[int, ...]:
    """Least size of a position packet for each type; 0 where the type is none."""
    blocks = [sum(size for bit, size in _BLOCKS if kind >> bit & 1) for kind in range(256)]
    return tuple(0 if kind & 3 else _LEAST + more for kind, more in enumerate(blocks))


_SIZES = sizes()


def build_command(text: str) -> bytes:
    """A command line. Raises LocalError for text that is empty, longer than 128 characters or not printable ASCII."""
    if not 0 < len(text) <= MAX_COMMAND or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    return text.encode("ascii") + b"\r\n"


def text_packet(number: int, text: str) -> bytes:
    """A unit's answer to a command; what does not fit is cut."""
    room = TEXT_SIZE - 3
    return number.to_bytes(2, "little") + bytes((TEXT,)) + text.encode("ascii")[:room].ljust(room, b"\0")


def login_packet(number: int, imei: str, hardware: int = 5, mode: int = 0) -> bytes:
    """A unit's login."""
    head = number.to_bytes(2, "little") + bytes((LOGIN_SIZE, LOGIN)) + imei.encode("ascii") + bytes((hardware, mode))
    head = head.ljust(LOGIN_SIZE - 1, b"\0")
    return head + bytes((reduce(xor, head),))


class AdmStream(Cutter):
    """Cuts what a unit says on a TCP link.

    There is no checksum to find a packet by. So a size must be that of its type, a login's XOR right, and a unit's
    number the same on all the link; after garbage, packets of other types count as garbage too. One PeerError is given
    for a run of it.
    """

    __slots__ = ("_mode", "_number", "_opened")
    starts: ClassVar[re.Pattern[bytes]] = re.compile(b"")  # every byte is tried

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._opened = False
        self._number: bytes | None = None
        self._mode = 0

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if not self._opened:
            head = buf[pos : pos + 15]
            if len(head) < 15 and _DIGITS(head):
                return MORE
            self._opened = True
            if _IMEI(head):
                self.device_id = head.decode("ascii")
                events.append(Message(Kind.LOGIN, head, self.device_id))
                return pos + 15
        if len(buf) - pos < 4:
            return MORE
        total = self._measure(buf, pos)
        if len(buf) - pos < total:
            return MORE
        event = self._packet(buf[pos : pos + total]) if total else None
        if event is None:
            return NO_FRAME
        self._number = event.frame[:2]
        events.append(event)
        return pos + total

    def _measure(self, data: bytes, pos: int) -> int:
        """Size of the packet that starts here; 0: none does."""
        size, kind = data[pos + 2], data[pos + 3]
        if self._number is not None and data[pos : pos + 2] != self._number:
            return 0
        if size == TEXT:
            return TEXT_SIZE
        if kind == LOGIN:
            return LOGIN_SIZE if size == LOGIN_SIZE else 0
        least = _SIZES[kind]
        if not least:
            return 0 if self._skipping or size < 5 else size
        return size if size == least or (kind & 0x40 and size > least) else 0

    def _packet(self, frame: bytes) -> Message | None:
        """What a packet is; None where its content is not what its head says."""
        if frame[2] == TEXT:
            text = frame[3:].rstrip(b"\0")
            if b"\0" in text or not text:
                return None
            return Message(Kind.REPLY, frame, self.device_id, text=clean(text), data=text.decode("latin-1"))
        if frame[3] == LOGIN:
            if not _IMEI(frame[4:19]) or reduce(xor, frame):
                return None
            self.device_id, self._mode = frame[4:19].decode("ascii"), frame[20]
            return Message(Kind.LOGIN, frame, self.device_id, checksum=Checksum.OK)
        if not _SIZES[frame[3]]:
            return Message(Kind.OTHER, frame, self.device_id)
        return Message(Kind.REPORT, frame, self.device_id, b"***1*" if self._mode == 2 else b"")


def from_server(data: bytes, channel: str = "") -> list[Event]:
    """What a server sends: command lines, and answers to positions."""
    events: list[Event] = []
    pos = 0
    while pos < len(data):
        found = _SERVER.match(data, pos)
        if found is None:
            return [*events, PeerError("no command line", discarded=data[pos : pos + 64])]
        events.append(Message(Kind.OTHER, found[0], data=SERVER))
        pos = found.end()
    return events


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a login, or an IMEI of 15 digits and a position of the right size."""
    if _DIGITS(first[:15]) and len(first) < 19:
        return None
    if _IMEI(first[:15]) and first[17] == _SIZES[first[18]]:
        return True
    if len(first) < 4:
        return None if first[2:3] in (b"", bytes((LOGIN_SIZE,))) else False
    if first[2] != LOGIN_SIZE or first[3] != LOGIN or not _DIGITS(first[4:19]):
        return False
    return True if len(first) >= 19 else None


def fields(message: Message) -> dict[str, Any]:
    """Everything that a packet says."""
    frame = message.frame
    if message.kind is Kind.LOGIN and len(frame) == 15:
        return {"message": "login", "imei": message.device_id}
    if message.data == SERVER:
        said = clean(frame.rstrip(b"\r\n"))
        return (
            {"message": "server_ack", "text": said} if frame[-1:] == b"*" else {"message": "command", "command": said}
        )
    told: dict[str, Any] = {"device_number": int.from_bytes(frame[:2], "little"), "size": frame[2]}
    if message.kind is Kind.REPLY:
        return {"message": "command answer", **told, "text": message.text}
    told["type"] = frame[3]
    if message.kind is Kind.LOGIN:
        return {"message": "login", **told, "imei": message.device_id, "hardware": frame[19], "answer_mode": frame[20]}
    if message.kind is not Kind.REPORT:
        return {"message": "other", **told, "content": frame[4:].hex()}
    firmware, index, status, latitude, longitude, course, speed, _, *rest = _POSITION.unpack_from(frame, 4)
    altitude, hdop, satellites, time, power, battery = rest
    return {
        "message": "position",
        **told,
        "firmware": firmware,
        "index": index,
        "status": status,
        "valid": not status & 0x20,
        "latitude": round(latitude, 6) if math.isfinite(latitude) else None,
        "longitude": round(longitude, 6) if math.isfinite(longitude) else None,
        "course": course / 10,
        "speed_kmh": speed / 10,
        "altitude_m": altitude,
        "hdop": hdop / 10,
        "satellites": (satellites & 15) + (satellites >> 4),
        "time_utc": datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "power_mv": power,
        "battery_mv": battery,
        "blocks": frame[_LEAST:].hex(),
    }


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The packet with another IMEI, and a right XOR in a login."""
    changed = frame.replace(old.encode("ascii"), new.encode("ascii"))
    if changed != frame and len(frame) == LOGIN_SIZE and frame[3] == LOGIN:
        return changed[:-1] + bytes((reduce(xor, changed[:-1]),))
    return changed
