"""Lines of Suntech units: cutting of a link, and what is owed.

ASCII fields between semicolons, ended by CR; a line feed behind it is passed over, but in a UEX line (data of a serial
port) CR LF is data, so that its end is known only with the byte behind it. A line names its generation (`SA200`,
`ST300`, `ST600`, `ST910`, ...), its type and the device id. No line has a checksum. Zip reports (byte 2, length, body,
byte 3) are cut, and name their unit. Universal units (`STT;`, `ALT;`, `BLE;`, `UEX;`, or a byte 81 or 82 and a length
of two bytes, the first 0) are cut and told as they are; a binary report of theirs names nobody here. User names and
passwords in answers are blanked where they are cut.
Owed: on an emergency the command that stops its repetition; on UDP, where the unit asks for it, an ACK of every report.
On a serial port nothing: an emergency that is acknowledged there would not reach the server it is meant for.
Sources: Suntech ST300/340 and ST940 manuals (commands, UDP acknowledgement); traccar/traccar Suntech frame decoder,
protocol decoder and tests (line end, zip reports, recorded lines).
"""

from __future__ import annotations

import re

from tracker_codecs.contract import Event, Kind, Message, Target, Transport
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest line or zip report taken, in bytes; the longest recorded line (PresetA) has about 500.
MAX_LINE = 2048
MAX_ZIP = 512
_SHOWN = 64
#: Reports remembered, to notice one that is sent again.
_MEMORY = 8
_TEXT = re.compile(rb"((?:SA|ST)\d{3})([A-Z]{3});(Res;)?(\d{6,10})(?:;|\Z)", re.ASCII)
_ST9 = re.compile(rb"(ST9\d\d);(?:(RES);)?([A-Za-z0-9]{2,16});(\d{6,10})(?:;|\Z)", re.ASCII)
_UNIVERSAL_REPORT = re.compile(rb"(?:STT|ALT|BLE|UEX);(\d{9,10});", re.ASCII)
_UNIVERSAL_BEGUN = re.compile(
    rb"(?:S(?:T(?:T;?)?)?|A(?:L(?:T;?)?)?|B(?:L(?:E;?)?)?|U(?:E(?:X;?)?)?|(?:STT|ALT|BLE|UEX);\d{1,10})", re.ASCII
)
_UNIVERSAL = re.compile(rb"RES;(\d{6,10});", re.ASCII)
_REPORTS = frozenset((b"STT", b"EMG", b"EVT", b"ALT", b"UEX", b"HTE", b"DEX"))
_REPORTS_9 = frozenset((b"Location", b"Emergency", b"Alert"))
#: Groups of settings with names, passwords and keys in them.
_SECRET_GROUPS = frozenset((b"NTW", b"GSM", b"NETWORK"))
#: Names that begin a group in an answer to Preset, PresetA or PRESET.
GROUPS = ("NTW", "RPT", "EVT", "GSM", "SVC", "ADP", "MSR", "MBV", "NPT", "DEV", "NETWORK", "REPORT", "FUNCTION")
_GROUPS = frozenset(group.encode("ascii") for group in GROUPS)
ERROR = "-Error"


def mode(option: object) -> str:
    """`on`, `off` or `auto` from the option `udp_ack`; YAML reads a bare on/off as a boolean. Anything else is auto."""
    if option in (True, "on"):
        return "on"
    return "off" if option in (False, "off") else "auto"


class SuntechStream(Cutter):
    """Cuts one direction of a link; on UDP every feed is whole. `server` is true for what a server or host sends.

    Option `udp_ack` (on, off, auto): acknowledge reports on UDP; auto does so as soon as the unit sends one again.
    """

    __slots__ = ("_ack", "_long", "_recent", "_serial")
    #: What is no line is garbage up to its end.
    starts = re.compile(rb"\r")
    between = b"\n"

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._serial = self.transport is Transport.SERIAL
        self._ack = "auto"
        self._long = False
        self._recent: list[bytes] = []

    def bind(self, target: Target) -> None:
        """Option `udp_ack`; what was noticed before stays."""
        wanted = mode(target.options.get("udp_ack"))
        if not (wanted == "auto" and self._ack == "on"):
            self._ack = wanted

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        if self._long:
            return self._passed(buf, pos)
        first, size = buf[pos], len(buf)
        if first == 13:
            return pos + 1
        if self._skipping:
            return NO_FRAME
        if first == 2:
            return self._zip(buf, pos, events)
        if first in (0x81, 0x82) and not self.server and buf[pos + 1 : pos + 2] in (b"", b"\0"):
            return self._binary(buf, pos, events)
        stop, most = buf.find(b"\r", pos), MAX_LINE
        if buf.startswith(b"UEX;", pos + 5) or buf.startswith(b"UEX;", pos):
            most -= 1  # its end is known one byte later
            while stop >= 0 and buf[stop + 1 : stop + 2] == b"\n":
                stop = buf.find(b"\r", stop + 2)
            if stop == size - 1 and not self._datagrams:
                stop = -1
        if stop - pos > most or (stop < 0 and size - pos > MAX_LINE):
            events.append(PeerError("a line that is too long", discarded=buf[pos : pos + _SHOWN]))
            return self._passed(buf, pos + MAX_LINE + 1)
        if stop < 0:
            if not self._datagrams:
                return MORE
            stop = size
        events.append(self._line(buf[pos:stop]))
        return min(stop + 1, size)

    def _passed(self, buf: bytes, pos: int) -> int:
        """Passes over the rest of a line that is too long."""
        stop = buf.find(b"\r", pos)
        self._long = stop < 0 and not self._datagrams
        return len(buf) if stop < 0 else stop + 1

    def _zip(self, buf: bytes, pos: int, events: list[Event]) -> int:
        left = len(buf) - pos
        if left < 3:
            return MORE
        size = 4 + (buf[pos + 1] << 8 | buf[pos + 2])
        if not 10 <= size <= MAX_ZIP:
            return NO_FRAME
        if left < size:
            return MORE
        if buf[pos + size - 1] != 3:
            return NO_FRAME
        digits = buf[pos + 4 : pos + 9].hex()
        if digits.isdigit() and not self.server and not self._is_mine(digits):
            self._known(
                digits.removeprefix("0").encode("ascii")
            )  # nine digits have a zero before them, to fill 5 bytes
        events.append(Message(Kind.OTHER, buf[pos : pos + size], self.device_id, data="zip"))
        return pos + size

    def _is_mine(self, digits: str) -> bool:
        return self.device_id is not None and self.device_id.zfill(10) == digits

    def _binary(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """A universal unit's binary report: its length counts what follows it."""
        left = len(buf) - pos
        size = 3 + buf[pos + 2] if left > 2 else left + 1
        if left < size:
            return MORE
        events.append(Message(Kind.REPORT, buf[pos : pos + size], self.device_id, data="binary"))
        return pos + size

    def _line(self, line: bytes) -> Event:
        frame = line + b"\r"
        if self.server:
            if line.isascii() and line.decode("ascii").isprintable():
                return Message(Kind.OTHER, frame, data="server")
            return PeerError("bytes that are no line of text", discarded=line[:_SHOWN])
        found = _TEXT.match(line)
        if found:
            prefix, word, answer, device = found.groups()
            if not answer:
                if word in _REPORTS:
                    device_id = self._known(device)
                    return Message(Kind.REPORT, frame, device_id, self._owed(prefix, word, device, line))
                if word == b"ALV":
                    return Message(Kind.HEARTBEAT, frame, self._known(device))
        else:
            found = _ST9.match(line)
            if found:
                prefix, answer, word, device = found.groups()
                if not answer:
                    owed = b"%b;ACK;%b\r" % (prefix, device) if word == b"Emergency" and not self._serial else b""
                    kind = Kind.REPORT if word in _REPORTS_9 else Kind.OTHER
                    return Message(kind, frame, self._known(device), owed)
            elif line == b"-Error":
                return Message(Kind.REPLY, frame, self.device_id, text=ERROR)
            else:
                found = _UNIVERSAL_REPORT.match(line)
                if found:
                    return Message(Kind.REPORT, frame, self._known(found[1]))
                found = _UNIVERSAL.match(line)
                if found:
                    return Message(Kind.OTHER, frame, found[1].decode("ascii"), text=clean(line))
                return PeerError("bytes that are no line of these units", discarded=line[:_SHOWN])
        if not line.isascii() or not line.decode("ascii").isprintable():
            return PeerError("an answer that is no text", discarded=line[:_SHOWN])
        line = blanked(line)
        kind = Kind.REPLY if answer else Kind.OTHER
        return Message(kind, line + b"\r", self._known(device), text=line.decode("ascii"))

    def _known(self, device: bytes) -> str:
        device_id = device.decode("ascii")
        if self.device_id is None:
            self.device_id = device_id
        return device_id

    def _owed(self, prefix: bytes, word: bytes, device: bytes, line: bytes) -> bytes:
        if self._serial:
            return b""
        owed = b"%bCMD;%b;02;AckEmerg\r" % (prefix, device) if word == b"EMG" else b""
        if not self._datagrams:
            return owed
        again = line in self._recent
        if again:
            if self._ack == "auto":
                self._ack = "on"
        else:
            self._recent.append(line)
            del self._recent[:-_MEMORY]
        # One answer a datagram: first what stops the emergency; then, for the report that comes again, its ACK.
        return owed if owed and not again else b"%bACK;%b\r" % (prefix, device) if self._ack == "on" else owed


def blanked(line: bytes) -> bytes:
    """An answer without the values of groups that hold names and passwords."""
    parts = line.split(b";")
    hidden = not _SECRET_GROUPS.isdisjoint((parts[0][5:], *parts[2:3]))
    for at in range(4, len(parts)):
        if parts[at] in _GROUPS:
            hidden = parts[at] in _SECRET_GROUPS
        elif hidden and parts[at]:
            parts[at] = b"***"
    return b";".join(parts)


def prefix_of(message: Message) -> str:
    """The generation that this line names, such as `ST300`; empty where none is named."""
    found = _TEXT.match(message.frame) or _ST9.match(message.frame)
    return found[1].decode("ascii") if found and message.data is None else ""


_OPENING = re.compile(
    rb"S(?:\Z|A|T)(?:\Z|\d)(?:\Z|\d)(?:\Z|\d)(?:\Z|;|[A-Z](?:\Z|[A-Z])(?:\Z|[A-Z])(?:\Z|;))", re.ASCII
)


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: generation, type, semicolon; or a universal unit's report up to its id."""
    rest = first.lstrip(b"\r\n")
    if not rest:
        return None
    if _UNIVERSAL_REPORT.match(rest):
        return True
    if _UNIVERSAL_BEGUN.fullmatch(rest):
        return None
    if not _OPENING.match(rest):
        return False
    if rest[5:6] == b";":
        return rest.startswith(b"ST9")
    return True if len(rest) > 8 else None
