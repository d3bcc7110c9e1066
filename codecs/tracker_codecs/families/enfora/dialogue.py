"""The conversation: read the unit's event table and timers, change the one timer and the one row that report, read
again.

Which timer belongs to which event differs from unit to unit, so nothing is assumed: where the unit's own table and
timers do not settle it, an option must. No group is made and no output touched: deleting the group that reports
silences a unit.

A row is changed by deleting it and making it again, as the public script does. What was deleted is remembered, so
that a later dialogue puts it back if this one breaks off; a row that a unit refuses is replaced by the old one.
AT&W stores.

An answer has the number of its command and ends with OK or ERROR. The printed one has no OK: an answer to a query
that ends with a line, and after which nothing comes, is taken as whole. On a serial port answers carry no number and
do end with OK, and whatever comes is the unit's that is plugged in.
Sources: those of `frame` and `table`; 3GPP TS 27.007 clause 5.4 (+CGSN).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from tracker_codecs.answers import reply_of
from tracker_codecs.contract import (
    Command,
    Dialogue,
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
from tracker_codecs.course import Course, Step
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError
from tracker_codecs.families.enfora import frame as wire
from tracker_codecs.families.enfora import table as values
from tracker_codecs.families.enfora.table import DISTANCE, INTERVAL, Row

TIMEOUT = 30.0
#: On a wire the answer comes at once.
SERIAL_TIMEOUT = 5.0
#: Key in `Outcome.known`: the distance row as it was, to be put back.
ROW = "enfora_distance_row"
#: Numbers of commands beside the revision's; those of timers follow TIMER.
TABLE, TIMER = 0, 0
SET_TIMER, DELETE, LOOK, MAKE, RESTORE, STORE, TABLE_AGAIN, TIMER_AGAIN = range(5, 13)
OPERATORS = 15
_OK = re.compile(r"(?:\A|[\r\n])OK\s*\Z")
_ERROR = re.compile(r"(?:\A|[\r\n])(?:\+CM[ES] )?ERROR\b")
_IMEI = re.compile(r'\s*(?:\+CGSN: ?)?"?(\d{15})"?\s*', re.ASCII)
_AT = re.compile(r"[Aa][Tt][ -~]{0,300}")
#: Commands that carry a password: of remote commands, of the network, of the SIM.
_SECRET = re.compile(r"(AT(?:\$APIPWD|%CGPCO|\+CPIN|\+CPWD)=)(.+)", re.ASCII | re.IGNORECASE)


def _wired(target: Target) -> bool:
    return target.transport is Transport.SERIAL


def _command(
    target: Target,
    place: int,
    text: str,
    purpose: Purpose,
    fields: Sequence[str],
    *,
    read: bool = False,
    whole: Callable[[str], bool] = lambda _: False,
) -> Command:
    """An AT command; `whole` tells an answer in a frame that is complete without OK."""
    wired = _wired(target)
    number = (target.serial + place) & 0xFFFF

    def means(message: Message) -> Match:
        own, said = message.data
        if own != number and not wired:
            return Match.NO
        if _ERROR.search(said):
            return Match.REFUSED
        return Match.DONE if _OK.search(said) or (whole(said) and not wired) else Match.PART

    line = text.encode("ascii")
    payload = line + b"\r" if wired else wire.wrap(target.transport, number, wire.COMMAND, line)
    expects, seconds = ("OK", SERIAL_TIMEOUT) if wired else (f"answer {number}, OK", TIMEOUT)
    match = reply_of(target, means)
    return Command(payload, text, purpose, expects, match, tuple(fields), seconds, depends_on_read=read)


def _ask_table(target: Target, place: int, purpose: Purpose, fields: Sequence[str]) -> Command:
    return _command(target, place, "AT$EVENT?", purpose, fields)


def _ask_timer(target: Target, place: int, number: int, purpose: Purpose, *, read: bool = False) -> Command:
    def whole(text: str) -> bool:
        return values.timer(text, number) is not None and text.endswith("\n")

    return _command(target, place, f"AT$EVTIM{number}?", purpose, (INTERVAL,), read=read, whole=whole)


def _said(reply: Reply) -> str:
    """All parts of an answer."""
    return "".join(str(message.data[1]) for message in reply.messages)


def _table(reply: Reply) -> Sequence[Row] | None:
    """The rows of an answer; None where it is none, broke off or is not understood."""
    text = _said(reply)
    if reply.verdict is Verdict.TIMEOUT and any(message.data[0] is None for message in reply.messages):
        return None  # lines without their OK
    if reply.verdict is Verdict.REFUSED or "$EVENT:" not in text or not text.endswith(("\r", "\n")):
        return None
    return values.rows(text)


def _seconds(reply: Reply, number: int) -> int | None:
    return values.timer(_said(reply), number) if reply.ok else None


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    work = _Work(target, wanted)
    names = [*wanted]
    reply = yield from work.ask(_ask_table(target, TABLE, Purpose.READ, names))
    rows = _table(reply)
    if rows is None and not reply.assumed:
        if not work.unanswered:
            work.unsupported |= dict.fromkeys(names, f"no event table, but {reply.text or 'nothing'}")
        return work.judged()
    work.unanswered = False  # a table may be whole without its end
    timer: int | None = None
    if INTERVAL in wanted:
        timer, _, reason = yield from _find_timer(target, rows)
        if reason:
            work.unsupported[INTERVAL] = reason
        elif timer is None:
            work.unanswered = True
            return work.judged()
        else:
            yield from work.write_timer(timer, wanted[INTERVAL])
    row: Row | None = None
    if DISTANCE in wanted and not work.unanswered:
        row, reason = Row(8, "A", 0, 16, 0, values.FAR), ""
        if rows is not None:
            row, reason = values.distance_row(target, rows, target.known.get(ROW, ""))
        if row is None:
            work.unsupported[DISTANCE] = reason
        else:
            yield from work.write_row(row, wanted[DISTANCE], len(rows or ()))
    if (timer or row) and not work.unanswered:
        reply = yield _command(target, STORE, "AT&W", Purpose.WRITE, names)
        work.unanswered = reply.verdict is Verdict.TIMEOUT
        if reply.verdict is Verdict.REFUSED:
            for name in work.written:
                work.refused.setdefault(name, f"taken, but not stored: the unit answers AT&W with {reply.text}")
    if row and not work.unanswered:
        reply = yield _ask_table(target, TABLE_AGAIN, Purpose.READ_BACK, [DISTANCE])
        work.compare(row, _table(reply))
        work.unanswered = reply.verdict is Verdict.TIMEOUT and (_wired(target) or not reply.messages)
    if timer and not work.unanswered:
        reply = yield _ask_timer(target, TIMER_AGAIN, timer, Purpose.READ_BACK, read=True)
        seconds = _seconds(reply, timer)
        if seconds is not None:
            work.reported[INTERVAL] = seconds
        work.unanswered = reply.verdict is Verdict.TIMEOUT
    return work.judged(work.reported)


def _find_timer(target: Target, rows: Sequence[Row] | None) -> Step[tuple[int | None, int | None, str]]:
    """The timer that reports and its seconds, or why it is not clear; nothing at all where the unit falls silent."""
    named = values.number(target, "timer", 1, 4)
    timers: dict[int, int] = {}
    for number in values.TIMERS if named is None else (named,):
        reply = yield _ask_timer(target, TIMER + number, number, Purpose.READ)
        if reply.verdict is Verdict.TIMEOUT:
            return None, None, ""
        seconds = _seconds(reply, number)
        if seconds is not None:
            timers[number] = seconds
    if named is None:
        named, reason = (2, "") if rows is None else values.timer_of(rows, timers)
        if named is None:
            return None, None, reason
    return named, timers.get(named), ""


class _Work(Course):
    """What was done in a dialogue so far, and the steps that write."""

    def __init__(self, target: Target, wanted: Settings) -> None:
        super().__init__(wanted)
        self.target = target
        self.reported: dict[str, Value] = {}

    def write_timer(self, number: int, seconds: int) -> Step[None]:
        """Sets the timer."""
        text = f"AT$EVTIM{number}={seconds}"
        yield from self.change(_command(self.target, SET_TIMER, text, Purpose.WRITE, [INTERVAL], read=True))

    def write_row(self, row: Row, metres: int, count: int) -> Step[None]:
        """Replaces the row, or makes it where it is missing; one that holds the distance already stays untouched.

        `count`: rows of the table that was read.
        """
        self.known[ROW] = values.as_lost(row)
        if row.letter and row.first == metres:
            return
        if row.letter:
            text = f"AT$EVDEL={row.group}{row.letter.lower()}"
            delete = _command(self.target, DELETE, text, Purpose.WRITE, [DISTANCE], read=True)
            reply = yield from self.change(replace(delete, known={ROW: self.known[ROW]}))
            taken = reply.ok or reply.assumed
            if self.unanswered:
                # Lost on the way there or back? The table tells, if no part of it is lost too.
                look = yield _ask_table(self.target, LOOK, Purpose.READ, [DISTANCE])
                rows = _table(look)
                taken = rows is not None and row not in rows and len(rows) == count - 1
                self.unanswered = not taken
            if not taken:
                return
        new = row._replace(first=metres, second=row.second if row.second > metres else values.FAR)
        reply = yield from self.change(self._making(MAKE, new))
        if reply.ok:
            self.acknowledged.add(DISTANCE)  # whether or not the unit answered the deleting
        elif reply.verdict is Verdict.REFUSED and row.letter:
            reply = yield self._making(RESTORE, row)
            self.unanswered = reply.verdict is Verdict.TIMEOUT

    def _making(self, place: int, row: Row) -> Command:
        return _command(self.target, place, row.setting, Purpose.WRITE, [DISTANCE], read=True)

    def compare(self, row: Row, rows: Sequence[Row] | None) -> None:
        """Keeps what the table read again tells of the row."""
        if rows is None:
            return
        found = values.distances(rows, row)
        if len(found) == 1 and found[0].second in (row.second, values.FAR):
            self.reported[DISTANCE] = found[0].first
        elif not found:
            self.reported[DISTANCE] = 0  # it is gone


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    reply = yield _ask_table(target, TABLE, Purpose.READ, wanted)
    rows = _table(reply)
    if rows is None:
        return Outcome({}, unanswered=reply.verdict is Verdict.TIMEOUT)
    reported: dict[str, Value] = {}
    known: dict[str, str] = {}
    if DISTANCE in wanted:
        row, _ = values.distance_row(target, rows, "")
        if row is not None and row.letter:
            reported[DISTANCE] = row.first
            known[ROW] = values.as_lost(row)
    if INTERVAL in wanted:
        timer, seconds, reason = yield from _find_timer(target, rows)
        if seconds is not None:
            reported[INTERVAL] = seconds
        elif timer is None and not reason:
            return Outcome({}, reported, known, unanswered=True)
    return Outcome({}, reported, known)


def identify(target: Target) -> Dialogue:
    """See `Family.identify`: the IMEI. A unit that refuses the question is there, but nobody knows who."""
    reply = yield _command(target, TABLE, "AT+CGSN", Purpose.PROBE, ())
    found = [each for message in reply.messages if (each := _IMEI.fullmatch(str(message.data[1])))]
    known = {"device_id": found[0][1]} if reply.ok and len(found) == 1 else {}
    return Outcome({}, known=known, unanswered=reply.verdict is Verdict.TIMEOUT)


def _spoken(target: Target, text: str) -> Command:
    """An AT command; the first frame with its number answers it.

    Raises LocalError for a text that is no AT command of printable ASCII.
    """
    shown = text.strip()
    if not _AT.fullmatch(shown):
        raise LocalError("a command is AT and printable ASCII", parameter="command")
    command = _command(target, OPERATORS, shown, Purpose.RAW, (), whole=lambda _: True)
    secret = _SECRET.fullmatch(shown)
    if secret is None:
        return command
    secrets = tuple(part.encode("ascii") for part in re.split('[,"]', secret[2]) if len(part) > 1)
    return replace(command, text=f"{secret[1]}***", secrets=secrets)


def _answers(target: Target, text: str, message: Message) -> Match:
    return reply_of(target)(message)


RAW = spoken(_spoken, answers=_answers, timeout=TIMEOUT)
