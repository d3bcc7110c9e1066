"""Packets of Navtelecom units: cutting of a link, building of commands. All integers are little endian.

The first byte decides: `@` an NTCB packet, `~` a FLEX message (see `flex`), 7F a keep-alive that is owed nothing. NTCB:
`@NTC`, receiver u32, sender u32, body length u16, XOR of the body, XOR of all before it; an answer swaps the two
numbers. Bodies: `*>S:IMEI` is owed `*<S`; `*>FLEX` its versions; the older telemetry `*>T` its index u32, `*>A` its
count. `*@` and `*#` answer commands and queries, `*Z` says that one is unknown. FLEX messages and NTCB packets come in
turns.
Sources: traccar/traccar Navis frame decoder, decoder, encoder and their tests (recorded packets); wiki.navtelecom.ru,
developers/flex_examples and devices/commands/standard_cmd.
"""

from __future__ import annotations

import re
from typing import ClassVar, NamedTuple

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.navtelecom import flex
from tracker_codecs.families.navtelecom.flex import Mask
from tracker_codecs.text import clean

PREAMBLE = b"@NTC"
HEAD = 16
MAX_FRAME = 1 << 16
MAX_COMMAND = 512
_PING, _NTCB, _FLEX = 0x7F, 0x40, 0x7E
#: First bytes of the packets.
_START = re.compile(rb"[@~\x7f]")
_SHOWN = 64


class Answer(NamedTuple):
    """The number of the unit that answers, and the body byte for byte."""

    number: int
    text: str


def checksum(data: bytes) -> int:
    """XOR of all bytes: the number that they make is folded upon itself, half by half."""
    value = int.from_bytes(data, "little")
    bits = 8 << max(len(data) - 1, 0).bit_length()
    while bits > 8:
        bits >>= 1
        value ^= value >> bits
    return value & 0xFF


def build(receiver: int, sender: int, body: bytes) -> bytes:
    """An NTCB packet."""
    return _pack(receiver.to_bytes(4, "little") + sender.to_bytes(4, "little"), body)


def _pack(numbers: bytes, body: bytes) -> bytes:
    head = PREAMBLE + numbers + len(body).to_bytes(2, "little") + bytes((checksum(body),))
    return head + bytes((checksum(head),)) + body


def build_command(receiver: int, sender: int, text: str) -> bytes:
    """A command or query such as `*?V`.

    Raises LocalError for text that is empty, longer than 512 characters or not printable ASCII.
    """
    if not 0 < len(text) <= MAX_COMMAND or not all(" " <= c <= "~" for c in text):
        raise LocalError(f"a command is 1 to {MAX_COMMAND} printable ASCII characters", parameter="command")
    return build(receiver, sender, text.encode("ascii"))


class NavtelecomStream(Cutter):
    """Cuts one direction of a TCP link. `server` is true for what a server sends.

    Recovery: an NTCB packet with a wrong body checksum is passed over; after other garbage the next NTCB head, or FLEX
    message with a right checksum, is looked for. One PeerError is given for a run of garbage. FLEX messages before a
    negotiation cannot be cut and count as garbage.
    """

    __slots__ = ("_mask",)
    starts: ClassVar[re.Pattern[bytes]] = _START

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._mask: Mask | None = None

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        total = self._measure(buf, pos)
        if abs(total) > MAX_FRAME:  # also a frame that would still be asking for more
            return NO_FRAME
        if total < 0 or len(buf) - pos < total:
            return MORE
        frame = buf[pos : pos + total]
        if not total or (frame[0] == _FLEX and flex.crc(frame[:-1]) != frame[-1]):
            return NO_FRAME
        events.append(self._packet(frame))
        return pos + total

    def _measure(self, data: bytes, pos: int) -> int:
        """Size of the packet that starts here; 0: none does; below 0: so many bytes (negated) are needed first."""
        first = data[pos]
        if first == _NTCB:
            if len(data) - pos < HEAD:
                return -HEAD
            if data[pos : pos + 4] != PREAMBLE or checksum(data[pos : pos + HEAD]):
                return 0
            return HEAD + (data[pos + 12] | data[pos + 13] << 8)
        if first == _FLEX and self.server:
            return flex.answer_size(data[pos + 1]) if len(data) - pos > 1 else -2
        if first == _FLEX and self._mask is not None:
            return flex.measure(data, pos, self._mask)
        return 1 if first == _PING and not self._skipping else 0

    def _packet(self, frame: bytes) -> Event:
        """What a packet is, who sent it and what it is owed."""
        if self.server:
            return Message(Kind.OTHER, frame, checksum=Checksum.NONE if frame[0] == _PING else Checksum.OK)
        if frame[0] == _FLEX:
            return Message(Kind.REPORT, frame, self.device_id, flex.owed(frame), Checksum.OK, data=self._mask)
        if frame[0] == _PING:
            return Message(Kind.HEARTBEAT, frame, self.device_id)
        body = frame[HEAD:]
        if checksum(body) != frame[14]:
            return PeerError("wrong checksum", discarded=frame[:_SHOWN])
        kind, reply, text, data = Kind.OTHER, b"", "", None
        if not body:
            kind = Kind.HEARTBEAT
        elif body.startswith(b"*>S:"):
            digits = body[4:]
            if len(digits) != 15 or not digits.isdigit():
                return PeerError("the login holds no IMEI", discarded=frame[:_SHOWN])
            self.device_id = digits.decode("ascii")
            kind, reply = Kind.LOGIN, b"*<S"
        elif body.startswith(b"*>FLEX"):
            try:
                self._mask, reply = flex.negotiate(body)
            except PeerError as error:
                return error
        elif body[:3] in (b"*>T", b"*>A"):
            kind, reply = Kind.REPORT, _telemetry_answer(body)
        elif body[:2] in (b"*@", b"*#", b"*Z"):
            kind, text = Kind.REPLY, clean(body)
            data = Answer(int.from_bytes(frame[8:12], "little"), body.decode("latin-1"))
        owed = _pack(frame[8:12] + frame[4:8], reply) if reply else b""
        return Message(kind, frame, self.device_id, owed, Checksum.OK, text, data)


def _telemetry_answer(body: bytes) -> bytes:
    """What the older telemetry is owed; nothing where it is cut. A format above 255 begins with a zero byte."""
    if body[2] == 0x41:
        return b"*<A" + body[3:4] if len(body) > 3 else b""
    at = 5 if body[3:4] == b"\0" else 4
    return b"*<T" + body[at : at + 4] if len(body) >= at + 4 else b""


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a link opens with an NTCB packet."""
    if len(first) < 4:
        return None if PREAMBLE.startswith(first) else False
    return first.startswith(PREAMBLE)


def fields(message: Message) -> dict[str, object]:
    """Everything that a packet of either direction says. Raises PeerError where a record is cut."""
    frame = message.frame
    if frame[0] == _PING:
        return {"message": "ping", "framing": "FLEX keep-alive"}
    if frame[0] == _FLEX:
        if len(frame) == flex.answer_size(frame[1]) and message.kind is Kind.OTHER:
            return {"message": "server_ack", "type": frame[:2].decode("latin-1"), "content": frame[2:-1].hex()}
        return flex.fields(frame, message.data if isinstance(message.data, Mask) else None)
    body = frame[HEAD:]
    told: dict[str, object] = {
        "framing": "NTCB",
        "receiver": int.from_bytes(frame[4:8], "little"),
        "sender": int.from_bytes(frame[8:12], "little"),
        "body_length": len(body),
    }
    if not body:
        return {"message": "ping", **told}
    if body.startswith(b"*>S:"):
        return {"message": "login", **told, "type": "*>S", "imei": clean(body[4:])}
    if body.startswith(b"*>FLEX") and len(body) >= 10:
        told |= {"type": "*>FLEX", "protocol": f"0x{body[6]:x}", "field_count": body[9], "mask": body[10:].hex()}
        told |= {"protocol_version": f"0x{body[7]:x}", "structure_version": f"0x{body[8]:x}"}
        mask, _ = flex.negotiate(body)
        return {"message": "flex_negotiation", **told, "fields": list(mask.fields) if mask else []}
    if body[:3] in (b"*>T", b"*>A"):
        kind = body[:3].decode("ascii")
        return {"message": "ntcb_telemetry", **told, "type": kind, "content": body[3:].hex()}
    if body.startswith(b"*<"):
        return {"message": "server_ack", **told, "text": clean(body)}
    answer = body[:2] in (b"*@", b"*#", b"*Z")
    return {"message": "command_answer" if answer else "command", **told, "text": clean(body)}


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The packet with another IMEI and right checksums: in the login, and as the number that units make of its end.

    FLEX messages hold neither and stay.
    """
    if not frame.startswith(PREAMBLE) or len(frame) < HEAD:
        return frame
    end = int(old[-8:])
    numbers = [int.from_bytes(frame[at : at + 4], "little") for at in (4, 8)]
    receiver, sender = (int(new[-8:]) if each == end and end else each for each in numbers)
    return build(receiver, sender, frame[HEAD:].replace(old.encode("ascii"), new.encode("ascii")))
