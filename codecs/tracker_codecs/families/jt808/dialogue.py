"""The conversations: query 0x8106 (or 0x8104), set 0x8103, query again; each message has its own serial.

A terminal answers 0x8103 with 0x0001, which names serial and id, and queries with 0x0104. Recorded terminals answer a
query with serial 0 or the constant 0x8104: both are taken while a query is open, another serial never. The edition of
our messages is the terminal's: known from its frames, else the option `edition`, else 2013; a terminal that has never
been heard in a dialogue and keeps silent is asked once in the other one.
Sources: JT/T 808-2013 sections 8.8 to 8.11; recorded answers in SmallChi/JT808; Traccar's encoder for 0x0310.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

from tracker_codecs.answers import reply_of
from tracker_codecs.checks import whole_numbers
from tracker_codecs.contract import (
    Checksum,
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
    Value,
    Verdict,
)
from tracker_codecs.course import Course
from tracker_codecs.envelope import spoken
from tracker_codecs.errors import LocalError, PeerError
from tracker_codecs.families.jt808 import frame as wire
from tracker_codecs.families.jt808 import messages
from tracker_codecs.families.jt808.frame import Frame

TIMEOUT = 30.0
FIELD = "tracking_interval"
#: Parameters: report strategy (0 time, 1 distance, 2 both), default interval in s.
STRATEGY, INTERVAL = 0x0020, 0x0029
BY_DISTANCE = 1
_ASKED = (STRATEGY, INTERVAL)

Read = Mapping[int, int] | Verdict


@dataclass(slots=True)
class Talk:
    """One conversation: what is known of the terminal's header, and the next serial."""

    target: Target
    step: int = 0
    phone: bytes = b""
    version: int | None = None
    heard: bool = False
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        edition, phone = self.target.known.get("edition"), self.target.known.get("phone")
        self.heard = edition is not None
        edition = edition or str(self.target.options.get("edition", "2013"))
        if edition not in ("2011", "2013", "2019"):
            raise LocalError("must be 2011, 2013 or 2019", parameter="edition")
        self.version = 1 if edition == "2019" else None
        size = 6 if self.version is None else 10
        try:
            self.phone = bytes.fromhex(phone or "")
        except ValueError:
            self.phone = b""
        if len(self.phone) != size or wire.id_of(self.phone) != self.target.device_id:
            self.phone = wire.phone_of(self.target.device_id, new=size == 10)

    def other_edition(self) -> None:
        """Turn to the other header."""
        self.version = 1 if self.version is None else None
        self.phone = wire.phone_of(self.target.device_id, new=self.version is not None)

    def learn(self, message: Message) -> None:
        """Edition and device number from any frame of this terminal."""
        if message.device_id != self.target.device_id or message.frame[:1] != wire.MARK:
            return
        try:
            found = wire.parse(message.frame)
        except PeerError:
            return
        self.heard = True
        self.version, self.phone = found.version, found.phone
        self.known["edition"] = "2013" if found.version is None else "2019"
        self.known["phone"] = found.phone.hex()

    def command(
        self,
        ident: int,
        body: bytes,
        text: str,
        purpose: Purpose,
        expects: str,
        fits: Callable[[Frame, int], Match],
        *,
        depends_on_read: bool = False,
        fields: Sequence[str] = (FIELD,),
    ) -> Command:
        """A message with the next serial; `fits` judges an answer of this terminal."""
        serial = (self.target.serial + self.step) & 0xFFFF
        self.step += 1

        def match(message: Message) -> Match:
            if message.checksum is Checksum.OK:
                self.learn(message)
            found = message.data
            mine = message.kind is Kind.REPLY and message.device_id == self.target.device_id
            return fits(found, serial) if mine and isinstance(found, Frame) else Match.NO

        payload = wire.build(Frame(ident, self.phone, serial, body, self.version))
        return Command(payload, text, purpose, expects, match, tuple(fields), TIMEOUT, depends_on_read=depends_on_read)

    # -- setting ----------------------------------------------------------------------------------------------------
    def write(self, ident: int, body: bytes, text: str, *, depends_on_read: bool) -> Command:
        """A message that is answered by 0x0001 with its serial and id."""

        def fits(found: Frame, serial: int) -> Match:
            return result_of(found, ident, serial)

        expects = f"0x0001 for 0x{ident:04x} and its serial, result 0"
        return self.command(ident, body, text, Purpose.WRITE, expects, fits, depends_on_read=depends_on_read)

    def set(self, values: Mapping[int, int], *, depends_on_read: bool = True) -> Command:
        """0x8103 with these parameters."""
        text = ", ".join(f"0x{ident:04x} = {value}" for ident, value in values.items())
        return self.write(wire.SET, messages.set_body(values), f"0x8103 {text}", depends_on_read=depends_on_read)

    # -- asking -----------------------------------------------------------------------------------------------------
    def _query(self, ident: int, purpose: Purpose) -> Command:
        numbers: set[int] = set()

        def fits(found: Frame, serial: int) -> Match:
            if found.id != wire.PARAMETERS:
                return Match.REFUSED if result_of(found, ident, serial) is Match.REFUSED else Match.NO
            if found.number <= 1:
                told = int.from_bytes(found.body[:2], "big")
                if told not in (serial, 0, wire.QUERY_ALL):
                    return Match.NO
            numbers.add(found.number)
            whole = not found.total or numbers >= set(range(1, found.total + 1))
            return Match.DONE if whole else Match.PART

        if ident == wire.QUERY:
            body, text = messages.query_body(_ASKED), "0x8106 0x0020, 0x0029"
        else:
            body, text = b"", "0x8104"
        return self.command(ident, body, text, purpose, "0x0104 with the parameters", fits)

    def ask(self, purpose: Purpose) -> Generator[Command, Reply, Read]:
        """The parameters; a Verdict where there are none: TIMEOUT, REFUSED (knows no query), ASSUMED."""
        way = self.known.get("query") or self.target.known.get("query", "")
        if way != "8104":
            reply = yield self._query(wire.QUERY, purpose)
            if reply.verdict is Verdict.TIMEOUT and not self.heard and not reply.messages:
                self.other_edition()
                reply = yield self._query(wire.QUERY, purpose)
                if reply.verdict is Verdict.TIMEOUT:
                    self.other_edition()
            if reply.ok:
                self.heard = True
                self.known["query"] = "8106"
                return numbers_of(reply)
            if reply.assumed or (reply.verdict is Verdict.TIMEOUT and way == "8106"):
                return reply.verdict
        reply = yield self._query(wire.QUERY_ALL, purpose)
        if reply.ok:
            self.known["query"] = "8104"
            return numbers_of(reply)
        return reply.verdict


def result_of(found: Frame, ident: int, serial: int) -> Match:
    """What a general answer to this very message says; NO for anything else."""
    if found.id != wire.TERMINAL_ANSWER or len(found.body) < 5 or found.total:
        return Match.NO
    if found.body[:4] != serial.to_bytes(2, "big") + ident.to_bytes(2, "big"):
        return Match.NO
    return Match.REFUSED if found.body[4] else Match.DONE


def numbers_of(reply: Reply) -> dict[int, int]:
    """The parameters that a reply tells, as numbers; fragments are joined first."""
    parts = [message.data for message in reply.messages if isinstance(message.data, Frame)]
    whole = messages.join(part for part in parts if part.id == wire.PARAMETERS)
    try:
        found = messages.parameters(whole.body).values if whole else {}
    except PeerError:
        return {}
    return {ident: int.from_bytes(value, "big") for ident, value in found.items() if ident in _ASKED and value}


#: Up to what four bytes hold.
check = whole_numbers({FIELD: (1, (1 << 32) - 1)}, "must be a whole number of seconds above 0")


def apply(target: Target, wanted: Settings) -> Dialogue:
    """Read the strategy, write the interval (and a strategy in which it counts), read both."""
    talk, course = Talk(target), Course(wanted)
    course.known = talk.known
    seconds = wanted[FIELD]
    before = yield from talk.ask(Purpose.READ)
    if before is Verdict.TIMEOUT:
        course.unanswered = True
        return course.judged()
    values = {INTERVAL: seconds}
    if isinstance(before, Mapping) and before.get(STRATEGY) == BY_DISTANCE:
        values = {STRATEGY: 0, INTERVAL: seconds}
    verdict, reason = yield from _write(talk, values)
    course.written = {FIELD}
    course.acknowledged = {FIELD} if verdict is Verdict.ANSWERED else set()
    course.refused = {FIELD: reason} if verdict is Verdict.REFUSED else {}
    course.unanswered = verdict is Verdict.TIMEOUT
    reported: dict[str, Value] = {}
    if not course.unanswered and before is not Verdict.REFUSED:
        after = yield from talk.ask(Purpose.READ_BACK)
        course.unanswered = after is Verdict.TIMEOUT
        if isinstance(after, Mapping):
            reported = _reported(after)
            if after.get(STRATEGY) == BY_DISTANCE and FIELD not in course.refused:
                course.refused[FIELD] = "the unit keeps reporting by distance only (parameter 0x0020 is 1)"
    return course.judged(reported)


def _write(talk: Talk, values: Mapping[int, int]) -> Generator[Command, Reply, tuple[Verdict, str]]:
    """0x8103; where it is refused, one parameter a message; then the vendor's own message 0x0310."""
    reply = yield talk.set(values)
    if reply.verdict is Verdict.REFUSED and len(values) > 1:
        for ident, value in values.items():
            reply = yield talk.set({ident: value})
            if reply.verdict is Verdict.TIMEOUT:
                return reply.verdict, ""
    if reply.verdict is not Verdict.REFUSED:
        return reply.verdict, ""
    reason = f"0x8103 is refused: {reply.text}"
    seconds = values[INTERVAL]
    body = b"\x01\x06\x04" + seconds.to_bytes(4, "big")
    reply = yield talk.write(wire.HUABAO_SET, body, f"0x0310 06 = {seconds}", depends_on_read=True)
    if reply.ok:
        return reply.verdict, ""
    return Verdict.REFUSED, reason + (f"; 0x0310 too: {reply.text}" if reply.text else "; 0x0310 is not answered")


def _reported(found: Mapping[int, int]) -> dict[str, Value]:
    """The interval, where it is told and in force."""
    if INTERVAL not in found or found.get(STRATEGY) == BY_DISTANCE:
        return {}
    return {FIELD: found[INTERVAL]}


def read(target: Target, wanted: Sequence[str]) -> Dialogue:
    """Ask for the interval."""
    if FIELD not in wanted:
        return Outcome({})
    talk = Talk(target)
    found = yield from talk.ask(Purpose.READ)
    reported = _reported(found) if isinstance(found, Mapping) else {}
    return Outcome({}, reported, talk.known, found is Verdict.TIMEOUT)


def _spoken(target: Target, text: str) -> Command:
    """An operator's own text as message 0x8300 (flag 1), which vendors tunnel commands in.

    Raises LocalError for text that is empty, too long or not to be written in GBK.
    """
    try:
        data = text.encode("gbk")
    except UnicodeEncodeError:
        raise LocalError("cannot be written in GBK", parameter="command") from None
    if not 0 < len(data) <= 500 or not text.isprintable():
        raise LocalError("must be 1 to 500 bytes of printable text", parameter="command")
    talk = Talk(target)

    def fits(found: Frame, serial: int) -> Match:
        if found.id in (wire.TEXT_ANSWER, wire.TEXT_ANSWER_2, wire.COMMAND_ANSWER):
            return Match.DONE
        return result_of(found, wire.TEXT, serial)

    body = (b"\x01" if talk.version is None else b"\x01\x01") + data
    return talk.command(wire.TEXT, body, text, Purpose.RAW, "0x0001 for 0x8300, or a text", fits, fields=())


def _answers(target: Target, text: str, message: Message) -> Match:
    return reply_of(target, unnamed=True)(message)


RAW = spoken(_spoken, answers=_answers, timeout=TIMEOUT)
