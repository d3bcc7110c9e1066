"""Messages of Syrus units (TAIP): cutting, whose they are, what is owed.

`>` qualifier, two letters, data, parts behind semicolons `<`: `>REV...;SV=9;ID=357042063052352;#0002;*2D<`. `ID` is
the IMEI or an id the owner set, `#` a message number, `*` a checksum of two hexadecimal digits where one is sent:
the XOR of everything from `>` through the `*`; some makers of TAIP units stop before it, and both are taken. A
report with an id is owed that id alone, without brackets; one with a number `>ACK;ID=..;#..;*XX<`, id and number in
the order in which they came; one with a number `#IP..` `>SAK;ID=..;#..<`. `RUV` and two digits with a number is a
report too; without one it may be an answer, and stays a reply.
Sources: traccar/traccar TaipProtocol, TaipProtocolDecoder and its tests.
"""

from __future__ import annotations

import re

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.nmea import checksum
from tracker_codecs.text import clean

#: Longest message taken, in bytes; recorded ones have fewer than 200.
MAX_FRAME = 1024
_FRAME = re.compile(rb">[A-Z]{3}[ -;=?-~]*<")
_ID = re.compile(rb";ID=([0-9A-Za-z._-]{1,20})(?=[;<])")
_NUMBER = re.compile(rb";(#[0-9A-Za-z:]{1,16})(?=[;<])")
_END = re.compile(r"(?:;(?:ID=[^;]*|#[^;]*|\*[^;]*))*\Z")
_BETWEEN = b"\r\n"
#: Codes of reports. The first are those that a public server answers.
_OWED = frozenset((b"REV", b"RPV", b"RGP", b"RCQ", b"RCV", b"RBR", b"RUS"))
_REPORTS = _OWED | frozenset((b"RAL", b"RCP", b"RLN", b"RPI", b"RTT"))
#: The head of what is a report too, where it has a number.
_NUMBERED = re.compile(rb">RUV\d\d", re.ASCII)
_OPENING = re.compile(rb"(?:>(?:R[A-Z]{0,2})?)?")


def xor(data: bytes) -> int:
    """XOR of all bytes."""
    total = 0
    for at in range(0, len(data), 256):
        total ^= checksum(data[at : at + 256])
    return total


def body_of(frame: bytes) -> str:
    """What stands between the brackets, without id, number and checksum at its end."""
    return _END.sub("", frame[1:-1].decode("ascii"), count=1)


class SyrusStream(Cutter):
    """What a device says."""

    __slots__ = ()
    starts = re.compile(rb"[>\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if buf[pos] in _BETWEEN:
            return pos + 1
        if buf[pos] != 0x3E:
            return NO_FRAME
        end = buf.find(b"<", pos, pos + MAX_FRAME) + 1
        if not end:
            return MORE if len(buf) - pos < MAX_FRAME else NO_FRAME
        event = self._message(buf[pos:end]) if _FRAME.fullmatch(buf, pos, end) else None
        if event is None:
            return NO_FRAME
        events.append(event)
        return end

    def _message(self, frame: bytes) -> Message | None:
        """The message; None where its checksum is wrong."""
        state = Checksum.NONE
        if frame[-5:-3] == b";*":
            through = xor(frame[:-3])
            if frame[-3:-1] not in (b"%02X" % through, b"%02X" % (through ^ 0x2A)):
                return None
            state = Checksum.OK
        found = _ID.search(frame)
        if found is not None:
            self.device_id = found[1].decode("ascii")
        code = frame[1:4]
        numbered = _NUMBERED.match(frame) is not None and _NUMBER.search(frame) is not None
        if code in _REPORTS or numbered:
            owed = b""
            if found is not None and (code in _OWED or numbered):
                owed = _owed(frame, found)
            return Message(Kind.REPORT, frame, self.device_id, owed, state)
        body = body_of(frame)
        kind = Kind.REPLY if frame[1] == 0x52 else Kind.OTHER
        return Message(kind, frame, self.device_id, checksum=state, text=clean(body), data=body)


class ConsoleStream(SyrusStream):
    """The same on a serial port, where nothing is owed: what is acknowledged there would not reach its server."""

    __slots__ = ()

    def _message(self, frame: bytes) -> Message | None:
        message = super()._message(frame)
        if message is not None:
            message.owed = b""
        return message


def _owed(frame: bytes, found: re.Match[bytes]) -> bytes:
    """What a report with this id is owed."""
    name, number = found[1], _NUMBER.search(frame, found.end())
    before = _NUMBER.search(frame, 0, found.start() + 1) if number is None else None
    if number is not None and number[1].startswith(b"#IP"):
        return b">SAK;ID=%b;%b<" % (name, number[1])
    if number is not None:
        head = b">ACK;ID=%b;%b;*" % (name, number[1])
    elif before is not None and not before[1].startswith(b"#IP"):
        head = b">ACK;%b;ID=%b;*" % (before[1], name)
    else:
        return name
    return b"%b%02X<" % (head, xor(head))


def from_server(data: bytes, channel: str = "") -> list[Event]:
    """Commands, queries and acknowledgements; an id alone is one of these."""
    events: list[Event] = []
    for part in re.findall(rb">[^<>]*<|[^<>\r\n]+|[<>]", data[: 64 * MAX_FRAME]):
        if len(part) <= MAX_FRAME and _FRAME.fullmatch(part):
            events.append(Message(Kind.OTHER, part, text=clean(body_of(part)), data="server"))
        elif re.fullmatch(rb"[0-9A-Za-z._-]{1,20}", part):
            events.append(Message(Kind.OTHER, part, part.decode("ascii"), data="acknowledgement"))
        else:
            events.append(PeerError("bytes that are no message", discarded=part[:64]))
    return events


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: an answer or report in brackets."""
    text = first.lstrip(b"\r\n")[:4]
    if len(text) < 4:
        return None if _OPENING.fullmatch(text) else False
    return re.fullmatch(rb">R[A-Z]{2}", text) is not None


def normalised(frame: bytes) -> bytes:
    """A report without its time, which varies."""
    return re.sub(rb"\A>REV(\d\d)\d{10}", rb">REV\1time", frame)


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the id replaced, the checksum put right the way it was made."""
    mine, other = old.encode("ascii"), new.encode("ascii")
    if frame == mine:
        return other
    changed = re.sub(rb";ID=%b(?=[;<])" % re.escape(mine), b";ID=%b" % other, frame)
    if changed == frame or frame[-5:-3] != b";*":
        return changed
    end = -3 if frame[-3:-1] == b"%02X" % xor(frame[:-3]) else -4
    return b"%b%02X<" % (changed[:-3], xor(changed[:end]))
