"""What H02 frames say, for people: positions, command answers, the status text.

Speed is in knots; the status word is in negative logic (0 is on). Answers to commands are `V4,<command>,<arguments>,
<hhmmss of the command>,<a position>`; of CanTrack units `V4,CMD,<command>,<reply>`.
Sources: traccar/traccar H02ProtocolDecoder and its tests; CanTrack G20LS protocol 2023.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tracker_codecs.contract import Message
from tracker_codecs.errors import PeerError
from tracker_codecs.families.h02.frame import LONG, Said, bcd
from tracker_codecs.text import clean

#: Words in an answer that are no argument.
SUCCESS, FAILURE = ("DONE", "OK"), ("ERROR",)
#: Characters of a text answer that are shown.
MAX_SHOWN = 1000
_PLACE = re.compile(
    r"(?P<time>\d{6})?,(?P<fix>[ABV])?,(?P<lat>\d{2,4}(?:\.\d{0,9})?),(?P<ns>[NS]),"
    r"(?P<lon>\d{3,5}(?:\.\d{0,9})?),(?P<ew>[EW]), *(?P<speed>\d{1,6}(?:\.\d{0,9})?),"
    r"(?P<course>\d{0,6}(?:\.\d{0,9})?),(?:\d+,)?(?P<date>\d{6})?(?:,(?P<status>[0-9A-Fa-f]{8}))?(?:,.*)?",
    re.ASCII | re.DOTALL,
)
_ANSWER = re.compile(
    r"(?P<word>\w+),(?:(?P<arguments>.*?),)??(?P<time>\d{6})(?:,(?P<place>\d{6},[ABV]?,.*))?", re.DOTALL | re.ASCII
)
_TIMES = re.compile(r"^UT:(\d{1,6}(?:,\d{1,6})*)\r?$", re.MULTILINE | re.ASCII)
_INTERVALS = re.compile(r"(?:^|,)ACCON/ACCOFF:(\d{1,6})/(\d{1,6})(?:,|$)", re.ASCII)


def reply(rest: str) -> tuple[str, str] | None:
    """Command and reply of the rest of a `V4,CMD` of CanTrack units, or None for another."""
    if not rest.startswith("CMD,"):
        return None
    command, _, said = rest[4:].lstrip(",").partition(",")
    return command, said


class Answered(NamedTuple):
    """An answer: word, arguments and hhmmss of the command, and the position that follows, if one does."""

    command: str
    arguments: list[str]
    time: str
    place: str


def answered(rest: str) -> Answered | None:
    """What the rest of a V4 answers, or None for another.

    The hhmmss is the one that the position's time follows, where a position does: digits of a position are none.
    """
    found = _ANSWER.fullmatch(rest)
    if found is None:
        return None
    arguments = found["arguments"].split(",") if found["arguments"] else []
    return Answered(found["word"], arguments, found["time"], found["place"] or "")


def intervals(text: str) -> tuple[int, int] | None:
    """Seconds between reports with the ignition on and off, as the reply to `check` tells them; None if it does not."""
    found = _INTERVALS.search(text)
    return (int(found[1]), int(found[2])) if found else None


def _degrees(digits: str, side: str) -> float:
    """Decimal degrees of d..dmm.mmm (or d..dmmmmmm) and the letter of the hemisphere."""
    whole, _, part = digits.partition(".")
    value = int(whole[:-2] or 0) + float(f"{whole[-2:]}.{part or 0}") / 60
    return round(-value if side in "SW" else value, 6)


def _place(text: str) -> dict[str, Any]:
    found = _PLACE.fullmatch(text)
    if found is None:
        return {}
    said = found.groupdict()
    return {
        "time_hhmmss": said["time"],
        "date_ddmmyy": said["date"],
        "fix": said["fix"],
        "latitude": _degrees(said["lat"], said["ns"]),
        "longitude": _degrees(said["lon"], said["ew"]),
        "speed_knots": float(said["speed"]),
        "course": float(said["course"]) if said["course"].strip(".") else None,
        "status_hex": said["status"],
    }


def fields(message: Message) -> dict[str, Any]:
    """Everything known of a frame of either direction. Raises PeerError for a binary place that is none."""
    if not isinstance(message.data, Said):
        if len(message.frame) == LONG:
            return {"message": "binary_long", "device_id": message.device_id, "content_hex": message.frame[9:].hex()}
        return _binary(message.frame)
    said = message.data
    found: dict[str, Any] = {"message": said.word, "maker": said.maker, "device_id": message.device_id}
    if said.word == "SMS":
        times = _TIMES.search(said.rest)
        return {
            **found,
            "firmware": clean(said.rest.partition("\n")[0]),
            "upload_times_s": [int(each) for each in times[1].split(",")] if times else [],
            "text": clean(said.rest, MAX_SHOWN),
        }
    if said.word == "V4":
        return found | _answered(said.rest)
    found["arguments"] = [clean(each) for each in said.rest.split(",")] if said.rest else []
    return found | (_place(said.rest) if said.word[0] == "V" else {})


def _answered(rest: str) -> dict[str, Any]:
    told = reply(rest)
    if told is not None:
        both = intervals(told[1])
        return {
            "command": clean(told[0]),
            "reply": clean(told[1], MAX_SHOWN),
            **({"acc_on_s": both[0], "acc_off_s": both[1]} if both else {}),
        }
    found = answered(rest)
    if found is None:
        return {"text": clean(rest, MAX_SHOWN)}
    return {
        "command": clean(found.command),
        "arguments": [clean(each) for each in found.arguments],
        "command_time": found.time,
        "status": "error" if set(found.arguments) & set(FAILURE) else "ok",
        **_place(found.place),
    }


def _binary(frame: bytes) -> dict[str, Any]:
    """id, hh mm ss dd MM yy, latitude ddmm.mmmm, battery, longitude dddmm.mmmm and a nibble of flags, speed, course."""
    latitude, longitude, moved = bcd(frame[12:16]), frame[17:22].hex(), frame[22:25].hex()
    flags = int(longitude[9], 16)
    if latitude is None or not longitude[:9].isdecimal() or not moved.isdecimal():
        raise PeerError("a place that is none", discarded=frame)
    return {
        "message": "binary_position",
        "device_id": frame[1:6].hex(),
        "time_hhmmss": frame[6:9].hex(),
        "date_ddmmyy": frame[9:12].hex(),
        "fix": "A" if flags & 2 else "V",
        "latitude": _degrees(f"{latitude[:4]}.{latitude[4:]}", "N" if flags & 4 else "S"),
        "longitude": _degrees(f"{longitude[:5]}.{longitude[5:9]}", "E" if flags & 8 else "W"),
        "speed_knots": float(moved[:3]),
        "course": float(moved[3:]),
        "status_hex": frame[25:29].hex().upper(),
    }
