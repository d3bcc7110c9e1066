"""The conversations with a PMTK receiver: set the period, ask for it; who is it.

One sentence at a time; the acknowledgement names the command only, so a stale one cannot be told apart and a command
that nobody answered ends the conversation. Sources: those of `settings`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracker_codecs import nmea
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
    Verdict,
)
from tracker_codecs.course import Course, Step
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.pmtk import settings as values

#: Seconds: the answer waits behind a second's worth of sentences on a slow port.
TIMEOUT = 2.0
_QUERY = "PMTK400"


def _acknowledges(number: int) -> Callable[[Message], Match]:
    def match(message: Message) -> Match:
        found = values.acknowledgement(message.data) if isinstance(message.data, bytes) else None
        if found is None or found[0] != number:
            return Match.NO
        return Match.DONE if found[1] == 3 else Match.REFUSED

    return match


def _answers(number: int, wanted: Callable[[bytes], object | None]) -> Callable[[Message], Match]:
    """The answer sentence of a query, or its refusal. Some firmware acknowledges as well: that is not waited for."""
    refused = _acknowledges(number)

    def match(message: Message) -> Match:
        if isinstance(message.data, bytes) and wanted(message.data) is not None:
            return Match.DONE
        return Match.REFUSED if refused(message) is Match.REFUSED else Match.NO

    return match


def _command(
    body: str, purpose: Purpose, match: Callable[[Message], Match], expects: str, fields: tuple[str, ...] = ()
) -> Command:
    line = nmea.sentence(body)
    return Command(line, line.decode("ascii").strip(), purpose, expects, match, fields, TIMEOUT)


def _write(number: int, body: str) -> Command:
    return _command(body, Purpose.WRITE, _acknowledges(number), f"$PMTK001,{number},3", (values.FIELD,))


def _read(purpose: Purpose) -> Command:
    return _command(_QUERY, purpose, _answers(400, values.interval), "$PMTK500", (values.FIELD,))


def _refusal(reply: Reply) -> str:
    found = values.acknowledgement(reply.messages[-1].data) if reply.messages else None
    return f"refused by the receiver: {values.FLAGS[found[1]]}" if found else "refused by the receiver"


def _told(reply: Reply) -> int | None:
    return values.interval(reply.messages[-1].data) if reply.ok else None


def apply(target: Target, wanted: Settings) -> Dialogue:
    """See `Family.apply`."""
    course, ms = Course(wanted), wanted[values.FIELD]
    first = yield from course.change(_write(220, f"PMTK220,{ms}"), _refusal)
    if course.unanswered:
        return course.judged()
    told = yield from _look(course)
    if not course.unanswered and not first.assumed and told != ms and (course.refused or told is not None):
        # PMTK220 did not show (or does not exist here): the fix period has a command of its own.
        second = yield _write(300, f"PMTK300,{ms},0,0,0,0")
        if second.verdict is Verdict.TIMEOUT:
            course.acknowledged, course.refused, course.known = set(), {}, {}
            course.unanswered = True
            return course.judged()
        if second.ok:
            course.acknowledged, course.refused = {values.FIELD}, {}
        told = yield from _look(course)
    course.remarks[values.FIELD] = values.VOLATILE
    return course.judged({} if told is None else {values.FIELD: told})


def _look(course: Course) -> Step[int | None]:
    """The period that the receiver tells. Whether it can be asked is worth knowing."""
    course.unanswered = False
    reply = yield from course.ask(_read(Purpose.READ_BACK))
    if reply.verdict is Verdict.REFUSED or reply.ok:
        course.known["read_back"] = "yes" if reply.ok else "no"
    return _told(reply)


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """See `Family.read`."""
    course = Course()
    told = _told((yield from course.ask(_read(Purpose.READ))))
    return course.told({} if told is None else {values.FIELD: told})


def identify(target: Target) -> Dialogue:
    """See `Family.identify`: firmware release and product; these receivers tell no serial number."""
    command = _command("PMTK605", Purpose.PROBE, _answers(605, values.release), "$PMTK705")
    reply = yield command
    found = values.release(reply.messages[-1].data) if reply.ok else None
    known = {}
    if found:
        known = {"firmware": found[0], "hardware": found[2], "model": values.PRODUCTS.get(found[2], "mtk_gnss")}
    return Outcome({}, known={k: v for k, v in known.items() if v}, unanswered=reply.verdict is Verdict.TIMEOUT)


def raw(target: Target, text: str | bytes) -> Command:
    """See `Family.raw`: `PMTK605` gets `$`, checksum and line end; bytes go as they are."""
    if isinstance(text, bytes):
        return Command(text, "an operator's own bytes", Purpose.RAW, "any PMTK answer", _any_answer, timeout=TIMEOUT)
    body = text.strip()
    if body.startswith("$"):
        try:
            body = nmea.body_of(body.encode("ascii") + b"\r\n").decode("ascii")
        except (PeerError, UnicodeError) as error:
            raise LocalError("no sentence, or its checksum is wrong", parameter="command") from error
    if not values.HOST_SENTENCE(body):
        raise LocalError("must be PMTKnnn with printable ASCII fields, without $ and *", parameter="command")
    return _command(body, Purpose.RAW, _any_answer_to(int(body[4:7])), f"$PMTK001,{body[4:7]} or the answer sentence")


def _any_answer(message: Message) -> Match:
    return Match.DONE if message.text.startswith("PMTK") else Match.NO


def _any_answer_to(number: int) -> Callable[[Message], Match]:
    """Queries 4nn are answered by 5nn, 6nn by 7nn; commands by PMTK001."""
    answer = b"PMTK%03d," % (number + 100)
    acknowledged = _acknowledges(number)

    def match(message: Message) -> Match:
        if number >= 400 and isinstance(message.data, bytes) and message.data.startswith(answer):
            return Match.DONE
        return acknowledged(message)

    return match
