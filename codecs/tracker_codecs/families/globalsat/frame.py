"""Frames of GlobalSat units: cutting, building, and what they say.

`GSx,<id>,<fields>*HH!`, HH the XOR of everything from the G to the byte before the `*`, two hexadecimal digits of
either case; a line end may follow. A `*` or `!` inside a text (`O3=SPAN*U!`) belongs to the text: a frame ends with
`*`, two digits and `!`. GSS writes settings, GSs tells them (behind the id: 1 first, 0 middle, 2 last or 3 only
packet, and the packet's number), GSC acts or reads, GSr, GSh and GSb report in a form that the unit's words O3 and ON
choose; some begin with the kind of unit, so that the id comes second. `ACK` CR, with or without the id before it,
says that a command was received; the same `ACK` CR is owed to every GS frame. Older units report
`$<id>,mode,fix,date,...` up to a `!`; what stands behind their `*` fits no XOR, so it is not judged.
Sources: TR-206 papers (pages 20, 31, 36, 71), TR-203A manual (pages 10, 30, 85); traccar/traccar GlobalSat protocol,
decoder and its tests. Three examples of the papers carry other check digits; the rule is that of all the rest.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; the papers allow 250.
MAX_FRAME = 512
ACK = b"ACK\r"
_OLD_MOST = 128
_HEAD = re.compile(rb"GS([A-Za-z]),", re.ASCII)
_END = re.compile(rb"\*([0-9A-Fa-f]{2})!", re.ASCII)
_OLD = re.compile(rb"\$(\d{11,16}),([\d,.EWNS-]{20,100})(?:\*[0-9A-Fa-f]{2})?!", re.ASCII)
_ACK = re.compile(rb"(?:([\w-]{1,20}),)?ACK\r", re.ASCII)
#: What may still become an acknowledgement or the head of a frame, and an older report.
_BEGUN = re.compile(rb"[\w-]{1,20}(?:,(?:A(?:CK?)?)?)?", re.ASCII)
_OLD_BEGUN = re.compile(rb"\$(?:\d{0,16}|\d{11,16},[\d,.EWNS-]{0,100}(?:\*[0-9A-Fa-f]{0,2})?)", re.ASCII)
_OLD_OPENING = re.compile(rb"\$(?:\d{0,16}|\d{11,16},(?:\d{0,2}|\d{1,2},(?:\d{0,2}|\d{1,2},\d{0,6})))", re.ASCII)
_OLD_HEAD = re.compile(rb"\$\d{11,16},\d{1,2},\d{1,2},\d{6},", re.ASCII)
_SETTING = re.compile(r"([A-Z][A-Z0-9]) ?= ?(.*)", re.ASCII | re.DOTALL)
_PLACE = re.compile(r"([EW])(\d{3})(\d\d\.\d+),([NS])(\d\d)(\d\d\.\d+)", re.ASCII)
_PACKETS = {"0": "middle", "1": "first", "2": "last", "3": "only"}
_KINDS = {b"r": Kind.REPORT, b"h": Kind.REPORT, b"b": Kind.REPORT, b"s": Kind.REPLY, b"g": Kind.REPLY}


def xor8(data: bytes) -> int:
    """XOR of all bytes."""
    folded = int.from_bytes(data)
    bits = 1 << (8 * len(data) | 8).bit_length() - 1
    while bits >= 8:  # whole halves at a time: ten times faster than byte by byte
        folded ^= folded >> bits
        bits >>= 1
    return folded & 0xFF


def seal(body: str) -> bytes:
    """The frame around `GSx,<id>,<fields>`, with the check digits in upper case."""
    raw = body.encode("ascii")
    return b"%b*%02X!" % (raw, xor8(raw))


class GlobalsatStream(Cutter):
    """Cuts one direction of a link. `server`: the bytes are those of a server."""

    __slots__ = ()
    starts: ClassVar[re.Pattern[bytes]] = re.compile(rb"[\w$\r\n-]", re.ASCII)

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter.frame`."""
        head = _HEAD.match(buf, pos)
        if head is not None:
            end = _END.search(buf, head.end(), pos + MAX_FRAME)
            if end is None:
                return NO_FRAME if len(buf) - pos >= MAX_FRAME else MORE
            if int(end[1], 16) != xor8(buf[pos : end.start()]):
                return NO_FRAME
            events.append(self._message(head[1], buf[pos : end.end()], buf[head.end() : end.start()]))
            return end.end()
        if buf[pos] in b"\r\n":
            return pos + 1
        if buf[pos] == 0x24:
            return self._old(buf, pos, events)
        ack = _ACK.match(buf, pos)
        if ack is not None:
            events.append(self._ack(ack[0], ack[1]))
            return ack.end()
        return MORE if _BEGUN.fullmatch(buf, pos) else NO_FRAME

    def _old(self, buf: bytes, pos: int, events: list[Event]) -> int:
        found = _OLD.match(buf, pos)
        if found is None:
            return MORE if len(buf) - pos < _OLD_MOST and _OLD_BEGUN.fullmatch(buf, pos) else NO_FRAME
        device = found[1].decode("ascii")
        if not self.server:
            self.device_id = device
        events.append(Message(Kind.REPORT, found[0], device, data=("$", clean(found[2]).split(","))))
        return found.end()

    def _ack(self, frame: bytes, name: bytes | None) -> Message:
        """An acknowledgement; one under a name that is no IMEI is of whoever speaks on this link."""
        device = name.decode("ascii") if name and len(name) == 15 and name.isdigit() else self.device_id
        if self.server:
            return Message(Kind.OTHER, frame, device, data=("ACK", []))
        return Message(Kind.REPLY, frame, device, text="ACK", data=("ACK", []))

    def _message(self, letter: bytes, frame: bytes, body: bytes) -> Message:
        cells = body.decode("latin-1").split(",")
        at = _id_at(cells)
        device = cells.pop(at) if len(cells[at]) <= 20 and cells[at].isascii() and cells[at].isprintable() else None
        device = device or None
        data = (letter.decode("ascii"), cells)
        if self.server:
            return Message(Kind.OTHER, frame, device, checksum=Checksum.OK, data=data)
        if device is not None:
            self.device_id = device
        kind = _KINDS.get(letter, Kind.OTHER)
        text = clean(",".join(cells)) if kind is Kind.REPLY else ""
        return Message(kind, frame, device, ACK, Checksum.OK, text, data)


def _id_at(cells: list[str]) -> int:
    """Where the id stands: the second place where an IMEI stands there and none in the first."""
    second = len(cells) > 1 and len(cells[1]) == 15 and cells[1].isdigit()
    return 1 if second and not (len(cells[0]) == 15 and cells[0].isdigit()) else 0


def settings_of(message: Message) -> tuple[str, dict[str, str]]:
    """Of a settings frame the packet sign (0 to 3, empty where none stands) and word -> value, as they are written.

    A word that stands twice with different values is left out.
    """
    cells = list(message.data[1])
    packet = ""
    if len(cells) > 1 and cells[0] in _PACKETS and cells[1].isdecimal():
        packet, cells = cells[0], cells[2:]
    found: dict[str, str] = {}
    twice = set()
    for cell in cells:
        setting = _SETTING.fullmatch(cell)
        if setting is None:
            continue
        if found.setdefault(setting[1], setting[2]) != setting[2]:
            twice.add(setting[1])
    return packet, {word: value for word, value in found.items() if word not in twice}


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. The cells of a report are named by the unit's own settings."""
    letter, cells = message.data
    names = {"$": "report_old", "ACK": "ack", "S": "write_settings", "s": "settings", "C": "command", "d": "cells"}
    found: dict[str, Any] = {"message": names.get(letter, "report" if letter in "rhb" else "other"), "prefix": letter}
    if message.device_id is not None:
        found["device_id"] = clean(message.device_id)
    if letter in "Ss":
        packet, settings = settings_of(message)
        if packet:
            found |= {"packet": _PACKETS[packet], "number": clean(cells[1], 10)}
        return found | {"settings": {word: clean(value) for word, value in settings.items()}}
    if letter == "C":
        return found | {"command": clean(",".join(cells))}
    if letter == "ACK":
        return found
    found["cells"] = [clean(cell) for cell in cells]
    place = _PLACE.search(",".join(cells))
    if place is not None:
        east = int(place[2]) + float(place[3]) / 60
        north = int(place[5]) + float(place[6]) / 60
        found["longitude"] = round(east if place[1] == "E" else -east, 6)
        found["latitude"] = round(north if place[4] == "N" else -north, 6)
    return found


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: a GS frame of the device, or an older report."""
    if first[:1] == b"$":
        return True if _OLD_HEAD.match(first) else None if _OLD_OPENING.fullmatch(first) else False
    if not b"GS".startswith(first[:2]):
        return False
    if len(first) < 4:
        return None if first[2:3] in (b"", *(bytes((c,)) for c in b"rhbsgd")) else False
    return re.match(rb"GS[rhbsgd],[ -~]", first[:5] + b"0", re.ASCII) is not None


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """See `Family.rename`: the id replaced, the check digits put right in their own case."""
    raw_old, raw_new = old.encode("ascii"), new.encode("ascii")
    end = _END.search(frame)
    if _HEAD.match(frame) is None or end is None or raw_old not in frame:
        return frame.replace(raw_old, raw_new)
    body = frame[: end.start()].replace(raw_old, raw_new)
    digits = b"%02x" if end[1].islower() else b"%02X"
    return body + b"*" + digits % xor8(body) + frame[end.end() - 1 :]
