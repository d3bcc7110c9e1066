"""Lines of TLT-2H units (E-Track, MicTrack MP90, V-Sun): a head, positions, an end.

`#<imei>#<model>#<password>#[numbers#...]<event>#<count>` names the unit; then `#<cells or battery>$GPRMC,...` (or
`$WIFI`) once a position, where any text may stand before the sentence; `##` ends it. Lines end with CR LF. Nothing is
owed. The password (0000) is not shown.
Source: traccar/traccar Tlt2hFrameDecoder, Tlt2hProtocolDecoder and their tests (recorded lines).
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import reduce
from operator import xor
from typing import Any

from tracker_codecs.contract import (
    Datum,
    Event,
    Kind,
    Limits,
    Message,
)
from tracker_codecs.cutter import MORE, NO_FRAME, Cutter
from tracker_codecs.device import Device
from tracker_codecs.family import Family
from tracker_codecs.text import clean

#: Longest line taken, in bytes; recorded ones, with Wi-Fi, have at most 200.
MAX_FRAME = 512
_HEAD = re.compile(rb"#(\d{15})#([^#\r\n]{0,24})#(\w{0,8})#(?:[0-9]{1,5}#){0,6}([A-Z]{1,16})#(\d{1,4})", re.ASCII)
_PLACE = re.compile(rb"#([ !\"%-~]{0,200})\$((?:GPRMC|GNRMC|WIFI),[ -~]*)", re.ASCII)
#: A cell as it was recorded; other text before a sentence is told as it stands.
_CELL = re.compile(rb"[0-9A-Fa-f]{0,24}", re.ASCII)
_BEGUN = re.compile(rb"(?:#\d{0,15})?", re.ASCII)


class Tlt2hStream(Cutter):
    """Cuts what a unit says."""

    __slots__ = ()
    starts = re.compile(rb"[#\r\n]")

    def frame(self, buf: bytes, pos: int, events: list[Event]) -> int:
        """See `Cutter`; line ends and `##` are passed over."""
        if buf[pos] in b"\r\n":
            return pos + 1
        if buf[pos] != 0x23:
            return NO_FRAME
        if buf.startswith(b"##", pos):
            return pos + 2
        stop = buf.find(b"\n", pos, pos + MAX_FRAME)
        if stop < 0:
            return MORE if len(buf) - pos < MAX_FRAME else NO_FRAME
        line = buf[pos : stop + 1]
        text = line.rstrip(b"\r\n")
        head = _HEAD.fullmatch(text)
        if head is not None:
            self.device_id = head[1].decode()
            events.append(Message(Kind.LOGIN, line, self.device_id, data="head"))
        elif _PLACE.fullmatch(text):
            events.append(Message(Kind.REPORT, line, self.device_id, data="position"))
        else:
            return NO_FRAME
        return stop + 1


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: the head, up to the mark behind its IMEI."""
    first = first.lstrip(b"\r\n")
    if re.match(rb"#\d{15}#[^#\r\n]{0,24}#\w{0,8}#", first, re.ASCII):
        return True
    if _BEGUN.fullmatch(first):
        return None
    return None if re.fullmatch(rb"#\d{15}#[^#\r\n]{0,24}(?:#\w{0,8})?", first, re.ASCII) else False


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a line; the password stays out."""
    text = message.frame.rstrip(b"\r\n")
    found: dict[str, Any] = {"message": message.data, "device_id": message.device_id}
    head = _HEAD.fullmatch(text)
    if head is not None:
        return {**found, "model_field": clean(head[2]), "event": head[4].decode(), "count": int(head[5])}
    place = _PLACE.fullmatch(text)
    assert place is not None, "the stream has seen it"
    sentence, _, told = place[2].partition(b"*")
    right = told.strip().upper() == b"%02X" % reduce(xor, sentence)
    before = "cell" if _CELL.fullmatch(place[1]) else "before"
    return {**found, before: clean(place[1]), "sentence": clean(sentence), "checksum_right": right}


class Tlt2hDevice(Device):
    """Each report is a head, a position and an end."""

    def report(self, now: datetime) -> list[Datum]:
        """A head, a position, and the end of a report."""
        place = f"GPRMC,{now:%H%M%S}.00,A,5333.2920,N,11334.3857,W,0.03,,{now:%d%m%y},,,A"
        line = f"#02201be0000${place}*{reduce(xor, place.encode()):02X}"
        lines = f"#{self.device_id}#MP90_4G#0000#AUTOLOW#1\r\n{line}\r\n##\r\n"
        return [Datum(lines.encode("ascii"))]


FAMILY = Family(
    name="tlt2h",
    title="E-Track TLT-2H, MicTrack MP90",
    sources=(
        "github.com/traccar/traccar: Tlt2hFrameDecoder, Tlt2hProtocolDecoder and their tests",
        "V-Sun TLT-2F and TLT-2K manuals (manualshive.com): sister models take text messages only",
    ),
    default_port=5030,
    limits=Limits(max_frame=MAX_FRAME),
    unsupported=(
        "the reports of TLT-2H units are public; whether they take a command over the link, and in which form, is not"
    ),
    stream=Tlt2hStream,
    recognise=recognise,
    fields=fields,
    emulator=Tlt2hDevice,
)
