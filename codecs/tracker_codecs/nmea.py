"""NMEA 0183 sentences, as GNSS receivers print them: checksum, the two position sentences, times.

`$` body `*` HH CR LF; HH is the XOR of all characters between `$` and `*`, in hexadecimal. Sources: NMEA 0183 as told
by gpsd (drivers/driver_nmea0183.c) and its recorded logs.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tracker_codecs.contract import Checksum, Event, Kind, Message
from tracker_codecs.errors import PeerError
from tracker_codecs.text import clean

#: Longest sentence taken, in bytes with `$` and line end. NMEA says 82, MediaTek's are longer.
MAX_LINE = 255
_SENTENCE = re.compile(rb"\$([A-Z]{2}[ -#%-)+-~]{3,243})\*([0-9A-Fa-f]{2})\r?\n").fullmatch
_FIX = re.compile(rb"G.(RMC|GGA|GLL),").match
_DEGREES = re.compile(r"(\d{2,3})(\d\d\.\d+)", re.ASCII).fullmatch
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.\d+)?", re.ASCII).fullmatch
_START = re.compile(rb"\$(?:G[A-Z][A-Z]{3},|PMTK\d{3}[,*])").match


def checksum(body: bytes) -> int:
    """XOR of all bytes of a body of at most 256 bytes."""
    folded = int.from_bytes(body)
    for shift in (1024, 512, 256, 128, 64, 32, 16, 8):  # whole halves at a time: ten times faster than byte by byte
        folded ^= folded >> shift
    return folded & 0xFF


def sentence(body: str) -> bytes:
    """The line that carries this body (ASCII)."""
    raw = body.encode("ascii")
    return b"$%b*%02X\r\n" % (raw, checksum(raw))


def body_of(line: bytes) -> bytes:
    """What stands between `$` and `*`. Raises PeerError for a line that is no sentence or has a wrong checksum."""
    found = _SENTENCE(line)
    if found is None:
        raise PeerError("a line that is no NMEA sentence", discarded=line[:32])
    if checksum(found[1]) != int(found[2], 16):
        raise PeerError("NMEA sentence with a wrong checksum", discarded=line[:32])
    return found[1]


def is_fix(body: bytes) -> bool:
    """Whether the sentence tells a position."""
    return _FIX(body) is not None


def understood(line: bytes, *, from_host: bool = False) -> Event:
    """The message of one whole line, or why it is none. PMTK numbers below 500 but 001-011 are a host's: echoes."""
    try:
        body = body_of(line)
    except PeerError as error:
        return error
    kind = Kind.OTHER
    if not from_host:
        if is_fix(body):
            kind = Kind.REPORT
        elif body.startswith((b"PMTK001,", b"PMTK5", b"PMTK7")):
            kind = Kind.REPLY
    text = clean(body) if kind is Kind.REPLY else ""
    return Message(kind, line, checksum=Checksum.OK, text=text, data=body)


def begins(first: bytes) -> bool | None:
    """Whether these first bytes are the start of a receiver's sentence; None while too few to tell."""
    if len(first) < 9:
        return None if first[:1] in (b"", b"$") and first[1:2] in (b"", b"G", b"P") else False
    return _START(first) is not None


def _degrees(text: str, half: str) -> float | None:
    found = _DEGREES(text)
    if found is None or half not in ("N", "S", "E", "W"):
        return None
    value = int(found[1]) + float(found[2]) / 60
    return round(-value if half in ("S", "W") else value, 7)


def fields(body: bytes) -> dict[str, Any]:
    """What a sentence of a receiver says: RMC and GGA in full, of others their name.

    Latitude and longitude in degrees, speed in km/h, course in degrees, altitude in metres.
    """
    parts = body.decode("ascii").split(",")
    name = parts[0]
    found: dict[str, Any] = {"protocol": "nmea", "message": name[2:5].lower(), "talker": name[:2]}
    if found["message"] == "rmc" and len(parts) >= 10:
        found |= {
            "valid": parts[2] == "A",
            "time": _time(parts[1], parts[9]),
            "latitude": _degrees(parts[3], parts[4]),
            "longitude": _degrees(parts[5], parts[6]),
            "speed_kmh": _number(parts[7], 1.852),
            "course": _number(parts[8]),
        }
    elif found["message"] == "gga" and len(parts) >= 10:
        found |= {
            "valid": parts[6] not in ("", "0"),
            "latitude": _degrees(parts[2], parts[3]),
            "longitude": _degrees(parts[4], parts[5]),
            "satellites": _number(parts[7]),
            "altitude": _number(parts[9]),
        }
    elif name.startswith("PMTK"):
        found |= {"message": "pmtk", "command": clean(name[4:])}
        del found["talker"]
    return found


def _number(text: str, scale: float = 1) -> float | None:
    return round(float(text) * scale, 3) if re.fullmatch(r"-?\d{1,6}(\.\d{1,6})?", text, re.ASCII) else None


def _time(clock: str, date: str) -> str | None:
    found = _TIME(clock)
    if found is None or not re.fullmatch(r"\d{6}", date, re.ASCII):
        return None
    try:
        moment = datetime.strptime(date + clock[:6], "%d%m%y%H%M%S")
    except ValueError:
        return None
    return moment.isoformat() + "Z"


def rmc(now: datetime, latitude: float, longitude: float) -> bytes:
    """The RMC sentence of an emulated receiver that stands still; UTC `now`, degrees north and east."""

    def angle(value: float, digits: int) -> str:
        whole, minutes = divmod(round(value * 600000), 600000)
        return f"{whole:0{digits}d}{minutes / 10000:07.4f}"

    text = f"GPRMC,{now:%H%M%S}.000,A,{angle(latitude, 2)},N,{angle(longitude, 3)},E,0.00,0.00,{now:%d%m%y},,,A"
    return sentence(text)


def normalise(line: bytes) -> bytes:
    """A sentence with its numbers blanked, where it tells a position: they vary from run to run."""
    if line[:1] != b"$" or not is_fix(line[1:]):
        return line
    head, _, _ = line.partition(b",")
    return head + b",****"
