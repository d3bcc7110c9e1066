"""Finds out which command forms a unit speaks, by words that only tell. What the answers mean, `platforms` says.

Never sent bare are words that act: POWERSAVE# puts a JM66 to sleep at once, ALMCANCEL#, RESET#, FACTORY#, CLEAR#, FIND#
and their like do what they say (tracker firmware on GitHub, amitv87/2503D_MQTT); CHECK# ended a session of a JC181.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from tracker_codecs.contract import Purpose
from tracker_codecs.course import Step
from tracker_codecs.families.gt06 import forms, platforms, texts
from tracker_codecs.families.gt06.forms import Unit
from tracker_codecs.families.gt06.platforms import Evidence, Platform
from tracker_codecs.families.gt06.talk import Silence, Talk
from tracker_codecs.families.gt06.texts import Shape, Timer

#: What a dry run shows for a unit that nobody has asked yet, where it is not the form of vehicle units.
_SHOWN = {"concox_gt700": Platform.GT300S, "concox_qbit": Platform.NT33}

#: Why there is no unit where nothing came.
SILENT = "the unit did not answer"

T = TypeVar("T")


def held(value: T | Silence | None) -> T | None:
    """The reading; None for none."""
    return None if isinstance(value, Silence) else value


def recognised(talk: Talk, fields: Sequence[str]) -> Step[Unit | str]:
    """The unit, or why it cannot be told what is wanted; `unanswered` is noted where it is just silent.

    The wording of the timer is asked first, because a clone tells itself by it and knows no VERSION#; a unit that tells
    the version of the last time is asked for nothing but what must be kept.
    """
    known = talk.target.known
    before = _platform(known.get("platform", ""))
    found = Evidence()
    timer: Timer | Silence | None = None
    if before is None or before in platforms.BY_WORDING:
        timer = yield from talk.query("TIMER", texts.timer, Purpose.READ, fields)
        if timer is Silence.ASSUMED:
            return (yield from _shown(talk, before, fields))
        found.timer = held(timer)
        if found.timer is not None and (before or found.timer.shape is Shape.WORDS):
            platform, _ = platforms.decided(found)
            if before is Platform.S20 and found.timer.shape is Shape.CLOSED:
                platform = before
            if platform is not None:
                return _unit(talk, platform, found)
    version = yield from talk.query("VERSION", texts.version, Purpose.READ, fields)
    if version is Silence.ASSUMED:
        return (yield from _shown(talk, before, fields))
    found.version = held(version)
    platform = before if found.version and found.version == known.get("version") else None
    if timer is None and platform not in platforms.BY_MODE:
        timer = yield from talk.query("TIMER", texts.timer, Purpose.READ, fields)
        found.timer = held(timer)
    if timer is Silence.TIMEOUT and (platform or version is Silence.TIMEOUT):
        talk.unanswered = True
        return SILENT
    if platform not in platforms.BY_MODE and (platform is None or not _fits(platform, found.timer)):
        platform, why = platforms.decided(found)
        if platform is None and found.named is not Platform.CAMERA:
            found.ignition = held((yield from talk.query("STATUS", texts.ignition, Purpose.READ, fields)))
            platform, why = platforms.decided(found)
            if platform is None:
                found.heartbeat = held((yield from talk.query("HBT", texts.heartbeat, Purpose.READ, fields)))
                platform, why = platforms.decided(found)
        if platform is None:
            return why
    assert platform is not None
    unit = _unit(talk, platform, found)
    if platform in platforms.BY_MODE:
        mode = yield from talk.query("MODE", texts.mode, Purpose.READ, fields)
        if mode is Silence.TIMEOUT:
            talk.unanswered = True
            return SILENT
        unit = replace(unit, mode=held(mode))
        if not forms.agrees(platform, unit.mode):
            return "its version is that of a unit with working modes, but MODE# is not answered as by one"
    return unit


def _unit(talk: Talk, platform: Platform, found: Evidence) -> Unit:
    talk.known["platform"] = platform.value
    if found.version:
        talk.known["version"] = found.version
    if found.timer is not None:
        talk.known["timer"] = ",".join(map(str, found.timer.numbers))
    return Unit(platform, found.version or "", found.timer, resting=talk.options.resting)


def _shown(talk: Talk, before: Platform | None, fields: Sequence[str]) -> Step[Unit]:
    """The rest of the questions in a dry run, and the unit as it was last known."""
    platform, known = before or _SHOWN.get(talk.target.variant, Platform.ACC), talk.target.known
    by_mode = platform in platforms.BY_MODE
    if before is None:
        yield from talk.query("VERSION", texts.version, Purpose.READ, fields)
        if not by_mode:
            yield from talk.query("STATUS", texts.ignition, Purpose.READ, fields)
    elif not by_mode and before not in platforms.BY_WORDING:
        yield from talk.query("TIMER", texts.timer, Purpose.READ, fields)
    if by_mode:
        yield from talk.query("MODE", texts.mode, Purpose.READ, fields)
    timer, mode = texts.timer(f"TIMER:{known.get('timer', '')}"), texts.mode(f"MODE:{known.get('mode', '')}")
    return Unit(platform, known.get("version", ""), timer, mode)


def _platform(name: str) -> Platform | None:
    return Platform(name) if name in {each.value for each in Platform} else None


def _fits(platform: Platform, timer: Timer | None) -> bool:
    """Whether a timer still has as many numbers as this platform's."""
    return timer is not None and len(timer.numbers) == (3 if platform is Platform.THREE else 2)
