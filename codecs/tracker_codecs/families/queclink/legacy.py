"""The old dialect (GL100, GT300): GTTRI and GTSFR, without read-back. Experimental: GL100 texts on a GT300.

The command ends with its send time, which the acknowledgement repeats. The GL100 manual (TRACGL100AN002) shows no
terminator; a public specification that quotes the GT300 protocol V4.02 ends every message with a 00 byte.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from tracker_codecs.answers import Matcher
from tracker_codecs.contract import (
    Command,
    Dialogue,
    Match,
    Message,
    Purpose,
    Settings,
    Target,
    Transport,
)
from tracker_codecs.course import Course
from tracker_codecs.errors import LocalError
from tracker_codecs.families.queclink import dialogue
from tracker_codecs.families.queclink import settings as registers
from tracker_codecs.families.queclink.messages import old_answer
from tracker_codecs.families.queclink.talk import TIMEOUT, ours, password_of


def command(target: Target, password: str, word: str, values: list[str], fields: list[str], step: int = 0) -> Command:
    """`AT+GTxxx=<password>,<fields>,<send time>` 00. `step` seconds keep the send times of one dialogue apart."""
    time = (target.now() + timedelta(seconds=step)).strftime("%Y%m%d%H%M%S")
    end = b"\0\r\n" if target.transport is Transport.SERIAL else b"\0"
    text = ",".join((*values, time))
    return Command(
        payload=f"AT+GT{word}={password},{text}".encode("ascii") + end,
        text=f"AT+GT{word}=***,{text}",
        purpose=Purpose.WRITE,
        expects=f"+ACK:GT{word} that repeats the send time {time}",
        match=_acknowledges(target, word, time),
        fields=tuple(fields),
        timeout=TIMEOUT,
        secrets=(password.encode("ascii"),),
    )


def _acknowledges(target: Target, word: str, time: str) -> Matcher:
    def match(message: Message) -> Match:
        mine = ours(message, target) and message.device_id == target.device_id
        return Match.DONE if mine and old_answer(message) == (word, time) else Match.NO

    return match


def plan(target: Target, carried: Settings) -> list[tuple[str, list[str], list[str]]]:
    """Word, arguments and fields of each command. Neither command knows empty fields: all arguments are sent.

    GTTRI: begin, end, send interval (whole minutes, at least 1), fix interval (seconds). GTSFR: fields 5, 6, 7 are
    settings, the others come from the option `sfr_keep`.
    """
    out = []
    tri = [name for name in ("start_time", "end_time", "tracking_interval") if name in carried]
    if len(tri) == 3:
        seconds = carried["tracking_interval"]
        minutes = max(1, seconds // 60)
        out.append(("TRI", [carried["start_time"], carried["end_time"], str(minutes), str(seconds)], tri))
    sfr = [name for name in ("movement_detection", "min_speed", "min_distance") if name in carried]
    keep = registers.sfr_keep(target)
    if len(sfr) == 3 and keep:
        moving = [
            "1" if carried["movement_detection"] else "0",
            str(carried["min_speed"]),
            str(carried["min_distance"]),
        ]
        out.append(("SFR", [*keep[:4], *moving, *keep[4:]], sfr))
    return out


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`. The best evidence is the acknowledgement; silence is the only refusal."""
    course, password = Course(wanted), password_of(target)
    for step, (word, values, fields) in enumerate(plan(target, wanted)):
        yield from course.change(command(target, password, word, values, fields, step))
    return course.judged()


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: `GTxxx,<fields>` gets envelope, password and send time."""
    if isinstance(text, bytes):
        return dialogue.raw(target, text)
    word, *values = text.strip().split(",")
    word = word.upper().removeprefix("AT+").removeprefix("GT")
    if not re.fullmatch(r"[A-Z0-9]{3}", word) or not all(re.fullmatch(r"[ -#%-~]*", value) for value in values):
        raise LocalError("must be GTxxx,<fields>, printable and without $", parameter="command")
    return replace(command(target, password_of(target), word, values, []), purpose=Purpose.RAW)
