"""Frames of fifotrack units: cutting, building, and what they say.

Device `$$<length>,<id>,<number>,<command>[,<parameters>]*<checksum>` CR LF, server the same with `##`. The length is
decimal and counts from the comma behind it to the byte before `*`; the number is hexadecimal, 1 to FFFF, and repeated
in the answer; the checksum is the XOR of all bytes from the length to the byte before `*`, two upper-case hexadecimal
digits. A03 is owed the server's time under its own number; nothing else is owed anything.
Sources: fifotrack Q3 command list V1.6 (pages 6, 25, 27), Q2 V1.1, A500G V1.1; traccar/traccar Fifotrack decoders and
their tests (recorded frames, A03). Traccar's encoder writes a sum where the vendor's rule is the XOR: here the XOR.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 200. Photos come in frames of their own (D06).
MAX_FRAME = 4096
_HEAD = re.compile(rb"(\$\$|##)([1-9]\d{0,3}),", re.ASCII)
#: `$$`, four digits, a comma.
_LONGEST_HEAD = 7
_BODY = re.compile(rb",([0-9A-Za-z]{1,20}),([0-9A-F]{1,4}),([A-Z]\d\d)(?:,(.*))?", re.ASCII | re.DOTALL)
_TAIL = re.compile(rb"\*([0-9A-F]{2})\r\n", re.ASCII)
_DEGREES = re.compile(r"[-+]?\d{1,3}(?:\.\d{1,12})?", re.ASCII)
_POSITION = (
    *("alarm", "time_yymmddhhmmss", "fix", "latitude", "longitude", "speed_kmh", "course", "altitude_m", "odometer_m"),
    *("run_time_s", "status_hex", "inputs_hex", "outputs_hex", "cell", "analog_hex"),
)


def xor8(data: bytes) -> int:
    """XOR of all bytes."""
    folded = int.from_bytes(data)
    bits = 1 << (8 * len(data) | 8).bit_length() - 1
    while bits >= 8:  # whole halves at a time: ten times faster than byte by byte
        folded ^= folded >> bits
        bits >>= 1
    return folded & 0xFF


def build(device_id: str, number: int, body: str, *, start: bytes = b"##") -> bytes:
    """The frame that carries `command[,parameters]`; `number` is 1 to 65535."""
    return _wrap(start, b",%b,%X,%b" % (device_id.encode("ascii"), number, body.encode("latin-1")))


def _wrap(start: bytes, body: bytes) -> bytes:
    counted = b"%d%b" % (len(body), body)
    return b"%b%b*%02X\r\n" % (start, counted, xor8(counted))


class FifotrackStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ("_start",)
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[#$]")

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._start = b"##" if self.server else b"$$"

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        head = _HEAD.match(buf, pos)
        if head is None or head[1] != self._start:
            seen = buf[pos : pos + _LONGEST_HEAD]
            possible = seen[:2] == self._start[: len(seen)] and (len(seen) < 3 or seen[2:].isdigit())
            return MORE if possible and len(seen) < _LONGEST_HEAD else NO_FRAME
        stop = head.end() - 1 + int(head[2])
        if stop + 5 - pos > MAX_FRAME:
            return NO_FRAME
        if len(buf) < stop + 5:
            return MORE
        tail = _TAIL.match(buf, stop)
        body = _BODY.fullmatch(buf, head.end() - 1, stop)
        if tail is None or body is None or int(tail[1], 16) != xor8(buf[pos + 2 : stop]):
            return NO_FRAME
        events.append(self._message(buf[pos : stop + 5], body))
        return stop + 5

    def _message(self, frame: bytes, body: re.Match[bytes]) -> Message:
        name, number, word, rest = body.groups()
        device_id = name.decode("ascii")
        data = (int(number, 16), word.decode("ascii"))
        if self.server:
            return Message(Kind.OTHER, frame, device_id, checksum=Checksum.OK, data=data)
        self.device_id = device_id
        if word[0] != 0x41:
            text = clean(word if rest is None else b"%b,%b" % (word, rest))
            return Message(Kind.REPLY, frame, device_id, checksum=Checksum.OK, text=text, data=data)
        owed = b""
        if word == b"A03":
            owed = _wrap(b"##", b",%b,%b,A03,%b" % (name, number, self.clock().strftime("%y%m%d%H%M%S").encode()))
        return Message(Kind.REPORT, frame, device_id, owed, Checksum.OK, data=data)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. A place that is none is told as None."""
    frame = message.frame
    body = _BODY.fullmatch(frame, frame.index(b","), len(frame) - 5)
    assert body is not None, "the stream has seen it"
    word = body[3].decode("ascii")
    cells = clean(body[4], 2000).split(",") if body[4] else []
    server = frame[:2] == b"##"
    kind = "report" if word[0] == "A" else "answer"
    found: dict[str, Any] = {
        "message": "server" if server else kind,
        "device_id": message.device_id,
        "number": body[2].decode("ascii"),
        "command": word,
    }
    if word == "D06":
        return {**found, "content_hex": (body[4] or b"").hex()}
    found["parameters"] = cells
    if server or word not in ("A00", "A01"):
        return found | ({"status": cells[0]} if kind == "answer" and not server and len(cells) == 1 else {})
    found |= dict(zip(_POSITION, cells, strict=False))
    for name in ("latitude", "longitude"):
        if name in found:
            found[name] = float(found[name]) if _DEGREES.fullmatch(found[name]) else None
    return found


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `$$`, a length of at most four digits, an id, a number, a command."""
    if not b"$$".startswith(first[:2]):
        return False
    parts = first[2:80].split(b",")
    shapes = (rb"[1-9]\d{0,3}", rb"[0-9A-Za-z]{1,20}", rb"[0-9A-F]{1,4}", rb"[A-Z]\d\d(?:\*.*)?")
    for at, part in enumerate(parts[:4]):
        last = at == len(parts) - 1
        if last and at < 3:
            return None if not part or re.fullmatch(shapes[at], part, re.ASCII) else False
        if last and re.fullmatch(rb"[A-Z]?\d{0,2}", part, re.ASCII) and len(part) < 3:
            return None
        if not re.fullmatch(shapes[at], part, re.ASCII | re.DOTALL):
            return False
    return True


def normalised(frame: bytes) -> bytes:
    """The answer to A03 without its time, which varies."""
    return re.sub(rb"\A(##\d+,\w+,[0-9A-F]+,A03,)\d{12}\*..", rb"\1time", frame)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the id replaced, the checksum put right."""
    head = _HEAD.match(frame)
    if head is None or not _TAIL.fullmatch(frame[-5:]):
        return frame
    body = frame[head.end() - 1 : -5]
    mine = b"," + old.encode("ascii") + b","
    if not body.startswith(mine):
        return frame
    return _wrap(head[1], body.replace(old.encode("ascii"), new.encode("ascii")))
