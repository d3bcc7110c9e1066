"""The conversation: the event table tells which counter reports, then that counter is read, written and read again.

A set is answered by the same text with qualifier R. Answers carry no number and an answer to a query looks like one
to a set, so the answer to a set must hold the very digits that were sent, and where it did not come nothing is read
back: a late one would pass for the unit's own word. The event table is read and never written. The answer to the
heading command is all the proof there is: its query is not public.
On a serial port the same messages are spoken, and whatever comes is the unit's that is plugged in. There `>QVR<` asks
who it is; the answer's ID says so.
Sources: those of `layout`; answers: university.digitalcomtech.com glossary, taip, qualifier (QVR and its answer).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tracker_codecs.answers import is_ours
from tracker_codecs.contract import (
    Command,
    Dialogue,
    Kind,
    Match,
    Message,
    Outcome,
    Purpose,
    Reply,
    Settings,
    Target,
    Transport,
    Value,
    Verdict,
)
from tracker_codecs.course import Course
from tracker_codecs.errors import LocalError
from tracker_codecs.families.syrus import layout
from tracker_codecs.families.syrus import settings as values
from tracker_codecs.families.syrus.layout import Counter, Row

TIMEOUT = 30.0
#: A table comes in 70 or 100 messages.
TABLE_TIMEOUT = 60.0
#: The same on a wire, on which a table takes 5 s at the lowest rate tried.
SERIAL_TIMEOUT, SERIAL_TABLE_TIMEOUT = 5.0, 15.0
#: Keys in `Outcome.known`: the counter that reports, and the length of the event table.
COUNTER, LENGTH = "syrus_counter", "syrus_events"
_VERSION = re.compile(r"VR[;,]?([!-~]{1,64})", re.ASCII)
_TEXT = re.compile(r"[A-Z]{3}[ -;=?-~]{0,200}")


def _wired(target: Target) -> bool:
    return target.transport is Transport.SERIAL


def _patience(target: Target) -> float:
    return SERIAL_TIMEOUT if _wired(target) else TIMEOUT


def _said(target: Target, message: Message) -> str:
    """What an answer of this unit says without its R; else nothing."""
    return str(message.data)[1:] if message.kind is Kind.REPLY and is_ours(target, message) else ""


def _table(target: Target, fields: Sequence[str], rows: dict[int, Row]) -> Command:
    """Asks for all events and fills `rows`: a reply does not hold as many messages as there are events."""
    last = 69 if target.known.get(LENGTH) == "70" else 99

    def match(message: Message) -> Match:
        row = layout.row(_said(target, message))
        if row is None:
            return Match.NO
        rows[row.number] = row
        return Match.DONE if row.number == last else Match.PART

    seconds = SERIAL_TABLE_TIMEOUT if _wired(target) else TABLE_TIMEOUT
    return Command(b">QED<", ">QED<", Purpose.READ, "RED and all events", match, tuple(fields), seconds)


def _whole(rows: Mapping[int, Row]) -> bool:
    """Whether no event is missing. A unit of 70 events is known by its silence after the last."""
    return len(rows) in (70, 100) and max(rows) == len(rows) - 1


def _ask(target: Target, index: int, purpose: Purpose, *, read: bool) -> Command:
    def match(message: Message) -> Match:
        found = layout.counter(_said(target, message))
        return Match.DONE if found is not None and found.number == index else Match.NO

    text = f">QTD{index}<"
    payload, expects = text.encode(), f"RTD{index} and its digits"
    return Command(payload, text, purpose, expects, match, values.TIMED, _patience(target), depends_on_read=read)


def _write(target: Target, body: str, fields: Iterable[str], *, read: bool) -> Command:
    def match(message: Message) -> Match:
        return Match.DONE if _said(target, message) == body else Match.NO

    text = f">S{body}<"
    expects, names = f"R{body}", tuple(fields)
    return Command(text.encode(), text, Purpose.WRITE, expects, match, names, _patience(target), depends_on_read=read)


def _counter_of(reply: Reply, index: int) -> Counter:
    found = layout.counter(str(reply.messages[-1].data)[1:]) if reply.ok else None
    return found or Counter(index)


def _choice(rows: Mapping[int, Row]) -> tuple[int | None, str]:
    """The counter that reports, or why there is none."""
    used = sorted({each for row in rows.values() if row.reports for each in row.counters})
    if len(used) == 1:
        return used[0], ""
    if not used:
        return None, "no event of the unit reports by a time-and-distance counter: its event table must be extended"
    names = ", ".join(str(each) for each in used)
    return None, f"events of the unit report by the counters {names}: the option counter must name the one to set"


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course = Course(wanted)
    timed = [name for name in values.TIMED if name in wanted]
    angle = wanted.get(values.ANGLE)
    named = values.number(target, "counter", 0, 9)
    index = named
    if angle is not None or named is None:
        rows: dict[int, Row] = {}
        reply = yield _table(target, [*wanted], rows)
        if reply.assumed:
            index = 0 if named is None else named
        else:
            if not _whole(rows):
                course.unanswered = True
                return course.judged()
            course.known[LENGTH] = str(len(rows))
            if named is None and timed:
                index, reason = _choice(rows)
                course.unsupported |= dict.fromkeys(timed, reason) if reason else {}
            if angle is not None and not any(row.reports and row.on_heading for row in rows.values()):
                reason = "no event of the unit reports on J00, the change of heading: its event table must be extended"
                course.unsupported[values.ANGLE] = reason
                angle = None
    reported: dict[str, Value] = {}
    if timed and index is not None:
        before = yield from course.ask(_ask(target, index, Purpose.READ, read=named is None))
        if course.unanswered:
            return course.judged()
        spacing = values.number(target, "spacing", 1, 9999) or values.SPACING
        after = values.changed(_counter_of(before, index), wanted, spacing)
        yield from course.change(_write(target, after.text, timed, read=True))
        if not course.unanswered:
            again = yield from course.ask(_ask(target, index, Purpose.READ_BACK, read=named is None))
            if again.ok:
                found = values.told(_counter_of(again, index))
                reported = {name: found[name] for name in timed}
                course.known[COUNTER] = str(index)
    if angle is not None and not course.unanswered:
        yield from course.change(_write(target, f"XAGH001{angle:03d}", [values.ANGLE], read=False))
    return course.judged(reported)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`: the counter that is named, was used before, or the event table tells."""
    timed = [name for name in values.TIMED if name in wanted]
    if not timed:
        return Outcome({})
    index = values.number(target, "counter", 0, 9)
    before = target.known.get(COUNTER, "")
    course = Course()
    if index is None and re.fullmatch("[0-9]", before):
        index = int(before)
    if index is None:
        rows: dict[int, Row] = {}
        reply = yield _table(target, timed, rows)
        if not _whole(rows):
            course.unanswered = not reply.assumed
            return course.told()
        course.known[LENGTH] = str(len(rows))
        index, _ = _choice(rows)
        if index is None:
            return course.told()
    reply = yield _ask(target, index, Purpose.READ, read="counter" not in target.options)
    if not reply.ok:
        course.unanswered = not reply.assumed
        return course.told()
    found = values.told(_counter_of(reply, index))
    course.known[COUNTER] = str(index)
    return course.told({name: found[name] for name in timed})


def identify(target: Target) -> Dialogue:
    """See `Family.identify`: the firmware, and the id that the unit puts into its answers."""

    def match(message: Message) -> Match:
        return Match.DONE if message.kind is Kind.REPLY and _VERSION.fullmatch(str(message.data)[1:]) else Match.NO

    reply = yield Command(b">QVR<", ">QVR<", Purpose.PROBE, "RVR and the version", match, timeout=_patience(target))
    if not reply.ok:
        return Outcome({}, unanswered=reply.verdict is Verdict.TIMEOUT)
    message = reply.messages[-1]
    version = _VERSION.fullmatch(str(message.data)[1:])
    known = {"firmware": version[1] if version else "", "device_id": message.device_id or ""}
    return Outcome({}, known={name: text for name, text in known.items() if text})


def raw(target: Target, text: str | bytes) -> Command:
    """An operator's own message, with or without its brackets; bytes go as they are.

    Raises LocalError for a text that is no message: three capitals and printable ASCII without brackets.
    """
    code = ""
    if isinstance(text, bytes):
        payload, shown = text, text.hex()
    else:
        inner = text.strip().removeprefix(">").removesuffix("<")
        if not _TEXT.fullmatch(inner):
            raise LocalError("a command is three capitals and printable ASCII without < and >", parameter="command")
        shown, code = f">{inner}<", inner[1:3]
        payload = shown.encode("ascii")

    def match(message: Message) -> Match:
        if not is_ours(target, message) or message.frame[1:2] != b"R":
            return Match.NO
        if code:
            return Match.DONE if message.frame[2:4] == code.encode() else Match.NO
        return Match.DONE if message.kind is Kind.REPLY else Match.NO

    return Command(
        payload, shown, Purpose.RAW, f"an answer with code {code or '...'}", match, timeout=_patience(target)
    )
