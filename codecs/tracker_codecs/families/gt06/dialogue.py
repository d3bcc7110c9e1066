"""The conversations: read what must be kept, write, read back.

Source of the order and of what excludes what: X3 command list V1.7, GT06D command list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from tracker_codecs.contract import Dialogue, Purpose, Settings, Target
from tracker_codecs.course import Step
from tracker_codecs.families.gt06 import settings as commands
from tracker_codecs.families.gt06 import texts
from tracker_codecs.families.gt06.settings import Plan
from tracker_codecs.families.gt06.talk import Conversation, DistanceRead, Silence, Talk, TimerRead, read_mode
from tracker_codecs.families.gt06.texts import Angle, Mode, Timer

#: Variants whose every field is part of the working mode.
MODE_ONLY = frozenset({"concox_gt700"})

T = TypeVar("T")


def _held(value: T | Silence | None) -> T | None:
    return None if isinstance(value, Silence) else value


def apply(target: Target, settings: Settings) -> Dialogue:
    """Read what must be kept (ACC-off time, detection time), write, read back."""
    plan = commands.plan(target, settings)
    talk = Talk(target, Conversation.APPLY, settings)
    timer_field = commands.TIMER_FIELD.get(target.variant, "")
    timer_text = angle_text = ""
    timer_reads = angle_reads = False
    if plan.timer is not None:
        read, _ = yield from talk.timer_and_distance(Purpose.READ, (timer_field,))
        if read is Silence.TIMEOUT:
            talk.unanswered = True
            return talk.judged()
        timer_text, timer_reads = _timer_arguments(talk, plan.timer, read), True
        if not timer_text:
            talk.refused[timer_field] = (
                "not written: the unit does not tell its ACC-off time, which would be lost; "
                "the option acc_off_interval gives one"
            )
    if plan.angle is not None:
        turn = yield from talk.query("ANGLEREP", texts.angle, Purpose.READ, plan.angle_fields)
        if turn is Silence.TIMEOUT and plan.timer is None:
            talk.unanswered = True
            return talk.judged()
        angle_text, angle_reads = _angle_arguments(talk, plan, turn)
        if not angle_text and turn is Silence.TIMEOUT:  # it is there, but does not answer this: the rest is written
            talk.silent.update({"tracking_angle"} & set(plan.angle_fields))
        elif not angle_text and plan.angle:
            talk.refused["tracking_angle"] = (
                "not written: the unit does not tell its detection time, which would be lost; "
                "the option angle_detection_time gives one"
            )
    if plan.mode is not None:
        yield from talk.write(f"MODE,{plan.mode.text}", plan.mode_fields)
    if angle_text:
        yield from talk.write(f"ANGLEREP,{angle_text}", plan.angle_fields, depends_on_read=angle_reads)
    if plan.distance is not None:  # TIMER and DISTANCE switch each other off: only the wanted one is written, last
        yield from talk.write(f"DISTANCE,{plan.distance}", ("tracking_distance",))
    if timer_text:
        yield from talk.write(f"TIMER,{timer_text}", (timer_field,), depends_on_read=timer_reads)
    reported = yield from _read_back(talk, plan, angle=bool(angle_text))
    talk.unanswered = any(name not in reported and name not in talk.refused for name in talk.silent)
    return talk.judged(reported)


def _read_back(talk: Talk, plan: Plan, *, angle: bool) -> Step[dict[str, Any]]:
    variant = talk.target.variant
    both = variant in commands.WITH_DISTANCE
    asked = [
        name
        for name, wanted in (
            (commands.TIMER_FIELD.get(variant, ""), plan.timer is not None or both),
            ("tracking_distance", both),
        )
        if wanted and name
    ]
    timer: TimerRead = None
    metres: DistanceRead = None
    turn: Angle | Silence | None = None
    mode: Mode | None = None
    if plan.timer is not None or plan.distance is not None:
        timer, metres = yield from talk.timer_and_distance(Purpose.READ_BACK, asked, distance=both)
        if plan.timer is not None and timer is Silence.TIMEOUT:
            talk.silent.add(commands.TIMER_FIELD[variant])
        if plan.distance is not None and metres is Silence.TIMEOUT:
            talk.silent.add("tracking_distance")
    if angle:
        turn = yield from talk.query("ANGLEREP", texts.angle, Purpose.READ_BACK, plan.angle_fields)
        if turn is Silence.TIMEOUT and "tracking_angle" in plan.angle_fields:
            talk.silent.add("tracking_angle")
    if plan.mode is not None:
        mode = yield from read_mode(talk, Purpose.READ_BACK, plan.mode_fields)
    elif variant == "concoxgt06" and not talk.options.mode_command:
        mode = Mode(1)
    return _reported(talk, timer, metres, turn, mode)


def _reported(
    talk: Talk,
    timer: TimerRead,
    metres: DistanceRead,
    turn: Angle | Silence | None,
    mode: Mode | None,
) -> dict[str, Any]:
    """Profile values of the readings."""
    if isinstance(turn, Angle):
        talk.known["anglerep"] = turn.text
    held = _held(timer)
    return commands.reported(talk.target.variant, held.on if held else None, _held(metres), _held(turn), mode)


def _timer_arguments(talk: Talk, seconds: int, read: TimerRead) -> str:
    """Arguments of TIMER: the unit's own ACC-off time is kept. Empty where it is not told and no option gives one."""
    if read is Silence.ASSUMED or read is None or (isinstance(read, Timer) and not read.on and not read.off):
        # Nobody there; or distance mode, in which no ACC-off time is in force: what was last known, else the same time.
        if isinstance(read, Timer) and read.off is None:
            return Timer(seconds, None).text
        remembered = texts.timer(f"TIMER:{talk.target.known.get('timer', '')}")
        if remembered is not None and (remembered.on or remembered.off):
            return Timer(seconds, remembered.off).text
        return Timer(seconds, seconds).text
    if isinstance(read, Timer):
        return Timer(seconds, read.off).text
    if talk.options.acc_off_same:
        return Timer(seconds, seconds).text
    default = talk.options.acc_off_default
    return "" if default is None else Timer(seconds, default).text


def _angle_arguments(talk: Talk, plan: Plan, read: Angle | Silence) -> tuple[str, bool]:
    """Arguments of ANGLEREP and whether they come from a reading: the unit's own detection time is kept.

    Empty where ON needs a time that is not told, and for OFF as part of a type on a unit that does not know ANGLEREP.
    """
    default = talk.options.detection_default
    if not plan.angle:
        known = not isinstance(read, Silence) or read is Silence.ASSUMED or "tracking_angle" in plan.angle_fields
        return ("OFF" if known else ""), False
    if read is Silence.ASSUMED:
        read = texts.angle(f"ANGLEREP:{talk.target.known.get('anglerep', '')}") or Angle(False)
    if isinstance(read, Silence):
        return ("" if default is None else Angle(True, plan.angle, default).text), False
    if read.on:
        return Angle(True, plan.angle, read.seconds).text, True
    # Off: no detection time is in force, so the published factory value takes nothing away.
    seconds = read.seconds or default or commands.DETECTION_DEFAULT
    return Angle(True, plan.angle, seconds).text, True


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """Bare queries, or PARAM# on units that do not know those."""
    talk = Talk(target, Conversation.READ)
    fields = list(wanted)
    variant = target.variant
    timer: TimerRead = None
    metres: DistanceRead = None
    turn: Angle | Silence | None = None
    mode: Mode | None = None
    both = variant in commands.WITH_DISTANCE
    kind = "type" in fields and variant == "concoxgt06"
    silent = False
    if commands.TIMER_FIELD.get(variant, "-") in fields or "tracking_distance" in fields or kind:
        timer, metres = yield from talk.timer_and_distance(Purpose.READ, fields, distance=both)
        silent = Silence.TIMEOUT in (timer, metres)
    if not silent and ("tracking_angle" in fields or kind):
        turn = yield from talk.query("ANGLEREP", texts.angle, Purpose.READ, fields)
        silent = turn is Silence.TIMEOUT
    if kind and not talk.options.mode_command:
        mode = Mode(1)
    elif not silent and ({"type", "psm_interval", "wakeup_time"} & set(fields) or (fields and variant in MODE_ONLY)):
        mode = yield from read_mode(talk, Purpose.READ, fields)
        silent = talk.mode_silent
    talk.unanswered = silent
    return talk.told(_reported(talk, timer, metres, turn, mode))
