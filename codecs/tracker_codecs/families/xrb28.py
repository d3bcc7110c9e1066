"""Lines of Omni units: cutting, building, and what they say.

Device `*SCOR,OM,<imei>,[<12 digits of time>,]<type>[,...]#`; the first word is SCOR (scooters) or HBCR (horseshoe
locks), the second names the vendor in two letters. Server: FF FF, then the same with SCOS or HBCS, `#`, LF. No
checksum. L0, L1, W0 and E1 are answered by their own type, under the device's words, with its time where it sent one.
Sources: traccar/traccar, Xrb28ProtocolDecoder and its test (recorded lines); flespi.com/protocols/omni;
fleets.levyelectric.com/help/integrations/omni-iot. Traccar answers locks with SCOS too; here HBCS, as they say HBCR.

The emulator: a believable Omni scooter: checks in, reports its place, takes D1 without a word.

No public document tells an answer to D1, so there is none here either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tracker_codecs import interval
from tracker_codecs.contract import Capability, Datum, Event, Ids, Kind, Limits, Message, Strength, Target
from tracker_codecs.delimited import DelimitedStream
from tracker_codecs.envelope import Envelope
from tracker_codecs.errors import LocalError
from tracker_codecs.family import Family
from tracker_codecs.interval import FIELD, IntervalDevice
from tracker_codecs.text import clean

#: Longest line taken, in bytes; recorded ones have at most 100.
MAX_FRAME = 512
#: What stands before a line of the server.
LEAD = b"\xff\xff"
_LINE = re.compile(rb"\*(SCO|HBC)([RS]),([0-9A-Z]{2}),(\d{15}),(?:(\d{12}),)?([A-Z]\d)(?:,([ -~]*))?#", re.ASCII)
_START = re.compile(r"\*(SCO|HBC)R,[0-9A-Z]{2},\d{15},(\d{12},)?[A-Z]\d[,#]", re.ASCII)
_SAMPLE = "*SCOR,OM,000000000000000,"
_ANSWERED = frozenset((b"L0", b"L1", b"W0", b"E1"))
_KINDS = {b"Q0": Kind.LOGIN, b"H0": Kind.HEARTBEAT, b"D0": Kind.REPORT, b"D1": Kind.REPORT}
_RESULTS = frozenset((b"S4", b"S5", b"S6", b"S7", b"V0", b"G0", b"K0", b"I0", b"M0", b"R0"))
_NAMES: dict[bytes, tuple[str, ...]] = {
    b"Q0": ("voltage", "battery_percent", "signal"),
    b"H0": ("locked_flag", "voltage", "signal", "battery_percent"),
    b"W0": ("alarm",),
    b"E0": ("error",),
}
_PLACE = re.compile(
    rb"[01],(\d{6})\.\d+,([AV]),(\d{2,3})(\d\d\.\d+),([NS]),(\d{2,3})(\d\d\.\d+),([EW]),(\d+),([\d.]+),(\d{6}),(-?[\d.]+),"
    rb".,.",
    re.ASCII,
)


def build(header: str, vendor: str, device_id: str, text: str) -> bytes:
    """A line of the server."""
    return LEAD + f"*{header},{vendor},{device_id},{text}#\n".encode("ascii")


class Xrb28Stream(DelimitedStream):
    """Lines of a device; `server`: those to one, without the two bytes before each. `data` holds the match of one."""

    __slots__ = ("_words",)
    first, last, most = b"*", b"#", MAX_FRAME

    def begin(self) -> None:
        """See `Stream.begin`."""
        self._words: dict[str, str] = {}

    @property
    def known(self) -> dict[str, str]:
        """The words of lines to this unit: `header` and `vendor`."""
        return dict(self._words)

    def understand(self, frame: bytes) -> Message | None:
        """See `DelimitedStream`."""
        found = _LINE.fullmatch(frame)
        if found is None or (found[2] == b"S") is not self.server:
            return None
        if self.server:
            return Message(Kind.OTHER, frame, found[4].decode("ascii"), data=found)
        _, _, vendor, name, time, word, rest = found.groups()
        self.device_id = device_id = name.decode("ascii")
        self._words = {"header": f"{found[1].decode('ascii')}S", "vendor": vendor.decode("ascii")}
        owed = b""
        if word in _ANSWERED:
            stamp = time + b"," if time else b""
            owed = b"%b*%bS,%b,%b,%b%b#\n" % (LEAD, found[1], vendor, name, stamp, word)
        if word in _RESULTS:
            text = clean(word if rest is None else b"%b,%b" % (word, rest))
            return Message(Kind.REPLY, frame, device_id, owed, text=text, data=found)
        return Message(_KINDS.get(word, Kind.OTHER), frame, device_id, owed, data=found)


def from_server(data: bytes, channel: str = "") -> Sequence[Event]:
    """Lines of a server, without the two bytes before each."""
    return Xrb28Stream.from_server(data.replace(LEAD, b""))


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a line of either direction. A number that is none is told as None."""
    header, side, vendor, name, time, word, rest = message.data.groups()
    cells = clean(rest, MAX_FRAME).split(",") if rest else []
    found: dict[str, Any] = {
        "message": word.decode("ascii"),
        "device_id": name.decode("ascii"),
        "header": (header + side).decode("ascii"),
        "vendor": vendor.decode("ascii"),
        "parameters": cells,
    }
    if time:
        found["time"] = time.decode("ascii")
    if side == b"S":
        return found
    numbers = dict(zip(_NAMES.get(word, ()), cells, strict=False))
    for key, cell in numbers.items():
        found[key] = int(cell) if re.fullmatch(r"-?\d{1,9}", cell, re.ASCII) else None
    if found.get("voltage") is not None:
        found["voltage"] /= 100
    return found | (_place(rest or b"") if word in (b"D0", b"D1") else {})


def _place(rest: bytes) -> dict[str, Any]:
    found = _PLACE.fullmatch(rest)
    if found is None:
        return {}
    hour, valid, lat, lat_min, north, lon, lon_min, east, satellites, hdop, day, altitude = (
        each.decode("ascii") for each in found.groups()
    )
    latitude, longitude = int(lat) + float(lat_min) / 60, int(lon) + float(lon_min) / 60
    return {
        "valid": valid,
        "time_hhmmss": hour,
        "date_ddmmyy": day,
        "latitude": round(-latitude if north == "S" else latitude, 6),
        "longitude": round(-longitude if east == "W" else longitude, 6),
        "satellites": int(satellites),
        "hdop": hdop,
        "altitude_m": altitude,
    }


def recognise(first: bytes) -> bool | None:
    """See `Family.recognise`: the first word, a vendor, an IMEI, a type."""
    text = first.lstrip(b"\r\n")[:48].decode("latin-1")
    if _START.match(text):
        return True
    if len(text) >= len(_SAMPLE) + 16:
        return False
    for header in ("*SCOR,", "*HBCR,"):
        if header.startswith(text[:6]) and re.fullmatch(
            r"([0-9A-Z]{0,2}|[0-9A-Z]{2},(\d{0,15}|\d{15},(\d{0,12}|(\d{12},)?([A-Z]\d?)?)))", text[6:], re.ASCII
        ):
            return None
    return False


_TEXT = re.compile(r"[A-Z]\d(?:,[ -\"$-)+-~]{0,200})?", re.ASCII)
_VENDOR = re.compile(r"[0-9A-Z]{2}", re.ASCII)


def wrap(target: Target, text: str) -> bytes:
    """A line to the unit. Raises LocalError for a text that is no type with parameters, and for wrong options."""
    if not _TEXT.fullmatch(text):
        raise LocalError("a command is a letter, a digit and parameters, without * and #", parameter="command")
    told = {"header": "SCOS", "vendor": "OM", **target.known, **target.options}
    header, vendor = str(told["header"]), str(told["vendor"])
    if header not in ("SCOS", "HBCS"):
        raise LocalError("is SCOS or HBCS", parameter="header")
    if not _VENDOR.fullmatch(vendor):
        raise LocalError("is two capital letters or digits", parameter="vendor")
    return build(header, vendor, target.device_id, text)


RAW = Envelope(wrap=wrap, timeout=30.0)


class Xrb28Emulator(IntervalDevice):
    """One unit; see the module. Option `header` as in the family."""

    def begin(self) -> None:
        """See `Device.begin`."""
        self._header = "HBCR" if self.options.get("header") == "HBCS" else "SCOR"

    def _say(self, text: str) -> list[Datum]:
        return [Datum(f"*{self._header},OM,{self.device_id},{text}#\n".encode("ascii"))]

    def login(self) -> list[Datum]:
        """The check-in."""
        return self._say("Q0,412,80,28")

    def heartbeat(self) -> list[Datum]:
        """Unlocked, voltage, signal, charge."""
        return self._say("H0,0,412,28,80,0")

    def report(self, now: datetime) -> list[Datum]:
        """A position in the form of a recorded one."""
        place = "A,2238.5905,N,11401.0890,E,9,0.69"
        return self._say(f"D0,0,{now:%H%M%S}.00,{place},{now:%d%m%y},30.3,M,A")

    def receive(self, data: bytes, channel: str = "") -> list[Datum]:
        """D1 with a number; a line cut in two is lost."""
        for event in from_server(data):
            if not isinstance(event, Message) or event.device_id != self.device_id or self.faults.silent:
                continue
            word, rest = event.data[6], event.data[7]
            if word == b"D1" and rest and rest.isdigit() and len(rest) < 8:
                self.obey(FIELD, int(rest))
        return []


FAMILY = Family(
    name="xrb28",
    title="Omni scooters, bicycles and locks",
    sources=(
        "github.com/traccar/traccar: Xrb28ProtocolDecoder, Xrb28ProtocolEncoder and their tests",
        "flespi.com: devices omni-ot303bl and omni-ogb1-e-bike, protocol omni",
        "fleets.levyelectric.com/help/integrations/omni-iot: session",
    ),
    default_port=5180,
    limits=Limits(max_frame=MAX_FRAME, idle=600.0, reply_timeout=30.0),
    acknowledgement_proves="nothing: no answer to D1 is public; only that it was sent",
    variants={"iot": {interval.FIELD: Capability(Strength.WRITTEN, "no answer to D1 is public", experimental=True)}},
    unsupported="no public command of these units carries it",
    ids=Ids(r"\d{15}", "must be an IMEI of 15 digits"),
    stream=Xrb28Stream,
    server=from_server,
    recognise=recognise,
    fields=fields,
    # No range is public; a day is ours.
    check=interval.within(1, 86400),
    apply=interval.through(RAW, "D1,{}", answered=False),
    raw=RAW,
    emulator=Xrb28Emulator,
)
