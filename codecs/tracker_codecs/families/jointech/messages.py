"""What a frame says, for people. Times UTC, degrees, knots, kilometres.

Sources: Jointech JT701D protocol manual V1.4; traccar/traccar Jt600 decoder and tests.
"""

from __future__ import annotations

import re
from typing import Any

from tracker_codecs.cells import moment
from tracker_codecs.contract import Kind, Message
from tracker_codecs.errors import LocalError
from tracker_codecs.families.jointech import frame as wire
from tracker_codecs.text import clean

#: Last arguments of settings, by their word.
_NAMES = {
    "P04": ("upload_interval_s", "rtc_interval_min"),
    "P39": ("awake_min",),
    "P54": ("tracking_mode",),
}
_CLOCK = "%d%m%y%H%M%S"
_TIME = re.compile(rb"\(P22,(\d{12})\)").fullmatch
_PLACE = re.compile(r"\d{1,3}\.\d{1,8}", re.ASCII).fullmatch
#: What follows the place of an older text report.
_U_NAMES = ("speed", "course", "satellites", "battery", "status", "cell", "lac", "signal", "odometer", "serial")
_U = re.compile(r"U0\d").fullmatch


def fields(message: Message) -> dict[str, Any]:
    """Everything that the frame says. An impossible time is told as None."""
    frame = message.frame
    if frame[:1] == b"$":
        return _report(frame)
    texts = wire.parts(frame)
    if message.device_id is None:
        return _from_server(texts)
    told: dict[str, Any] = {"device_id": message.device_id}
    word = texts[0]
    if word == "@JT":
        told["message"] = "heartbeat"
    elif message.owed[:4] == b"(P22":
        told["message"] = "time_request"
    elif word == "P45":
        told["message"] = "lock_event"
        if len(texts) > 15 and texts[15].isascii() and texts[15].isdigit():
            told["serial"] = int(texts[15][:10])
    elif _U(word):
        told |= {"message": "position", **_position(texts[1:])}
    elif message.kind is Kind.REPLY:
        told |= {"message": "answer", "command": clean(word), **_values(word, texts[1:], answer=True)}
    else:
        told["message"] = "sensor_data" if message.kind is Kind.REPORT else "other"
    told["text"] = clean(frame[1:-1])
    return told


def _position(texts: tuple[str, ...]) -> dict[str, Any]:
    """An older text report, with or without a number of an alarm in front; empty where it has not the recorded form.

    The recorded speed has no unit; it is told as it stands.
    """
    texts = texts[1:] if len(texts) > 3 and texts[3] in ("T", "F") else texts
    if len(texts) < 17 or texts[2] not in ("T", "F"):
        return {}
    when = moment(texts[0] + texts[1], _CLOCK)
    latitude, longitude = _signed(*texts[3:5]), _signed(*texts[5:7])
    if when is None or latitude is None or longitude is None:
        return {}
    told = dict(zip(_U_NAMES, texts[7:17], strict=True))
    return {"time": f"{when}Z", "valid": texts[2] == "T", "latitude": latitude, "longitude": longitude, **told}


def _signed(text: str, side: str) -> float | None:
    if not _PLACE(text) or side not in ("N", "S", "E", "W"):
        return None
    return -float(text) if side in "SW" else float(text)


def _from_server(texts: tuple[str, ...]) -> dict[str, Any]:
    word, arguments = texts[0], texts[1:]
    told: dict[str, Any] = {"command": clean(word), "text": clean(",".join(texts))}
    if word == "P69" and len(arguments) == 2 and _number(arguments[1]) is not None:
        return {"message": "data_ack", **told, "serial": _number(arguments[1])}
    if word == "P22" and len(arguments) == 1:
        when = moment(arguments[0], _CLOCK)
        return {"message": "time_set", **told, "utc": when.replace("T", " ")} if when else {"message": "set", **told}
    if arguments == ("0",) and word[:1] == "P":
        return {"message": "query", **told}
    return {"message": "set", **told, **_values(word, arguments, answer=False)}


def _values(word: str, arguments: tuple[str, ...], *, answer: bool) -> dict[str, Any]:
    """Arguments by name: those of a command begin with the operation, an answer repeats it for some words only."""
    numbers = [_number(each) for each in arguments]
    told: dict[str, Any] = {}
    if word in _NAMES:
        names = _NAMES[word]
        if len(numbers) >= len(names):
            told = dict(zip(names, numbers[-len(names) :], strict=True))
    elif word == "P37" and len(numbers) > (0 if answer else 1):
        told = {"motion_mg": numbers[0 if answer else 1]}
    elif word == "P62" and len(numbers) >= 2:
        told = {"sub": numbers[0], "value": numbers[-1]}
    return told


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


def _report(frame: bytes) -> dict[str, Any]:
    """A binary report; of the older form only what stands before the state."""
    at, _ = wire.head(frame, 0)
    kind = frame[at - 3]
    told: dict[str, Any] = {
        "message": "position",
        "device_id": frame[1:6].hex(),
        "protocol_version": f"0x{frame[6]:02x}" if at == 10 else None,
        "device_type": kind >> 4,
        "data_type": kind & 15,
        "length_field": int.from_bytes(frame[at - 2 : at], "big"),
        "serial": frame[-1],
    }
    when = moment(frame[at : at + 6].hex(), _CLOCK)
    told["time"] = None if when is None else f"{when}Z"
    place = frame[at + 6 : at + 15].hex()
    flags = int(place[17], 16)
    if place[:17].isdigit():
        latitude, longitude = _degrees(place[:8], 2), _degrees(place[8:17], 3)
        told |= {
            "latitude": latitude if flags & 2 else -latitude,
            "longitude": longitude if flags & 4 else -longitude,
        }
    told |= {"valid": bool(flags & 1), "speed_knots": frame[at + 15], "course": 2 * frame[at + 16]}
    if at == 10:
        told |= {
            "mileage_km": int.from_bytes(frame[27:31], "big"),
            "satellites": frame[31],
            "status": frame[36:38].hex(),
            "battery_percent": None if frame[38] == 0xFF else frame[38],
        }
    return told


def _degrees(digits: str, whole: int) -> float:
    """Degrees of `whole` digits, then minutes with four decimals."""
    return round(int(digits[:whole]) + int(digits[whole:]) / 600000, 6)


def normalise(frame: bytes) -> bytes:
    """The time of a time answer zeroed."""
    return b"(P22,000000000000)" if _TIME(frame) else frame


def rename(frame: bytes, old: str, new: str) -> bytes:
    """The frame of a device with another ID. Raises LocalError for what is no ID."""
    for each in (old, new):
        if len(each) != 10 or not (each.isascii() and each.isdigit()):
            raise LocalError("must be 10 digits", parameter="device_id")
    if frame[:1] == b"$" and frame[1:6] == bytes.fromhex(old):
        return frame[:1] + bytes.fromhex(new) + frame[6:]
    if frame.startswith(b"(%b," % old.encode("ascii")):
        return b"(" + new.encode("ascii") + frame[11:]
    return frame
