"""Frames of Pretrace units: cutting, building, and what they say.

`(`, IMEI, a word of a letter and three digits, its values, `^`, two hexadecimal digits, `)`: the XOR of all characters
between `(` and `^`. Device words begin with U (U111: position), commands with D. Nothing is owed.
A frame with a wrong XOR is told as bad and names nobody: one of the two published frames was edited and has one.
Source: traccar/traccar, PretraceProtocolDecoder, PretraceProtocolEncoder and their tests.

The emulator: a believable Pretrace unit: reports its place, takes D221 without a word, for its answer is not public.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import reduce
from operator import xor
from typing import Any

from tracker_codecs import interval
from tracker_codecs.contract import Capability, Checksum, Datum, Ids, Kind, Limits, Match, Message, Strength, Target
from tracker_codecs.delimited import DelimitedStream
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.interval import FIELD, IntervalDevice
from tracker_codecs.text import clean

#: Longest frame taken, in bytes; recorded ones have at most 125.
MAX_FRAME = 512
_FRAME = re.compile(rb"\((\d{15})([UD]\d{3})([ -'*-\]_-~]*)\^([0-9A-F]{2})\)", re.ASCII)
_PLACE = re.compile(
    r"(\d)([AV])(\d{6})(\d{6})(\d\d)(\d\d\.\d{4})([NS])(\d{3})(\d\d\.\d{4})([EW])(\d{3})(\d{3})([0-9A-F]{3})([0-9A-F]{8})"
    r"([0-9A-F])(\d\d)(\d\d)(.{8}),&(.*)",
    re.ASCII,
)


def check(content: bytes) -> bytes:
    """XOR of all bytes, as two upper-case hexadecimal digits."""
    return b"%02X" % reduce(xor, content, 0)


def build(device_id: str, text: str) -> bytes:
    """A frame of either direction around a word and its values."""
    content = f"{device_id}{text}".encode("ascii")
    return b"(%b^%b)" % (content, check(content))


class PretraceStream(DelimitedStream):
    """Cuts one direction of a link. `server`: the bytes are those of a server.

    A message's `data` is the match of its parts.
    """

    __slots__ = ()
    first, last, most = b"(", b")", MAX_FRAME

    def understand(self, frame: bytes) -> Message | None:
        """See `DelimitedStream`."""
        found = _FRAME.fullmatch(frame)
        if found is None or (found[2][:1] == b"D") is not self.server:
            return None
        if check(frame[1:-4]) != found[4]:
            return Message(Kind.OTHER, frame, checksum=Checksum.BAD, data=found)
        device_id = found[1].decode("ascii")
        if self.server:
            return Message(Kind.OTHER, frame, device_id, checksum=Checksum.OK, data=found)
        self.device_id = device_id
        kind = Kind.REPORT if found[2][:2] == b"U1" else Kind.OTHER
        return Message(kind, frame, device_id, checksum=Checksum.OK, data=found)


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction."""
    name, word, rest = (each.decode("ascii") for each in message.data.groups()[:3])
    found: dict[str, Any] = {"message": word, "device_id": name, "values": clean(rest, MAX_FRAME)}
    place = _PLACE.fullmatch(rest) if word == "U111" else None
    if place is None:
        return found
    _, valid, day, hour, lat, lat_min, north, lon, lon_min, east, speed, course, altitude, meters = place.groups()[:14]
    latitude, longitude = int(lat) + float(lat_min) / 60, int(lon) + float(lon_min) / 60
    return found | {
        "valid": valid,
        "time": f"{day} {hour}",
        "latitude": round(-latitude if north == "S" else latitude, 6),
        "longitude": round(-longitude if east == "W" else longitude, 6),
        "speed_kmh": int(speed),
        "course": int(course),
        "altitude": int(altitude, 16),
        "odometer": int(meters, 16),
        "satellites": int(place[15], 16),
        "gsm": int(place[17]),
        "state": place[18],
        "items": [clean(item) for item in place[19].split(",")],
    }


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: `(`, 15 digits, `U` and three digits; 19 characters tell."""
    text = first.lstrip(b"\r\n")[:20].decode("latin-1")
    shape = r"\(\d{15}U\d{3}"
    if len(text) == 20:
        return re.fullmatch(shape, text, re.ASCII) is not None
    sample = "(000000000000000U000"
    return None if re.fullmatch(shape, text + sample[len(text) :], re.ASCII) else False


_TEXT = re.compile(r"D\d{3}[ -'*-\]_-~]{0,200}", re.ASCII)


def wrap(target: Target, text: str) -> bytes:
    """A frame with the IMEI. Raises LocalError for a text that is no command, or that holds `(`, `)` or `^`."""
    if not _TEXT.fullmatch(text):
        raise LocalError("a command is D, three digits and values, without (, ) and ^", parameter="command")
    return build(target.device_id, text)


def answers(target: Target, text: str, message: Message) -> Match:
    """To an operator's own command: any sound frame that is no position."""
    mine = message.kind is Kind.OTHER and message.device_id == target.device_id
    return Match.DONE if mine else Match.NO


def renamed(frame: bytes, old: str, new: str) -> bytes:
    """The IMEI of a frame; its XOR is put right."""
    mine = b"(" + old.encode("ascii")
    return build(new, frame[16:-4].decode("latin-1")) if frame.startswith(mine) else frame


RAW = Envelope(wrap=wrap, answers=answers, expects="a frame of the unit that is no position", timeout=30.0)


_TWICE = re.compile(rb"(\d{1,5}),\1,,", re.ASCII)


class PretraceEmulator(IntervalDevice):
    """One unit; see the module."""

    ears = PretraceStream

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = "2238.1641N11401.9213E000196000000000406002990000000,&P195%,T1050"
        return [Datum(build(self.device_id, f"U1110A{now:%y%m%d%H%M%S}{place}"))]

    def hear(self, message: Message) -> list[Datum]:
        """Takes D221 with the same interval twice."""
        sent = _TWICE.fullmatch(message.data[3]) if message.data[2] == b"D221" else None
        if sent and message.device_id == self.device_id:
            self.obey(FIELD, int(sent[1]))
        return []


FAMILY = Family(
    name="pretrace",
    title="Pretrace",
    sources=("github.com/traccar/traccar: PretraceProtocolDecoder, PretraceProtocolEncoder and their tests",),
    default_port=5133,
    limits=Limits(max_frame=MAX_FRAME, idle=600.0, reply_timeout=30.0),
    acknowledgement_proves="nothing: no answer to D221 is public; only that it was sent",
    variants={
        "standard": {interval.FIELD: Capability(Strength.WRITTEN, "no answer to D221 is public", experimental=True)}
    },
    unsupported="no public command of these units carries it",
    ids=Ids(r"\d{15}", "must be an IMEI of 15 digits"),
    stream=PretraceStream,
    server=PretraceStream.from_server,
    recognise=recognise,
    fields=fields,
    rename=renamed,
    # No range is public; a day is ours.
    check=interval.within(1, 86400),
    apply=interval.through(RAW, "D221{0},{0},,", answered=False),
    raw=RAW,
    emulator=PretraceEmulator,
)
