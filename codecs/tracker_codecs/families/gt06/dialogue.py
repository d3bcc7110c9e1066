"""The conversations: find out which forms the unit speaks (`identity`), write, read back what is in force.

Source of the order of the questions and of what counts as proof: the decision table of `platforms`, for which tracker
firmware on GitHub is the source; what excludes what: X3 command list V1.7, GT06D command list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tracker_codecs.contract import Dialogue, Purpose, Settings, Target, Value
from tracker_codecs.course import Step
from tracker_codecs.families.gt06 import forms, platforms, texts
from tracker_codecs.families.gt06 import settings as commands
from tracker_codecs.families.gt06.forms import Rhythm, Unit
from tracker_codecs.families.gt06.identity import held, recognised
from tracker_codecs.families.gt06.platforms import Platform
from tracker_codecs.families.gt06.talk import Conversation, Silence, Talk
from tracker_codecs.families.gt06.texts import Angle, Mode, Parameters, Shape, Timer


# -- apply -----------------------------------------------------------------------------------------------------------
def apply(target: Target, settings: Settings) -> Dialogue:
    """Find out who it is and what must be kept, write, read back."""
    talk = Talk(target, Conversation.APPLY, settings)
    wish = commands.wish(target, settings)
    fields = commands.rhythm_fields(target, settings)
    unit = yield from recognised(talk, fields)
    if isinstance(unit, str):
        if not talk.unanswered:
            talk.refused.update(dict.fromkeys(settings, f"not written: {unit}"))
        return talk.judged()
    types = ("type",) * ("type" in settings)
    angle_text = ""
    if wish.angle is not None:
        angle_text = yield from _angle_arguments(talk, unit, wish.angle, types)
        if talk.unanswered:
            return talk.judged()
    rhythm_text = _rhythm_text(talk, unit, wish, (*fields, *types))
    if angle_text:
        named = (*(("tracking_angle",) * ("tracking_angle" in settings)), *types)
        yield from talk.write(f"ANGLEREP,{angle_text}", named, depends_on_read=True)
    if rhythm_text:  # last: TIMER and DISTANCE switch each other off, so only the wanted one is written
        yield from talk.write(
            rhythm_text, (*fields, *types), repeats=lambda said: _repeats(said, wish.interval), depends_on_read=True
        )
    reported, foreign = yield from _read_back(talk, unit, wish, angle=bool(angle_text))
    talk.unanswered = any(name not in reported and name not in talk.refused for name in talk.silent)
    return talk.judged(reported, foreign)


def _rhythm_text(talk: Talk, unit: Unit, wish: commands.Wish, fields: Sequence[str]) -> str:
    """The command for the rhythm, empty where there is none or the unit cannot be given it."""
    try:
        if wish.sleeps:
            assert wish.wakeup is not None
            assert wish.hours is not None
            return forms.sleep(unit, wish.wakeup, wish.hours)
        if wish.interval is not None or wish.cell is not None:
            seconds = wish.interval
            if seconds is None:
                seconds = forms.rhythm(unit.platform, unit.timer, unit.mode).seconds
            if wish.cell is not None and unit.platform not in forms.CELL_PLACE:
                cell = commands.CELL_INTERVAL[talk.target.variant]
                talk.refused[cell] = "not written: no command for an interval by cell is public for its firmware"
                if wish.interval is None:
                    return ""
            if seconds is None:
                raise forms.Refused("it does not tell its interval by GPS, which would be lost")
            return forms.interval(unit, seconds, wish.cell if unit.platform in forms.CELL_PLACE else None)
        if wish.distance is not None:
            if unit.platform not in forms.WITH_DISTANCE:
                raise forms.Refused("no command for a distance is public for its firmware")
            return f"DISTANCE,{wish.distance}"
    except forms.Refused as why:
        talk.refused.update(dict.fromkeys(fields, f"not written: {why}"))
    return ""


def _repeats(said: str, seconds: int | None) -> bool:
    """Whether an answer is the value just written, which clones and the S20 line say for yes."""
    found = texts.timer(said)
    return found is not None and found.shape is not Shape.PLAIN and found.numbers[0] == seconds


def _angle_arguments(talk: Talk, unit: Unit, wanted: int, types: Sequence[str]) -> Step[str]:
    """Arguments of ANGLEREP: the unit's own detection time is kept. Empty where it cannot be written."""
    asked = ("tracking_angle",) * ("tracking_angle" in talk.wanted)
    if unit.platform not in forms.WITH_ANGLE:
        why = "not written: no command for corner reports is public for its firmware"
        talk.refused.update(dict.fromkeys((*asked, *types), why))
        return ""
    read = yield from talk.query("ANGLEREP", texts.angle, Purpose.READ, (*asked, *types))
    if not wanted:
        return "OFF" if not isinstance(read, Silence) or read is Silence.ASSUMED or asked else ""
    if read is Silence.TIMEOUT:  # it is there, but does not answer this: the rest is written
        talk.silent.update(asked)
        return ""
    if read is Silence.ASSUMED:
        read = texts.angle(f"ANGLEREP:{talk.target.known.get('anglerep', '')}") or Angle(False)
    default = talk.options.detection
    if isinstance(read, Angle):
        # Off: no detection time is in force, so the published factory value takes nothing away.
        default = read.seconds or default or (None if read.on else commands.DETECTION_DEFAULT)
        return Angle(True, wanted, default).text
    if default is None:
        why = "not written: the unit does not tell its detection time, which would be lost; "
        talk.refused.update(dict.fromkeys(asked, why + "the option angle_detection_time gives one"))
        return ""
    return Angle(True, wanted, default).text


# -- what is in force ------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Found:
    """What a unit tells of itself. `force`: what PARAM# or REPORT# tells to be in force; None where neither tells."""

    timer: Timer | None = None
    mode: Mode | None = None
    force: Parameters | None = None
    angle: Angle | None = None


def _looked(talk: Talk, unit: Unit, purpose: Purpose, fields: Sequence[str], *, timer: bool) -> Step[Found | None]:
    """The rhythm as it is now; None and `silent` fields where the unit does not answer. `timer`: ask TIMER# too."""
    found = Found(unit.timer)
    if unit.platform in platforms.BY_MODE or unit.platform is Platform.THREE:
        mode = yield from talk.query("MODE", texts.mode, purpose, fields)
        found.mode = held(mode)
        if mode is Silence.TIMEOUT and unit.platform in platforms.BY_MODE:
            talk.silent.update(fields)
            return None
    if unit.platform in platforms.BY_MODE:
        if found.mode is not None:
            talk.known["mode"] = found.mode.text
        return found
    if timer:
        read = yield from talk.query("TIMER", texts.timer, purpose, fields)
        found.timer = held(read)
        if read is Silence.TIMEOUT:
            talk.silent.update(fields)
            return None
    if unit.platform in forms.SWITCHED:
        force = yield from talk.query("PARAM", texts.parameters, purpose, fields)
        if isinstance(force, Silence) and force is not Silence.ASSUMED:
            force = yield from talk.query("REPORT", texts.report, purpose, fields)
        found.force = held(force)
    return found


def _in_force(unit: Unit, found: Found) -> tuple[Rhythm, int | None]:
    """Rhythm and distance that are in force; nothing of them where the unit does not tell."""
    stored = forms.rhythm(unit.platform, found.timer, found.mode)
    if unit.platform not in forms.SWITCHED:
        return stored, None
    force = found.force
    if force is None:
        return Rhythm(), None
    if force.timer is None:
        return Rhythm(0), force.distance or 0
    return forms.rhythm(unit.platform, force.timer, found.mode), force.distance or 0


def _turned(talk: Talk, purpose: Purpose, fields: Sequence[str], found: Found) -> Step[None]:
    """Corner reports as they are now; `silent` fields where the unit does not answer."""
    turn = yield from talk.query("ANGLEREP", texts.angle, purpose, fields)
    found.angle = held(turn)
    if turn is Silence.TIMEOUT:
        talk.silent.update(fields)
    if found.angle is not None:
        talk.known["anglerep"] = found.angle.text


def _told(variant: str, unit: Unit, found: Found) -> dict[str, Value]:
    """What is in force, in the profile's fields."""
    rhythm, metres = _in_force(unit, found)
    turned = None if found.angle is None else (found.angle.degrees or 0) if found.angle.on else 0
    return commands.reported(variant, rhythm, metres, turned)


def _read_back(
    talk: Talk, unit: Unit, wish: commands.Wish, *, angle: bool
) -> Step[tuple[dict[str, Value], dict[str, str]]]:
    """What the unit does now, in the profile's fields, and what in words can be no value of them."""
    variant = talk.target.variant
    fields = commands.rhythm_fields(talk.target, talk.wanted)
    found = yield from _looked(talk, unit, Purpose.READ_BACK, fields, timer=True)
    if found is None:
        return {}, {}
    if angle:
        yield from _turned(talk, Purpose.READ_BACK, ("tracking_angle",) * ("tracking_angle" in talk.wanted), found)
    if found.timer is not None:
        talk.known["timer"] = ",".join(map(str, found.timer.numbers))
    told = _told(variant, unit, found)
    intervals = {commands.INTERVAL[variant], commands.CELL_INTERVAL.get(variant, "")} & set(talk.wanted)
    if not forms.kept(unit.platform, unit.timer, found.timer, cell=wish.cell is not None):
        numbers = ",".join(map(str, found.timer.numbers)) if found.timer else ""
        why = f"the unit changed another number of its timer with it: it tells {numbers}"
        return {name: value for name, value in told.items() if name not in intervals}, dict.fromkeys(intervals, why)
    if found.force is None and unit.platform in forms.SWITCHED:  # an equal number is only stored, another is a mismatch
        stored = forms.rhythm(unit.platform, found.timer, found.mode)
        told |= commands.reported(variant, stored, None, None)
    doubt = _doubt(unit, found)
    if doubt:
        talk.unproved.update(dict.fromkeys((intervals | {"type"}) & told.keys(), doubt))
    if unit.platform is Platform.GT420D and any(told.get(name) != talk.wanted[name] for name in intervals):
        talk.unproved.update(dict.fromkeys(intervals, "the unit tells another interval, as it does at rest"))
        told = {name: value for name, value in told.items() if name not in intervals}
    return told, {}


def _doubt(unit: Unit, found: Found) -> str:
    """Why numbers that were read are no proof that they are in force; empty where they are."""
    if found.force is None and unit.platform in forms.SWITCHED:
        return "stored; whether it reports by time or by distance the unit does not tell"
    return forms.doubt(replace(unit, mode=found.mode))


# -- read ------------------------------------------------------------------------------------------------------------
def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """Find out who it is, then ask what is in force."""
    talk = Talk(target, Conversation.READ)
    fields = list(wanted)
    unit = yield from recognised(talk, fields)
    if isinstance(unit, str):
        return talk.told()
    found: Found | None = Found(unit.timer, unit.mode)
    if unit.platform in forms.SWITCHED:
        found = yield from _looked(talk, unit, Purpose.READ, fields, timer=False)
    if found is None:
        talk.unanswered = True
        return talk.told()
    if {"tracking_angle", "type"} & set(fields) and unit.platform in forms.WITH_ANGLE:
        yield from _turned(talk, Purpose.READ, fields, found)
        talk.unanswered = bool(talk.silent)
    told = _told(target.variant, unit, found)
    if doubt := _doubt(unit, found):
        talk.unproved = {name: doubt for name in told if name not in ("tracking_distance", "tracking_angle")}
    return talk.told(told)
