"""The one setting of a PMTK receiver, and what its sentences say.

PMTK220 sets the period of the position output, PMTK300 that of the fix itself; PMTK500 tells the fix period. On most
firmware PMTK220 moves both, on some only PMTK300 shows in PMTK500 (public drivers disagree): the dialogue
writes the second when the first does not show. Ranges: public drivers use 100 to 10000 ms.

Sources: gpsd drivers (flags of PMTK001: 0 invalid, 1 unsupported, 2 valid but failed, 3 success), public GPS drivers
that send PMTK220 and PMTK300, a public Go parser's tests for the Quectel L80 (PMTK400, PMTK500, PMTK605).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tracker_codecs import nmea
from tracker_codecs.contract import Capability, Problem, Settings, Severity, Strength, Target, Value

FIELD = "tracking_interval_ms"
#: Period in ms that receivers of this family take.
RANGE = (100, 10000)
VOLATILE = "volatile: until power-off, unless the receiver has backup power"
VARIANTS: Mapping[str, Mapping[str, Capability]] = {"pmtk": {FIELD: Capability(Strength.READ_BACK, VOLATILE)}}
FLAGS = {0: "invalid command", 1: "unsupported command", 2: "valid, but it failed", 3: "success"}
#: Product names of PMTK705 that are clearly one of our models.
PRODUCTS = {"QUECTEL-L70": "quectel_l70", "QUECTEL-L80": "quectel_l80"}
#: A host's own sentence: number, then printable fields.
HOST_SENTENCE = re.compile(r"PMTK\d{3}(?:,[ -#%-)+-~]{0,230})?", re.ASCII).fullmatch
_ACK = re.compile(rb"PMTK001,(\d{1,3}),([0-3])").fullmatch
_INTERVAL = re.compile(rb"PMTK500,(\d{1,5})(?:\.0+)?(?:,0(?:\.0+)?){4}").fullmatch
_RELEASE = re.compile(rb"PMTK705,([^,]*),([^,]*),?([^,]*)(?:,.*)?").fullmatch


def check(target: Target, wanted: Settings) -> list[Problem]:
    """See `Family.check`."""
    reason = f"the receiver takes {RANGE[0]} to {RANGE[1]} ms"
    return [Problem(name, Severity.REFUSE, reason) for name, value in wanted.items() if not fits(value)]


def fits(value: Value) -> bool:
    """A whole number of ms within the range."""
    return isinstance(value, int) and not isinstance(value, bool) and RANGE[0] <= value <= RANGE[1]


def acknowledgement(body: bytes) -> tuple[int, int] | None:
    """Command number and flag of a PMTK001."""
    found = _ACK(body)
    return (int(found[1]), int(found[2])) if found else None


def interval(body: bytes) -> int | None:
    """The fix period in ms of a PMTK500 whose other four fields are 0, as they are documented."""
    found = _INTERVAL(body)
    return int(found[1]) if found else None


def release(body: bytes) -> tuple[str, str, str] | None:
    """Firmware release, build and product of a PMTK705."""
    found = _RELEASE(body)
    return (found[1].decode(), found[2].decode(), found[3].decode()) if found else None


_HOST = {"220": "set_interval", "300": "set_fix_interval", "400": "query_interval", "314": "set_output"}
_HOST |= {"414": "query_output", "605": "query_firmware"}
_OUTPUTS = ("gll", "rmc", "vtg", "gga", "gsa", "gsv")


def fields(body: bytes) -> dict[str, Any]:
    """What a sentence of either direction says."""
    acknowledged = acknowledgement(body)
    if acknowledged:
        number, flag = acknowledged
        return {
            "protocol": "nmea",
            "message": "ack",
            "command": number,
            "flag": flag,
            "ok": flag == 3,
            "meaning": FLAGS[flag],
        }
    period = interval(body)
    if period is not None:
        return {"protocol": "nmea", "message": "interval_answer", "ms": period}
    version = release(body)
    if version:
        return {"protocol": "nmea", "message": "firmware"} | dict(
            zip(("release", "build", "product"), version, strict=True)
        )
    name, *values = body.decode("ascii").split(",")
    word = _HOST.get(name.removeprefix("PMTK")) if name.startswith("PMTK") else None
    if word is None:
        return nmea.fields(body)
    found: dict[str, Any] = {"protocol": "nmea", "message": word}
    if word in ("set_interval", "set_fix_interval") and values and values[0].isdigit():
        found["ms"] = int(values[0])
    if word == "set_output":
        found |= {key: int(value) for key, value in zip(_OUTPUTS, values, strict=False) if value.isdigit()}
    return found
